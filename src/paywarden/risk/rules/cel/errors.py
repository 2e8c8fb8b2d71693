"""Errors of conditions: what is wrong with a text (compile) or with one evaluation of it.

Guards: `detail` is written by us and may name identifiers, types and functions of the condition's
own text; it never carries a bound value, which may be personal data. `place` is the line and column
of the text, both from 1. Names out of the text are shortened, so that a hostile text cannot flood a
log.
"""

from __future__ import annotations

from paywarden.core.errors import InvalidRequest, PaywardenError
from paywarden.risk.rules.cel.syntax import Place

SHOWN_CHARACTERS = 80


def shown(name: str) -> str:
    """`name` as an error text may carry it: one line, printable, at most 80 characters."""
    text = "".join(c if c.isprintable() else "?" for c in name[: SHOWN_CHARACTERS + 1])
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


class CompileError(InvalidRequest):
    """A condition that cannot be accepted; `line` and `column` count from 1 in code points."""

    def __init__(self, code: str, detail: str, place: Place) -> None:
        super().__init__(code, detail, pointer=f"{place.line}:{place.column}")
        self.line = place.line
        self.column = place.column


class EvaluationError(PaywardenError):
    """An evaluation that has no value (absent name, overflow, ...); `line`, `column` or None."""

    def __init__(self, code: str, detail: str, place: Place | None = None) -> None:
        pointer = f"{place.line}:{place.column}" if place else None
        super().__init__(code, detail, pointer=pointer)
        self.line = place.line if place else None
        self.column = place.column if place else None
