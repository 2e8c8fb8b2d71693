"""What is wrong with a file of a list: a stable code, the place, and the remedy.

Guards: nobody has to guess which file, which line and what to do. A fault is of the whole file:
half a list is no list. Texts never carry what the file holds.
"""

from __future__ import annotations

from paywarden.core.errors import InvalidRequest


class ListFault(InvalidRequest):
    """A file that cannot be taken as a list. `line` is 1-based, None where lines mean nothing."""

    def __init__(self, code: str, detail: str, remedy: str, line: int | None = None) -> None:
        super().__init__(code, detail, pointer=f"line {line}" if line else None)
        self.remedy = remedy
        self.line = line


def truncated(line: int | None = None) -> ListFault:
    """The file stops before its end."""
    return ListFault(
        "list_truncated",
        "the file stops before its end",
        "fetch it again; the list taken in last keeps serving",
        line,
    )


def malformed(what: str, line: int | None = None) -> ListFault:
    """The file is not what its format says."""
    return ListFault(
        "list_malformed", what, "fetch it again, or correct it at the place named", line
    )


def too_large(what: str, line: int | None = None) -> ListFault:
    """A limit is passed."""
    return ListFault(
        "list_too_large",
        what,
        "check where the file comes from; split an own list of this size",
        line,
    )
