"""Values of the interpreter: Python natives at the border, a closed set of kinds inside.

Guards: only bool, int, float, str, bytes, None, list, tuple, mapping, aware datetime and timedelta
come in (and `Uint`, `Timestamp`, `Duration` of our own), at most 64 levels deep, in range; an error
text names the binding and the Python type, never the value. Inside, ints are 64-bit, maps keep
`true` apart from `1` (Python does not) and times have nanoseconds. On the way out unsigned becomes
int, times lose what is below a microsecond, a type becomes its name, and a map with both `true` and
`1` as keys keeps one of them. Source: google/cel-spec, doc/langdef.md, "Values", "Equality".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from paywarden.risk.rules.cel.errors import EvaluationError, shown
from paywarden.risk.rules.cel.times import Duration, Timestamp, instant, span
from paywarden.risk.rules.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    CelType,
    list_of,
    map_of,
)

MAX_DEPTH = 64
INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
UINT_MAX = (1 << 64) - 1

Value = Any  # one of the kinds of KINDS
Charge = Callable[[int], None]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Uint(int):
    """An unsigned 64-bit integer, apart from int as CEL has it."""


class TypeValue(NamedTuple):
    """A type as a value, by its name: what `type(x)` answers."""

    name: str


class Map:
    """A map: keys bool, int, uint or string; numeric keys are equal across types."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[tuple[Value, Value]]) -> None:
        self._entries: dict[Any, tuple[Value, Value]] = {}
        for key, value in entries:
            slot = _slot(key)
            if slot in self._entries:
                raise Failure("duplicate_key", "a map has one entry a key")
            self._entries[slot] = (key, value)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Value) -> bool:
        return _slot(key) in self._entries

    def keys(self) -> list[Value]:
        """The keys in order of entry."""
        return [key for key, _ in self._entries.values()]

    def items(self) -> list[tuple[Value, Value]]:
        """Pairs of key and value in order of entry."""
        return list(self._entries.values())

    def get(self, key: Value) -> Value:
        """The value of `key`. Errors: KeyError."""
        return self._entries[_slot(key)][1]


class Members:
    """A named list as bound: any Python collection of texts; only asked whether it holds one."""

    __slots__ = ("_texts",)

    def __init__(self, texts: Any) -> None:
        self._texts = texts

    def holds(self, text: str) -> bool:
        """Whether the list holds `text`."""
        return text in self._texts


class Failure(Exception):
    """An evaluation error before its place is known; the interpreter adds the place."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


_LIST = list_of(DYN)
_MAP = map_of(DYN, DYN)
TYPES: dict[type, CelType] = {
    bool: BOOL,
    int: INT,
    Uint: UINT,
    float: DOUBLE,
    str: STRING,
    bytes: BYTES,
    type(None): NULL,
    list: _LIST,
    Map: _MAP,
    Timestamp: TIMESTAMP,
    Duration: DURATION,
    TypeValue: TYPE,
}
_NAMES = {
    "null": "null_type",
    "timestamp": "google.protobuf.Timestamp",
    "duration": "google.protobuf.Duration",
}
_NUMBERS = (int, Uint, float)


def type_name(value: Value) -> str:
    """Name of the value's type as `type()` answers it."""
    kind = TYPES[type(value)].kind
    return _NAMES.get(kind, kind)


def _slot(key: Value) -> Any:
    if type(key) in (str, int, Uint, float):
        return key
    if type(key) is bool:
        return ("bool", key)
    raise Failure("no_such_overload", "keys of a map are bool, int, uint or string")


def equal(left: Value, right: Value, charge: Charge) -> bool:
    """Equality across all kinds: numbers by value, other kinds never equal to one another."""
    charge(1)
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return bool(left == right)
    if type(left) is not type(right):
        return False
    if type(left) is list:
        if len(left) != len(right):
            return False
        return all(equal(a, b, charge) for a, b in zip(left, right, strict=True))
    if type(left) is Map:
        return _equal_maps(left, right, charge)
    return bool(left == right)


def _equal_maps(left: Map, right: Map, charge: Charge) -> bool:
    if len(left) != len(right):
        return False
    return all(key in right and equal(value, right.get(key), charge) for key, value in left.items())


# --- in ------------------------------------------------------------------------------------


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
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise Failure("unsupported_binding", "is a text with half of a surrogate pair")
        return str(value)
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
        (
            from_python(key, depth=depth + 1),
            from_python(item, drop_null=drop_null, depth=depth + 1),
        )
        for key, item in value.items()
        if not (drop_null and item is None)
    )


def declared(value: Any, kind: CelType, depth: int = 0) -> Value:
    """The inner value of a binding of a declared type. Errors: Failure when it does not fit.

    An int stands for a declared double or uint; null entries of maps count as absent.
    """
    if kind.kind == "members":
        if not isinstance(value, list | tuple | set | frozenset | Mapping):
            raise _unfit(kind)
        return Members(value)
    if kind.kind == "list" and isinstance(value, list | tuple):
        return [declared(item, kind.parameters[0], depth + 1) for item in value]
    if kind.kind == "map" and isinstance(value, Mapping):
        keys, values = kind.parameters
        return Map(
            (declared(key, keys, depth + 1), declared(item, values, depth + 1))
            for key, item in value.items()
            if item is not None
        )
    inner = from_python(value, drop_null=True, depth=depth)
    if kind == DYN or TYPES[type(inner)] == kind:
        return inner
    if kind == DOUBLE and type(inner) is int:
        return float(inner)
    if kind == UINT and type(inner) is int and inner >= 0:
        return Uint(inner)
    raise _unfit(kind)


def _unfit(kind: CelType) -> Failure:
    return Failure("wrong_binding_type", f"is not of its declared type {kind}")


# --- out -----------------------------------------------------------------------------------


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
