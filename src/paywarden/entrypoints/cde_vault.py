"""`paywarden cde vault`: the process that keeps records and tokens, and no key that opens one.

Guards: hardened before anything is read; no network but its PostgreSQL, where one is named; listens
on one unix socket. Waits a little for the key agent, then does not start without it. Ends on
SIGTERM after its group is committed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from pathlib import Path
from typing import Final

from paywarden.cde.frame_client import FrameClient
from paywarden.cde.frames import serve_frames
from paywarden.cde.hardening import harden
from paywarden.cde.keys.client import KeyAgent
from paywarden.cde.places import Places, places_of
from paywarden.cde.proofs import load_proof
from paywarden.cde.vault import wire
from paywarden.cde.vault.ports import OriginOf, VaultStore
from paywarden.cde.vault.service import VaultService, nothing_known
from paywarden.cde.vault.settings import VaultSettings, known_callers, read_settings
from paywarden.cde.vault.stores.sqlite_vault import SqliteVault
from paywarden.cli import output
from paywarden.core.errors import Unavailable
from paywarden.entrypoints.home import Home
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.log import configure, logger
from paywarden.reference.bins import load_bins
from paywarden.reference.reading import TableFile

SOCKET_MODE: Final = 0o660
OWN_USER_MODE: Final = 0o600
AGENT_TRIES: Final = 50
AGENT_PAUSE_SECONDS: Final = 0.2


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """None: everything stands in vault.toml."""


def run(_arguments: argparse.Namespace, home: Home) -> int:
    """Serve until SIGTERM or SIGINT; 0 afterwards."""
    configure()
    places = places_of(home.root)
    settings = read_settings(places.vault)
    asyncio.run(_serve(places, settings))
    return output.DONE


async def _serve(places: Places, settings: VaultSettings) -> None:
    harden()
    callers = known_callers(settings, places.run, os.geteuid())
    agent = KeyAgent(FrameClient(places.keys_socket, "vault", load_proof(places.run, "vault")))
    await _reached(agent)
    vault = VaultService(
        store_of(settings, places.vault), agent, SystemClock(), SystemRandomness(),
        settings.limits(), _origins(settings),
    )  # fmt: skip
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await vault.start()
    mode = OWN_USER_MODE if settings.vault.mode == "development" else SOCKET_MODE
    try:
        server = await serve_frames(
            places.vault_socket, vault.handle, callers.uids, requests=wire.Ask,
            admit=callers.admits, mode=mode,
        )  # fmt: skip
        logger().info("vault_started", state=settings.vault.mode)
        await stop.wait()
        await server.close()
    finally:
        await vault.close()
        await agent.close()
    logger().info("vault_stopped")


def store_of(settings: VaultSettings, folder: Path) -> VaultStore:
    """The store that the settings name."""
    if not settings.vault.dsn:
        return SqliteVault(folder)
    # Loaded only where it is used: the driver is an optional part of the installation.
    from paywarden.cde.vault.stores.postgres_vault import PostgresVault

    return PostgresVault(settings.vault.dsn)


async def _reached(agent: KeyAgent) -> None:
    for tried in range(AGENT_TRIES):
        try:
            await agent.ping()
            return
        except Unavailable:
            if tried + 1 == AGENT_TRIES:
                raise
        await asyncio.sleep(AGENT_PAUSE_SECONDS)


def _origins(settings: VaultSettings) -> OriginOf:
    if not settings.vault.bins:
        return nothing_known
    table = load_bins(TableFile(Path(settings.vault.bins)))

    def origin(digits: str) -> tuple[str | None, str | None]:
        found = table.find(digits)
        return (found.funding, found.country) if found else (None, None)

    return origin
