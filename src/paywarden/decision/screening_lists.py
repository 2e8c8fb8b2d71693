"""Lists are switched at a place in the log, so that replay knows what was listed when.

Guards: from the entry on every decision of the scope is of the new lists: memory, log and the
process that is asked change in one step between two payments. A scope whose history is being
imported decides nothing and is switched when that is over. Not done here: which lists are in force
(`aml.screening.snapshots`), starting the process (`entrypoints.screening_desk`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from paywarden.aml.screening.serving.process import ScreeningProcess
from paywarden.decision import entries
from paywarden.decision.entries import ListInForce, ScreeningLists
from paywarden.decision.ledger import Ledger, Staged
from paywarden.decision.screening_stage import ScreeningStage
from paywarden.decision.state import ScopeState, Standing
from paywarden.kit.audit import AuditEvent, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger


class ScreeningSwitch:
    """Puts lists in force in every scope."""

    def __init__(self, ledger: Ledger, stage: ScreeningStage) -> None:
        self._ledger = ledger
        self._stage = stage

    def unlike(self, lists: ScreeningLists) -> list[ScopeState]:
        """States in which other lists are in force by the log, and which may be switched."""
        return [
            state
            for state in self._ledger.states.values()
            if not state.importing
            and (state.screening is None or state.screening.lists.version != lists.version)
        ]

    async def switch(self, process: ScreeningProcess, lists: ScreeningLists) -> int:
        """Put lists in force everywhere; how many scopes were switched. Errors: Unavailable."""
        states = self.unlike(lists)
        for state in states:
            self._ledger.ready(state.scope)
        unit, staged = UnitOfWork(), list[Staged]()
        with self._ledger.ahead():
            for state in states:
                staged.append(self._staged(unit, state, lists))
            self._stage.use(process)
        if staged:
            await self._ledger.commit(unit, staged)
            logger().info("screening_lists_switched", version=lists.version, seq=staged[-1].seq)
        return len(staged)

    def _staged(self, unit: UnitOfWork, state: ScopeState, lists: ScreeningLists) -> Staged:
        ledger, now = self._ledger, self._ledger.clock.now_us()
        staged = ledger.stage(unit, state.scope, entries.SCREENING_LISTS, now, lists)
        state.screening = Standing(staged.seq, lists)
        named = ",".join(f"{one.source}={one.snapshot[:12]}" for one in lists.lists)
        event = AuditEvent(
            state.scope, "screening:lists:switch", "process:api", AuditOutcome.DONE, now,
            {"version": lists.version, "lists": named[:500], "seq": staged.seq},
        )  # fmt: skip
        ledger.stores.audit.record(unit, event)
        return staged


def lists_of(found: Iterable[ListInForce]) -> ScreeningLists:
    """Lists in order of source, with the version that names them together."""
    ranked = tuple(sorted(found, key=lambda one: one.source))
    told = "\n".join(f"{one.source} {one.snapshot}" for one in ranked)
    return ScreeningLists("sl_" + hashlib.sha256(told.encode()).hexdigest()[:32], ranked)
