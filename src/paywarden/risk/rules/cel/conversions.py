"""Conversions: int(), uint(), double(), string(), bytes(), bool(), timestamp(), duration().

Guards: texts are read strictly (ASCII digits, no spaces, no underscores, at most 400 characters), a
number that does not fit is an error, a double is truncated toward zero. Errors never hold the text.
A double is written with the fewest digits that read back as the same double, in exponent form below
1e-4 and from 1e6 on. Source: google/cel-spec, doc/langdef.md, "List of Standard Definitions".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal

from paywarden.risk.rules.cel.times import (
    SECOND,
    Duration,
    Timestamp,
    duration_text,
    instant,
    parse_duration,
    parse_timestamp,
    timestamp_text,
)
from paywarden.risk.rules.cel.values import INT_MAX, INT_MIN, UINT_MAX, Failure, Uint, Value

MAX_TEXT = 400
_INT = re.compile(r"[+-]?[0-9]+")
_UINT = re.compile(r"\+?[0-9]+")
_DOUBLE = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[iI]nf(?:inity)?|[nN]a[nN])"
)
_TRUE = frozenset({"1", "t", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "false", "FALSE", "False"})


def _unfit(kind: str) -> Failure:
    return Failure("bad_conversion", f"the value cannot be converted to {kind}")


def to_int(value: Value) -> int:
    """int(value) of int, uint, double, string or timestamp (whole seconds, rounded down)."""
    if isinstance(value, Timestamp):
        return value.nanoseconds // SECOND
    if isinstance(value, str):
        value = _whole(value, _INT, "int")
    if isinstance(value, float) and not -(2.0**63) < value < 2.0**63:
        raise _unfit("int")
    number = int(value)
    if not INT_MIN <= number <= INT_MAX:
        raise _unfit("int")
    return number


def to_uint(value: Value) -> Uint:
    """uint(value) of uint, int, double or string."""
    if isinstance(value, str):
        value = _whole(value, _UINT, "uint")
    if isinstance(value, float) and not 0.0 <= value < 2.0**64:
        raise _unfit("uint")
    number = int(value)
    if not 0 <= number <= UINT_MAX:
        raise _unfit("uint")
    return Uint(number)


def _whole(text: str, form: re.Pattern[str], kind: str) -> int:
    if len(text) > MAX_TEXT or not form.fullmatch(text):
        raise _unfit(kind)
    return int(text)


def to_double(value: Value) -> float:
    """double(value) of double, int, uint or string."""
    if not isinstance(value, str):
        return float(value)
    if len(value) > MAX_TEXT or not _DOUBLE.fullmatch(value):
        raise _unfit("double")
    number = float(value)
    if math.isinf(number) and "n" not in value.lower():
        raise _unfit("double")
    return number


def to_string(value: Value) -> str:
    """string(value) of string, bool, int, uint, double, bytes (UTF-8), timestamp or duration."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, Timestamp):
        return timestamp_text(value)
    if isinstance(value, Duration):
        return duration_text(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise Failure("bad_conversion", "the bytes are not UTF-8") from None
    return value if isinstance(value, str) else str(int(value))


def double_text(value: float) -> str:
    """The shortest text of a double, such as `1.5`, `1`, `1e+06`, `nan`, `-inf`."""
    if not math.isfinite(value):
        return repr(value)
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    if value == 0.0:
        return sign + "0"
    _, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    power = len(text) + exponent - 1
    if -4 <= power < 6:
        return sign + _fixed(text, power)
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{sign}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _fixed(digits: str, power: int) -> str:
    if power < 0:
        return "0." + "0" * (-power - 1) + digits
    if len(digits) <= power + 1:
        return digits.ljust(power + 1, "0")
    return digits[: power + 1] + "." + digits[power + 1 :]


def to_bytes(value: Value) -> bytes:
    """bytes(value) of bytes or string (UTF-8)."""
    return value.encode() if isinstance(value, str) else bytes(value)


def to_bool(value: Value) -> bool:
    """bool(value) of bool or one of the texts 1 t true TRUE True 0 f false FALSE False."""
    if isinstance(value, str):
        if value in _TRUE:
            return True
        if value not in _FALSE:
            raise _unfit("bool")
        return False
    return bool(value)


def to_timestamp(value: Value) -> Timestamp:
    """timestamp(value) of timestamp, RFC 3339 text or seconds since 1970."""
    if isinstance(value, Timestamp):
        return value
    try:
        return parse_timestamp(value) if isinstance(value, str) else instant(value * SECOND)
    except ValueError as error:
        raise Failure("bad_conversion", str(error)) from None


def to_duration(value: Value) -> Duration:
    """duration(value) of duration or a text such as `1h30m`."""
    if isinstance(value, Duration):
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        raise Failure("bad_conversion", str(error)) from None


CONVERSIONS: dict[str, Callable[[Value], Value]] = {
    "int": to_int,
    "uint": to_uint,
    "double": to_double,
    "string": to_string,
    "bytes": to_bytes,
    "bool": to_bool,
    "timestamp": to_timestamp,
    "duration": to_duration,
}
