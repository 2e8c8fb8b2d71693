"""Literals that can never work, refused when a condition is compiled instead of when it runs.

Guards: patterns, timestamps, durations and time zones that are written as literals. Other literal
errors (division by a literal zero, int("x")) stay evaluation errors, as the language has them.
"""

from __future__ import annotations

from collections.abc import Callable

from paywarden.risk.rules.cel.errors import CompileError
from paywarden.risk.rules.cel.patterns import pattern_of
from paywarden.risk.rules.cel.syntax import Expr, Literal
from paywarden.risk.rules.cel.times import parse_duration, parse_timestamp, refuse_zone

_CHECKS: dict[tuple[str, int], tuple[int, str, Callable[[str], object]]] = {
    ("matches", 2): (1, "bad_pattern", pattern_of),
    ("timestamp", 1): (0, "bad_timestamp", parse_timestamp),
    ("duration", 1): (0, "bad_duration", parse_duration),
}


def refuse_bad_constant(function: str, arguments: tuple[Expr, ...]) -> None:
    """Refuse a literal argument that the function can never accept. Errors: CompileError."""
    found = _CHECKS.get((function, len(arguments)))
    if found is None:
        if function[:3] != "get" or len(arguments) != 2:
            return
        found = (1, "bad_time_zone", refuse_zone)
    index, code, reads = found
    argument = arguments[index]
    if not isinstance(argument, Literal) or not isinstance(argument.value, str):
        return
    try:
        reads(argument.value)
    except ValueError as error:
        raise CompileError(code, str(error), argument.place) from None
