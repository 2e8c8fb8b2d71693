"""Signatures of the standard functions and operators: which argument types give which result.

Guards: what is not listed does not exist, so that the checker, the interpreter and the back ends
accept the same calls. Arithmetic is never mixed; `==`, `!=` and the order relations compare int,
uint and double with each other. Not done here: the ternary, indexing and field selection, whose
types follow from their operands (`checker`). Source: google/cel-spec, doc/langdef.md, "List of
Standard Definitions".
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from paywarden.risk.rules.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    MEMBERS,
    NUMBERS,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    CelType,
    assignable,
    comparable,
    joined,
    list_of,
    map_of,
)

GLOBAL = 1
MEMBER = 2
BOTH = 3

ORDER = frozenset({"_<_", "_<=_", "_>_", "_>=_"})
EQUALITY = frozenset({"_==_", "_!=_"})
_ORDERED = (BOOL, INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION)
_LIST = list_of(DYN)
_MAP = map_of(DYN, DYN)


class Overload(NamedTuple):
    """One signature; `style` is GLOBAL, MEMBER or BOTH and the target counts as an argument."""

    style: int
    arguments: tuple[CelType, ...]
    result: CelType


def _same(*types: CelType, count: int) -> list[Overload]:
    return [Overload(GLOBAL, (kind,) * count, kind) for kind in types]


def _to(result: CelType, *types: CelType) -> list[Overload]:
    return [Overload(GLOBAL, (kind,), result) for kind in types]


def _text(name_is_global: bool = False) -> list[Overload]:
    return [Overload(BOTH if name_is_global else MEMBER, (STRING, STRING), BOOL)]


def _getter(*more: CelType) -> list[Overload]:
    plain = [Overload(MEMBER, (kind,), INT) for kind in (TIMESTAMP, *more)]
    return [*plain, Overload(MEMBER, (TIMESTAMP, STRING), INT)]


TABLE: dict[str, list[Overload]] = {
    "!_": _to(BOOL, BOOL),
    "-_": _same(INT, DOUBLE, count=1),
    "_&&_": _same(BOOL, count=2),
    "_||_": _same(BOOL, count=2),
    "_+_": [
        *_same(INT, UINT, DOUBLE, STRING, BYTES, DURATION, count=2),
        Overload(GLOBAL, (TIMESTAMP, DURATION), TIMESTAMP),
        Overload(GLOBAL, (DURATION, TIMESTAMP), TIMESTAMP),
        Overload(GLOBAL, (_LIST, _LIST), _LIST),
    ],
    "_-_": [
        *_same(INT, UINT, DOUBLE, DURATION, count=2),
        Overload(GLOBAL, (TIMESTAMP, DURATION), TIMESTAMP),
        Overload(GLOBAL, (TIMESTAMP, TIMESTAMP), DURATION),
    ],
    "_*_": _same(INT, UINT, DOUBLE, count=2),
    "_/_": _same(INT, UINT, DOUBLE, count=2),
    "_%_": _same(INT, UINT, count=2),
    "size": [Overload(BOTH, (kind,), INT) for kind in (STRING, BYTES, _LIST, _MAP)],
    "contains": _text(),
    "startsWith": _text(),
    "endsWith": _text(),
    "matches": _text(name_is_global=True),
    "int": _to(INT, INT, UINT, DOUBLE, STRING, TIMESTAMP),
    "uint": _to(UINT, UINT, INT, DOUBLE, STRING),
    "double": _to(DOUBLE, DOUBLE, INT, UINT, STRING),
    "string": _to(STRING, STRING, BOOL, INT, UINT, DOUBLE, BYTES, TIMESTAMP, DURATION),
    "bytes": _to(BYTES, BYTES, STRING),
    "bool": _to(BOOL, BOOL, STRING),
    "timestamp": _to(TIMESTAMP, TIMESTAMP, STRING, INT),
    "duration": _to(DURATION, DURATION, STRING),
    "type": _to(TYPE, DYN),
    "dyn": _to(DYN, DYN),
    "getFullYear": _getter(),
    "getMonth": _getter(),
    "getDate": _getter(),
    "getDayOfMonth": _getter(),
    "getDayOfWeek": _getter(),
    "getDayOfYear": _getter(),
    "getHours": _getter(DURATION),
    "getMinutes": _getter(DURATION),
    "getSeconds": _getter(DURATION),
    "getMilliseconds": _getter(DURATION),
}
SPECIAL = ORDER | EQUALITY | {"@in", "_[_]", "_?_:_"}


def _orders(left: CelType, right: CelType) -> bool:
    if left.kind in NUMBERS and right.kind in NUMBERS:
        return True
    if left == DYN or right == DYN:
        return all(kind == DYN or kind in _ORDERED for kind in (left, right))
    return left == right and left in _ORDERED


def _holds(needle: CelType, hay: CelType) -> bool:
    if hay == MEMBERS:
        return needle in (STRING, DYN)
    if hay.kind == "map":
        return assignable(hay.parameters[0], needle)
    return hay == DYN or (hay.kind == "list" and comparable(needle, hay.parameters[0]))


def _indexed(target: CelType, index: CelType) -> CelType | None:
    if target == DYN:
        return DYN
    if target.kind == "list" and assignable(INT, index):
        return target.parameters[0]
    if target.kind == "map" and assignable(target.parameters[0], index):
        return target.parameters[1]
    return None


def _special(function: str, arguments: tuple[CelType, ...]) -> CelType | None:
    if function == "_?_:_":
        condition, chosen, other = arguments
        if not assignable(BOOL, condition) or not assignable(chosen, other):
            return None
        return joined([chosen, other])
    left, right = arguments
    if function == "_[_]":
        return _indexed(left, right)
    if function == "@in":
        return BOOL if _holds(left, right) else None
    return BOOL if (_orders if function in ORDER else comparable)(left, right) else None


@lru_cache(maxsize=4096)
def result_of(function: str, member: bool, arguments: tuple[CelType, ...]) -> CelType | None:
    """Result type of a call, dyn when it depends on run time, or None when no overload fits."""
    if function in SPECIAL:
        return None if member else _special(function, arguments)
    style = MEMBER if member else GLOBAL
    results = [
        overload.result
        for overload in TABLE.get(function, ())
        if overload.style & style
        and len(overload.arguments) == len(arguments)
        and all(map(assignable, overload.arguments, arguments))
    ]
    if not results:
        return None
    if function == "_+_" and all(kind.kind == "list" for kind in arguments):
        return joined(list(arguments))
    return joined(results)
