"""The window store of one scope: exact sliding windows in compiled code.

Guards: `observe` adds and reads in one step, so the second payment of a burst sees the first; the
values equal those of `PlainWindows` bit for bit; batch replay runs the same machine code. One
writer at a time: the state owner of the scope calls it, nobody else.
State is a function of the sequence of observations and calls, nothing else. Memory grows in place
(a private anonymous mapping) and expired events are given back to it, not to the system.
Not done here: order of the log (`paywarden.kit.journal`), making observations.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest, LimitExceeded, Unavailable
from paywarden.risk.features import heap, kernel
from paywarden.risk.features.batch import FeatureColumns, RowWriter
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.jit import Words
from paywarden.risk.features.label_keys import Keys, LabelKeys, Seqs
from paywarden.risk.features.observation import KEY_COUNT, Observation
from paywarden.risk.features.pages import D_SUMMARY, PAGE
from paywarden.risk.features.plain import KIND_FIELD, FeatureValue, check_order
from paywarden.risk.features.plan import PartialClock, WindowPlan
from paywarden.risk.features.program import (
    ENTRY,
    EVENT_WORDS,
    FLAG_LABEL,
    ROW,
    SLOTS,
    SUMMARY,
    compile_program,
)
from paywarden.risk.features.texts import Texts

WORDS_LIMIT = 2**32
_FIRST_WORDS = 1 << 18
_NO_SEQ = 0
SEQ_LIMIT = 2**39
_MAP = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)


@dataclass(frozen=True, slots=True)
class Resumption:
    """What a store knows beside its memory: last sequence and clock, texts by number, labels."""

    seq: int
    clock_us: int | None
    texts: tuple[str, ...]
    label_seqs: Seqs
    label_keys: Keys


class Windows:
    """Windows of one scope (rules: `plain.py`). Times in microseconds, memory in 8-byte words."""

    def __init__(self, plan: WindowPlan, history_start_us: int) -> None:
        self.plan = plan
        self._program = compile_program(plan)
        self._partial = PartialClock(plan, history_start_us)
        self._texts = Texts()
        self._labels = LabelKeys()
        self._clock_us: int | None = None
        self._seq = 0
        self._writer = RowWriter(self._program, plan, self._texts.number)
        self._open()
        self._buffer = bytearray(8 * self._program.row_words)
        self._row: Words = np.frombuffer(self._buffer, np.int64).reshape(1, -1)
        self._one: Words = np.zeros(1, np.int64)
        self._none: Words = np.full(1, -1, np.int64)
        self._out: Words = np.zeros((1, max(1, len(plan.names))), np.int64)
        self._doubles = self._out.view(np.float64)
        self._valid: Any = np.zeros(self._out.shape, np.uint8)
        self._double = [i for i, kind in enumerate(plan.kinds) if kind == "double"]
        self._textual = [i for i, kind in enumerate(plan.kinds) if kind not in ("int", "double")]

    def observe(self, observation: Observation) -> list[FeatureValue]:
        """Add the observation and read at its t; values in the order of `plan.names`."""
        self._take(observation, self._one)
        return self._values()

    def add(self, observation: Observation) -> None:
        """Add without reading. Raises InvalidRequest when the order of the log is broken."""
        self._take(observation, self._none)

    def read(self, keys: Sequence[int], t_us: int, excluding_seq: int = 0) -> list[FeatureValue]:
        """Values at max(t, clock) for these keys; counts nothing."""
        if len(keys) != KEY_COUNT:
            raise InvalidRequest("observation_shape", "a read needs one word per key kind")
        t_us = t_us if self._clock_us is None else max(t_us, self._clock_us)
        self._pack([_NO_SEQ, t_us, t_us, 0, *keys])
        kernel.look(
            self._mem, self._program.table, self._row, self._out, self._valid, excluding_seq
        )
        return self._values()

    def start_history(self, history_start_us: int) -> None:
        """Let the log be complete from another instant on (an import of history, or its end)."""
        self._partial = PartialClock(self.plan, history_start_us)

    def partial(self, t_us: int) -> frozenset[int]:
        """Indexes of aggregates whose window reaches before the start of the log."""
        return self._partial.at(t_us)

    def observe_columns(
        self, columns: ObservationColumns, want_rows: npt.NDArray[np.bool_]
    ) -> FeatureColumns:
        """Add all rows in order and read at those that are wanted, shape [len(columns)]."""
        self._check_columns(columns, want_rows)
        rows = self._writer.rows(columns)
        wanted = np.flatnonzero(want_rows)
        places = np.full(len(columns), -1, np.int64)
        places[wanted] = np.arange(len(wanted))
        count = max(1, len(self.plan.names))
        out = np.zeros((len(wanted), count), np.int64)
        valid = np.zeros(out.shape, np.uint8)
        labels = self._writer.is_label(columns)
        start = 0
        for mark in np.flatnonzero(columns.retracts != 0).tolist():
            self._run(rows, places, out, valid, start, mark)
            self._remember_labels(columns, labels, start, mark)
            self._retract(int(columns.retracts[mark]))
            start = mark
        self._run(rows, places, out, valid, start, len(columns))
        self._remember_labels(columns, labels, start, len(columns))
        if len(columns):
            self._seq, self._clock_us = int(columns.seq[-1]), int(columns.t_us[-1])
        return FeatureColumns(
            self.plan.names, self.plan.kinds, wanted, out, valid.view(np.bool_), self._texts.all
        )

    def _remember_labels(
        self, columns: ObservationColumns, labels: npt.NDArray[np.bool_], start: int, stop: int
    ) -> None:
        chosen = start + np.flatnonzero(labels[start:stop])
        self._labels.extend(columns.seq[chosen], columns.keys[chosen])

    def image(self) -> tuple[Words, Resumption]:
        """All memory in use (a view, valid until the next call of anything) and the rest."""
        labels = self._labels.arrays()
        rest = Resumption(self._seq, self._clock_us, self._texts.all, *labels)
        return self._mem[: int(self._mem[heap.TOP])], rest

    def blank(self, words: int) -> Words:
        """Memory of so many words to write an image into; drop the view, then `resume`."""
        self._resize(words + words // 4)
        return self._mem[:words]

    def resume(self, rest: Resumption) -> None:
        """Go on from an image of a store with the same plan, whose memory `blank` received."""
        self._seq, self._clock_us = rest.seq, rest.clock_us
        self._texts.extend(rest.texts)
        self._labels.extend(rest.label_seqs, rest.label_keys)

    def memory(self) -> dict[str, int]:
        """Bytes (in use, taken, reserved) and numbers of events, keys and pairs held."""
        return {
            "bytes_used": int(self._mem[heap.USED]) * 8,
            "bytes_taken": int(self._mem[heap.TOP]) * 8,
            "bytes_reserved": int(self._mem.size) * 8,
            "events": int(self._mem[heap.EVENTS]),
            "keys": int(self._mem[heap.KEYS]),
            "pairs": int(self._mem[heap.PAIRS]),
            "labels": len(self._labels),
            "symbols": len(self._texts),
        }

    def _open(self) -> None:
        table = self._program.table
        words = max(_FIRST_WORDS, 2 * self._program.head_words)
        self._map = mmap.mmap(-1, words * 8, flags=_MAP)
        self._mem: Words = np.frombuffer(self._map, np.int64)
        self._mem[heap.TOP] = self._program.head_words
        self._mem[heap.LARGEST_TABLE] = 64
        slots = range(1, int(table[0, SLOTS]) + 1)
        directory = max(
            (PAGE * (D_SUMMARY + table[s, SUMMARY]) + table[s, SUMMARY] for s in slots), default=0
        )
        block = max((PAGE * table[s, ENTRY] + table[s, ROW] for s in slots), default=0)
        self._mem[heap.LARGEST_BLOCK] = max(directory, block, table[0, EVENT_WORDS])

    def _grow(self) -> None:
        needed = int(self._mem[heap.TOP]) + kernel.reserve_words(self._mem, self._program.table)
        if needed > WORDS_LIMIT:
            raise LimitExceeded("window_memory", "a scope's windows hold at most 32 GiB")
        self._resize(max(needed + needed // 4, int(self._mem.size) * 3 // 2))

    def _resize(self, words: int) -> None:
        words = max(words, int(self._mem.size))
        self._mem = self._one
        try:
            self._map.resize(min(words, WORDS_LIMIT) * 8)
        except (OSError, SystemError) as error:
            raise Unavailable("window_memory", "the system gives no more memory") from error
        finally:
            self._mem = np.frombuffer(self._map, np.int64)

    def _take(self, observation: Observation, columns: Words) -> None:
        check_order(observation, self._seq, self._clock_us)
        if observation.seq >= SEQ_LIMIT:
            raise InvalidRequest("observation_order", "the sequence number is too large")
        label = observation.values[KIND_FIELD] == "label"
        head = [observation.seq, observation.t_us, observation.s_us, FLAG_LABEL if label else 0]
        row = self._writer.row(observation)
        packed = [*head, *observation.keys, *row]
        self._pack(packed)
        if observation.retracts:
            self._retract(observation.retracts)
            self._pack(packed)
        self._run(self._row, columns, self._out, self._valid, 0, 1)
        self._seq, self._clock_us = observation.seq, observation.t_us
        if label:
            self._labels.add(observation.seq, observation.keys)

    def _run(
        self, rows: Words, columns: Words, out: Words, valid: Any, start: int, stop: int
    ) -> None:
        while start < stop:
            start = kernel.run(
                self._mem, self._program.table, rows, columns, out, valid, start, stop
            )
            if start < stop:
                self._grow()

    def _retract(self, seq: int) -> None:
        keys = self._labels.take(seq)
        if keys is None:
            return
        self._pack([_NO_SEQ, 0, 0, 0, *keys])
        while not kernel.take_back(self._mem, self._program.table, self._row, seq):
            self._grow()

    def _pack(self, items: list[int]) -> None:
        missing = self._program.row_words - len(items)
        if missing:
            items = items + [0] * missing
        try:
            self._program.pack.pack_into(self._buffer, 0, *items)
        except struct.error as error:
            raise InvalidRequest("observation_value", "a number does not fit 64 bits") from error

    def _values(self) -> list[FeatureValue]:
        words: list[Any] = self._out[0].tolist()
        valid = self._valid[0].tolist()
        if self._double:
            doubles = self._doubles[0].tolist()
            for index in self._double:
                words[index] = doubles[index]
        for index in self._textual:
            if valid[index]:
                words[index] = self._texts[words[index]]
        count = len(self.plan.names)
        return [w if ok else None for w, ok in zip(words[:count], valid, strict=False)]

    def _check_columns(self, columns: ObservationColumns, want_rows: npt.NDArray[np.bool_]) -> None:
        if want_rows.shape != (len(columns),) or want_rows.dtype != np.bool_:
            raise InvalidRequest("observation_shape", "want_rows is one bool per row")
        if not len(columns):
            return
        clock = int(columns.t_us[0]) if self._clock_us is None else self._clock_us
        rising = bool(np.all(np.diff(columns.seq, prepend=self._seq) > 0))
        steady = bool(np.all(np.diff(columns.t_us, prepend=clock) >= 0))
        if not rising or not steady or int(columns.seq[-1]) >= SEQ_LIMIT:
            raise InvalidRequest("observation_order", "seq must rise and t must not go back")
        if bool(np.any(columns.s_us > columns.t_us)):
            raise InvalidRequest("observation_order", "an event cannot count after its clock")
