"""A customer's history as files: payments, results and labels merged into one order of time.

Guards: everything is read and checked before the first row is written (`check`), so that a bad row
in the last file stops nothing half way; rows from the future are refused. Within a file rows may
stand in any order; files of payments must follow each other in time, because only one of them is in
memory at once (one file a month is a good size). Equal times: payments, results, labels, each in
the order of its file; an event that two clocks put before its payment (of the same file) comes at
the payment's instant. The order is the same at every run, so a row has one number for ever: what
was written can be passed over. A payment that stands twice in a file counts once.
Not done here: writing rows (`decision.importing`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from paywarden.core.errors import InvalidRequest
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.event_files import EventRows, content_id, join, read_events
from paywarden.lab.event_map import LABEL, RESULT, read_event_map
from paywarden.lab.files import PaymentFile, open_file
from paywarden.lab.labels import FRAUD, reported
from paywarden.lab.mapping import METADATA, Mapping
from paywarden.lab.mapping_file import read_mapping
from paywarden.lab.sources import Given, read_given

MAX_FILES = 1_000
PAYMENT, EVENT = 0, 1
_STEP = 1 << 22
Values = tuple[Any, ...]
Row = tuple[int, int, int, Values, int]
"""(number, PAYMENT or EVENT, time_us, values, row of its block)."""


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """Files of one import; `now_us`: rows after it are refused."""

    payments: tuple[Path, ...]
    mapping: Path
    now_us: int
    results: tuple[Path, ...] = ()
    labels: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """What lies in the files. `digest` names their content, the mapping's included."""

    payments: int
    events: int
    first_us: int
    last_us: int
    digest: bytes
    files: tuple[tuple[str, str], ...]
    first_place: str


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of history in order: numbers from `first` on.

    `paths`: fields of payment rows, in order of their values; `place(kind, row)` names a row.
    """

    first: int
    paths: tuple[str, ...]
    payments: pl.DataFrame
    events: EventRows
    kinds: npt.NDArray[np.int8]
    times: npt.NDArray[np.int64]
    place: Callable[[int, int], str]

    def __len__(self) -> int:
        return len(self.kinds)

    def rows(self, start: int) -> Iterator[Row]:
        """Rows whose number is `start` or more."""
        skip = max(0, start - self.first)
        before = self.kinds[:skip]
        at = [int((before == PAYMENT).sum()), int((before == EVENT).sum())]
        frames = (self.payments, self.events.frame)
        sources = [frames[kind].slice(at[kind]).iter_rows() for kind in (PAYMENT, EVENT)]
        kinds, times = self.kinds[skip:].tolist(), self.times[skip:].tolist()
        for number, (kind, time_us) in enumerate(zip(kinds, times, strict=True), self.first + skip):
            yield number, kind, time_us, next(sources[kind]), at[kind]
            at[kind] += 1


@dataclass(slots=True)
class HistoryFiles:
    """Reads the files of a request; `screen` hashes or refuses what looks like a card number."""

    request: HistoryRequest
    screen: CardScreen
    mapping: Mapping = field(init=False)
    not_yet: int = field(init=False, default=0)
    """Labels of a payments file that were not known at `now_us`; set when blocks end."""
    _last: tuple[Path, tuple[PaymentFile, Given]] | None = field(init=False, default=None)
    _starts: list[int] = field(init=False, default_factory=list)
    _pool: EventRows = field(init=False)

    def __post_init__(self) -> None:
        request = self.request
        if len(request.payments) + len(request.results) + len(request.labels) > MAX_FILES:
            raise InvalidRequest("too_many_files", f"an import has at most {MAX_FILES} files")
        self.mapping = read_mapping(request.mapping)
        label = self.mapping.label
        if label is not None and label.delay_us is None:
            raise InvalidRequest(
                "label_time_unknown",
                "say with `delay` when labels were known, or give a --labels file with times",
                pointer=self.mapping.place("label"),
            )

    def check(self, told: Callable[[str], None]) -> Checked:
        """Read everything once. Errors: InvalidRequest with file and row."""
        payments, first_us, last_us, first_place = 0, 0, -(2**62), ""
        for path in self.request.payments:
            told(f"checking {path.name}")
            file, given = self._given(path)
            low, high = int(given.time_us.min()), int(given.time_us.max())
            if low < last_us:
                row = int(given.time_us.argmin())
                detail = "the row lies before the end of the file before it; name files in order"
                raise InvalidRequest("files_out_of_order", detail, pointer=file.place(row))
            self._not_future(given.time_us, file.place)
            if not payments:
                first_us, first_place = low, file.place(int(given.time_us.argmin()))
            payments += _distinct(given)
            self._starts.append(low)
            last_us = high
        events = self._pool = self._events(told)
        self._not_future(events.time_us, events.place)
        if len(events) and int(events.time_us[0]) < first_us:
            first_us, first_place = int(events.time_us[0]), events.place(0)
        files = tuple((path.name, _sha256(path)) for path in self._every())
        return Checked(
            payments, len(events), first_us, last_us, self._digest(files), files, first_place
        )

    def blocks(self, start: int, told: Callable[[str], None]) -> Iterator[Block]:
        """Blocks that hold rows from number `start` on; call `check` first."""
        pool, number = self._pool, 0
        for position, path in enumerate(self.request.payments):
            told(f"reading {path.name}")
            file, given = self._given(path)
            pool = join([pool, self._own_labels(file, given)])
            last = position + 1 == len(self.request.payments)
            # Everything before the next file's first payment, or all that was known by now.
            end_us = self.request.now_us + 1 if last else self._starts[position + 1]
            cut = int(np.searchsorted(pool.time_us, end_us, side="left"))
            events = _not_before(pool.slice(0, cut), given)
            block = _block(number, file, given, events)
            pool = pool.slice(cut, len(pool))
            number += len(block)
            if number > start:
                yield block
        self.not_yet = len(pool)

    def _every(self) -> tuple[Path, ...]:
        request = self.request
        return (*request.payments, *request.results, *request.labels, request.mapping)

    def _given(self, path: Path) -> tuple[PaymentFile, Given]:
        if self._last is not None and self._last[0] == path:
            return self._last[1]
        self._last = None
        file = open_file(path, self.mapping.separator)
        found = file, read_given(self.mapping, file, None, self.screen)
        self._last = path, found
        return found

    def _events(self, told: Callable[[str], None]) -> EventRows:
        parts = []
        for section, paths in ((RESULT, self.request.results), (LABEL, self.request.labels)):
            mapping = read_event_map(self.request.mapping, section) if paths else None
            for path in paths:
                told(f"reading {path.name}")
                assert mapping is not None
                parts.append(read_events(path, mapping, self.screen))
        return join(parts)

    def _own_labels(self, file: PaymentFile, given: Given) -> EventRows:
        """Labels that stand in the payments file itself, known `delay` after their payment."""
        label = self.mapping.label
        if label is None:
            return join([])
        assert label.delay_us is not None
        rows = reported(given.labels, given.fields["payment.id"], label.reported_share)
        if given.repeats is not None:
            rows = rows[given.repeats[rows] == rows]
        time_us = given.time_us[rows] + label.delay_us
        order = np.argsort(time_us, kind="stable")
        rows, time_us = rows[order], time_us[order]
        chosen = given.fields.select("payment.id", "payment.attempt")[pl.Series(rows)]
        ids = [content_id(("label", *names)) for names in chosen.iter_rows()]
        verdicts = np.where(given.labels[rows] == FRAUD, "fraud", "genuine").tolist()
        frame = chosen.select(
            pl.Series(ids, dtype=pl.String).alias("id"),
            pl.col("payment.id").alias("payment_id"),
            pl.col("payment.attempt").alias("attempt"),
            pl.lit("label").alias("event.kind"),
            pl.lit(None, pl.String).alias("event.status"),
            pl.lit(None, pl.String).alias("event.code"),
            pl.Series(verdicts, dtype=pl.String).alias("event.verdict"),
            pl.lit(label.source).alias("event.source"),
            pl.lit(None, pl.String).alias("event.reason"),
        )  # fmt: skip
        return EventRows(frame, time_us, lambda row: file.place(int(rows[row])))

    def _not_future(self, time_us: npt.NDArray[np.int64], place: Callable[[int], str]) -> None:
        late = np.flatnonzero(time_us > self.request.now_us)
        if len(late):
            detail = "the row lies in the future; is the unit of the time right?"
            raise InvalidRequest("import_future", detail, pointer=place(int(late[0])))

    def _digest(self, files: Sequence[tuple[str, str]]) -> bytes:
        counts = (len(self.request.payments), len(self.request.results), len(self.request.labels))
        text = repr((counts, [digest for _name, digest in files]))
        return hashlib.blake2b(text.encode(), digest_size=16, person=b"history").digest()


def _not_before(events: EventRows, given: Given) -> EventRows:
    """Events that two clocks put before their payment come at its instant."""
    names = given.fields.select(
        pl.col("payment.id").alias("payment_id"),
        pl.col("payment.attempt").alias("attempt"),
        pl.Series("=t", given.time_us),
    ).unique(["payment_id", "attempt"], keep="first", maintain_order=True)
    paid = events.frame.select("payment_id", "attempt").join(
        names, on=["payment_id", "attempt"], how="left", maintain_order="left"
    )["=t"]
    early = (paid > pl.Series(events.time_us)).fill_null(False).to_numpy()
    if not early.any():
        return events
    time_us = np.where(early, paid.fill_null(0).to_numpy(), events.time_us)
    return join([EventRows(events.frame, time_us, events.place)], resort=True)


def _block(first: int, file: PaymentFile, given: Given, events: EventRows) -> Block:
    rows = np.arange(len(given.time_us))
    if given.repeats is not None:
        rows = rows[given.repeats == rows]
    rows = rows[np.argsort(given.time_us[rows], kind="stable")]
    paths = tuple(sorted(given.fields.columns))
    frame = given.fields.select(paths)[pl.Series(rows)]
    times = np.concatenate([given.time_us[rows], events.time_us])
    kinds = np.concatenate([np.zeros(len(rows), np.int8), np.ones(len(events), np.int8)])
    order = np.argsort(times, kind="stable")

    def place(kind: int, row: int) -> str:
        return file.place(int(rows[row])) if kind == PAYMENT else events.place(row)

    return Block(first, paths, frame, events, kinds[order], times[order], place)


def fields_of(paths: tuple[str, ...], values: Values) -> dict[str, Any]:
    """The fields of a payment row, absent ones left out, metadata in its own place."""
    found = {path: value for path, value in zip(paths, values, strict=True) if value is not None}
    names = _metadata_among(paths)
    if names:
        metadata = {path.removeprefix(METADATA): found.pop(path) for path in names if path in found}
        if metadata:
            found["payment.metadata"] = metadata
    return found


@lru_cache(maxsize=8)
def _metadata_among(paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(path for path in paths if path.startswith(METADATA))


def _distinct(given: Given) -> int:
    if given.repeats is None:
        return len(given.time_us)
    return int((given.repeats == np.arange(len(given.repeats))).sum())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as opened:
        while octets := opened.read(_STEP):
            digest.update(octets)
    return digest.hexdigest()
