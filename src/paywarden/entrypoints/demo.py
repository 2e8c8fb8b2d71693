"""`paywarden demo`: home folder, server, simulated people and attackers, a live view; then the end.

Order: settings of the run, `init`, server (a free port if its own is taken) with the worlds built
meanwhile, readiness, traffic, summary. Guards: no child outlives this process, however it ends
(`cli.demo.children`); SIGINT, SIGTERM, SIGHUP, a key, the time limit and a closed pipe all end it
in good order; with --json standard output carries one document and nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec
from rich.console import Console

from paywarden.cli import output
from paywarden.cli.demo import worlds
from paywarden.cli.demo.children import Child
from paywarden.cli.demo.connection import Connection
from paywarden.cli.demo.driver import Life
from paywarden.cli.demo.lines import summary
from paywarden.cli.demo.pacing import Pace
from paywarden.cli.demo.showing import let_go, show_lines, show_live
from paywarden.cli.demo.snapshot import Snapshot
from paywarden.cli.demo.terminal import drawable, has_keys, keys
from paywarden.cli.demo.traffic import Traffic
from paywarden.cli.demo.watch import Watch
from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest, PaywardenError, Unavailable
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.listening import port_taken
from paywarden.kit.clock import SystemClock
from paywarden.simulator.listed.names import LIST_FILE, list_octets

HOST = "127.0.0.1"
CHILD = ("-m", "paywarden.entrypoints.demo_child")
START_LIMIT_SECONDS = 600
RATES_VARIABLE = "PAYWARDEN_TABLES__RATES"
UNLIMITED = {
    "PAYWARDEN_LIMITS__KEY_PER_SECOND": "0",
    "PAYWARDEN_LIMITS__PRINCIPAL_PER_SECOND": "0",
}
"""All simulated shops and people send with one key: as fast as the server answers."""
PATIENCE = {10: "; the first start on a machine compiles the windows, about a minute"}
STOP_PATIENCE_SECONDS = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for; `seconds` None means until a key or a signal."""

    seconds: float | None
    speed: float
    seed: int
    json: bool


def demo(arguments: argparse.Namespace, home: Home) -> int:
    """Run the demonstration; the exit code. Errors: InvalidRequest, Unavailable."""
    options = options_of(arguments)
    try:
        snapshot = asyncio.run(Demonstration(options, home, SystemClock()).run())
        document = {"home": str(home.root), **snapshot.document()}
        output.answer(arguments, document, summary(snapshot))
    except BrokenPipeError:
        let_go(sys.stdout)
    return output.DONE


def options_of(arguments: argparse.Namespace) -> Options:
    """Checked options. Errors: InvalidRequest."""
    seconds, speed = arguments.seconds, arguments.speed
    if seconds is not None and not (math.isfinite(seconds) and 0 < seconds <= 1e9):
        raise InvalidRequest(
            "demo_seconds_invalid", "seconds is a number above 0", pointer="--seconds"
        )
    speed = worlds.SPEED if speed is None else speed
    Pace(SystemClock(), speed)  # refuses a speed that it cannot keep
    worlds.seed_of(arguments.seed, 0, 0)
    return Options(seconds, speed, arguments.seed, arguments.json)


class Demonstration:
    """One run, from nothing to nothing left behind."""

    def __init__(self, options: Options, home: Home, clock: Clock) -> None:
        self._options, self._home, self._clock = options, home, clock
        self._stop = asyncio.Event()
        self._watch = Watch(clock, worlds.rates())

    async def run(self) -> Snapshot:
        """The run as it stood at the end."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._stop.set)
        run = run_number(self._home)
        building = asyncio.create_task(self._build(run))
        try:
            api_key = await self._until_stopped(self._initialise())
            await self._until_stopped(self._take_in_list())
            async with self._card_environment() as edge, self._server(api_key) as (server, port):
                lives = await self._until_stopped(self._patiently(building, "simulated worlds"))
                return await self._show(lives, server, port, edge, api_key, run)
        finally:
            building.cancel()
            await asyncio.gather(building, return_exceptions=True)

    async def _build(self, run: int) -> list[Iterator[Life]]:
        """The worlds, each with its first one already made."""
        now_us, options = self._clock.now_us(), self._options
        made: list[Iterator[Life]] = []
        for number in range(worlds.WORLDS):
            lives = worlds.lives(options.seed, run, number, now_us, options.speed)
            first = await asyncio.to_thread(next, lives)
            made.append(_first_then(first, lives))
        return made

    async def _initialise(self) -> str:
        """Make or finish the home; the operator's key."""
        output.tell(f"demo: home folder {self._home.root}")
        child = await self._child("init", "--demo", "--json")
        try:
            code = await self._patiently(child.ended(), "home folder, keys and policy")
        finally:
            await child.stop(0)
        answer = _document(child)
        if code != 0:
            error = answer.get("error") or {}
            _repeat(child.said)
            raise Unavailable(
                str(error.get("code") or "demo_init_failed"),
                str(error.get("detail") or "the home folder could not be made; see above"),
            )
        if answer.get("changed"):
            output.tell(f"demo: made {', '.join(answer['changed'])}")
        if not answer.get("api_key"):
            raise Unavailable(
                "demo_key_missing",
                "keys/operator.key is missing: put the operator's key back or use another --home",
            )
        return str(answer["api_key"])

    async def _take_in_list(self) -> None:
        """Put the made-up list of sanctions in force, as an operator does with a real one."""
        path = self._home.root / "data" / LIST_FILE
        path.write_bytes(list_octets())
        child = await self._child(
            "screening", "lists", "take-in", str(path), "--person", "demo", "--json"
        )
        try:
            code = await self._patiently(child.ended(), "the list of sanctions")
        finally:
            await child.stop(0)
        if code != 0:
            _repeat(child.said)
            raise Unavailable("demo_list_failed", "the made-up list could not be taken in")

    @asynccontextmanager
    async def _card_environment(self) -> AsyncIterator[tuple[Child, int]]:
        """Key agent, vault, edge and egress, ended on the way out; the edge's port."""
        made = await self._child("cde", "init", "--json")
        if await self._until_stopped(self._patiently(made.ended(), "keys of the card vault")) != 0:
            _repeat(made.said)
            raise Unavailable("demo_vault_failed", "the card data environment could not be made")
        edge, egress = _free_ports(2)
        output.tell(f"demo: starting the card data environment on http://{HOST}:{edge}")
        child = await self._child("cde", "serve", "--port", str(edge), "--egress-port", str(egress))
        try:
            yield child, edge
        finally:
            await asyncio.shield(child.stop(STOP_PATIENCE_SECONDS))

    @asynccontextmanager
    async def _server(self, api_key: str) -> AsyncIterator[tuple[Child, int]]:
        """A server that is ready, ended on the way out."""
        port = self._port()
        output.tell(f"demo: starting the server on http://{HOST}:{port}")
        child = await self._child("serve", "--host", HOST, "--port", str(port))
        try:
            ready = self._patiently(self._ready(child, port, api_key), "the server")
            await self._until_stopped(ready)
            yield child, port
        finally:
            await asyncio.shield(child.stop(STOP_PATIENCE_SECONDS))

    async def _child(self, *words: str) -> Child:
        """A command over this home; with the simulator's rates unless the home has its own."""
        home, variables = self._home, dict(UNLIMITED)
        if home.exists and not home.settings(os.environ).tables.rates:
            table = home.root / "data" / "demo_rates.csv"
            table.write_text(worlds.rates_table(self._clock.now_us()), encoding="ascii")
            variables[RATES_VARIABLE] = str(table)
        return await Child.start([*CHILD, "--home", str(home.root), *words], variables)

    def _port(self) -> int:
        wanted = self._home.settings(os.environ).server.port
        if not port_taken(HOST, wanted):
            return wanted
        [free] = _free_ports(1)
        output.tell(f"demo: port {wanted} is taken, {free} is free")
        return free

    async def _patiently(self, act: Coroutine[Any, Any, _Result] | asyncio.Task[_Result], what: str
                         ) -> _Result:  # fmt: skip
        """The result; every second that it takes is told, for at most START_LIMIT_SECONDS."""
        task, seconds = asyncio.ensure_future(act), 0
        try:
            while not (await asyncio.wait((task,), timeout=1.0))[0]:
                seconds += 1
                if seconds <= 3 or seconds % 5 == 0:
                    output.tell(
                        f"demo: waiting for {what} ({seconds} s){PATIENCE.get(seconds, '')}"
                    )
                if seconds >= START_LIMIT_SECONDS:
                    raise Unavailable("demo_start_too_slow", f"{what}: not there in {seconds} s")
            return task.result()
        finally:
            task.cancel()

    async def _ready(self, child: Child, port: int, api_key: str) -> None:
        connection = Connection(HOST, port, api_key)
        try:
            while not (_listens(child, port) and await _is_ready(connection)):
                _must_run(child)
                await asyncio.sleep(0.1)
            _must_run(child)
        finally:
            await connection.close()

    async def _edge_listens(self, child: Child, port: int) -> None:
        while not port_taken(HOST, port):
            _must_run(child)
            await asyncio.sleep(0.1)

    async def _show(
        self,
        lives: list[Iterator[Life]],
        server: Child,
        port: int,
        vault: tuple[Child, int],
        api_key: str,
        run: int,
    ) -> Snapshot:
        environment, edge = vault

        def connect() -> Connection:
            return Connection(HOST, port, api_key)

        def connect_edge() -> Connection:
            return Connection(HOST, edge, api_key)

        def look() -> Snapshot:
            seen = self._watch.snapshot(f"http://{HOST}:{port}", traffic.pacing())
            return replace(seen, cards=traffic.card_use())

        name = run_name(run, self._clock.now_us())
        traffic = Traffic(
            name, connect, self._watch, self._clock, self._options.speed, connect_edge
        )
        await self._until_stopped(
            self._patiently(self._edge_listens(environment, edge), "the card data environment")
        )
        output.tell(f"demo: sending payments; {self._hint()}")
        self._watch.begin()
        with ExitStack() as stack:
            stack.enter_context(keys(self._stop.set))
            try:
                await self._first_end(
                    traffic.flow(lives), self._display(look), server.ended(), environment.ended(),
                    self._time_limit(),
                )  # fmt: skip
            except Unavailable:
                await asyncio.sleep(0.3)  # a server that died is known to be dead a moment later
                _must_run(server)
                _must_run(environment)
                raise
            last = look()
        _must_run(server)
        _must_run(environment)
        if last.held_back:
            output.tell("demo: the server made requests wait; its last words:")
            _repeat(server.said)
        return last

    async def _first_end(self, *acts: Coroutine[Any, Any, object]) -> None:
        """Run all until one ends or the run is stopped; the first fault is raised."""
        tasks = [asyncio.create_task(act) for act in (*acts, self._stop.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            if not task.cancelled() and (fault := task.exception()) is not None:
                raise _leaf(fault)

    async def _display(self, look: Any) -> None:
        if drawable() and not self._options.json:
            await show_live(look, Console(), self._hint())
        else:
            await show_lines(look, sys.stderr if self._options.json else sys.stdout)

    async def _time_limit(self) -> None:
        if self._options.seconds is None:
            await asyncio.Event().wait()
        await asyncio.sleep(self._options.seconds or 0.0)

    def _hint(self) -> str:
        ends = [f"{self._options.seconds:g} s"] if self._options.seconds is not None else []
        return f"ends with {' or '.join([*ends, 'any key' if has_keys() else 'Ctrl-C'])}"

    async def _until_stopped(self, act: Coroutine[Any, Any, _Result] | asyncio.Task[_Result]
                             ) -> _Result:  # fmt: skip
        """The result, unless the run is stopped first."""
        task = asyncio.ensure_future(act)
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if task.cancelled():
            raise Unavailable("demo_interrupted", "ended before the first payment was sent")
        return task.result()


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


def run_number(home: Home) -> int:
    """How many runs this home has seen, this one included: each meets other people."""
    path = home.root / "data" / "demo_runs"
    try:
        before = int(path.read_text(encoding="ascii")[:12])
    except (OSError, ValueError):
        before = 0
    home.make()
    path.write_text(f"{before + 1}\n", encoding="ascii")
    return before + 1


def run_name(run: int, now_us: int) -> str:
    """A name for this run's payments that no other run of the home has had."""
    return f"demo{run}-{now_us // 1_000_000:x}-"


def _first_then(first: Life, others: Iterator[Life]) -> Iterator[Life]:
    yield first
    yield from others


def _listens(child: Child, port: int) -> bool:
    """Whether the child said that the port is its own: another program may have been faster."""
    return any(f"{HOST}:{port}" in text for text in (*child.answer, *child.said))


async def _is_ready(connection: Connection) -> bool:
    try:
        return (await connection.get("/readyz")).status == 200
    except Unavailable:
        return False  # the socket is not open yet


def _document(child: Child) -> dict[str, Any]:
    try:
        found = msgspec.json.decode("\n".join(child.answer))
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _must_run(server: Child) -> None:
    if server.code is not None:
        _repeat([*server.answer, *server.said])
        raise Unavailable("demo_server_ended", "the server ended by itself; see above")


def _repeat(lines: Iterable[str]) -> None:
    for text in list(lines)[-12:]:
        output.tell(f"  | {text}")


def _leaf(fault: BaseException) -> BaseException:
    """The fault inside groups of tasks; one of ours before any other."""
    if not isinstance(fault, BaseExceptionGroup):
        return fault
    leaves = [_leaf(one) for one in fault.exceptions]
    ours = [one for one in leaves if isinstance(one, PaywardenError)]
    return (ours or leaves)[0]
