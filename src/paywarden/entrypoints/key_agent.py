"""`paywarden cde key-agent`: the one process that holds keys of the card data environment.

Guards: hardened before a secret is read; no network, no database; listens on one unix socket. Ends
on SIGTERM after its budgets are written. Without a root it does not start (and says which).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal

from paywarden.cde.ceremonies.signed_roster import load_roster
from paywarden.cde.hardening import harden
from paywarden.cde.keys.settings import KeySettings, read_settings
from paywarden.cde.keys.start import open_agent, serve_until
from paywarden.cde.places import Places, places_of
from paywarden.cli import output
from paywarden.entrypoints.cde_roots import opened_root
from paywarden.entrypoints.home import Home
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.log import configure, logger

SOCKET_MODE = 0o660
OWN_USER_MODE = 0o600


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """None: everything stands in keys.toml."""


def run(_arguments: argparse.Namespace, home: Home) -> int:
    """Serve until SIGTERM or SIGINT; 0 afterwards."""
    configure()
    places = places_of(home.root)
    # Not from the environment: a variable must not turn production into development.
    settings = read_settings(places.keys, {})
    asyncio.run(_serve(places, settings))
    return output.DONE


async def _serve(places: Places, settings: KeySettings) -> None:
    hardened = harden(lock_memory=settings.agent.lock_memory)
    randomness = SystemRandomness()
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with opened_root(places, settings, SystemClock(), randomness, stop) as root:
        if root is None:
            return  # stopped while it waited for its custodians
        roster = load_roster(places.keys) if settings.production else None
        opened = open_agent(
            places, settings, root, SystemClock(), randomness, hardened, os.geteuid(), roster
        )
        logger().info("key_agent_started", state=settings.agent.mode, source=root.kind)
        mode = SOCKET_MODE if settings.production else OWN_USER_MODE
        await serve_until(opened, places, stop, mode)
        logger().info("key_agent_stopped")
