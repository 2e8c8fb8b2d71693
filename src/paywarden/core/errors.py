"""Errors by whose fault they are; refusals of business are values, not exceptions.

Guards: an error text never carries a payload. `detail` is written by us, `pointer` names a place
(RFC 6901 JSON pointer, or file:line:column), `code` is stable and documented. No HTTP status lives
here: `paywarden.kit.http.problem` alone maps these classes to RFC 9457 problems.
"""

from __future__ import annotations

from typing import Self


class PaywardenError(Exception):
    """Root of every deliberate error. Units: none. Carries `code`, `detail`, `pointer`."""

    def __init__(self, code: str, detail: str, *, pointer: str | None = None) -> None:
        super().__init__(f"{code}: {detail}" + (f" (at {pointer})" if pointer else ""))
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self.noted = False

    def noting(self) -> Self:
        """The same, marked: an event of the audit log of its own tells of this refusal."""
        self.noted = True
        return self


class InvalidRequest(PaywardenError):
    """The caller sent something that can never be accepted as it is."""


class Unparsable(InvalidRequest):
    """The bytes are not what the format says (broken JSON, bad UTF-8): nothing was understood."""


class TooLarge(InvalidRequest):
    """A body, file or collection is over its documented limit."""


class NotAuthenticated(PaywardenError):
    """The caller did not prove who it is."""


class NotPermitted(PaywardenError):
    """The caller is known and may not do this."""


class NotFound(PaywardenError):
    """The thing named does not exist for this tenant and environment."""


class Conflict(PaywardenError):
    """The request contradicts what is already recorded."""


class NotYet(Conflict):
    """What is asked for will exist: `retry_after_seconds` says when to come back."""

    def __init__(
        self, code: str, detail: str, *, retry_after_seconds: int, pointer: str | None = None
    ) -> None:
        super().__init__(code, detail, pointer=pointer)
        self.retry_after_seconds = retry_after_seconds


class LimitExceeded(PaywardenError):
    """A rate or queue limit is reached; `retry_after_seconds` says when to come back."""

    def __init__(
        self, code: str, detail: str, *, retry_after_seconds: int = 1, pointer: str | None = None
    ) -> None:
        super().__init__(code, detail, pointer=pointer)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(PaywardenError):
    """A dependency of ours cannot serve now; trying again may help."""


class Corrupt(PaywardenError):
    """Stored data fails its own checks; a person has to look."""
