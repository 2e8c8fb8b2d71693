"""Files of results and labels: chargebacks, notices, verdicts, by columns that a map names.

Guards: every row is ours or refused with its line: unknown words, missing names, texts beyond the
contract's bounds, card numbers. Without an id column an event has an id made of its content, so the
same report in two files, or the same file twice, counts once. A chargeback whose reason code
(`reference.dispute_reasons`) speaks of service, authorisation or processing becomes a `dispute`,
not a label, unless the file states a verdict of its own.
Shapes: n rows in order of time. Not done here: who is believed (`risk.labels`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from paywarden.core.errors import InvalidRequest
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.conversion import Place, refuse_where, texts
from paywarden.lab.event_map import ALLOWED, LABEL, NEEDED, RESULT, EventMap
from paywarden.lab.files import PaymentFile, open_file
from paywarden.lab.times import times
from paywarden.reference.dispute_reasons import dispute_kind
from paywarden.risk.rules.cel.checker import nearest
from paywarden.risk.rules.cel.errors import shown

KINDS = {RESULT: "payment_result", LABEL: "label"}
COLUMNS = (
    "id", "payment_id", "attempt", "event.kind", "event.status", "event.code", "event.verdict",
    "event.source", "event.reason",
)  # fmt: skip
FIELDS = COLUMNS[3:]
_LONGEST = {"payment_id": 128, "attempt": 128, "id": 128}
_WORD = 40


@dataclass(frozen=True, slots=True)
class EventRows:
    """Events in order of time. `frame`: COLUMNS as text; `time_us` [n]; `place(i)` names row i."""

    frame: pl.DataFrame
    time_us: npt.NDArray[np.int64]
    place: Callable[[int], str]

    def __len__(self) -> int:
        return len(self.time_us)

    def slice(self, start: int, stop: int) -> EventRows:
        """Rows start to stop."""
        return EventRows(
            self.frame.slice(start, stop - start),
            self.time_us[start:stop],
            lambda row: self.place(start + row),
        )


def no_events() -> EventRows:
    """No row at all."""
    frame = pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
    return EventRows(frame, np.zeros(0, np.int64), str)


def join(parts: list[EventRows], *, resort: bool = False) -> EventRows:
    """All rows in one order of time; rows of equal times stay in the order of the parts.

    `resort`: a part may be out of order.
    """
    held = [part for part in parts if len(part)]
    if not held:
        return no_events()
    if len(held) == 1 and not resort:
        return held[0]
    time_us = np.concatenate([part.time_us for part in held])
    order = np.argsort(time_us, kind="stable")
    starts = np.cumsum([0, *(len(part) for part in held)])

    def place(row: int) -> str:
        source = int(order[row])
        part = int(np.searchsorted(starts, source, side="right")) - 1
        return held[part].place(source - int(starts[part]))

    frame = pl.concat([part.frame for part in held])
    return EventRows(frame[pl.Series(order)], time_us[order], place)


def read_events(path: Path, mapping: EventMap, screen: CardScreen | None) -> EventRows:
    """The rows of one file. `screen` None: names are checked by whoever takes them in.

    Errors: InvalidRequest `unknown_column`, `field_*`, `event_word`, `time_*` with the row.
    """
    file = open_file(path, mapping.separator)
    reader = _Reader(mapping, file, screen)
    time_us = reader.time()
    frame = reader.frame(time_us)
    order = np.argsort(time_us, kind="stable")
    return EventRows(
        frame[pl.Series(order)], time_us[order], lambda row: file.place(int(order[row]))
    )


class _Reader:
    def __init__(self, mapping: EventMap, file: PaymentFile, screen: CardScreen | None) -> None:
        self._mapping, self._file, self._screen = mapping, file, screen
        names = [*mapping.columns.values(), mapping.time.column]
        for name in names:
            self._require(name)
        self._frame = file.read(list(dict.fromkeys(names)), None)
        if not self._frame.height:
            raise InvalidRequest("file_empty", "holds no rows", pointer=file.path.name)

    def time(self) -> npt.NDArray[np.int64]:
        time = self._mapping.time
        return times(self._frame[time.column], time.unit, self._place(time.column))

    def frame(self, time_us: npt.NDArray[np.int64]) -> pl.DataFrame:
        height = self._frame.height
        found = {field: self._field(field) for field in ALLOWED[self._mapping.section]}
        found["attempt"] = found["attempt"].fill_null("1")
        kind = pl.repeat(KINDS[self._mapping.section], height, eager=True)
        if self._mapping.section == LABEL:
            kind = self._judge(found, kind)
        empty = pl.Series([None] * height, dtype=pl.String)
        made = {"event.kind": kind} | {
            f"event.{name}": found.get(name, empty)
            for name in ("status", "code", "verdict", "source", "reason")
        }
        ids = _ids(found, made, time_us)
        return pl.DataFrame(
            [ids.alias("id"), found["payment_id"].alias("payment_id"),
             found["attempt"].alias("attempt"), *(s.alias(name) for name, s in made.items())]
        )  # fmt: skip

    def _field(self, field: str) -> pl.Series:
        mapping, height = self._mapping, self._frame.height
        column = mapping.columns.get(field)
        if column is None:
            word = mapping.constants.get(field)
            return pl.repeat(word, height, dtype=pl.String, eager=True)
        place = self._place(column)
        series = texts(self._frame[column], place).str.strip_chars()
        series = series.set(series == "", None)
        if field in mapping.words:
            words = mapping.words[field]
            series = series.replace(list(words), list(words.values()))
        allowed = ALLOWED[mapping.section][field]
        if allowed:
            detail = f"{field} has to be {', '.join(allowed)}; say so in words.{field}"
            refuse_where(~series.is_in(allowed), "event_word", detail, place)
        longest = _LONGEST.get(field, _WORD)
        wrong = series.str.len_chars() > longest
        refuse_where(wrong, "field_value", f"{field} has over {longest} characters", place)
        if field in NEEDED[mapping.section]:
            refuse_where(series.is_null(), "field_missing", f"{field} is missing", place)
        return self._screened(field, series, place)

    def _screened(self, field: str, series: pl.Series, place: Place) -> pl.Series:
        if self._screen is None:
            return series
        names = {"payment_id": "payment.id", "attempt": "payment.attempt", "id": "payment.id"}
        return self._screen.passed(names.get(field, f"event.{field}"), series, place)

    def _judge(self, found: dict[str, pl.Series], kind: pl.Series) -> pl.Series:
        """Verdicts where the file states none, from the reason; disputes that are no labels."""
        silent = found["verdict"].is_null()
        found["source"] = found["source"].fill_null("chargeback")
        pairs = pl.DataFrame([found["reason"].alias("r"), found["scheme"].alias("s")])
        distinct = pairs.unique()
        about = [
            dispute_kind(reason, scheme) if reason is not None else None
            for reason, scheme in distinct.iter_rows()
        ]
        known = distinct.with_columns(pl.Series("about", about, dtype=pl.String))
        joined = pairs.join(
            known, on=["r", "s"], how="left", nulls_equal=True, maintain_order="left"
        )["about"]
        notice = found["source"] != "chargeback"  # a notice of fraud, whatever its code is
        fraud = silent & ((joined == "fraud").fill_null(False) | notice)
        dispute = silent & ~notice & joined.is_in(["service", "authorisation", "processing"])
        lost = silent & ~fraud & ~dispute.fill_null(False)
        detail = "neither a verdict nor a reason code that is known; map words.verdict"
        place = self._place(self._mapping.columns.get("reason", ""))
        refuse_where(lost, "reason_unknown", detail, place)
        found["verdict"] = found["verdict"].set(fraud, "fraud")
        return kind.set(dispute.fill_null(False), "dispute")

    def _require(self, name: str) -> None:
        if name in self._file.columns:
            return
        near = nearest(name, list(self._file.columns))
        detail = f"there is no column `{shown(name)}`"
        detail += f"; did you mean `{near}`?" if near else ""
        raise InvalidRequest("unknown_column", detail, pointer=self._mapping.place())

    def _place(self, column: str) -> Place:
        return lambda row: self._file.place(row, column)


def _ids(
    found: dict[str, pl.Series], made: dict[str, pl.Series], time_us: npt.NDArray[np.int64]
) -> pl.Series:
    """The file's ids; content ids where it has none."""
    given = found["id"]
    if not given.null_count():
        return given
    parts = [found["payment_id"], found["attempt"], *made.values()]
    rows = zip(time_us.tolist(), *(series.to_list() for series in parts), strict=True)
    return given.zip_with(given.is_not_null(), pl.Series([content_id(row) for row in rows]))


def content_id(row: tuple[object, ...]) -> str:
    """An event id made of what the row says."""
    octets = "\x1f".join("" if part is None else str(part) for part in row).encode()
    return "imp_" + hashlib.blake2b(octets, digest_size=16, person=b"event-row").hexdigest()


def rows_of(events: EventRows) -> Iterator[tuple[str | None, ...]]:
    """Values of COLUMNS, row by row."""
    return events.frame.iter_rows()
