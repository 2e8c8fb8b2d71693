"""Number literals: decimal and hexadecimal, signed, unsigned (suffix u) and double.

Guards: a literal that does not fit 64 bits, or exceeds a double, is refused with its place instead
of becoming another number. The sign is part of the literal, because the smallest integer has no
positive counterpart. Source: google/cel-spec, doc/langdef.md, "Numeric Values".
"""

from __future__ import annotations

import math

from paywarden.risk.rules.cel.errors import CompileError
from paywarden.risk.rules.cel.lexer import Token
from paywarden.risk.rules.cel.syntax import Literal, Place
from paywarden.risk.rules.cel.types import DOUBLE, INT, UINT

_INT_LIMIT = 1 << 63
_UINT_LIMIT = 1 << 64
_MAX_DIGITS = 20


def number_of(token: Token, place: Place, *, negative: bool) -> Literal:
    """The literal of an `int` or `double` token. Errors: CompileError."""
    text = str(token.value)
    if token.kind == "double":
        return _double(text, place, negative)
    unsigned = text[-1] in "uU"
    value = _magnitude(text[:-1] if unsigned else text)
    if unsigned:
        if negative or value >= _UINT_LIMIT:
            raise _out_of_range("an unsigned 64-bit integer", place)
        return Literal(value, UINT, place)
    value = -value if negative else value
    if not -_INT_LIMIT <= value < _INT_LIMIT:
        raise _out_of_range("a signed 64-bit integer", place)
    return Literal(value, INT, place)


def _double(text: str, place: Place, negative: bool) -> Literal:
    number = -float(text) if negative else float(text)
    if math.isinf(number):
        raise _out_of_range("a double", place)
    return Literal(number, DOUBLE, place)


def _magnitude(text: str) -> int:
    base = 16 if text[:2] in ("0x", "0X") else 10
    digits = text[2:] if base == 16 else text
    digits = digits.lstrip("0") or "0"
    # Longer ones are out of range whatever they are, and slow to read.
    return int(digits, base) if len(digits) <= _MAX_DIGITS else _UINT_LIMIT


def _out_of_range(kind: str, place: Place) -> CompileError:
    return CompileError("number_out_of_range", f"the number does not fit {kind}", place)
