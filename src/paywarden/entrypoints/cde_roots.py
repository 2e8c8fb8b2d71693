"""The root that keys.toml names, opened for the key agent and closed after it.

Guards: a root of shares is awaited at the ceremony's socket, and nothing else is served meanwhile;
first keys are made only where neither keys nor the agent's journal have ever been, after a quorum
or by an explicit command (`make_first_keys`): a lost key file is never replaced in silence.
"""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from paywarden.cde.ceremonies.host import SOCKET_NAME, CeremonyHost
from paywarden.cde.keys.root import Root
from paywarden.cde.keys.settings import KeySettings
from paywarden.cde.keys.software_root import root_from_environment, root_from_file
from paywarden.cde.keys.start import create_keys
from paywarden.cde.places import Places
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Unavailable
from paywarden.core.secret import Secret
from paywarden.kit.log import logger


class HostedRoot:
    """The root of a desk, whichever generation is in force now."""

    kind = "shares"

    def __init__(self, host: CeremonyHost, name: str) -> None:
        self._host, self.name = host, name

    def seal(self, key: bytes, context: bytes) -> bytes:
        """Sealed under the generation in force. Errors: Unavailable `key_backend_gone`."""
        return self._root().seal(key, context)

    def unseal(self, sealed: bytes, context: bytes) -> Secret[bytes]:
        """The key. Errors: Unavailable `key_backend_gone`, Corrupt `key_file_corrupt`."""
        return self._root().unseal(sealed, context)

    def _root(self) -> Root:
        root = self._host.desk.root
        if root is None:
            raise Unavailable("key_backend_gone", "the root is locked: its custodians open it")
        return root


@asynccontextmanager
async def opened_root(
    places: Places, settings: KeySettings, clock: Clock, randomness: Randomness, stop: asyncio.Event
) -> AsyncIterator[Root | None]:
    """The root; None when `stop` came first. Errors: InvalidRequest, Unavailable, Corrupt."""
    kind = settings.agent.root
    if kind == "file":
        yield root_from_file(places.development_root, randomness)
    elif kind == "environment":
        yield root_from_environment(os.environ, randomness)
    elif kind == "shares":
        uids = _uids(settings)
        path = places.run / SOCKET_NAME
        host = await CeremonyHost.opened(places.keys, path, uids, clock, randomness)
        try:
            yield await _released(host, places, clock, randomness, stop)
        finally:
            await host.close()
    else:
        with _outside(places, settings, clock, randomness) as root:
            yield root


def make_first_keys(
    places: Places, settings: KeySettings, clock: Clock, randomness: Randomness
) -> Root:
    """First keys under a module's or a service's root (a module's key is made where missing).

    Errors: Conflict `key_file_exists`; InvalidRequest, Unavailable.
    """
    with _outside(places, settings, clock, randomness, create=True) as root:
        create_keys(places, root, clock, randomness)
    return root


@contextmanager
def _outside(
    places: Places,
    settings: KeySettings,
    clock: Clock,
    randomness: Randomness,
    *,
    create: bool = False,
) -> Iterator[Root]:
    """A module's or a service's root, ended where it has something to end (a child process)."""
    from paywarden.cde.roots.settings import outside_root  # loads pipes and HTTPS

    root = outside_root(settings.agent.root, places.keys, clock, randomness, create=create)
    try:
        yield root
    finally:
        if hasattr(root, "close"):
            root.close()


async def _released(
    host: CeremonyHost, places: Places, clock: Clock, randomness: Randomness, stop: asyncio.Event
) -> Root | None:
    first = host.desk.standing().root == "none"
    logger().info("key_agent_waits", state="first ceremony" if first else "custodians")
    waiting = asyncio.create_task(host.root())
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in (waiting, stopping):
        task.cancel()
    await asyncio.gather(waiting, stopping, return_exceptions=True)
    if waiting not in done:
        return None
    root = HostedRoot(host, waiting.result().name)
    if not places.key_file.exists() and not places.state_journal.exists():
        create_keys(places, root, clock, randomness)
    return root


def _uids(settings: KeySettings) -> set[int]:
    uids = {os.geteuid()}
    if settings.callers.operator:
        try:
            uids.add(pwd.getpwnam(settings.callers.operator).pw_uid)
        except KeyError:
            pass  # known_callers tells of a user that does not exist
    return uids
