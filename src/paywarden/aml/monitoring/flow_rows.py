"""Rows of features that the engine wrote for some transfers, and views of them for scoring.

Shapes: `rows` [r, OUT_COLUMNS], `values` int64 and `doubles` (the same memory) [r, features],
`valid` uint8 [r, features]; the rows of one transfer stand together, its parties first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.aml.monitoring import layout
from paywarden.aml.monitoring.flow_plan import Watched
from paywarden.aml.monitoring.layout import Bytes, Doubles, Words
from paywarden.aml.monitoring.numbering import TransferBatch
from paywarden.core.instants import DAY_US
from paywarden.risk.rules.columns import Column

Rows = npt.NDArray[np.intp]


class FlowRows:
    """Room for rows, filled by `running.run`."""

    def __init__(self, rows: int, features: int) -> None:
        self.rows: Words = np.zeros((rows, layout.OUT_COLUMNS), np.int64)
        self.values: Words = np.zeros((rows, max(1, features)), np.int64)
        self.doubles: Doubles = self.values.view(np.float64)
        self.valid: Bytes = np.zeros(self.values.shape, np.uint8)
        self.filled: Words = np.zeros(1, np.int64)

    def view(self, batch: TransferBatch, doubles: frozenset[int]) -> FlowView:
        """The rows in use; valid until `clear`."""
        return FlowView(self, batch, doubles, int(self.filled[0]))

    def clear(self) -> None:
        """Start again with none."""
        self.valid[: int(self.filled[0])] = 0
        self.filled[0] = 0


class FlowView:
    """Rows of a batch."""

    def __init__(
        self, held: FlowRows, batch: TransferBatch, doubles: frozenset[int], count: int
    ) -> None:
        self._rows = held.rows[:count]
        self._values = held.values[:count]
        self._doubles = held.doubles[:count]
        self._valid = held.valid[:count].view(np.bool_)
        self._is_double = doubles
        self._batch = batch
        self._every: Rows = np.arange(count)
        self._parties: Rows = np.flatnonzero(self._rows[:, layout.OUT_SIDE] < 2)

    def chosen(self, watched: Watched) -> Rows:
        """Rows that a typology is scored for: parties, and members of its motifs."""
        if not watched.motifs or len(self._parties) == len(self._every):
            return self._parties
        takes_part = np.any(self._values[:, list(watched.motifs)] > 0, axis=1)
        return np.flatnonzero(takes_part | (self._rows[:, layout.OUT_SIDE] < 2))

    def columns(self, watched: Watched, paths: frozenset[str], chosen: Rows) -> dict[str, Column]:
        """Columns that conditions read, over the chosen rows."""
        return {path: self._column(watched, path, chosen) for path in paths}

    def _column(self, watched: Watched, path: str, chosen: Rows) -> Column:
        space, name = path.split(".", 1)
        if space == "flow":
            at = watched.columns[name]
            double = at in self._is_double
            values = self._doubles if double else self._values
            valid = self._valid[chosen, at]
            return Column("double" if double else "int", values[chosen, at], valid)
        return self._named(space, name, chosen)

    def _named(self, space: str, name: str, chosen: Rows) -> Column:
        transfers = self._rows[chosen, layout.OUT_ROW]
        if path_is(space, name, "transfer", "amount_minor"):
            return Column("int", self._batch.rows[transfers, layout.ROW_AMOUNT])
        if path_is(space, name, "account", "age_days"):
            first = self._rows[chosen, layout.OUT_FIRST_US]
            return Column("int", (self._batch.rows[transfers, layout.ROW_AT] - first) // DAY_US)
        side = self._rows[chosen, layout.OUT_SIDE]
        if name == "direction":
            codes = np.array([0, 1, -1], np.int32)[side]
            return Column("string", codes, None, ("out", "in"))
        if space == "transfer":
            codes = self._batch.codes[name][transfers]
            texts = self._batch.texts[name]
        else:
            paying, paid = self._batch.codes[f"from_{name}"], self._batch.codes[f"to_{name}"]
            codes = np.where(side == 0, paying[transfers], np.where(side == 1, paid[transfers], 0))
            texts = self._batch.texts[f"from_{name}"]
        return Column("string", (codes - 1).astype(np.int32), None, texts[1:])

    def account(self, row: int) -> int:
        """Number of the account of a row."""
        return int(self._rows[row, layout.OUT_ACCOUNT])

    def transfer(self, row: int) -> int:
        """Which transfer of the batch."""
        return int(self._rows[row, layout.OUT_ROW])

    def at_us(self, row: int) -> int:
        """Time of the transfer."""
        return int(self._batch.rows[self.transfer(row), layout.ROW_AT])

    def sequence(self, row: int) -> int:
        """Sequence of the transfer."""
        return int(self._batch.sequence[self.transfer(row)])

    def values(self, watched: Watched, row: int) -> dict[str, Any]:
        """What conditions and sentences of a typology may read, by dotted name."""
        one: Rows = np.array([row])
        names = [*(f"flow.{name}" for name in watched.columns), *NAMED]
        return {name: self._column(watched, name, one).values()[0] for name in names}

    def others(self, watched: Watched, row: int, most: int) -> list[int]:
        """Other accounts of the same transfer that take part in a motif as large as this one's."""
        found: list[int] = []
        transfer, at = self.transfer(row), row
        while at > 0 and self.transfer(at - 1) == transfer:
            at -= 1
        motifs = [m for m in watched.motifs if self._values[row, m] > 0]
        while (
            motifs and at < len(self._rows) and self.transfer(at) == transfer and len(found) < most
        ):
            if at != row and any(self._values[at, m] > 0 for m in motifs):
                found.append(self.account(at))
            at += 1
        return found


def path_is(space: str, name: str, wanted_space: str, wanted: str) -> bool:
    """Whether a path is this one."""
    return (space, name) == (wanted_space, wanted)


NAMED = (
    "transfer.amount_minor", "transfer.kind", "transfer.channel", "transfer.direction",
    "transfer.from_country", "transfer.to_country", "transfer.from_bank", "transfer.to_bank",
    "account.country", "account.bank", "account.age_days",
)  # fmt: skip
