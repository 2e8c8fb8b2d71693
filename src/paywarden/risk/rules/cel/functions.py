"""What the operators and functions do, one plain Python function each, on inner values.

Guards: 64-bit overflow is an error, integer division truncates toward zero and the remainder has
the sign of the dividend, doubles follow IEEE 754, texts count code points. Which argument types
are accepted is decided before, by `overloads.result_of`, so every function here may rely on them.
`charge` counts work that grows with the size of values. Results of `+` have at most 1,048,576
characters, octets or elements. Source: google/cel-spec, doc/langdef.md, "Standard Definitions".
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from paywarden.risk.rules.cel import conversions
from paywarden.risk.rules.cel.patterns import found
from paywarden.risk.rules.cel.times import (
    Duration,
    Timestamp,
    field_of,
    instant,
    span,
    span_field_of,
)
from paywarden.risk.rules.cel.values import (
    INT_MAX,
    INT_MIN,
    UINT_MAX,
    Charge,
    Failure,
    Map,
    Members,
    TypeValue,
    Uint,
    Value,
    equal,
    type_name,
)

MAX_SIZE = 1 << 20

Function = Callable[..., Value]


def _whole(value: int, like: Value) -> Value:
    if type(like) is Uint:
        if 0 <= value <= UINT_MAX:
            return Uint(value)
    elif INT_MIN <= value <= INT_MAX:
        return value
    raise Failure("overflow", "the result does not fit 64 bits")


def _span(nanoseconds: int) -> Duration:
    try:
        return span(nanoseconds)
    except ValueError as error:
        raise Failure("overflow", str(error)) from None


def _instant(nanoseconds: int) -> Timestamp:
    try:
        return instant(nanoseconds)
    except ValueError as error:
        raise Failure("overflow", str(error)) from None


def add(charge: Charge, left: Value, right: Value) -> Value:
    """`left + right`."""
    if type(left) in (int, Uint):
        return _whole(int(left) + int(right), left)
    if type(left) is float:
        return left + right
    if type(left) is Duration and type(right) is Duration:
        return _span(left.nanoseconds + right.nanoseconds)
    if type(left) is Timestamp or type(right) is Timestamp:
        return _instant(left.nanoseconds + right.nanoseconds)
    size = len(left) + len(right)
    if size > MAX_SIZE:
        raise Failure("too_large", f"the result has more than {MAX_SIZE} parts")
    charge(size // 16)
    return left + right


def subtract(_charge: Charge, left: Value, right: Value) -> Value:
    """`left - right`."""
    if type(left) in (int, Uint):
        return _whole(int(left) - int(right), left)
    if type(left) is float:
        return left - right
    if type(left) is Timestamp and type(right) is Duration:
        return _instant(left.nanoseconds - right.nanoseconds)
    return _span(left.nanoseconds - right.nanoseconds)


def multiply(_charge: Charge, left: Value, right: Value) -> Value:
    """`left * right`."""
    if type(left) is float:
        return left * right
    return _whole(int(left) * int(right), left)


def divide(_charge: Charge, left: Value, right: Value) -> Value:
    """`left / right`: truncating for integers, IEEE for doubles."""
    if type(left) is float:
        return _divide_doubles(left, right)
    if right == 0:
        raise Failure("division_by_zero", "division by zero")
    size = abs(int(left)) // abs(int(right))
    return _whole(size if (left < 0) == (right < 0) else -size, left)


def _divide_doubles(left: float, right: float) -> float:
    if right != 0.0:
        return left / right
    if left == 0.0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def remainder(_charge: Charge, left: Value, right: Value) -> Value:
    """`left % right`: the sign of the dividend."""
    if right == 0:
        raise Failure("division_by_zero", "remainder of a division by zero")
    if left == INT_MIN and right == -1:
        raise Failure("overflow", "the division does not fit 64 bits")
    size = abs(int(left)) % abs(int(right))
    return _whole(size if left >= 0 else -size, left)


def negate(_charge: Charge, value: Value) -> Value:
    """`-value`."""
    return -value if type(value) is float else _whole(-value, value)


def contains(charge: Charge, needle: Value, hay: Value) -> bool:
    """`needle in hay` of a list, the keys of a map, or a named list."""
    if type(hay) is Members:
        if type(needle) is not str:
            raise Failure("no_such_overload", "a named list holds texts")
        return hay.holds(needle)
    if type(hay) is Map:
        return needle in hay
    return any(equal(needle, item, charge) for item in hay)


def index(_charge: Charge, target: Value, position: Value) -> Value:
    """`target[position]`."""
    if type(target) is Map:
        if position not in target:
            raise Failure("no_such_key", "the map has no such key")
        return target.get(position)
    if type(position) is float and not position.is_integer():
        raise Failure("no_such_overload", "an index is a whole number")
    if not 0 <= position < len(target):
        raise Failure("index_out_of_range", "the list has no such index")
    return target[int(position)]


def matches(charge: Charge, text: str, pattern: str) -> bool:
    """`text.matches(pattern)`: RE2, anywhere in the text."""
    charge(len(text) // 16)
    try:
        return found(pattern, text)
    except ValueError as error:
        raise Failure("bad_pattern", str(error)) from None


def _comparison(compare: Callable[[Any, Any], bool]) -> Function:
    return lambda _charge, left, right: compare(left, right)


def _plain(function: Callable[..., Value]) -> Function:
    return lambda _charge, *arguments: function(*arguments)


def _getter(name: str) -> Function:
    def get(_charge: Charge, value: Value, zone: str | None = None) -> int:
        if type(value) is Duration:
            return span_field_of(name, value)
        try:
            return field_of(name, value, zone)
        except ValueError as error:
            raise Failure("bad_time_zone", str(error)) from None

    return get


FUNCTIONS: dict[str, Function] = {
    "!_": _plain(operator.not_),
    "-_": negate,
    "_+_": add,
    "_-_": subtract,
    "_*_": multiply,
    "_/_": divide,
    "_%_": remainder,
    "_==_": lambda charge, left, right: equal(left, right, charge),
    "_!=_": lambda charge, left, right: not equal(left, right, charge),
    "_<_": _comparison(operator.lt),
    "_<=_": _comparison(operator.le),
    "_>_": _comparison(operator.gt),
    "_>=_": _comparison(operator.ge),
    "@in": contains,
    "_[_]": index,
    "size": _plain(len),
    "contains": _plain(operator.contains),
    "startsWith": _plain(str.startswith),
    "endsWith": _plain(str.endswith),
    "matches": matches,
    "type": _plain(lambda value: TypeValue(type_name(value))),
    "dyn": _plain(lambda value: value),
    **{name: _plain(convert) for name, convert in conversions.CONVERSIONS.items()},
}
for _name in ("FullYear", "Month", "Date", "DayOfMonth", "DayOfWeek", "DayOfYear"):
    FUNCTIONS[f"get{_name}"] = _getter(f"get{_name}")
for _name in ("Hours", "Minutes", "Seconds", "Milliseconds"):
    FUNCTIONS[f"get{_name}"] = _getter(f"get{_name}")
