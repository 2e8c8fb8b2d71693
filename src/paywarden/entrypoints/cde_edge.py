"""`paywarden cde edge`: HTTP in front of the vault, on Granian, one worker.

Guards: loopback alone, for TLS is the proxy's; no database, and no file of the API's home: which
keys count stands in a signed roster in the environment's inbox; card numbers go into one frame to
the vault and stay nowhere. `create_app` is the factory that the worker calls; its home and its
public origin come by the environment. The origin is that of the
hosted card fields and belongs to nothing else: a page of the merchant's or the console under it
could read what is typed.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from starlette.applications import Starlette

import paywarden
from paywarden.cde.callers import CallerAuthenticator, Callers
from paywarden.cde.callers_file import RosterCallers
from paywarden.cde.edge.ports import Vault
from paywarden.cde.edge.problems import CODES
from paywarden.cde.edge.refusal_log import RefusalLog
from paywarden.cde.edge.tokenising import Tokenising
from paywarden.cde.edge.tokens_http import TokenOperations
from paywarden.cde.edge.tries import Tries
from paywarden.cde.fields.http import FieldOperations, Place
from paywarden.cde.fields.origins import origin_of
from paywarden.cde.fields.sessions import FieldSessions
from paywarden.cde.frame_client import FrameClient
from paywarden.cde.hardening import harden
from paywarden.cde.places import places_of
from paywarden.cde.proofs import load_proof
from paywarden.cde.vault.client import Vault as FramedVault
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Unavailable
from paywarden.entrypoints.cde_door import edge_door
from paywarden.entrypoints.home import VARIABLE, Home, find_home
from paywarden.entrypoints.limits import rate_gate, senders_of
from paywarden.entrypoints.listening import check_address
from paywarden.entrypoints.settings import Limits
from paywarden.entrypoints.start_report import give_up
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.http import app as http_app
from paywarden.kit.http.operation import Operation
from paywarden.kit.http.surroundings import Surroundings
from paywarden.kit.http.system import Dependency, SystemOperations
from paywarden.kit.log import configure
from paywarden.kit.metrics import Metrics

HOST: Final = "127.0.0.1"
PORT: Final = 8090
ORIGIN_VARIABLE: Final = "PAYWARDEN_CDE_ORIGIN"
DRAIN_SECONDS: Final = 10
IN_FLIGHT: Final = 512


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen, and what browsers call it."""
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--origin", help="origin of the card fields behind the proxy, https://...")


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Serve until SIGTERM; the exit code. Errors: InvalidRequest, Unavailable before the start."""
    production = edge_door(places_of(home.root), os.environ).edge.mode == "production"
    harden()
    check_address(arguments.host, arguments.port)
    given = arguments.origin or f"http://{arguments.host}:{arguments.port}"
    os.environ[ORIGIN_VARIABLE] = origin_of(given, test=not production)
    os.environ[VARIABLE] = str(home.root)
    return _serve(arguments.host, arguments.port)


def _serve(host: str, port: int) -> int:
    from granian import Granian
    from granian.constants import Interfaces, Loops

    server = Granian(
        "paywarden.entrypoints.cde_edge:create_app",
        address=host, port=port, interface=Interfaces.ASGI, loop=Loops.uvloop, factory=True,
        workers=1, workers_kill_timeout=DRAIN_SECONDS, websockets=False, log_access=False,
    )  # fmt: skip
    try:
        server.serve()
    except SystemExit as end:
        if end.code:
            raise Unavailable("worker_dies", "the edge's worker died; its log says why") from None
    return 0


def create_app() -> Starlette:
    """Application over the home and origin that the environment names."""
    try:
        harden()
        home = find_home(None, os.environ)
        places = places_of(home.root)
        settings = edge_door(places, os.environ)
        configure(level=settings.edge.log_level)
        clock, chance = SystemClock(), SystemRandomness()
        callers = RosterCallers(places.callers_roster, places.callers_pin, clock)
        vault = FramedVault(
            FrameClient(places.vault_socket, "edge", load_proof(places.run, "edge"))
        )
        origin = os.environ[ORIGIN_VARIABLE]

        def standing() -> list[Dependency]:
            there, known = places.vault_socket.is_socket(), callers.standing()
            return [
                Dependency("vault", "there" if there else "not running", there),
                Dependency("callers", known, known == "fresh"),
            ]

        return application(
            callers, vault, origin, settings.limits, clock, chance, vault.close, standing
        )
    except Exception as fault:
        give_up(fault)


def application(
    callers: Callers,
    vault: Vault,
    origin: str,
    limits: Limits,
    clock: Clock,
    randomness: Randomness,
    close: Callable[[], Awaitable[None]] | None = None,
    standing: Callable[[], list[Dependency]] = list,
) -> Starlette:
    """Application over its ports; `close` ends the line to the vault, `standing` tells of it."""
    metrics = Metrics()
    system = SystemOperations(paywarden.__version__, metrics, standing, CODES)
    listed = operations(vault, origin, clock, randomness, system)
    system.describe(listed)
    refusals = RefusalLog(clock)
    surroundings = Surroundings(
        CallerAuthenticator(callers), clock, randomness, metrics, None, IN_FLIGHT,
        origins=frozenset({origin}), on_refused=refusals.note,
        rates=rate_gate(limits, clock, randomness), senders=senders_of(limits),
    )  # fmt: skip

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        try:
            yield
        finally:
            refusals.flush(last=True)
            if close is not None:
                await close()

    return http_app.build(listed, surroundings, lifespan)


def operations(
    vault: Vault, origin: str, clock: Clock, randomness: Randomness, system: SystemOperations
) -> list[Operation]:
    """Every operation of the edge."""
    tokenising = Tokenising(vault, Tries(clock, randomness), clock)
    sessions = FieldSessions(clock, randomness)
    return [
        *TokenOperations(tokenising).operations(),
        *FieldOperations(sessions, tokenising, Place(origin)).operations(),
        *system.operations(),
    ]
