"""Arithmetic over columns: values and errors of a typed expression, exact for every row.

Guards: the answer is the interpreter's, error for error. Integers that overflow are found from the
bits of the result (sums) or, where a product comes near 2**63, by Python's own integers; an integer
is compared with a double as a double only where it converts exactly. What cannot be done exactly
over arrays raises `Rowwise`, and the caller asks row by row. Durations count nanoseconds in int64,
instants microseconds (nanoseconds since 1970 would not fit). Under an error the value is any value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.instants import DAY_US, HOUR_US, MINUTE_US
from paywarden.risk.rules.cel.times import MAX_INSTANT, MIN_INSTANT, parse_duration, parse_timestamp
from paywarden.risk.rules.columns import Bools, Column
from paywarden.risk.rules.plain_tree import Plain

Array = npt.NDArray[Any]
_EXACT = 1 << 53
_MIN, _MAX = -(1 << 63), (1 << 63) - 1
_NEAR = 9.2e18
_SPAN_US = _MAX // 1000


class Rowwise(Exception):
    """The expression has to be asked row by row."""


@dataclass(frozen=True, slots=True)
class Computed:
    """Values, where they are errors, and their kind; both of shape [n]."""

    data: Array
    error: Bools
    kind: str


def compute(tree: Plain, columns: Mapping[str, Column], count: int) -> Computed:
    """Value of a tree for every row. Errors: Rowwise."""
    kind = tree[0]
    if kind == "ref":
        return _load(columns.get(tree[1]), tree[2], count)
    if kind == "lit":
        return _literal(tree, count)
    if kind == "has":
        column = columns.get(tree[1])
        here = np.zeros(count, np.bool_) if column is None else column.present()
        return Computed(here, np.zeros(count, np.bool_), "bool")
    if kind != "call":
        raise Rowwise
    return _call(tree, columns, count)


def _load(column: Column | None, kind: str, count: int) -> Computed:
    if column is None:
        raise Rowwise
    if column.kind != kind or kind not in ("int", "double", "bool", "timestamp", "string"):
        raise Rowwise
    if kind == "string":
        return Computed(np.asarray(column.dictionary, object), ~column.present(), "text")
    return Computed(column.data, ~column.present(), kind)


def _literal(tree: Plain, count: int) -> Computed:
    _, kind, value = tree
    types = {"int": np.int64, "double": np.float64, "bool": np.bool_}
    if kind not in types:
        raise Rowwise
    return Computed(np.full(count, value, types[kind]), np.zeros(count, np.bool_), kind)


def _call(tree: Plain, columns: Mapping[str, Column], count: int) -> Computed:
    _, function, _, arguments = tree
    if function in ("timestamp", "duration"):
        return _constant_time(function, arguments[0], count)
    if function == "size":
        return _size(arguments[0], columns)
    parts = [compute(part, columns, count) for part in arguments]
    if any(part.kind == "text" for part in parts):
        raise Rowwise
    kinds = tuple(part.kind for part in parts)
    if function == "_?_:_":
        return _choice(*parts)
    error = np.logical_or.reduce([part.error for part in parts])
    with np.errstate(all="ignore"):
        if function in _COMPARE:
            return Computed(_compare(function, *parts), error, "bool")
        writer = _FUNCTIONS.get((function, kinds))
        if writer is None:
            raise Rowwise
        data, failed, kind = writer(*(part.data for part in parts))
    return Computed(data, error if failed is None else error | failed, kind)


def _constant_time(function: str, text: Plain, count: int) -> Computed:
    if text[:2] != ("lit", "string"):
        raise Rowwise
    if function == "duration":
        value = parse_duration(text[2]).nanoseconds
    else:
        value, rest = divmod(parse_timestamp(text[2]).nanoseconds, 1000)
        if rest:
            raise Rowwise
    return Computed(np.full(count, value, np.int64), np.zeros(count, np.bool_), function)


def _size(argument: Plain, columns: Mapping[str, Column]) -> Computed:
    column = columns.get(argument[1]) if argument[0] == "ref" else None
    if column is None or column.kind != "string":
        raise Rowwise
    sizes = np.array([*map(len, column.dictionary), 0], np.int64)
    return Computed(sizes[column.data], ~column.present(), "int")


def _choice(condition: Computed, chosen: Computed, other: Computed) -> Computed:
    if condition.kind != "bool" or chosen.kind != other.kind:
        raise Rowwise
    picked = np.where(condition.data, chosen.error, other.error)
    data = np.where(condition.data, chosen.data, other.data)
    return Computed(data, np.asarray(condition.error | picked), chosen.kind)


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "_<_": np.less,
    "_<=_": np.less_equal,
    "_>_": np.greater,
    "_>=_": np.greater_equal,
    "_==_": np.equal,
    "_!=_": np.not_equal,
}


def _compare(function: str, left: Computed, right: Computed) -> Bools:
    kinds = {left.kind, right.kind}
    first, second = left.data, right.data
    if kinds == {"int", "double"}:
        first, second = (_exact(part) for part in (left, right))
    elif len(kinds) > 1:
        raise Rowwise
    return np.asarray(_COMPARE[function](first, second), np.bool_)


def _exact(part: Computed) -> Array:
    if part.kind == "double":
        return part.data
    known = part.data[~part.error]
    if len(known) and (known.max() > _EXACT or known.min() < -_EXACT):
        raise Rowwise
    return part.data.astype(np.float64)


# --- functions: data, where they fail (None: nowhere), kind ---------------------------------

_Answer = tuple[Array, Bools | None, str]


def _add(left: Array, right: Array) -> _Answer:
    total = left + right
    return total, ((left ^ total) & (right ^ total)) < 0, "int"


def _subtract(left: Array, right: Array) -> _Answer:
    rest = left - right
    return rest, ((left ^ right) & (left ^ rest)) < 0, "int"


def _multiply(left: Array, right: Array) -> _Answer:
    product = left * right
    near = np.abs(left.astype(np.float64) * right.astype(np.float64)) >= _NEAR
    failed = near.copy()
    for row in np.flatnonzero(near):
        failed[row] = not _MIN <= int(left[row]) * int(right[row]) <= _MAX
    return product, failed, "int"


def _safe_divisor(left: Array, right: Array) -> tuple[Array, Bools]:
    failed = (right == 0) | ((left == _MIN) & (right == -1))
    return np.where(failed, 1, right), failed


def _divide(left: Array, right: Array) -> _Answer:
    divisor, failed = _safe_divisor(left, right)
    quotient = left // divisor
    inexact = (left % divisor != 0) & ((left < 0) != (divisor < 0))
    return quotient + inexact, failed, "int"


def _remainder(left: Array, right: Array) -> _Answer:
    divisor, failed = _safe_divisor(left, right)
    return np.fmod(left, divisor), failed, "int"


def _truncated(value: Array) -> _Answer:
    inside = (value > -(2.0**63)) & (value < 2.0**63)
    return np.where(inside, value, 0.0).astype(np.int64), ~inside, "int"


def _between(left: Array, right: Array) -> _Answer:
    micros = left - right
    failed = (micros > _SPAN_US) | (micros < -_SPAN_US)
    return np.where(failed, 0, micros) * 1000, failed, "duration"


def _moved(left: Array, right: Array, sign: int) -> _Answer:
    if (right % 1000).any():
        raise Rowwise
    moved = left + sign * (right // 1000)
    failed = (moved < MIN_INSTANT // 1000) | (moved > MAX_INSTANT // 1000)
    return moved, failed, "timestamp"


def _duration(answer: _Answer) -> _Answer:
    return answer[0], answer[1], "duration"


def _double(function: Callable[..., Any]) -> Callable[..., _Answer]:
    return lambda *data: (function(*data), None, "double")


def _clock(length_us: int, parts: int, offset: int = 0) -> Callable[[Array], _Answer]:
    return lambda data: ((data // length_us + offset) % parts, None, "int")


_INT2, _DOUBLE2 = ("int", "int"), ("double", "double")
_TIME2, _SPAN2 = ("timestamp", "timestamp"), ("duration", "duration")
_FUNCTIONS: dict[tuple[str, tuple[str, ...]], Callable[..., _Answer]] = {
    ("_+_", _INT2): _add,
    ("_-_", _INT2): _subtract,
    ("_*_", _INT2): _multiply,
    ("_/_", _INT2): _divide,
    ("_%_", _INT2): _remainder,
    ("-_", ("int",)): lambda data: (-data, data == _MIN, "int"),
    ("_+_", _DOUBLE2): _double(np.add),
    ("_-_", _DOUBLE2): _double(np.subtract),
    ("_*_", _DOUBLE2): _double(np.multiply),
    ("_/_", _DOUBLE2): _double(np.divide),
    ("-_", ("double",)): _double(np.negative),
    ("double", ("int",)): lambda data: (data.astype(np.float64), None, "double"),
    ("double", ("double",)): lambda data: (data, None, "double"),
    ("int", ("int",)): lambda data: (data, None, "int"),
    ("int", ("double",)): _truncated,
    ("int", ("timestamp",)): lambda data: (data // 1_000_000, None, "int"),
    ("!_", ("bool",)): lambda data: (~data, None, "bool"),
    ("_-_", _TIME2): _between,
    ("_+_", _SPAN2): lambda left, right: _duration(_add(left, right)),
    ("_-_", _SPAN2): lambda left, right: _duration(_subtract(left, right)),
    ("_+_", ("timestamp", "duration")): lambda left, right: _moved(left, right, 1),
    ("_-_", ("timestamp", "duration")): lambda left, right: _moved(left, right, -1),
    ("_+_", ("duration", "timestamp")): lambda left, right: _moved(right, left, 1),
    ("getHours", ("timestamp",)): _clock(HOUR_US, 24),
    ("getMinutes", ("timestamp",)): _clock(MINUTE_US, 60),
    ("getSeconds", ("timestamp",)): _clock(1_000_000, 60),
    ("getDayOfWeek", ("timestamp",)): _clock(DAY_US, 7, 4),
}
