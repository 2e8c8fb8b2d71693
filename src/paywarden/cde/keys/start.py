"""A key agent put together and taken apart: `open_agent` ... `close`.

Guards: settings are judged before a file is touched, the root before the keys. Everything fails
closed: no root, no agent. One thread beside the loop does all writing, so that the key file and the
journal are never written twice at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

from paywarden.cde.frames import FrameServer, serve_frames
from paywarden.cde.hardening import Hardened
from paywarden.cde.keys.agent import Agent, Standing
from paywarden.cde.keys.anchors import Anchors
from paywarden.cde.keys.approved import Approvals, NothingAsked, Rule, SignedGrants
from paywarden.cde.keys.budgets import DecryptBudgets
from paywarden.cde.keys.keeper import Keeper
from paywarden.cde.keys.key_file import create_ring
from paywarden.cde.keys.making import first_ring
from paywarden.cde.keys.root import Root
from paywarden.cde.keys.settings import KeySettings, check_root_kind, known_callers
from paywarden.cde.keys.state_journal import (
    Record,
    Snapshot,
    StateJournal,
    create_journal,
)
from paywarden.cde.keys.wire import Request
from paywarden.cde.places import Places
from paywarden.cde.proofs import KnownCallers
from paywarden.cde_client.roster import PinnedRoster
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Conflict, Unavailable
from paywarden.core.scope import Scope

STACK_OCTETS: Final = 512 << 10


@dataclass(frozen=True, slots=True)
class OpenAgent:
    """An agent ready to answer, with what has to be closed after it."""

    agent: Agent
    keeper: Keeper
    budgets: DecryptBudgets
    journal: StateJournal
    callers: KnownCallers
    beside: ThreadPoolExecutor

    async def serve(self, places: Places, mode: int = 0o600) -> FrameServer:
        """Listen. Errors: Conflict `socket_in_use`."""
        return await serve_frames(
            places.keys_socket,
            self.agent.answer,
            self.callers.uids,
            requests=Request,
            admit=self.callers.admits,
            mode=mode,
        )

    async def close(self) -> None:
        """Write exact budgets and let everything go."""
        await self.budgets.settle()
        await self.journal.close()
        self.beside.shutdown()


def create_keys(places: Places, root: Root, clock: Clock, randomness: Randomness) -> None:
    """The first journal and the first keys, which belong together.

    Errors: Conflict `key_file_exists` or `agent_state_exists`; Unavailable of the root.
    """
    if places.key_file.exists():
        raise Conflict("key_file_exists", f"{places.key_file.name} exists and is kept")
    ring = first_ring(randomness, clock.now_us())
    create_journal(places.state_journal, ring.active("state").material, ring.journal_id)
    create_ring(places.key_file, ring, root, randomness)


def open_agent(
    places: Places,
    settings: KeySettings,
    root: Root,
    clock: Clock,
    randomness: Randomness,
    hardened: Hardened,
    own_uid: int,
    roster: PinnedRoster | None = None,
) -> OpenAgent:
    """The agent of a folder; production needs the roster of those who approve operators' acts.

    Errors: InvalidRequest, Unavailable, Corrupt, Conflict.
    """
    check_root_kind(settings, root.kind)
    if settings.production and roster is None:
        raise Unavailable("roster_missing", "production needs a roster of custodians")
    callers = known_callers(settings, places.run, own_uid)
    beside = _one_thread()
    published = places.root / settings.agent.facts_keys
    keeper = Keeper(places.key_file, root, clock, randomness, beside, published)
    state_key = keeper.ring.active("state").material
    journal = StateJournal(places.state_journal, state_key, keeper.ring.journal_id, beside)
    try:
        keeper.follow(journal)
    except BaseException:
        journal.abandon()
        raise
    approvals = _approvals(roster, settings, clock, journal)
    budgets, anchors = DecryptBudgets(settings.limits(), clock, journal), Anchors(journal)
    journal.snapshot = _snapshot(keeper, anchors, budgets, approvals)
    standing = Standing(settings.production, hardened.memory_locked)
    agent = Agent(keeper, budgets, anchors, approvals, clock, standing)
    return OpenAgent(agent, keeper, budgets, journal, callers, beside)


class _Kept(Protocol):
    def records(self) -> Iterable[Record]: ...


def _snapshot(*parts: _Kept) -> Snapshot:
    """What a compacted journal keeps of each part."""
    return lambda: [record for part in parts for record in part.records()]


def _approvals(
    roster: PinnedRoster | None, settings: KeySettings, clock: Clock, journal: StateJournal
) -> Approvals:
    if roster is None or not settings.production:
        return NothingAsked()
    return SignedGrants(roster, Rule(Scope.parse(settings.agent.scope)), clock, journal)


def _one_thread() -> ThreadPoolExecutor:
    threading.stack_size(STACK_OCTETS)  # memory is locked: no stack of eight mebibytes
    return ThreadPoolExecutor(1, thread_name_prefix="key-agent-writer")


async def serve_until(opened: OpenAgent, places: Places, stop: asyncio.Event, mode: int) -> None:
    """Serve until `stop`, then close in order."""
    server = await opened.serve(places, mode)
    try:
        await stop.wait()
    finally:
        await server.close()
        await opened.close()
