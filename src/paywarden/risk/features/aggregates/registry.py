"""The aggregate functions: what each takes, what it gives, and how the arena finds it.

Guards: one table that plan validation, the type checker of conditions and help pages read. The
position of a function is its number in the compiled program. `stddev` is the population standard
deviation, sqrt(n * sum(x * x) - sum(x) ** 2) / n: the difference is exact, rounded once to a
double, then the root and the quotient are rounded. `avg` is the exact sum rounded to a double,
divided by the count. A sum outside 64 bits is absent, never wrapped or clipped.
Not here: the arithmetic, which `plain.py` and `evaluate.py` hold side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from paywarden.risk.features.catalogue import Storage

OutputKind = Literal["int", "double", "string"]


@dataclass(frozen=True, slots=True)
class AggregateFunction:
    """One function: its number, storages that `of` may have (empty: takes no `of`), its result.

    `gives` is the output kind, or None when it is that of the field (symbol: string).
    """

    number: int
    name: str
    takes: frozenset[Storage]
    gives: OutputKind | None
    text: str


_NUMBERS: frozenset[Storage] = frozenset({"int"})
_VALUES: frozenset[Storage] = frozenset({"int", "symbol"})
_ANY: frozenset[Storage] = frozenset({"int", "bool", "symbol", "hash"})
_NONE: frozenset[Storage] = frozenset()

_TABLE: tuple[tuple[str, frozenset[Storage], OutputKind | None, str], ...] = (
    ("count", _NONE, "int", "Events; 0 when there are none"),
    ("sum", _NUMBERS, "int", "Sum; 0 when there are none, absent beyond 64 bits"),
    ("avg", _NUMBERS, "double", "Mean of the values that are present"),
    ("min", _NUMBERS, "int", "Least value"),
    ("max", _NUMBERS, "int", "Greatest value"),
    ("stddev", _NUMBERS, "double", "Population standard deviation"),
    ("distinct", _ANY, "int", "Different values that are present"),
    ("first", _VALUES, None, "Value of the earliest event that has one"),
    ("last", _VALUES, None, "Value of the latest event that has one"),
    ("since_first", _NONE, "int", "Whole seconds since the earliest event"),
    ("since_last", _NONE, "int", "Whole seconds since the latest event"),
)

AGGREGATE_FUNCTIONS: Mapping[str, AggregateFunction] = MappingProxyType(
    {row[0]: AggregateFunction(number, *row) for number, row in enumerate(_TABLE)}
)
"""Functions by name, in the order of their numbers (append only)."""

COUNT, SUM, AVG, MIN, MAX, STDDEV, DISTINCT, FIRST, LAST, SINCE_FIRST, SINCE_LAST = range(
    len(_TABLE)
)
