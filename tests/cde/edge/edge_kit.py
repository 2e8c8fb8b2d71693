"""The edge over real sockets, with a vault that lives in memory, and two pages' worth of shops."""

from __future__ import annotations

import asyncio
import hashlib
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
import uvicorn

from paywarden.cde.callers import Caller
from paywarden.cde.card import Pan
from paywarden.cde.frame_format import Refused
from paywarden.cde.vault import wire
from paywarden.core.scope import Environment, Scope
from paywarden.entrypoints.cde_edge import application
from paywarden.entrypoints.settings import Limits
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.log import configure

SCOPE = Scope("acme", Environment.TEST)
SHOP_KEY, OTHER_KEY, TENANT_KEY, POOR_KEY = "shop-key", "other-key", "tenant-key", "poor-key"
ALL = frozenset({"cards:tokenise", "cards:describe"})
CARD = {"number": "4111111111111111", "expiry": "2031-07", "cvv": "737"}
START_SECONDS = 30.0


class MemoryCallers:
    """Four keys: two shops, a whole tenant, one that may nothing."""

    held = {
        SHOP_KEY: Caller(SCOPE, "shop-1", "key_shop", ALL),
        OTHER_KEY: Caller(SCOPE, "shop-2", "key_other", ALL),
        TENANT_KEY: Caller(SCOPE, None, "key_tenant", ALL),
        POOR_KEY: Caller(SCOPE, "shop-1", "key_poor", frozenset()),
    }

    def of(self, bearer: str) -> Caller | None:
        return self.held.get(bearer)


class MemoryVault:
    """`Vault` with the vault's manners: existing tokens, fresh single-use ones, one refusal."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str, str], wire.TokenMade] = {}
        self.refusing: Refused | Exception | None = None
        self.asked = 0
        self.delay_seconds = 0.0

    async def tokenise(
        self, scope: str, merchant: str, caller: str, cards: Sequence[wire.CardGiven]
    ) -> list[wire.TokenAnswer] | Refused:
        self.asked += 1
        await asyncio.sleep(self.delay_seconds)
        if isinstance(self.refusing, Exception):
            raise self.refusing
        return self.refusing or [self._made(scope, merchant, one) for one in cards]

    async def describe(
        self, scope: str, merchant: str, tokens: Sequence[str]
    ) -> list[wire.TokenAnswer] | Refused:
        gone = wire.TokenRefused("token_unknown")
        return [self.held.get((scope, merchant, one), gone) for one in tokens]

    async def delete(self, scope: str, merchant: str, token: str) -> wire.Deleted | Refused:
        found = self.held.pop((scope, merchant, token), None)
        return Refused("token_unknown", "-") if found is None else wire.Deleted()

    def _made(self, scope: str, merchant: str, card: wire.CardGiven) -> wire.TokenMade:
        pan = Pan.of(card.pan)
        assert isinstance(pan, Pan)
        salt = str(self.asked) if card.form == "ot" else ""
        mark = hashlib.sha256(card.pan + merchant.encode() + salt.encode()).hexdigest()[:22]
        token = f"{card.form}_test_{mark}"
        if card.form == "numeric":
            token = "9" * (len(card.pan) - 5) + "7" + pan.last4
        existing = (scope, merchant, token) in self.held
        made = wire.TokenMade(
            token, "fp_" + mark, pan.bin, pan.last4, pan.brand, card.expiry, None, None,
            "pwf1.x.y.z", existing, 1_900_000_000_000_000 if card.form == "ot" else None,
        )  # fmt: skip
        self.held[scope, merchant, token] = made
        return made


class Edge:
    """A running edge."""

    def __init__(self, port: int, limits: Limits) -> None:
        self.origin = f"http://localhost:{port}"
        self.vault = MemoryVault()
        self.app = application(
            MemoryCallers(), self.vault, self.origin, limits, SystemClock(), SystemRandomness()
        )


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """What the house's log says meanwhile."""
    said = io.StringIO()
    configure(said)
    try:
        yield said
    finally:
        structlog.reset_defaults()


@contextmanager
def running(make: Callable[[int], Any]) -> Iterator[Any]:
    """Serve `make(port).app` on a free loopback port with uvicorn in a thread."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen(128)
        served = make(held.getsockname()[1])
        config = uvicorn.Config(served.app, log_level="error", lifespan="on", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[held])))
        thread.start()
        try:
            ends = time.monotonic() + START_SECONDS
            while not server.started and time.monotonic() < ends:
                time.sleep(0.02)
            assert server.started
            yield served
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)


@contextmanager
def running_edge(limits: Limits | None = None) -> Iterator[Edge]:
    """A running edge over a vault in memory."""
    with running(lambda port: Edge(port, limits or Limits())) as edge:
        yield edge
