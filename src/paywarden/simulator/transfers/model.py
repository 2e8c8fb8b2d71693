"""What a world of transfers is made from and made of. Pure values.

Guards: truth (which pattern a transfer belongs to, who takes part) lies in tables of its own, never
among the columns that a monitor reads. "" as an account is the outside: payers of salaries, shops.
Shapes: n transfers in order of time, `sequence` 1..n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
OUTSIDE: Final = -1
FAMILIES: Final = (
    "fan_in",
    "fan_out",
    "cycle",
    "bipartite",
    "stack",
    "scatter_gather",
    "gather_scatter",
    "structuring",
    "pass_through",
    "dormant",
)


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """`alerts`: laundering patterns per family; `innocents`: look-alikes for each of those.

    `grain_us`: times are cut to multiples of it (a day for worlds in daily steps).
    """

    seed: int = 1
    accounts: int = 2_400
    days: int = 112
    alerts: int = 3
    innocents: int = 20
    start_us: int = 1_767_225_600_000_000
    """2026-01-01T00:00:00Z."""
    grain_us: int = 1_000_000
    families: Sequence[str] = FAMILIES


@dataclass(frozen=True, slots=True)
class Legs:
    """Transfers of one origin: microseconds since the world's start, accounts, minor units."""

    at_us: Ints
    source: Ints
    target: Ints
    amount: Ints


@dataclass(frozen=True, slots=True)
class Pattern:
    """One laundering scheme or look-alike: who takes part (the first is its main account)."""

    family: str
    guilty: bool
    members: Sequence[int]
    legs: Legs


@dataclass(slots=True)
class Collected:
    """Legs by kind and pattern number (-1: none), gathered before they are put in order."""

    legs: list[tuple[str, int, Legs]] = field(default_factory=list)

    def add(self, kind: str, legs: Legs, pattern: int = -1) -> None:
        """Keep legs that are not empty."""
        if len(legs.at_us):
            self.legs.append((kind, pattern, legs))


@dataclass(frozen=True, slots=True)
class TransferWorld:
    """`transfers`: what a monitor may read; `patterns` and `parts`: the truth.

    patterns: pattern, family, account, main. parts: sequence, pattern (of laundering only).
    """

    transfers: pl.DataFrame
    accounts: pl.DataFrame
    patterns: pl.DataFrame
    parts: pl.DataFrame


def legs_of(rows: Sequence[tuple[float, int, int, float]]) -> Legs:
    """Legs of rows (microseconds, source, target, minor units)."""
    table = np.array(rows, np.float64).reshape(len(rows), 4)
    at, source, target, amount = (table[:, i].astype(np.int64) for i in range(4))
    return Legs(at, source, target, np.maximum(amount, 1))
