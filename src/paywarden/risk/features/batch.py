"""Input rows for the compiled store, one by one or from columns, and the columns that come out.

Guards: both ways to make a row give the same words, so online and batch cannot disagree.
Not done here: running them (`kernel.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.risk.features.aggregates.registry import OutputKind
from paywarden.risk.features.catalogue import OBSERVED
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.jit import Words
from paywarden.risk.features.observation import KEY_COUNT, Observation
from paywarden.risk.features.plain import KIND_FIELD, FeatureValue
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.features.program import (
    FLAG_LABEL,
    IN_FILTERS,
    IN_FLAGS,
    IN_KEYS,
    IN_S,
    IN_SEQ,
    IN_T,
    Program,
)


@dataclass(frozen=True, slots=True)
class FeatureColumns:
    """Aggregates at the rows that were wanted.

    `rows`: their positions in the input, [n]. `words`: int64 [n, aggregates]: the value, the bits
    of a double, or an index into `symbols`, by `kinds`. `valid`: bool [n, aggregates].
    """

    names: tuple[str, ...]
    kinds: tuple[OutputKind, ...]
    rows: npt.NDArray[np.int64]
    words: Words
    valid: npt.NDArray[np.bool_]
    symbols: tuple[str, ...]

    def column(self, index: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """Values of an aggregate (int64, float64, or int64 index into symbols) and where valid."""
        words = np.ascontiguousarray(self.words[:, index])
        values = words.view(np.float64) if self.kinds[index] == "double" else words
        return values, np.ascontiguousarray(self.valid[:, index])

    def row(self, position: int) -> list[FeatureValue]:
        """Values of one row, as `Windows.observe` gives them."""
        return [self._cell(index, position) for index in range(len(self.names))]

    def _cell(self, index: int, position: int) -> FeatureValue:
        if not self.valid[position, index]:
            return None
        word = self.words[position, index]
        if self.kinds[index] == "double":
            return float(word.view(np.float64))
        return self.symbols[int(word)] if self.kinds[index] == "string" else int(word)


class RowWriter:
    """Makes the words of input rows after the keys (see `program.py`)."""

    def __init__(self, program: Program, plan: WindowPlan, symbol: Callable[[str], int]) -> None:
        self._program = program
        self._filters = plan.filters
        self._symbol = symbol
        self._kept = [
            (field, OBSERVED[field].storage, position >> 6, 1 << (position & 63))
            for position, field in enumerate(program.fields)
        ]

    def row(self, observation: Observation) -> list[int]:
        """Filter words, field values, presence words of one observation."""
        words = [0] * self._program.filter_words
        for index, each in enumerate(self._filters):
            if each.test(observation):
                words[index >> 6] |= 1 << (index & 63)
        present = [0] * self._program.present_words
        values = observation.values
        for field, storage, at, bit in self._kept:
            value: Any = values[field]
            if value is None or (storage == "hash" and value == 0):
                words.append(0)
                continue
            present[at] |= bit
            words.append(self._symbol(value) if storage == "symbol" else int(value))
        return words + present

    def rows(self, columns: ObservationColumns) -> Words:
        """Whole input rows, int64 [n, row_words]."""
        program = self._program
        rows = np.zeros((len(columns), program.row_words), np.int64)
        rows[:, IN_SEQ], rows[:, IN_T], rows[:, IN_S] = columns.seq, columns.t_us, columns.s_us
        rows[:, IN_FLAGS] = np.where(self.is_label(columns), FLAG_LABEL, 0)
        rows[:, IN_KEYS : IN_KEYS + KEY_COUNT] = columns.keys.view(np.int64)
        bits = rows.view(np.uint64)
        for index, each in enumerate(self._filters):
            hits = each.columns(columns).astype(np.uint64)
            bits[:, IN_FILTERS + (index >> 6)] |= hits << np.uint64(index & 63)
        self._write_fields(columns, rows)
        return rows

    def is_label(self, columns: ObservationColumns) -> npt.NDArray[np.bool_]:
        """Where the observation is a label, shape [n]."""
        if "label" not in columns.symbols:
            return np.zeros(len(columns), np.bool_)
        return np.asarray(columns.values[KIND_FIELD] == columns.symbols.index("label"))

    def _write_fields(self, columns: ObservationColumns, rows: Words) -> None:
        first = self._program.fields_at
        bits = rows.view(np.uint64)
        for position, field in enumerate(self._program.fields):
            present = columns.present(field)
            column = columns.values[field]
            if OBSERVED[field].storage == "symbol":
                column = self._interned(column, columns.symbols)
            elif column.dtype == np.uint64:
                column = np.ascontiguousarray(column).view(np.int64)
            rows[:, first + position] = np.where(present, column, 0)
            at = first + len(self._program.fields) + (position >> 6)
            bits[:, at] |= present.astype(np.uint64) << np.uint64(position & 63)

    def _interned(
        self, column: npt.NDArray[Any], symbols: tuple[str, ...]
    ) -> npt.NDArray[np.int64]:
        """The store's numbers of the texts that a column uses."""
        mapping = np.zeros(len(symbols) + 1, np.int64)
        for used in np.unique(column[column >= 0]).tolist():
            mapping[used] = self._symbol(symbols[used])
        return np.asarray(mapping[column])
