"""Drivers and connections against a stand-in server on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from demo_fake import FakeServer

from paywarden.cli.demo.connection import Connection
from paywarden.cli.demo.driver import Driver
from paywarden.cli.demo.pacing import Pace
from paywarden.cli.demo.scoring import Rates
from paywarden.cli.demo.snapshot import Pacing, Snapshot
from paywarden.cli.demo.traffic import Traffic
from paywarden.cli.demo.watch import Watch
from paywarden.core.clock import FixedClock
from paywarden.core.errors import Unavailable
from paywarden.kit.clock import SystemClock
from paywarden.simulator.stream import Truth

RATES = Rates({"EUR": (2, 1.0)})
CHALLENGED, ALLOWED, BLOCKED = 500, 5_000, 500_000
Item = tuple[int, Any, dict[str, Any]]


def payment(name: str, amount: int) -> Item:
    inner = {
        "id": name,
        "attempt": "1",
        "type": "card_payment",
        "amount_minor": amount,
        "currency": "EUR",
        "merchant": {"id": "m-1"},
        "payer": {"name": "Ann Example", "email": "ann@example.org"},
        "instrument": {"reference": "card-secret", "bin": "411111", "last4": "1111"},
    }
    return 1_000_000, "payment", {"payment": inner}


def event(name: str, kind: str, payment_id: str, **more: Any) -> Item:
    body = {"id": name, "kind": kind, "payment_id": payment_id, "attempt": "1", **more}
    return 2_000_000, "events", body


class Scripted:
    """A life that is written down."""

    def __init__(self, items: list[Item], fraud: tuple[str, ...] = ()) -> None:
        self._items, self._fraud = items, fraud
        self.reactions: list[tuple[str, str, str]] = []

    def timed(self) -> Iterator[Item]:
        yield from self._items

    def react(self, payment_id: str, outcome: str, attempt: str = "1") -> None:
        self.reactions.append((payment_id, outcome, attempt))

    def truth(self, payment_id: str, attempt: str = "1") -> Truth:
        fraud = payment_id in self._fraud
        return Truth(fraud, "camp-1" if fraud else None, "card_testing" if fraud else None)


@asynccontextmanager
async def running(server: FakeServer) -> AsyncIterator[int]:
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


async def drive(life: Scripted, server: FakeServer) -> Snapshot:
    watch = Watch(SystemClock(), RATES)
    async with running(server) as port:
        connection = Connection("127.0.0.1", port, "pw_test_key")
        watch.begin()
        try:
            driver = Driver("a0", "run", connection, watch, SystemClock())
            await driver.drive(life, Pace(SystemClock(), 1_000.0))
        finally:
            await connection.close()
    return watch.snapshot("http://x", Pacing(1, 1.0, 1.0, 0.0))


def sent(server: FakeServer) -> list[tuple[str, str]]:
    """What was asked, with the id or result that it carried."""
    told = []
    for _method, path, body in server.requests:
        if path == "/v1/decisions":
            told.append(("decide", body["payment"]["id"]))
        elif path == "/v1/events":
            told.append(("event", body["events"][0]["id"]))
        else:
            told.append(("continue", body["result"]))
    return told


async def test_each_item_waits_for_the_answer_before_and_ids_carry_the_run() -> None:
    life = Scripted([payment("p1", ALLOWED), event("r1", "payment_result", "p1"),
                     payment("p2", BLOCKED), event("l1", "label", "p1")])  # fmt: skip
    server = FakeServer()
    snapshot = await drive(life, server)
    assert sent(server) == [
        ("decide", "runa0-p1"), ("event", "runa0-r1"), ("decide", "runa0-p2"),
        ("event", "runa0-l1"),
    ]  # fmt: skip
    assert life.reactions == [("p1", "allow", "1"), ("p2", "block", "1")]
    assert snapshot.outcomes == {"allow": 1, "challenge": 0, "review": 0, "block": 1}
    assert snapshot.events == 2
    bodies = [body for _m, path, body in server.requests if path == "/v1/events"]
    assert bodies[0]["events"][0]["payment_id"] == server.requests[0][2]["payment"]["id"]


async def test_a_challenge_is_continued_and_a_failed_one_ends_the_payment() -> None:
    life = Scripted([
        payment("p1", CHALLENGED), payment("p2", CHALLENGED),
        event("c1", "challenge_result", "p1", result="authenticated"),
        event("c2", "challenge_result", "p2", result="failed"),
        event("r1", "payment_result", "p1"), event("r2", "payment_result", "p2"),
        event("l2", "label", "p2"),
    ], fraud=("p2",))  # fmt: skip
    server = FakeServer()
    snapshot = await drive(life, server)
    kinds = [kind for kind, _ in sent(server)]
    assert kinds == ["decide", "decide", "continue", "continue", "event"]
    assert [name for kind, name in sent(server) if kind == "continue"] == [
        "authenticated", "failed",
    ]  # fmt: skip
    document = snapshot.document()["labelled"]
    assert document["genuine_passed_challenge"] == 1
    assert (document["caught"], document["slipped_after_challenge"]) == (1, 0)


async def test_a_busy_server_is_asked_again_with_the_same_bytes() -> None:
    life = Scripted([payment("p1", ALLOWED), payment("p2", ALLOWED)])
    server = FakeServer({"busy_every": 2})
    snapshot = await drive(life, server)
    asked = [json.dumps(body) for _m, path, body in server.requests if path == "/v1/decisions"]
    assert len(asked) == 3
    assert asked[1] == asked[2]
    assert snapshot.held_back == (("too_many_requests", 1),)
    assert snapshot.decisions == 2


async def test_a_server_that_is_always_busy_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paywarden.cli.demo.driver._PATIENCE", 3)
    with pytest.raises(Unavailable) as busy:
        await drive(Scripted([payment("p1", ALLOWED)]), FakeServer({"busy_every": 1}))
    assert busy.value.code == "demo_server_busy"


class Refusing(FakeServer):
    """Refuses what it is told to refuse."""

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "/v1/events":
            refused = {"id": "x", "status": "refused", "code": "payment_unknown"}
            return 200, {"results": [refused]}
        return 422, {"code": "amount_missing"}


async def test_refusals_are_counted_and_the_run_goes_on() -> None:
    life = Scripted([payment("p1", ALLOWED), event("r1", "payment_result", "p1")])
    snapshot = await drive(life, Refusing())
    assert dict(snapshot.refused) == {"decision: amount_missing": 1, "event: payment_unknown": 1}
    assert snapshot.decisions == 0
    assert life.reactions == []


async def test_nothing_personal_leaves_the_watch() -> None:
    life = Scripted([payment("p1", BLOCKED), payment("p2", CHALLENGED)], fraud=("p1",))
    snapshot = await drive(life, FakeServer())
    text = repr(snapshot) + json.dumps(snapshot.document())
    for secret in ("Ann", "ann@", "card-secret", "411111", "1111"):
        assert secret not in text
    assert [one.truth for one in snapshot.notable] == ["genuine", "card_testing"]


async def test_equal_stops_in_a_row_become_one_line() -> None:
    items = [payment(f"p{number}", BLOCKED) for number in range(4)]
    snapshot = await drive(Scripted(items, fraud=("p0", "p1", "p2", "p3")), FakeServer())
    assert [(one.times, one.payment_id[-2:]) for one in snapshot.notable] == [(4, "p3")]


async def test_traffic_looks_into_records_and_reports_its_pace() -> None:
    clock, server = SystemClock(), FakeServer()
    watch = Watch(clock, RATES)
    lives = [iter([Scripted([payment(f"{n}-{k}", BLOCKED) for k in range(3)])]) for n in range(2)]

    def endless(first: Iterator[Scripted]) -> Iterator[Any]:
        yield from first
        while True:
            yield Scripted([])

    async with running(server) as port:
        traffic = Traffic("run", lambda: Connection("127.0.0.1", port, "k"), watch, clock, 1_000.0)
        watch.begin()
        flowing = asyncio.create_task(traffic.flow([endless(life) for life in lives]))
        while watch.snapshot("x", traffic.pacing()).explained < 2 and not flowing.done():
            await asyncio.sleep(0.01)
        flowing.cancel()
        await asyncio.gather(flowing, return_exceptions=True)
    snapshot = watch.snapshot("x", traffic.pacing())
    assert snapshot.decisions == 6
    assert dict(snapshot.rules)["burst"] >= 2
    assert dict(snapshot.scenarios)["card_testing"] >= 2
    assert snapshot.pacing.worlds == 2


async def test_a_connection_opens_again_after_the_server_closed_it() -> None:
    answers = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answers
        await reader.readuntil(b"\r\n\r\n")
        answers += 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(once, "127.0.0.1", 0)
    connection = Connection("127.0.0.1", listening.sockets[0].getsockname()[1], "k")
    try:
        for _ in range(3):
            assert (await connection.get("/x")).body == {}
            await asyncio.sleep(0.01)
    finally:
        await connection.close()
        listening.close()
    assert answers == 3


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{]",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 40_000,
    ],
    ids=["nothing", "nonsense", "no length", "negative", "huge", "chunked", "no JSON", "long head"],
)
async def test_what_is_no_answer_is_a_clear_fault(octets: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(octets)
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    connection = Connection("127.0.0.1", listening.sockets[0].getsockname()[1], "k")
    try:
        with pytest.raises(Unavailable) as fault:
            await connection.get("/x")
        assert fault.value.code == "demo_server_silent"
    finally:
        await connection.close()
        listening.close()


async def test_nobody_listening_is_a_clear_fault() -> None:
    server = FakeServer()
    async with running(server) as port:
        pass
    with pytest.raises(Unavailable):
        await Connection("127.0.0.1", port, "k").get("/x")


def test_a_watch_before_its_beginning_shows_nothing() -> None:
    snapshot = Watch(FixedClock(), RATES).snapshot("x", Pacing(0, 1.0, 0.0, 0.0))
    assert (snapshot.seconds, snapshot.decisions, snapshot.mean_per_second) == (0.0, 0, 0.0)
