"""The desk behind its socket: whoever holds the root awaits here that a quorum releases it.

    host = await CeremonyHost.opened(folder, run / "ceremony.sock", uids, clock, randomness)
    root = await host.root()         # the key agent at its start; no time limit of its own
    await host.close()

Guards: transcripts that a crash left open are ended first; a socket of mode 0600, users as the
kernel names them. The socket's name for every caller is `custodian`: who acts is proved step by
step, by signatures, and not by the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Final

from paywarden.cde.ceremonies.desk import TRANSCRIPTS, Desk
from paywarden.cde.ceremonies.recovery import recover
from paywarden.cde.ceremonies.signed_roster import load_roster
from paywarden.cde.ceremonies.transcript import public_key_of
from paywarden.cde.ceremonies.wire import (
    CALLER,
    Activate,
    Ask,
    Cancel,
    Enter,
    Entered,
    Request,
    Standing,
    Start,
)
from paywarden.cde.frame_format import Hello
from paywarden.cde.frames import FrameServer, Peer, serve_frames
from paywarden.cde.roots.sealing import RootInMemory
from paywarden.core.clock import Clock, Randomness
from paywarden.kit.crypto.master import create_master_key, load_master_key

SOCKET_NAME: Final = "ceremony.sock"
TRANSCRIPT_KEY_NAME: Final = "transcript.key"
TRANSCRIPT_PUBLIC_NAME: Final = "transcript.pub"
LATE_CHECK_SECONDS: Final = 5.0


class CeremonyHost:
    """A desk, its socket, and the root once it is open."""

    def __init__(self, desk: Desk, interrupted: list[str]) -> None:
        self.desk, self.interrupted = desk, interrupted
        self._changed = asyncio.Event()
        self._server: FrameServer | None = None

    @classmethod
    async def opened(
        cls,
        folder: Path,
        socket: Path,
        uids: Collection[int],
        clock: Clock,
        randomness: Randomness,
    ) -> CeremonyHost:
        """Recover, load the roster, listen. Errors: Unavailable, Corrupt, Conflict."""
        path = folder / TRANSCRIPT_KEY_NAME
        if not path.exists():
            create_master_key(path, randomness)
        key = load_master_key(path)
        (folder / TRANSCRIPT_PUBLIC_NAME).write_bytes(public_key_of(key))
        (folder / TRANSCRIPTS).mkdir(mode=0o700, exist_ok=True)
        interrupted = recover(folder, key, clock)
        host = cls(Desk(folder, load_roster(folder), key, clock, randomness), interrupted)
        if host.desk.standing().root == "locked":
            host.desk.await_quorum()
        host._server = await serve_frames(
            socket, host._answer, uids, requests=Request, admit=_admitted
        )
        return host

    async def root(self) -> RootInMemory:
        """The root, when a quorum or a first ceremony has opened it."""
        while (root := self.desk.root) is None:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), LATE_CHECK_SECONDS)
            except TimeoutError:
                self.desk.standing()  # ends a session that is late
        return root

    async def close(self) -> None:
        """Stop listening; what was not activated is gone."""
        if self._server is not None:
            await self._server.close()

    async def _answer(self, _peer: Peer, request: Request) -> Standing | Entered:
        try:
            return self._done(request)
        finally:
            self._changed.set()

    def _done(self, request: Request) -> Standing | Entered:
        match request:
            case Ask():
                return self.desk.standing()
            case Start():
                return self.desk.start(request)
            case Enter():
                return self.desk.enter(request)
            case Activate():
                return self.desk.activate(request)
            case Cancel():
                return self.desk.cancel(request)


def _admitted(hello: Hello, _uid: int) -> bool:
    return hello.caller == CALLER
