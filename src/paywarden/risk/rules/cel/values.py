"""Inner values of the interpreter: a closed set of kinds, and equality among them.

Guards: integers are 64-bit, signed and unsigned apart; maps keep `true` apart from `1` (Python does
not) and find numeric keys across types; times have nanoseconds. Not done here: the border to Python
natives (`bindings`). Source: google/cel-spec, doc/langdef.md, "Values" and "Equality".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from paywarden.risk.rules.cel.times import Duration, Timestamp
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

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
UINT_MAX = (1 << 64) - 1

Value = Any  # one of the kinds of KINDS
Charge = Callable[[int], None]


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
