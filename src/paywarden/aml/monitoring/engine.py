"""The flow engine: transfers in order go in, alerts of typologies come out.

Guards: state is a function of the transfers in order; alerts are those of `plain_monitor`, as long
as `bounded` stays 0. Memory follows the accounts that are alive: legs older than the longest window
are given back once a day of event time, accounts silent for 400 days are forgotten. One caller at
a time. Not done here: putting late transfers in order (`ordering`), where transfers come from and
where alerts go (`following`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from paywarden.aml.monitoring import layout, running, shelves
from paywarden.aml.monitoring.flow_columns import ScoreColumns
from paywarden.aml.monitoring.flow_plan import FlowPlan, Watched
from paywarden.aml.monitoring.flow_rows import FlowRows
from paywarden.aml.monitoring.functions import MEMORY_US
from paywarden.aml.monitoring.layout import Words
from paywarden.aml.monitoring.numbering import TransferBatch, TransferNumbers
from paywarden.core.errors import InvalidRequest, LimitExceeded
from paywarden.core.instants import DAY_US
from paywarden.risk.rules.typology_model import Typology
from paywarden.risk.rules.typology_program import TypologyProgram

ROWS = 16_384
MOST_OTHERS = 50
_LONG_AGO = -(2**62)
MOST_LEG_BLOCKS = 2**31
"""Legs of one engine (some 130 GB): beyond it the engine refuses rather than to fill a machine."""


@dataclass(frozen=True, slots=True)
class FlowAlert:
    """One alert. `values`: what its conditions read, by dotted name. `held`: terms, in order.

    `others`: further accounts of the motif that it was raised for, at most MOST_OTHERS.
    """

    typology: Typology
    account: str
    sequence: int
    at_us: int
    score: float
    held: tuple[str, ...]
    values: dict[str, Any]
    others: tuple[str, ...]


class FlowEngine:
    """Watches typologies with `runs: log`. Errors when made: those of the typologies."""

    def __init__(self, typologies: Sequence[Typology]) -> None:
        self.plan = FlowPlan(typologies)
        self._scorers = [ScoreColumns(one) for one in typologies]
        self._alerted: list[dict[int, int]] = [{} for _ in typologies]
        self._for_members = self.plan.for_members
        self._swept_day = 0
        self._open()

    @property
    def numbers(self) -> TransferNumbers:
        """What makes batches for `take`."""
        return self.plan.numbers

    def program(self, typology: Typology) -> TypologyProgram:
        """What writes the sentences of one of its typologies. Errors: StopIteration."""
        return next(one.program for one in self._scorers if one.program.typology is typology)

    def _open(self) -> None:
        features = len(self.plan.measures)
        width = layout.LEG + self.plan.fees
        self._accounts: Words = np.zeros((1_024, layout.ACCOUNT), np.int64)
        self._accounts[:, layout.LATEST_US] = -1
        self._legs: Words = np.zeros((4_096, width), np.int64)
        self._pairs: Words = np.zeros((1_024, 2), np.int64)
        self._done: Words = np.zeros((1_024, layout.DONE + 2 * self.plan.chains), np.int64)
        self._done[:, layout.DONE_AT] = _LONG_AGO
        self._peers: Words = np.zeros((max(1, self.plan.peers), layout.PEER_DAYS, 3), np.int64)
        self._scratch: Words = np.zeros((layout.SCRATCH, 1_024), np.int64)
        self._stack: Words = np.zeros((layout.KINDS, 5), np.int64)
        self._work: Words = np.zeros(layout.WORK, np.int64)
        self._members: Words = np.zeros(layout.MOST_MEMBERS + 1, np.int64)
        self._found: Words = np.zeros((layout.MOST_MEMBERS, max(1, features)), np.int64)
        self._meta: Words = np.zeros(layout.META, np.int64)
        self._rows = FlowRows(ROWS, features)

    def take(self, batch: TransferBatch) -> list[FlowAlert]:
        """Add transfers in order; alerts in order. Errors: InvalidRequest for a broken order."""
        self._check_order(batch)
        self._room_for_accounts()
        alerts: list[FlowAlert] = []
        start = 0
        while start < len(batch):
            start = self._run(batch, start)
            alerts += self._score(batch)
            if start < len(batch):
                self._grow(int(batch.rows[start, layout.ROW_AT]))
        self._sweep()
        return alerts

    def _check_order(self, batch: TransferBatch) -> None:
        times = batch.rows[:, layout.ROW_AT]
        if bool(np.any(np.diff(times, prepend=self._meta[layout.NOW_US]) < 0)):
            raise InvalidRequest("transfer_order", "transfers come to the engine in order of time")

    def _run(self, batch: TransferBatch, start: int) -> int:
        rows = self._rows
        stopped: int = running.run(
            self._accounts, self._legs, self._done, self._pairs, self.plan.program,
            self.plan.countries, self._peers, self._stack, self._scratch, self._work,
            self._members, self._found, self._meta, self._for_members, self.plan.reach_us,
            self.plan.chain_reach_us, batch.rows, start, len(batch), rows.rows, rows.values,
            rows.doubles, rows.valid, rows.filled,
        )  # fmt: skip
        return stopped

    # --- memory ----------------------------------------------------------------------------

    def _room_for_accounts(self) -> None:
        needed, room = len(self.numbers.accounts), len(self._accounts)
        if needed <= room:
            return
        wanted = max(needed, room + room // 2)
        grown = np.zeros((wanted, layout.ACCOUNT), np.int64)
        grown[:room] = self._accounts
        grown[room:, layout.LATEST_US] = -1
        scratch = np.zeros((layout.SCRATCH, wanted), np.int64)
        scratch[:, :room] = self._scratch
        self._accounts, self._scratch = grown, scratch

    def _grow(self, now_us: int) -> None:
        if not self._legs_left():
            self._legs = _longer(self._legs, len(self._legs) + len(self._legs) // 2 + 4_096)
        if 3 * (int(self._meta[layout.PAIRS_USED]) + 1) > 2 * len(self._pairs):
            self._grow_pairs(now_us)
        own = int(self._meta[layout.TRANSFERS]) & (len(self._done) - 1)
        if self._done[own, layout.DONE_AT] > now_us - self.plan.chain_reach_us:
            self._grow_done()

    def _legs_left(self) -> bool:
        if len(self._legs) > MOST_LEG_BLOCKS:
            raise LimitExceeded("flow_memory", "more legs in the windows than one engine holds")
        return int(self._meta[layout.LEGS_TOP]) + 2 * layout.MOST_ROOM <= len(self._legs)

    def _grow_pairs(self, now_us: int) -> None:
        old_us = now_us - MEMORY_US
        live = int(np.count_nonzero(self._pairs[self._pairs[:, 0] != 0, 1] >= old_us))
        size = len(self._pairs) * (2 if 3 * live > len(self._pairs) else 1)
        grown = np.zeros((size, 2), np.int64)
        shelves.move_pairs(self._pairs, grown, self._meta, old_us)
        self._pairs = grown

    def _grow_done(self) -> None:
        count, size = int(self._meta[layout.TRANSFERS]), len(self._done)
        grown = np.zeros((2 * size, self._done.shape[1]), np.int64)
        grown[:, layout.DONE_AT] = _LONG_AGO
        kept = np.arange(max(0, count - size), count)
        grown[kept & (2 * size - 1)] = self._done[kept & (size - 1)]
        self._done = grown

    def _sweep(self) -> None:
        now_us = int(self._meta[layout.NOW_US])
        if now_us // DAY_US <= self._swept_day:
            return
        self._swept_day = now_us // DAY_US
        count = len(self.numbers.accounts)
        shelves.sweep(self._accounts, self._legs, self._meta, count, now_us - self.plan.reach_us)
        latest = self._accounts[:count, layout.LATEST_US]
        gone = np.flatnonzero((latest >= 0) & (latest < now_us - MEMORY_US)).tolist()
        self.numbers.accounts.forget(gone)
        for number in gone:
            self._accounts[number] = 0
            self._accounts[number, layout.LATEST_US] = -1
            for alerted in self._alerted:
                alerted.pop(number, None)

    # --- scores ----------------------------------------------------------------------------

    def _score(self, batch: TransferBatch) -> list[FlowAlert]:
        found: list[tuple[int, FlowAlert]] = []
        view = self._rows.view(batch, self.plan.doubles)
        for index, watched in enumerate(self.plan.watched):
            scorer = self._scorers[index]
            chosen = view.chosen(watched)
            columns = view.columns(watched, scorer.paths, chosen)
            held = scorer.held(columns, len(chosen))
            scores = scorer.scores(held, len(chosen))
            for hit in np.flatnonzero(scores >= watched.typology.alert).tolist():
                row = int(chosen[hit])
                if self._quiet(index, watched, view.account(row), view.at_us(row)):
                    continue
                terms = tuple(name for name, holds in held.items() if holds[hit])
                alert = self._alert(view, watched, row, float(scores[hit]), terms)
                found.append((view.transfer(row), alert))
        self._rows.clear()
        return [alert for _, alert in sorted(found, key=lambda one: one[0])]

    def _quiet(self, index: int, watched: Watched, account: int, at_us: int) -> bool:
        before_us = self._alerted[index].get(account)
        if before_us is not None and at_us - before_us < watched.typology.quiet_days * DAY_US:
            return True
        self._alerted[index][account] = at_us
        return False

    def _alert(
        self, view: Any, watched: Watched, row: int, score: float, terms: tuple[str, ...]
    ) -> FlowAlert:
        texts = self.numbers.accounts
        others = view.others(watched, row, MOST_OTHERS)
        return FlowAlert(
            watched.typology,
            texts.text(view.account(row)),
            view.sequence(row),
            view.at_us(row),
            score,
            terms,
            view.values(watched, row),
            tuple(texts.text(number) for number in others),
        )

    # --- what is known ---------------------------------------------------------------------

    @property
    def bounded(self) -> dict[str, int]:
        """How often something was left out: legs of busy accounts, members, hops, searches."""
        names = {
            "legs": layout.DROPPED_LEGS,
            "members": layout.CUT_MEMBERS,
            "hops": layout.CUT_HOPS,
            "searches": layout.CUT_STEPS,
        }
        return {name: int(self._meta[at]) for name, at in names.items()}

    def memory(self) -> dict[str, int]:
        """Bytes held by arrays and numbers of accounts, transfers and pairs in them."""
        arrays = (
            self._accounts, self._legs, self._pairs, self._done, self._peers, self._scratch,
            self._found, self._rows.values, self._rows.valid, self._rows.rows,
        )  # fmt: skip
        return {
            "bytes": sum(array.nbytes for array in arrays),
            "leg_bytes": int(self._meta[layout.LEGS_TOP]) * self._legs.shape[1] * 8,
            "accounts": len(self.numbers.accounts),
            "transfers": int(self._meta[layout.TRANSFERS]),
            "pairs": int(self._meta[layout.PAIRS_USED]),
        }


def _longer(array: Words, rows: int) -> Words:
    grown = np.zeros((rows, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
