"""A key agent in a folder, over a real socket, with a clock that tests move."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from paywarden.cde.frame_client import FrameClient
from paywarden.cde.hardening import Hardened
from paywarden.cde.keys.client import KeyAgent
from paywarden.cde.keys.root import Root
from paywarden.cde.keys.settings import AgentSection, BudgetSection, KeySettings
from paywarden.cde.keys.software_root import SoftwareRoot
from paywarden.cde.keys.start import OpenAgent, create_keys, open_agent
from paywarden.cde.places import Places
from paywarden.cde.proofs import load_proof, make_proofs
from paywarden.core.clock import Clock, FixedClock
from paywarden.core.instants import parse_rfc3339
from paywarden.core.secret import Secret
from paywarden.kit.clock import SystemRandomness

RANDOMNESS = SystemRandomness()
NOW_US = parse_rfc3339("2026-11-25T12:00:10Z")
PERIOD = "2026-11"
SCOPE = "shop/test"
DEVELOPMENT = KeySettings(agent=AgentSection(mode="development", root="file"))


def root_of_test(key: bytes = b"r" * 32) -> SoftwareRoot:
    return SoftwareRoot(Secret(key), "test-root", "file", RANDOMNESS)


def with_budget(**counts: int) -> KeySettings:
    return msgspec.structs.replace(DEVELOPMENT, budget=BudgetSection(**counts))


class House:
    """A folder with keys; `running` serves an agent of it."""

    def __init__(self, folder: Path, settings: KeySettings = DEVELOPMENT) -> None:
        self.places, self.settings = Places(folder / "cde"), settings
        self.clock = FixedClock(NOW_US)
        self.root: Root = root_of_test()
        self.places.make()
        make_proofs(self.places.run, RANDOMNESS)
        create_keys(self.places, self.root, self.clock, RANDOMNESS)

    def open(self, clock: Clock | None = None) -> OpenAgent:
        return open_agent(
            self.places,
            self.settings,
            self.root,
            clock or self.clock,
            RANDOMNESS,
            Hardened(memory_locked=False),
            os.geteuid(),
        )

    @contextlib.asynccontextmanager
    async def running(self, *, killed: bool = False) -> AsyncIterator[OpenAgent]:
        """Serve; `killed` lets everything go as SIGKILL does, without the orderly end."""
        opened = self.open()
        server = await opened.serve(self.places)
        try:
            yield opened
        finally:
            await server.close()
            if killed:
                opened.journal.abandon()
                opened.beside.shutdown()
            else:
                await opened.close()

    @contextlib.asynccontextmanager
    async def agent(self, caller: str) -> AsyncIterator[KeyAgent]:
        frames = FrameClient(self.places.keys_socket, caller, load_proof(self.places.run, caller))
        agent = KeyAgent(frames)
        try:
            yield agent
        finally:
            await agent.close()
