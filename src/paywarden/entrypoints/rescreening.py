"""After lists changed: known parties are held against what is new, in the background.

Guards: what a source owes is said by its signed state, which forgets a change only when every scope
is done; each page commits its alerts with its place, so a kill at any point repeats a page at most
and raises nothing twice. The entries that changed lie in a process of their own; names are opened
here, page by page, in a thread that lets payments go first, and whoever was erased is left out.
Not done here: payments from now on, which are screened against the lists in force anyway.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from paywarden.aml.alerts.ports import AlertJoining
from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.rescreening import Rescreened, rescreen
from paywarden.aml.screening.serving.messages import Wanted
from paywarden.aml.screening.serving.process import ScreeningProcess
from paywarden.aml.screening.snapshots.model import Delta, ListsChanged, SourceState, Switch
from paywarden.aml.screening.snapshots.stores.snapshot_folder import SnapshotFolder
from paywarden.core.errors import Conflict
from paywarden.decision.decision_ids import DecisionIds
from paywarden.decision.known_parties import KnownParties, KnownParty
from paywarden.decision.ledger import Ledger
from paywarden.decision.party_findings import PartyFindings, PartyHit, Positions
from paywarden.decision.screening_stage import Verdicts
from paywarden.decision.sealing import Sealer
from paywarden.decision.state import ScopeState
from paywarden.entrypoints.screening_desk import MODULE, ScreeningDesk
from paywarden.kit.log import logger

PAGE: Final = 100
PARTIES_A_ROUND: Final = 10_000
ANSWER_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.02
"""Between two pages: payments go first."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What re-screening needs of the installation."""

    ledger: Ledger
    sealer: Sealer
    ids: DecisionIds
    positions: Positions
    alerts: AlertJoining
    verdicts: Verdicts


class Rescreening:
    """Works off what sources owe, one change after the other."""

    def __init__(self, desk: ScreeningDesk, parts: Parts) -> None:
        self._desk = desk
        self._parts = parts
        self._process: ScreeningProcess | None = None
        self._of = ""

    async def look(self) -> None:
        """Go on with the oldest change that is owed, for a bounded number of parties."""
        folder = await asyncio.to_thread(self._desk.folder)
        if folder is None or self._desk.lists is None:
            return
        for source in await asyncio.to_thread(lambda: list(folder.sources())):
            state = await asyncio.to_thread(folder.state, source)
            if state.undelivered and self._in_force(state):
                await self._go_on(folder, state, state.undelivered[0])
                return
        await self.close()

    async def close(self) -> None:
        """End the process that holds a change."""
        process, self._process = self._process, None
        if process is not None:
            await process.close()

    def _in_force(self, state: SourceState) -> bool:
        """Whether payments are screened against what the source says: first they, then the past."""
        lists = self._desk.lists
        assert lists is not None
        return any(
            (one.source, one.snapshot) == (state.source, state.current) for one in lists.lists
        )

    async def _go_on(self, folder: SnapshotFolder, state: SourceState, switch: Switch) -> None:
        change = f"{state.source}#{switch.seq}"
        process = await self._held(change, state.source, switch)
        loop, left = asyncio.get_running_loop(), PARTIES_A_ROUND
        for scope_state in list(self._parts.ledger.states.values()):
            done = await asyncio.to_thread(
                self._rescreened, loop, process, scope_state, state.source, switch, left
            )
            if done is None:
                return
            left -= done.parties
            if not done.done:
                return
        await asyncio.to_thread(_delivered, folder, state.source, switch.seq)
        logger().info("rescreened", version=change)
        await self.close()

    async def _held(self, change: str, source: str, switch: Switch) -> ScreeningProcess:
        """The process that holds what is new in a change."""
        process = self._process
        if process is not None and process.alive and self._of == change:
            return process
        await self.close()
        wanted = Wanted(changes=((source, switch.before, switch.after),))
        self._process = await ScreeningProcess.start(change, wanted, MODULE, [self._desk.root])
        self._of = change
        return self._process

    def _rescreened(
        self, loop: asyncio.AbstractEventLoop, process: ScreeningProcess, state: ScopeState,
        source: str, switch: Switch, left: int,
    ) -> Rescreened | None:  # fmt: skip
        """One round of a scope, in a thread; None when nothing more may be done in this round."""
        standing, parts = state.screening, self._parts
        if standing is None or left < 1:
            return None
        scope, journal = state.scope, parts.ledger.stores.journal
        findings = PartyFindings(
            scope, standing, parts.positions, parts.alerts, parts.verdicts,
            parts.ledger.stores.writer, state.digester.digest, parts.ids.text,
        )  # fmt: skip
        # The entries themselves stay in the child: one stands for all, so that there is a search.
        stand_in = ListedEntity(source, source, "Person", ())
        owed = ListsChanged(
            source, switch.seq, switch.before, switch.after, Delta((stand_in,), (), ())
        )
        parties = KnownParties(journal, parts.sealer, scope, standing.seq)
        return rescreen(
            owed, _Paced(parties), _Asking(loop, process), findings, page=PAGE, at_most=left
        )


class _Paced:
    """Parties page by page, with a pause in between."""

    def __init__(self, parties: KnownParties) -> None:
        self._parties = parties

    def after(self, party_id: str, limit: int) -> Sequence[KnownParty]:
        time.sleep(PAUSE_SECONDS)
        return self._parties.after(party_id, limit)


class _Asking:
    """`Screener` over a process that holds the changed entries; answers are awaited in the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, process: ScreeningProcess) -> None:
        self._loop = loop
        self._process = process

    def prepare(self, entries: Sequence[ListedEntity]) -> _Asking:
        """The process is prepared already."""
        return self

    def hits(self, party: Any) -> Sequence[PartyHit]:
        """Matches of one party. Errors: Unavailable when the process ended or is too slow."""
        answering = asyncio.run_coroutine_threadsafe(self._asked(party), self._loop)
        return answering.result()

    async def _asked(self, party: KnownParty) -> list[PartyHit]:
        (found,) = await self._process.answered(self._process.send([party.asked]), ANSWER_SECONDS)
        return [PartyHit(party, one) for one in found]


def _delivered(folder: SnapshotFolder, source: str, seq: int) -> None:
    """Note in the source's state that a change is done; a busy source is tried again later."""
    try:
        with folder.locked(source):
            folder.write_state(folder.state(source).delivered(seq))
    except Conflict as fault:
        logger().warning("rescreening_not_acknowledged", code=fault.code)
