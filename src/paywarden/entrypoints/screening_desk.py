"""Lists in the running server: looks which are in force, has them read aside, switches to them.

Guards: the last good lists stay in force until new ones stand ready in a process of their own, so a
damaged file, a full disk or a killed child never leaves payments unscreened for longer than it
takes to start again; what cannot be started is tried again with pauses and rings an alarm. Reading
and indexing happen in the child alone: payments do not wait for them.
Order of `look`: states of the sources, the process that fits them, the switch in the log, the end
of the process before. Not done here: taking lists in (`entrypoints.screening_lists`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Literal

from paywarden.aml.screening.serving.messages import Wanted
from paywarden.aml.screening.serving.process import ScreeningProcess
from paywarden.aml.screening.snapshots.ages import alarms
from paywarden.aml.screening.snapshots.model import Manifest, SourceState
from paywarden.aml.screening.snapshots.stores.snapshot_folder import SnapshotFolder
from paywarden.core.clock import Clock
from paywarden.core.errors import PaywardenError, Unavailable
from paywarden.core.instants import DAY_US
from paywarden.decision.entries import ListInForce, ScreeningLists
from paywarden.decision.screening_lists import ScreeningSwitch, lists_of
from paywarden.decision.screening_stage import ScreeningStage
from paywarden.entrypoints.home import Home
from paywarden.evidence.log_key import load_log_key
from paywarden.kit.log import logger
from paywarden.kit.metrics import Metrics
from paywarden.reference.provenance import Alarm

MODULE: Final = "paywarden.entrypoints.screening_child"
"""The child's entry; named and not imported, for this process needs neither lists nor index."""
DRAIN_SECONDS: Final = 5.0
FIRST_PAUSE_US: Final = 2_000_000
LAST_PAUSE_US: Final = 60_000_000
_States = Sequence[tuple[SourceState, Manifest | None]]


class ScreeningDesk:
    """Keeps the lists of a home in force in one server."""

    def __init__(
        self, home: Home, stage: ScreeningStage, switch: ScreeningSwitch, clock: Clock,
        metrics: Metrics,
    ) -> None:  # fmt: skip
        self._home = home
        self._stage = stage
        self._switch = switch
        self._clock = clock
        self._metrics = metrics
        self._folder: SnapshotFolder | None = None
        self._failed: tuple[str, int, int] | None = None
        self._looking = asyncio.Lock()
        self.alarms: tuple[Alarm, ...] = ()
        self.lists: ScreeningLists | None = None
        self.fault = ""

    @property
    def state(self) -> Literal["none", "ready", "old", "down"]:
        """In a word: none, ready, old (an alarm rings), down."""
        if self.lists is None:
            return "down" if self.fault else "none"
        process = self._stage.process
        if process is None or not process.alive:
            return "down"
        return "old" if self.alarms or self.fault else "ready"

    async def prepare(self) -> None:
        """Have the process that fits the lists in force, before payments are answered."""
        try:
            lists = await asyncio.to_thread(self._in_force)
            if lists is not None:
                self._stage.use(await self._started(lists))
        except (PaywardenError, OSError) as fault:
            self._note(fault)

    async def look(self) -> None:
        """Switch to what is in force now, if it is other lists; start again what has ended."""
        async with self._looking:
            try:
                lists = await asyncio.to_thread(self._in_force)
                if lists is not None:
                    await self._keep(lists)
            except (PaywardenError, OSError) as fault:
                self._note(fault)
            self._tell()

    async def close(self) -> None:
        """End the process."""
        process, self._stage.process = self._stage.process, None
        if process is not None:
            await process.close()

    async def _keep(self, lists: ScreeningLists) -> None:
        before = self._stage.process
        process = before
        if before is None or not before.alive or before.version != lists.version:
            if not self._may_try(lists.version):
                return
            process = await self._started(lists)
        assert process is not None
        if process is before and not self._switch.unlike(lists):
            self.lists, self.fault = lists, ""
            return
        try:
            await self._switch.switch(process, lists)
        except BaseException:
            if process is not before and self._stage.process is not process:
                await process.close()
            raise
        self.lists, self.fault, self._failed = lists, "", None
        if before is not None and before is not process:
            await before.drained(DRAIN_SECONDS)
            await before.close()

    async def _started(self, lists: ScreeningLists) -> ScreeningProcess:
        wanted = Wanted(tuple((one.source, one.snapshot) for one in lists.lists))
        try:
            process = await ScreeningProcess.start(lists.version, wanted, MODULE, [self.root])
        except Unavailable:
            pause = min(self._failed[2] * 2, LAST_PAUSE_US) if self._failed else FIRST_PAUSE_US
            self._failed = (lists.version, self._clock.now_us() + pause, pause)
            raise
        self.lists = lists
        logger().info(
            "screening_process_started", version=lists.version,
            count=process.started.names, seconds=process.started.seconds,
        )  # fmt: skip
        if process.started.not_kept:
            logger().warning("screening_index_not_kept", code=process.started.not_kept)
        return process

    def _may_try(self, version: str) -> bool:
        """Not again at once what failed a moment ago."""
        if self._failed is None or self._failed[0] != version:
            self._failed = None
            return True
        return self._clock.now_us() >= self._failed[1]

    @property
    def root(self) -> str:
        """The home folder, for processes that read its lists."""
        return str(self._home.root)

    def folder(self) -> SnapshotFolder | None:
        """Snapshots of the home; None where none was ever taken in. Errors: Unavailable."""
        if self._folder is None and any(self._home.screening_lists.glob("*/state.note")):
            if not self._home.screening_key.exists():
                detail = "keys/screening_lists.key is missing; restore it"
                raise Unavailable("list_key_missing", detail)
            signer = load_log_key(self._home.screening_key).signer()
            self._folder = SnapshotFolder(self._home.screening_lists, signer)
        return self._folder

    def _in_force(self) -> ScreeningLists | None:
        """Lists by their sources' states; None where none was ever taken in. In a thread."""
        if not any(self._home.screening_lists.glob("*/state.note")):
            return None
        folder = self.folder()
        assert folder is not None
        states = [_standing(folder, source) for source in folder.sources()]
        self._rung(states)
        found = [
            ListInForce(state.source, made.id, made.list_date, made.entities)
            for state, made in states
            if made is not None
        ]
        return lists_of(found) if found else None

    def _rung(self, states: _States) -> None:
        now = self._clock.now_us()
        self.alarms = tuple(alarms(states, now))
        for state, made in states:
            if made is not None:
                age = max(0, now - state.confirmed_at_us) / DAY_US
                self._metrics.screening_list_age_days.labels(state.source).set(age)

    def _note(self, fault: Exception) -> None:
        code = fault.code if isinstance(fault, PaywardenError) else type(fault).__name__
        if code != self.fault:
            logger().error("screening_lists_not_switched", code=code)
        self.fault = code

    def _tell(self) -> None:
        metrics, process = self._metrics, self._stage.process
        alive = process is not None and process.alive
        metrics.screening_up.set(int(alive))
        metrics.screening_alarms.set(len(self.alarms) + bool(self.fault))
        if process is not None:
            metrics.screening_names.set(process.started.names if alive else 0)
            metrics.screening_bytes.set(process.octets)


def _standing(folder: SnapshotFolder, source: str) -> tuple[SourceState, Manifest | None]:
    state = folder.state(source)
    return state, None if state.current is None else folder.manifest(source, state.current)
