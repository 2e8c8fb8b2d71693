"""Bindings and results: Python natives into inner values, and back.

Guards: only bool, int, float, str, bytes, None, list, tuple, mapping, aware datetime and timedelta
come in (and `Uint`, `Timestamp`, `Duration` of our own), at most 64 levels deep, in range, texts
without lone surrogates; an error text names the Python type, never the value. On the way out
unsigned becomes int, times lose what is below a microsecond, a type becomes its name, and a map
with both `true` and `1` as keys keeps one of them, because Python cannot tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from paywarden.risk.rules.cel.errors import EvaluationError, shown
from paywarden.risk.rules.cel.times import Duration, Timestamp, instant, span
from paywarden.risk.rules.cel.types import DOUBLE, DYN, UINT, CelType
from paywarden.risk.rules.cel.values import (
    INT_MAX,
    INT_MIN,
    TYPES,
    UINT_MAX,
    Failure,
    Map,
    Members,
    TypeValue,
    Uint,
    Value,
)

MAX_DEPTH = 64

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SURROGATE = re.compile("[\ud800-\udfff]")


def from_python(value: Any, *, drop_null: bool = False, depth: int = 0) -> Value:
    """The inner value of a binding; `drop_null` omits null entries of maps. Errors: Failure."""
    if depth > MAX_DEPTH:
        raise Failure("unsupported_binding", f"is nested more than {MAX_DEPTH} levels deep")
    if value is None or isinstance(value, bool | TypeValue):
        return value
    if isinstance(value, Timestamp | Duration):
        return _time(value)
    if isinstance(value, str | bytes | int | float):
        return _scalar(value)
    if isinstance(value, datetime | timedelta):
        return _time(value)
    if isinstance(value, list | tuple):
        return [from_python(item, drop_null=drop_null, depth=depth + 1) for item in value]
    if isinstance(value, Mapping):
        return _map(value, drop_null, depth)
    raise Failure("unsupported_binding", f"has the Python type {shown(type(value).__name__)}")


def _scalar(value: str | bytes | int | float) -> Value:
    if isinstance(value, str):
        if not value.isascii() and _SURROGATE.search(value):
            raise Failure("unsupported_binding", "is a text with half of a surrogate pair")
        # str() of an enumeration would answer its name instead of its text.
        return str.__str__(value)
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Uint):
        if not 0 <= value <= UINT_MAX:
            raise Failure("unsupported_binding", "is outside unsigned 64 bits")
        return value
    if not INT_MIN <= value <= INT_MAX:
        raise Failure("unsupported_binding", "is an integer outside signed 64 bits")
    return int(value)


def _time(value: datetime | timedelta | Timestamp | Duration) -> Value:
    try:
        if isinstance(value, Timestamp):
            return instant(value.nanoseconds)
        if isinstance(value, Duration):
            return span(value.nanoseconds)
        if isinstance(value, timedelta):
            return span(value // _MICROSECOND * 1000)
    except ValueError as error:
        raise Failure("unsupported_binding", f"is out of range: {error}") from None
    if value.utcoffset() is None:
        raise Failure("unsupported_binding", "is a datetime without a time zone")
    try:
        return instant((value - _EPOCH) // _MICROSECOND * 1000)
    except (ValueError, OverflowError):
        raise Failure("unsupported_binding", "is a datetime outside 0001 to 9999") from None


def _map(value: Mapping[Any, Any], drop_null: bool, depth: int) -> Map:
    return Map(
        (_key(key), from_python(item, drop_null=drop_null, depth=depth + 1))
        for key, item in value.items()
        if not (drop_null and item is None)
    )


def _key(key: Any) -> Value:
    if not isinstance(key, str | int):
        name = shown(type(key).__name__)
        raise Failure("unsupported_binding", f"has a map key of the Python type {name}")
    return from_python(key)


def declared(value: Any, kind: CelType, depth: int = 0) -> Value:
    """The inner value of a binding of a declared type. Errors: Failure when it does not fit.

    An int stands for a declared double or uint; null entries of maps count as absent.
    """
    if kind.kind == "members":
        if isinstance(value, str | bytes | bytearray) or not isinstance(value, Container):
            raise _unfit(kind)
        return Members(value)
    if kind.kind == "list" and isinstance(value, list | tuple):
        return [declared(item, kind.parameters[0], depth + 1) for item in value]
    if kind.kind == "map" and isinstance(value, Mapping):
        keys, values = kind.parameters
        return Map(
            (declared(_key(key), keys), declared(item, values, depth + 1))
            for key, item in value.items()
            if item is not None
        )
    if kind == UINT and isinstance(value, int) and not isinstance(value, bool):
        return from_python(Uint(value))
    inner = from_python(value, drop_null=True, depth=depth)
    if kind == DYN or TYPES[type(inner)] == kind:
        return inner
    if kind == DOUBLE and type(inner) is int:
        return float(inner)
    raise _unfit(kind)


def _unfit(kind: CelType) -> Failure:
    return Failure("wrong_binding_type", f"is not of its declared type {kind}")


def to_python(value: Value) -> Any:
    """The Python native of an inner value."""
    if isinstance(value, Uint):
        return int(value)
    if isinstance(value, TypeValue):
        return value.name
    if isinstance(value, Timestamp):
        return _EPOCH + timedelta(microseconds=value.nanoseconds // 1000)
    if isinstance(value, Duration):
        size = abs(value.nanoseconds) // 1000
        return timedelta(microseconds=-size if value.nanoseconds < 0 else size)
    if isinstance(value, list):
        return [to_python(item) for item in value]
    if isinstance(value, Map):
        return {to_python(key): to_python(item) for key, item in value.items()}
    if isinstance(value, Members):
        raise EvaluationError("no_such_overload", "a named list is only asked with `in`")
    return value
