"""The recorded decisions of one scope as back-test material.

Guards: reads the log up to one sequence and nothing later; payments are in log order with the
fields that live rules saw, opened for this run and never written to disk in the clear. Windows see
the observations of the log itself, so that a label, result or challenge counts from its receipt;
so do companions, which a draft may read though nothing read them live.
Lists are folded edit by edit; a list that only the draft has comes from the draft's files. A
label judges by the last word of the log (withdrawn: unknown).
Not done here: windows, rules (`window_pass.py`, `rule_pass.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from paywarden.core.errors import NotFound
from paywarden.core.outcome import Outcome
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.companions import Companions, Names
from paywarden.decision.entries import EventEntry, PaymentEntry
from paywarden.decision.history import History
from paywarden.decision.sealing import Sealer
from paywarden.decision.stored_fields import one
from paywarden.kit.journal.model import Entry
from paywarden.kit.journal.ports import Journal
from paywarden.lab.backtest.customers import customers_of, values_of
from paywarden.lab.backtest.log_lists import ListEdits
from paywarden.lab.backtest.material import Block, Material, Recorded
from paywarden.lab.labels import FRAUD, GENUINE, UNKNOWN
from paywarden.lab.tables import METADATA_FIELD, PaymentTable, table_of
from paywarden.risk.features.catalogue import FIELDS
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.lists.store import Digest
from paywarden.risk.rules.columns import column_of
from paywarden.risk.rules.filters import FilterSet

FRAME_ROWS = 16_384
_EXTRA = {"phone.canonical": pl.String, "shipping_address.key": pl.String}
_TYPES: dict[str, Any] = {
    "string": pl.String, "int": pl.Int64, "timestamp": pl.Int64, "double": pl.Float64,
    "bool": pl.Boolean,
}  # fmt: skip
_VERDICTS = {"fraud": FRAUD, "genuine": GENUINE}

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class LogSource:
    """The log of an installation. `name_of`: what people call the decision at a sequence."""

    journal: Journal
    history: History
    sealer: Sealer
    list_digest: Digest
    name_of: Callable[[Scope, int], str]


@dataclass(slots=True)
class _Rows:
    """What reading the log collects, payment by payment."""

    companions: Companions
    entries: list[tuple[int, PaymentEntry]] = field(default_factory=list)
    frames: list[pl.DataFrame] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    metadata: list[Any] = field(default_factory=list)
    erased: list[bool] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    marks: dict[int, int] = field(default_factory=dict)


def log_material(
    source: LogSource,
    scope: Scope,
    up_to_seq: int,
    base_currency: str,
    progress: Progress,
    reads: Names,
) -> tuple[Material, ListEdits]:
    """Payments decided at or before `up_to_seq`, and the list edits among them.

    `reads`: companions that a draft reads; they are made again from the log.
    Errors: NotFound where nothing was decided; Corrupt naming the sequence.
    """
    rows, edits = _Rows(Companions.fresh(reads)), ListEdits(scope, source.list_digest)
    start_us = 0
    for entry in source.journal.read(scope, 1, up_to_seq):
        if entry.seq > up_to_seq:
            break
        if entry.kind == entries.GENESIS:
            start_us = entries.decode(entry.kind, entry.body).history_start_us
        elif entry.kind == entries.LIST_EDIT:
            edits.add(entry.seq, entry.body)
        elif entry.kind == entries.PAYMENT:
            _take(rows, source, entry)
            if len(rows.entries) % FRAME_ROWS == 0:
                progress("reading", entry.seq, up_to_seq)
        elif entry.kind == entries.EVENT:
            body: EventEntry = entries.decode(entry.kind, entry.body)
            rows.companions.add(body.observation)
            _label(rows, body)
        elif entry.kind == entries.IMPORTED:
            rows.companions.add(entries.decode(entry.kind, entry.body).observation)
    if not rows.entries:
        raise NotFound("nothing_decided", "the log holds no decision of this environment")
    progress("reading", up_to_seq, up_to_seq)
    _frame(rows)
    return _material(source, scope, up_to_seq, start_us, base_currency, rows), edits


def _take(rows: _Rows, source: LogSource, entry: Entry) -> None:
    body: PaymentEntry = entries.decode(entry.kind, entry.body)
    fields, erased = source.sealer.open(entry.scope, entry.seq, body.clear, body.sealed)
    fields.update(rows.companions.fields(body.observation))
    rows.companions.add(body.observation)
    rows.places[body.observation.identity] = len(rows.entries)
    rows.entries.append((entry.seq, body))
    rows.metadata.append(fields.pop(METADATA_FIELD, None))
    rows.erased.append(bool(erased))
    rows.waiting.append(fields)
    if len(rows.waiting) >= FRAME_ROWS:
        _frame(rows)


def _frame(rows: _Rows) -> None:
    """Pack waiting fields, so that memory holds columns and not dictionaries."""
    if not rows.waiting:
        return
    used = sorted({path for fields in rows.waiting for path in fields})
    schema = {path: _EXTRA.get(path) or _TYPES[FIELDS[path].type] for path in used}
    rows.frames.append(pl.DataFrame(rows.waiting, schema=schema))
    rows.waiting = []


def _label(rows: _Rows, body: EventEntry) -> None:
    if body.kind != "label":
        return
    place = rows.places.get(body.observation.identity)
    if place is not None:
        rows.marks[place] = _VERDICTS.get(str(one(body.clear, "event.verdict")), UNKNOWN)


def _material(
    source: LogSource, scope: Scope, up_to_seq: int, start_us: int, base: str, rows: _Rows
) -> Material:
    count = len(rows.entries)
    time_us = np.array([body.observation.t_us for _, body in rows.entries], np.int64)
    sequences = np.array([seq for seq, _ in rows.entries], np.int64)
    frame = pl.concat(rows.frames, how="diagonal")
    table = table_of(frame, time_us, np.arange(count))
    if any(item is not None for item in rows.metadata):
        columns = {**table.columns, METADATA_FIELD: column_of(rows.metadata, "map")}
        table = PaymentTable(columns, time_us, table.rows)
    marks = np.full(count, UNKNOWN, np.int8)
    for place, mark in rows.marks.items():
        marks[place] = mark
    told = scope.text.encode() + source.journal.mark(up_to_seq)
    digest = hashlib.blake2b(told, digest_size=16, person=b"lab-log-name").hexdigest()
    amount, valued, currency = values_of(table, base)
    return Material(
        source=f"log of {scope.text} to {up_to_seq}",
        digest=digest,
        table=table,
        stream=LogStream(source.history, scope, up_to_seq, sequences, digest),
        marks=marks,
        ids=_Names(scope, sequences, source.name_of),
        amount_minor=amount,
        valued=valued,
        currency=currency,
        customer=customers_of(table),
        history_start_us=start_us,
        recorded=_recorded(rows, sequences),
        probability=_probability(rows),
    )


def _probability(rows: _Rows) -> npt.NDArray[np.float64] | None:
    opinions = [body.result.model for _, body in rows.entries]
    if not any(opinions):
        return None
    said = [one.probability if one is not None else None for one in opinions]
    return np.array([np.nan if p is None else p for p in said], np.float64)


def _outcome(body: PaymentEntry) -> int:
    return int(Outcome.BLOCK) if body.result.control_ppm else body.result.outcome


def _recorded(rows: _Rows, sequences: npt.NDArray[np.int64]) -> Recorded:
    bodies = [body for _, body in rows.entries]
    names = tuple(dict.fromkeys(body.ruleset for body in bodies))
    numbers = {name: number for number, name in enumerate(names)}
    forced = [-1 if body.forced is None else int(Outcome.parse(body.forced)) for body in bodies]
    return Recorded(
        rulesets=names,
        ruleset=np.array([numbers[body.ruleset] for body in bodies], np.int32),
        outcome=np.array([_outcome(body) for body in bodies], np.int8),
        points=np.array([body.result.points for body in bodies], np.int64),
        forced=np.array(forced, np.int8),
        skipped={place: body.skipped for place, body in enumerate(bodies) if body.skipped},
        fired=[body.result.fired for body in bodies],
        aggregates=[body.aggregates for body in bodies],
        sequences=sequences,
        erased=np.array(rows.erased, np.bool_),
        modelled=np.array([body.result.model is not None for body in bodies], np.bool_),
    )


class LogStream:
    """Observations of the log, sealed segments first; payments are the rows to read at."""

    def __init__(
        self,
        history: History,
        scope: Scope,
        up_to_seq: int,
        sequences: npt.NDArray[np.int64],
        digest: str,
    ) -> None:
        self._history = history
        self._scope = scope
        self._up_to_seq = up_to_seq
        self._sequences = sequences
        self.digest = digest

    def blocks(self, plan: WindowPlan, filters: FilterSet) -> Iterator[Block]:
        """Every observation, whatever the plan reads."""
        del plan, filters
        for chunk in self._history.columns(self._scope, 0, self._up_to_seq):
            yield chunk, np.isin(chunk.seq, self._sequences)


class _Names(Sequence[str]):
    """Identifiers of decisions, made when one is shown."""

    def __init__(
        self, scope: Scope, sequences: npt.NDArray[np.int64], name_of: Callable[[Scope, int], str]
    ) -> None:
        self._scope = scope
        self._sequences = sequences
        self._name_of = name_of

    def __getitem__(self, place: Any) -> Any:
        return self._name_of(self._scope, int(self._sequences[place]))

    def __len__(self) -> int:
        return len(self._sequences)


def list_files_of(files: Mapping[str, bytes], kinds: Mapping[str, str]) -> dict[str, bytes]:
    """Content of a policy's list files by name of the list."""
    found = {name: files.get(f"lists/{name}.csv") for name in kinds}
    return {name: content for name, content in found.items() if content is not None}
