"""Events in order of time as the observations that windows see, block by block.

Guards: the rows that windows see are those that `observe_fields`, `inherit` and the clock for files
make: time is taken as it is, keys and names are keyed digests (made once per distinct text), and
what speaks of a payment carries the payment's keys and fields. Sequences are dense from 1.
Not done here: which events there are (`observations` for files with labels).
Shapes: n rows of the table, m events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.lab.tables import PaymentTable
from paywarden.risk.features.catalogue import (
    EVENT_FIELDS,
    KEY_KINDS,
    OBSERVED,
    OBSERVED_INDEX,
)
from paywarden.risk.features.columns import DTYPES, Column, ObservationColumns
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.observing import KEY_PATHS
from paywarden.risk.features.plan import WindowPlan

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
_KIND_OF_PATH = {path: kind for kind, path in KEY_PATHS.items()}


@dataclass(frozen=True, slots=True)
class EventOrder:
    """Events in order of time.

    `of` [m]: row of the table whose keys and fields the event carries. `when_us` [m]. `payment`
    [m]: the event is that payment itself. `own`: the event's own words by path (`event.kind`, ...),
    each codes [m] into a tuple of texts, -1 for none.
    """

    of: Ints
    when_us: Ints
    payment: npt.NDArray[np.bool_]
    own: Mapping[str, tuple[Codes, tuple[str, ...]]]


MadeDigests = dict[str, npt.NDArray[np.uint64]]


class EventObservations:
    """Makes the observations of payments start to stop, with the events that fall among them."""

    def __init__(
        self,
        table: PaymentTable,
        plan: WindowPlan,
        digester: Digester,
        order: EventOrder,
        made: MadeDigests | None = None,
        kinds: frozenset[str] = frozenset(),
    ) -> None:
        """Digests are made of what the plan reads: its key kinds and the fields that it counts.

        `kinds`: key kinds that something else reads as well.
        `made` keeps them by kind for other plans over the same table.
        """
        self._made: MadeDigests = {} if made is None else made
        self._table = table
        self._symbols = _Symbols(())
        self._of, self._when, self._payment = order.of, order.when_us, order.payment
        self._places = np.flatnonzero(order.payment)
        self._words = {path: self._moved_words(*words) for path, words in order.own.items()}
        self._used = _used_hashes(plan)
        self._keys = _used_keys(plan) | kinds
        self._digests = self._tables(digester)
        self._moved = self._symbol_tables()

    def __len__(self) -> int:
        return len(self._of)

    def block(self, start: int, stop: int) -> tuple[ObservationColumns, npt.NDArray[np.bool_]]:
        """Observations from payment `start` up to payment `stop`, and which are payments."""
        first = int(self._places[start - 1]) + 1 if start else 0
        last = int(self._places[stop - 1]) + 1
        of = self._of[first:last]
        payments = self._payment[first:last]
        when = self._when[first:last]
        values, valid = self._values(of, first, last)
        columns = ObservationColumns(
            np.arange(first + 1, last + 1),
            when,
            when,
            np.zeros(len(of), np.uint64),
            np.zeros(len(of), np.int64),
            self._key_columns(of),
            values,
            valid,
            self._symbols.texts,
        )
        return columns, payments

    # --- values ----------------------------------------------------------------------------

    def _key_columns(self, of: Ints) -> npt.NDArray[np.uint64]:
        keys = np.zeros((len(of), len(KEY_KINDS)), np.uint64)
        for position, kind in enumerate(KEY_KINDS):
            table = self._digests.get(kind)
            if table is not None and kind in self._keys:
                keys[:, position] = table[self._table.columns[KEY_PATHS[kind]].data[of]]
        return keys

    def _values(
        self, of: Ints, first: int, last: int
    ) -> tuple[tuple[Column, ...], tuple[npt.NDArray[np.bool_] | None, ...]]:
        values: list[Column] = []
        valid: list[npt.NDArray[np.bool_] | None] = []
        for field in OBSERVED:
            if field.path in EVENT_FIELDS:
                values.append(self._own(field.path, first, last))
                valid.append(None)
                continue
            data, known = self._carried(field.path, field.storage or "", of)
            values.append(data)
            valid.append(known)
        return tuple(values), tuple(valid)

    def _own(self, path: str, first: int, last: int) -> Column:
        """The events' own words of one path; absent where the order names none."""
        words = self._words.get(path)
        return np.full(last - first, -1, np.int32) if words is None else words[first:last]

    def _moved_words(self, codes: Codes, texts: tuple[str, ...]) -> Codes:
        table = np.array([*(self._symbols.add(text) for text in texts), -1], np.int32)
        return table[codes]

    def _carried(
        self, path: str, storage: str, of: Ints
    ) -> tuple[Column, npt.NDArray[np.bool_] | None]:
        """A field of the payment itself, or of the payment that an event speaks of."""
        column = self._table.columns.get(path)
        if storage == "hash":
            table = self._digests.get(_KIND_OF_PATH.get(path, path))
            if column is None or table is None or path not in self._used:
                return np.zeros(len(of), np.uint64), None
            return table[column.data[of]], None
        if storage == "symbol":
            if column is None:
                return np.full(len(of), -1, np.int32), None
            return self._moved[path][column.data[of]], None
        if column is None:
            kind = DTYPES["bool" if storage == "bool" else "int"]
            return np.zeros(len(of), kind), np.zeros(len(of), np.bool_)
        known = np.ones(len(of), np.bool_) if column.valid is None else column.valid[of]
        return np.where(known, column.data[of], 0).astype(column.data.dtype), known

    # --- tables per distinct text ----------------------------------------------------------

    def _tables(self, digester: Digester) -> Mapping[str, npt.NDArray[np.uint64]]:
        """Digest by code, per kind; the last entry is 0, for absent."""
        wanted = {kind: KEY_PATHS[kind] for kind in self._keys}
        wanted.update({_KIND_OF_PATH.get(path, path): path for path in self._used})
        found: dict[str, npt.NDArray[np.uint64]] = {}
        for kind, path in wanted.items():
            column = self._table.columns.get(path)
            if column is None:
                continue
            if kind not in self._made:
                digests = [digester.digest(kind, text) for text in column.dictionary]
                self._made[kind] = np.array([*digests, 0], np.uint64)
            found[kind] = self._made[kind]
        return found

    def _symbol_tables(self) -> Mapping[str, npt.NDArray[np.int32]]:
        """Code in the table of all symbols, by code in the column; the last is -1, for absent."""
        found: dict[str, npt.NDArray[np.int32]] = {}
        for field in OBSERVED:
            column = self._table.columns.get(field.path)
            if column is not None and field.storage == "symbol":
                codes = [self._symbols.add(text) for text in column.dictionary]
                found[field.path] = np.array([*codes, -1], np.int32)
        return found


class _Symbols:
    """One table of texts for all symbol fields."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._codes: dict[str, int] = {}
        for text in texts:
            self.add(text)

    def add(self, text: str) -> int:
        return self._codes.setdefault(text, len(self._codes))

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(self._codes)


def _used_keys(plan: WindowPlan) -> frozenset[str]:
    return frozenset(KEY_KINDS[kind] for one in plan.aggregates for kind in one.kinds)


def _used_hashes(plan: WindowPlan) -> frozenset[str]:
    places = {one.of for one in plan.aggregates if one.of >= 0}
    return frozenset(
        path
        for path, place in OBSERVED_INDEX.items()
        if place in places and OBSERVED[place].storage == "hash"
    )
