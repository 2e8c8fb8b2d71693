"""Pools: every thing of the world once, as rows of numbers; payments refer to them by index.

A `Cast` is the hand of one maker (the world, or one campaign): it appends things and gives them
numbers from its own space, so that names never collide and never tell who made them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from paywarden.core.errors import InvalidRequest
from paywarden.simulator.naming import COUNTER_BITS, space
from paywarden.simulator.rows import Ints, Rows

COLUMNS = {
    "parties": ("number", "given", "family", "domain", "tag", "country", "birth_day", "created",
                "phone", "mail_age_days"),
    "devices": ("number", "agent", "language"),
    "ips": ("number", "address", "line", "country"),
    "cards": ("number", "bin", "last4", "expiry_month", "party"),
    "addresses": ("number", "country", "postal"),
    "merchants": ("number", "trade", "country", "created", "mu_milli", "sigma_milli",
                  "weight_milli", "three_ds_percent"),
    "terminals": ("number", "merchant"),
    "payees": ("number", "given", "family", "country", "account"),
}  # fmt: skip


class Pools:
    """All pools; grows by `append`, read by `rows` once grown."""

    def __init__(self) -> None:
        self._chunks: dict[str, list[Rows]] = {name: [] for name in COLUMNS}
        self._sizes = dict.fromkeys(COLUMNS, 0)
        self.texts: list[str] = []

    def append(self, pool: str, rows: Rows) -> Ints:
        """Add rows; answers their indices."""
        first = self._sizes[pool]
        self._chunks[pool].append(rows)
        self._sizes[pool] = first + len(rows)
        return np.arange(first, first + len(rows), dtype=np.int64)

    def say(self, texts: Sequence[str]) -> Ints:
        """Keep texts that no table of words holds; answers their indices."""
        first = len(self.texts)
        self.texts.extend(texts)
        return np.arange(first, first + len(texts), dtype=np.int64)

    def rows(self, pool: str) -> Rows:
        """The whole pool as one table (joined once, then kept)."""
        chunks = self._chunks[pool]
        if len(chunks) != 1:
            chunks[:] = [Rows.concat(chunks)]
        return chunks[0]

    def column(self, pool: str, name: str) -> Ints:
        """One column of a pool."""
        return self.rows(pool)[name]


class Cast:
    """What one maker adds to the world: numbered things, payments and events."""

    def __init__(self, pools: Pools, owner: str, ordinal: int = 0) -> None:
        self.pools = pools
        self._first = space(owner, ordinal)
        self._counters: dict[str, int] = {}

    def numbers(self, kind: str, count: int) -> Ints:
        """`count` fresh numbers for names of that kind."""
        used = self._counters.get(kind, 0)
        if used + count > 2**COUNTER_BITS:
            raise InvalidRequest(
                "simulation_too_large", "over 16 million things of one kind: use fewer days"
            )
        self._counters[kind] = used + count
        return np.arange(self._first + used, self._first + used + count, dtype=np.int64)

    def add(self, pool: str, count: int, **values: ArrayLike) -> Ints:
        """Append `count` things with these column values; answers their indices."""
        numbers = self.numbers(pool, count)
        return self.pools.append(pool, Rows.blank(COLUMNS[pool], count, number=numbers, **values))
