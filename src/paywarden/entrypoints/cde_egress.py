"""`paywarden cde egress`: forwards and reveals, on Granian, one worker.

    cde/egress/egress.toml     settings
    cde/egress/roster.json     who may approve: this process' own, pinned by hand
    cde/egress/canaries.json   tokens and fingerprints that nobody uses honestly
    cde/egress/egress.db       approved destinations, used approvals, reveals a day
    cde/egress/events.jsonl    hash-chained event log

Guards: hardened before a secret is read; no file of the API's home: which keys count stands in a
signed roster in the environment's inbox; loopback alone, for TLS towards callers is the proxy's; no
key of its own, no database of cards. `create_app` is the factory that the worker calls.
"""

from __future__ import annotations

import argparse
import os
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.applications import Starlette

import paywarden
from paywarden.cde.callers import CallerAuthenticator, Callers
from paywarden.cde.callers_file import RosterCallers
from paywarden.cde.egress.book import DestinationBook
from paywarden.cde.egress.canaries import Canaries
from paywarden.cde.egress.forwarding import Forwarding, Rates, Watch
from paywarden.cde.egress.http import EgressOperations
from paywarden.cde.egress.metering import EgressMetrics
from paywarden.cde.egress.opening import Opening
from paywarden.cde.egress.ports import OpensDataKeys, TakesCards
from paywarden.cde.egress.problems import CODES
from paywarden.cde.egress.revealing import Revealing
from paywarden.cde.egress.roster_file import load_roster
from paywarden.cde.egress.settings import FILE, Egress, checked, development_destinations
from paywarden.cde.egress.stores.sqlite_ledger import SqliteLedger
from paywarden.cde.egress.transport import Transport
from paywarden.cde.events import EventLog
from paywarden.cde.frame_client import FrameClient
from paywarden.cde.hardening import harden
from paywarden.cde.keys.client import KeyAgent
from paywarden.cde.places import Places, places_of
from paywarden.cde.proofs import load_proof
from paywarden.cde.vault.client import Vault
from paywarden.cli import output
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Unavailable
from paywarden.entrypoints.cde_door import door_text, limits_in
from paywarden.entrypoints.home import VARIABLE, Home, find_home
from paywarden.entrypoints.limits import rate_gate
from paywarden.entrypoints.listening import check_address
from paywarden.entrypoints.settings import Limits
from paywarden.entrypoints.start_report import give_up
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.db.connection import lock_file
from paywarden.kit.http import app as http_app
from paywarden.kit.http.operation import Operation
from paywarden.kit.http.surroundings import Surroundings
from paywarden.kit.http.system import Dependency, SystemOperations
from paywarden.kit.log import configure
from paywarden.kit.metrics import Metrics
from paywarden.kit.settings import parse_settings

HOST: Final = "127.0.0.1"
PORT: Final = 8091
DRAIN_SECONDS: Final = 30
IN_FLIGHT: Final = 512


class EgressDoor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """egress.toml."""

    egress: Egress = Egress()
    limits: Limits = Limits()


def egress_door(places: Places, environ: Mapping[str, str]) -> EgressDoor:
    """Settings of egress. Errors: InvalidRequest; Unavailable `cde_missing`."""
    text = door_text(places, places.egress / FILE)
    door = parse_settings(EgressDoor, text, limits_in(environ), FILE)
    checked(door.egress)
    return door


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen."""
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=PORT)


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Serve until SIGTERM. Errors: InvalidRequest, Unavailable before the start."""
    egress_door(places_of(home.root), os.environ)
    harden()
    check_address(arguments.host, arguments.port)
    os.environ[VARIABLE] = str(home.root)
    _serve(arguments.host, arguments.port)
    return output.DONE


def _serve(host: str, port: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces, Loops

    server = Granian(
        "paywarden.entrypoints.cde_egress:create_app",
        address=host, port=port, interface=Interfaces.ASGI, loop=Loops.uvloop, factory=True,
        workers=1, workers_kill_timeout=DRAIN_SECONDS, websockets=False, log_access=False,
    )  # fmt: skip
    try:
        server.serve()
    except SystemExit as end:
        if end.code:
            raise Unavailable("worker_dies", "egress' worker died; its log says why") from None


@dataclass(frozen=True, slots=True)
class Lines:
    """What egress asks: callers, vault, agent; how they end; which are there now."""

    callers: Callers
    vault: TakesCards
    agent: OpensDataKeys
    close: Callable[[], Any]
    standing: Callable[[], Sequence[Dependency]]


def create_app() -> Starlette:
    """Application over the home that the environment names."""
    try:
        harden()
        _say_asyncio()
        home = find_home(None, os.environ)
        places, clock = places_of(home.root), SystemClock()
        settings = egress_door(places, os.environ)
        configure(level=settings.egress.log_level)
        return application(
            places, settings.egress, lines(places, clock), settings.limits, clock,
            SystemRandomness(),
        )  # fmt: skip
    except Exception as fault:
        give_up(fault)


def lines(places: Places, clock: Clock) -> Lines:
    """The lines to the other processes. Errors: Unavailable for an unsafe proof."""
    proof = load_proof(places.run, "egress")
    vault = Vault(FrameClient(places.vault_socket, "egress", proof))
    agent = KeyAgent(FrameClient(places.keys_socket, "egress", proof))
    callers = RosterCallers(places.callers_roster, places.callers_pin, clock)

    async def close() -> None:
        await vault.close()
        await agent.close()

    def standing() -> list[Dependency]:
        sockets = {"vault": places.vault_socket, "key_agent": places.keys_socket}
        known = callers.standing()
        return [
            Dependency("callers", known, known == "fresh"),
            *(
                Dependency(name, "there" if path.is_socket() else "not running", path.is_socket())
                for name, path in sockets.items()
            ),
        ]

    return Lines(callers, vault, agent, close, standing)


def application(
    places: Places,
    settings: Egress,
    given: Lines,
    limits: Limits,
    clock: Clock,
    randomness: Randomness,
) -> Starlette:
    """Application over its lines; its lifespan closes what it opened."""
    folder, metrics = places.egress, Metrics()
    counted = EgressMetrics(metrics)
    claimed = lock_file(folder / "events.jsonl")
    events = EventLog(folder / "events.jsonl", clock, counted.observe)
    ledger = SqliteLedger(folder / "egress.db")
    roster = load_roster(folder / "roster.json")
    book = DestinationBook(ledger, roster, clock, development_destinations(folder, settings))
    transport = Transport(trust=_trust(folder, settings))
    opening = Opening(given.vault, given.agent)
    watch = Watch(Canaries.load(folder / "canaries.json"), events)
    forwarding = Forwarding(book, opening, transport, watch, events, Rates(clock), counted)
    revealing = Revealing(opening, roster, ledger, watch, events, clock, settings.reveals_per_day)
    system = SystemOperations(paywarden.__version__, metrics, given.standing, CODES)
    listed = operations(EgressOperations(forwarding, revealing, book, events), system)
    system.describe(listed)
    around = Surroundings(
        CallerAuthenticator(given.callers), clock, randomness, metrics, None, IN_FLIGHT,
        rates=rate_gate(limits, clock, randomness),
    )  # fmt: skip

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        async with AsyncExitStack() as ending:
            ending.callback(claimed.close)
            ending.callback(events.close)
            ending.callback(ledger.close)
            ending.push_async_callback(given.close)
            await ending.enter_async_context(transport)
            yield

    return http_app.build(listed, around, lifespan)


def operations(own: EgressOperations, system: SystemOperations) -> list[Operation]:
    """Every operation of egress."""
    return [*own.operations(), *system.operations()]


def _say_asyncio() -> None:
    """Spare each request of httpcore a search of the disk for a package that is not installed."""
    modules: dict[str, Any] = sys.modules
    modules.setdefault("sniffio", None)  # None: its import fails at once, which means asyncio


def _trust(folder: Path, settings: Egress) -> ssl.SSLContext | None:
    if not settings.trust_file:
        return None
    try:
        return ssl.create_default_context(cafile=folder / settings.trust_file)
    except (OSError, ssl.SSLError):
        raise Unavailable("trust_unreadable", "egress.trust_file holds no certificates") from None
