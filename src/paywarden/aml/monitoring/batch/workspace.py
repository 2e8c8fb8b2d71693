"""Where steps of a batch are kept: temporary tables of one connection, and how to fill them.

Guards: each step is computed once, however many typologies read it; names are made here, so that
nothing of the caller's is overwritten; `close` drops what was made. Only Ibis is spoken.
"""

from __future__ import annotations

import itertools
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl

_RUNS = itertools.count(1)


class Workspace:
    """Temporary tables of one run over an Ibis connection."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._made: list[str] = []
        self._prefix = f"paywarden_{next(_RUNS)}"

    def keep(self, expression: ir.Table, name: str) -> ir.Table:
        """The expression as a temporary table; computed now."""
        made = f"{self._prefix}_{len(self._made)}_{name}"
        table: ir.Table = self.connection.create_table(made, expression, temp=True)
        self._made.append(made)
        return table

    def fetch(self, expression: ir.Table) -> pl.DataFrame:
        """The rows of an expression."""
        found: pl.DataFrame = self.connection.to_polars(expression)
        return found

    def close(self) -> None:
        """Drop what was made."""
        for name in reversed(self._made):
            self.connection.drop_table(name)
        self._made.clear()


def all_of(conditions: list[ir.BooleanValue]) -> ir.BooleanValue:
    """Conjunction; true for none."""
    found: ir.BooleanValue = ibis.literal(True)
    for place, one in enumerate(conditions):
        found = one if place == 0 else found & one
    return found


def whole(value: Any, unit: int) -> Any:
    """Whole units in an integer that is not negative; exact, where a division of doubles is not."""
    return ((value - value % unit) / unit).cast("int64")


def number(value: Any) -> Any:
    """A sum as a 64-bit integer, 0 where there was nothing to add."""
    return value.cast("int64").fill_null(0)
