"""A file's payments and label reports as observations, block by block, in one order of time.

Guards: the rows that windows see are those that `observe_fields`, `inherit` and the clock for files
make of each payment: time is taken as it is, keys and names are keyed digests (made once per
distinct text), a label stands after every payment of its instant and carries the keys and fields of
its payment. Sequences are dense from 1. Shapes: n payments and m labels.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from paywarden.lab.labels import FRAUD
from paywarden.lab.tables import PaymentTable
from paywarden.risk.features.catalogue import (
    EVENT_FIELDS,
    KEY_KINDS,
    OBSERVED,
    OBSERVED_INDEX,
)
from paywarden.risk.features.columns import (
    DTYPES,
    Column,
    ObservationColumns,
    from_observations,
)
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.observing import KEY_PATHS
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.rules.filter_columns import filter_columns
from paywarden.risk.rules.filters import FilterSet
from paywarden.risk.rules.program import paths_of_atom

Ints = npt.NDArray[np.int64]
_KIND_OF_PATH = {path: kind for kind, path in KEY_PATHS.items()}
_WORDS = ("payment", "label", "fraud", "genuine")


class Observations:
    """Makes the observations of payments start to stop, with the labels that fall among them."""

    def __init__(
        self,
        table: PaymentTable,
        plan: WindowPlan,
        digester: Digester,
        reports: tuple[Ints, Ints, npt.NDArray[np.int8]],
        source: str,
        made: dict[str, npt.NDArray[np.uint64]] | None = None,
    ) -> None:
        """`reports`: payment (position in the table), instant and mark of each label, by instant.

        Digests are made of what the plan reads: its key kinds and the fields that it counts;
        `made` keeps them by kind for other plans over the same table.
        """
        self._made = {} if made is None else made
        self._table = table
        self._source = source
        self._symbols = _Symbols((*_WORDS, source))
        payment, when, mark = reports
        time_us = table.time_us
        self._places = np.arange(len(table)) + np.searchsorted(when, time_us, side="left")
        known = when <= time_us[-1] if len(table) else np.zeros(0, np.bool_)
        total = int(self._places[-1]) + 1 if len(table) else 0
        places = np.arange(len(when)) + np.searchsorted(time_us, when, side="right")
        known &= places < total
        self._of = np.empty(total, np.int64)
        self._of[self._places] = np.arange(len(table))
        self._of[places[known]] = payment[known]
        self._when = time_us[self._of]
        self._when[places[known]] = when[known]
        self._mark = np.full(total, -1, np.int8)
        self._mark[places[known]] = mark[known]
        self._used = _used_hashes(plan)
        self._keys = _used_keys(plan)
        self._digests = self._tables(digester)
        self._moved = self._symbol_tables()

    def __len__(self) -> int:
        return len(self._of)

    def block(self, start: int, stop: int) -> tuple[ObservationColumns, npt.NDArray[np.bool_]]:
        """Observations from payment `start` up to payment `stop`, and which are payments."""
        first = int(self._places[start - 1]) + 1 if start else 0
        last = int(self._places[stop - 1]) + 1
        of = self._of[first:last]
        marks = self._mark[first:last]
        payments = marks < 0
        when = self._when[first:last]
        values, valid = self._values(of, marks)
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
        self, of: Ints, marks: npt.NDArray[np.int8]
    ) -> tuple[tuple[Column, ...], tuple[npt.NDArray[np.bool_] | None, ...]]:
        values: list[Column] = []
        valid: list[npt.NDArray[np.bool_] | None] = []
        for field in OBSERVED:
            if field.path in EVENT_FIELDS:
                values.append(self._own(field.path, marks))
                valid.append(None)
                continue
            data, known = self._carried(field.path, field.storage or "", of)
            values.append(data)
            valid.append(known)
        return tuple(values), tuple(valid)

    def _own(self, path: str, marks: npt.NDArray[np.int8]) -> Column:
        """The event's own words: only kind, verdict and source are ever there."""
        code = self._symbols.code
        if path == "event.kind":
            return np.where(marks < 0, code("payment"), code("label")).astype(np.int32)
        if path == "event.verdict":
            words = np.where(marks == FRAUD, code("fraud"), code("genuine"))
            return np.where(marks < 0, -1, words).astype(np.int32)
        if path == "event.source":
            return np.where(marks < 0, -1, code(self._source)).astype(np.int32)
        return np.full(len(marks), -1, np.int32)

    def _carried(
        self, path: str, storage: str, of: Ints
    ) -> tuple[Column, npt.NDArray[np.bool_] | None]:
        """A field of the payment itself, or of the payment that a label speaks of."""
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


def countable(mark: int, source: str, filters: FilterSet, plan: WindowPlan) -> bool:
    """Whether any window of the plan could count a label of this mark, whatever its payment.

    Labels that no window can count need not be fed at all.
    """
    if any(one.where < 0 for one in plan.aggregates):
        return True
    return any(possible_filters(filters, mark, source))


def possible_filters(filters: FilterSet, mark: int | None, source: str) -> list[bool]:
    """Per filter of the set, whether it could count a payment (None) or a label of this mark.

    Atoms over the event's own words are asked; all others are taken as possible.
    """
    own = _lone_event({"event.kind": "payment"} if mark is None else _label_words(mark, source))
    graph = filters.graph
    possible: list[bool] = []
    for number, (kind, *content) in enumerate(graph.nodes):
        if kind == "lit":
            known = all(path in EVENT_FIELDS for path in paths_of_atom(graph.atoms[content[0]]))
            possible.append(not known or bool(filter_columns(graph, number, own)[0]))
        else:
            held = [possible[child] for child in content[0]]
            possible.append(all(held) if kind == "and" else any(held))
    return [possible[root] for root in filters.roots]


def _label_words(mark: int, source: str) -> dict[str, str]:
    verdict = "fraud" if mark == FRAUD else "genuine"
    return {"event.kind": "label", "event.verdict": verdict, "event.source": source}


def _lone_event(own: Mapping[str, str]) -> ObservationColumns:
    values = tuple(0 if f.storage == "hash" else own.get(f.path) for f in OBSERVED)
    return from_observations([Observation(1, 0, 0, (0,) * len(KEY_KINDS), values)])


class _Symbols:
    """One table of texts for all symbol fields."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._codes: dict[str, int] = {}
        for text in texts:
            self.add(text)

    def add(self, text: str) -> int:
        return self._codes.setdefault(text, len(self._codes))

    def code(self, text: str) -> int:
        return self._codes[text]

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
