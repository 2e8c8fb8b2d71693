"""Frames between processes: pipelining, refusals, and peers that misbehave."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from paywarden.cde.frame_client import FrameClient
from paywarden.cde.frame_format import (
    FRAME_LIMIT_OCTETS,
    Ask,
    Framed,
    Hello,
    Refused,
    ask_frame,
    frame_of,
    packed,
    read_answer,
)
from paywarden.cde.frames import Peer, serve_frames
from paywarden.cde.proofs import KnownCaller, KnownCallers
from paywarden.core.errors import (
    Conflict,
    InvalidRequest,
    LimitExceeded,
    NotPermitted,
    TooLarge,
    Unavailable,
)
from paywarden.core.secret import Secret

PROOF = Secret(b"p" * 32)
UID = os.getuid()
KNOWN = KnownCallers({"vault": KnownCaller(UID, PROOF)})


class Echo(Framed, frozen=True, tag="echo"):
    text: str


class Wait(Framed, frozen=True, tag="wait"):
    name: str


class Fail(Framed, frozen=True, tag="fail"):
    how: str


class Large(Framed, frozen=True, tag="large"):
    octets: int


class Who(Framed, frozen=True, tag="who"):
    pass


class Doings:
    def __init__(self) -> None:
        self.gates: dict[str, asyncio.Event] = {}
        self.cancelled: list[str] = []

    async def __call__(self, peer: Peer, request: object) -> object:
        match request:
            case Echo(text):
                return text
            case Wait(name):
                try:
                    await self.gates.setdefault(name, asyncio.Event()).wait()
                except asyncio.CancelledError:
                    self.cancelled.append(name)
                    raise
                return name
            case Fail("refuse"):
                return Refused("no", "not today")
            case Fail("error"):
                raise InvalidRequest("bad_thing", "it is bad")
            case Fail(how):
                raise RuntimeError(how)
            case Large(octets):
                return b"x" * octets
        return [peer.uid, peer.pid, peer.name]


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
def doings() -> Doings:
    return Doings()


@pytest.fixture
async def served(tmp_path: Path, doings: Doings) -> AsyncIterator[Path]:
    path = tmp_path / "f.sock"
    server = await serve_frames(
        path,
        doings,
        {UID},
        requests=Echo | Wait | Fail | Large | Who,
        admit=KNOWN.admits,
        stall_seconds=0.2,
    )
    yield path
    await server.close()
    assert not path.exists()


@pytest.fixture
async def client(served: Path) -> AsyncIterator[FrameClient]:
    made = FrameClient(served, "vault", PROOF)
    yield made
    await made.close()


async def test_the_server_knows_who_calls(client: FrameClient) -> None:
    assert await client.ask(Who(), list) == [UID, os.getpid(), "vault"]


def test_the_socket_is_for_its_user_alone(tmp_path: Path, doings: Doings) -> None:
    async def run() -> int:
        path = tmp_path / "g.sock"
        server = await serve_frames(path, doings, {UID}, requests=Echo, admit=KNOWN.admits)
        mode = stat.S_IMODE(path.stat().st_mode)
        await server.close()
        return mode

    assert asyncio.run(run()) == 0o600


async def test_answers_come_in_any_order(client: FrameClient, doings: Doings) -> None:
    slow = asyncio.create_task(client.ask(Wait("slow"), str))
    assert await client.ask(Echo("quick"), str) == "quick"
    assert not slow.done()
    doings.gates["slow"].set()
    assert await slow == "slow"


async def test_many_at_once_get_each_their_own(client: FrameClient) -> None:
    asked = [f"text {number}" for number in range(600)]
    assert await asyncio.gather(*(client.ask(Echo(text), str) for text in asked)) == asked


async def test_refusals_are_values_and_errors_become_refusals(client: FrameClient) -> None:
    assert await client.ask(Fail("refuse"), str) == Refused("no", "not today")
    assert await client.ask(Fail("error"), str) == Refused("bad_thing", "it is bad")


async def test_a_fault_does_not_tell_what_was_asked(
    client: FrameClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await client.ask(Fail("4111111111111111"), str)
    assert isinstance(answer, Refused) and answer.code == "internal_error"
    out = capsys.readouterr()
    assert "4111" not in answer.detail + out.out + out.err


@pytest.mark.parametrize(
    ("caller", "proof"), [("vault", b"q" * 32), ("edge", b"p" * 32), ("vault", b"")]
)
async def test_a_name_without_its_proof_is_refused(served: Path, caller: str, proof: bytes) -> None:
    stranger = FrameClient(served, caller, Secret(proof))
    with pytest.raises(NotPermitted) as refused:
        await stranger.ask(Echo("x"), str)
    assert refused.value.code == "caller_unproven"


async def test_a_foreign_user_is_not_even_greeted(tmp_path: Path, doings: Doings) -> None:
    path = tmp_path / "h.sock"
    server = await serve_frames(path, doings, {UID + 1}, requests=Echo, admit=KNOWN.admits)
    with pytest.raises(Unavailable):
        await FrameClient(path, "vault", PROOF).ask(Echo("x"), str)
    await server.close()


async def raw(
    path: Path, *, greet: bool = True
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_unix_connection(path)
    if greet:
        writer.write(ask_frame(0, Hello("vault", PROOF.expose())))
        await body_of(reader)
    return reader, writer


async def body_of(reader: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await reader.readexactly(4), "big")
    return await reader.readexactly(length)


MALFORMED = {
    "oversize": (FRAME_LIMIT_OCTETS + 1).to_bytes(4, "big") + b"x",
    "empty": bytes(4),
    "four gigabytes": b"\xff\xff\xff\xff",
    "no msgpack": frame_of(b"\xc1\xc1"),
    "no envelope": frame_of(packed({"id": 1})),
    "id of text": frame_of(packed(["1", ["echo", "x"]])),
    "negative id": frame_of(packed([-1, ["echo", "x"]])),
    "id of the greeting": ask_frame(0, Echo("x")),
    "no UTF-8": frame_of(b"\x92\x01\x92\xa4ec\xffo"),
    "deep nesting": frame_of(b"\x91" * 200_000 + b"\x00"),
    "http": b"GET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_envelope_ends_its_connection_alone(
    served: Path, client: FrameClient, octets: bytes
) -> None:
    reader, writer = await raw(served)
    writer.write(octets)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await body_of(reader)
    writer.close()
    assert await client.ask(Echo("others go on"), str) == "others go on"


@pytest.mark.parametrize(
    "body", [["unknown", 1], ["echo"], ["echo", "x", "y"], ["echo", 7], 5, None, {"echo": 1}]
)
async def test_a_malformed_body_is_refused_and_the_connection_lives(
    served: Path, body: object
) -> None:
    reader, writer = await raw(served)
    writer.write(frame_of(packed(Ask(7, msgspec.Raw(packed(body))))))
    answer = read_answer(await body_of(reader))
    assert (answer.id, getattr(answer, "code", "")) == (7, "request_malformed")
    writer.write(ask_frame(8, Echo("still")))
    assert read_answer(await body_of(reader)).id == 8
    writer.close()


async def test_a_body_of_broken_text_is_refused(served: Path) -> None:
    reader, writer = await raw(served)
    for body in (b"\x92\xa4echo\xa2\xff\xff", b"\x92\xa4ec\xffo\xa1x"):
        writer.write(frame_of(b"\x92\x07" + body))
        answer = read_answer(await body_of(reader))
        assert (answer.id, getattr(answer, "code", "")) == (7, "request_malformed")
    writer.close()


async def test_one_id_twice_under_way_ends_the_connection(served: Path, doings: Doings) -> None:
    reader, writer = await raw(served)
    writer.write(ask_frame(3, Wait("a")) + ask_frame(3, Wait("b")))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await body_of(reader)
    writer.close()
    assert set(doings.cancelled) <= {"a"}


@pytest.mark.parametrize("greet", [True, False])
async def test_a_peer_stalled_in_mid_frame_is_cut_off(served: Path, greet: bool) -> None:
    reader, writer = await raw(served, greet=greet)
    writer.write(b"\x00\x00\x01\x00only a part")
    async with asyncio.timeout(10):
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await body_of(reader)
    writer.close()


async def test_a_peer_that_says_nothing_is_cut_off_before_the_greeting(served: Path) -> None:
    reader, writer = await raw(served, greet=False)
    async with asyncio.timeout(10):
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await body_of(reader)
    writer.close()


async def test_a_peer_that_reads_no_answers_is_cut_off(served: Path, client: FrameClient) -> None:
    _reader, writer = await raw(served)
    transport = writer.transport
    transport.pause_reading()  # type: ignore[attr-defined]
    for number in range(1, 60):
        writer.write(ask_frame(number, Large(200_000)))
    await asyncio.sleep(1)
    with pytest.raises(ConnectionError):
        for number in range(60, 2_000):
            writer.write(ask_frame(number, Echo("x" * 10_000)))
            await writer.drain()
    assert await client.ask(Echo("others go on"), str) == "others go on"


async def test_an_answer_over_the_limit_becomes_a_refusal(client: FrameClient) -> None:
    answer = await client.ask(Large(FRAME_LIMIT_OCTETS), bytes)
    assert isinstance(answer, Refused) and answer.code == "answer_too_large"


async def test_a_request_over_the_limit_is_not_sent(client: FrameClient) -> None:
    with pytest.raises(TooLarge):
        await client.ask(Echo("x" * FRAME_LIMIT_OCTETS), str)
    assert await client.ask(Echo("y"), str) == "y"


async def test_waiting_has_an_end_and_a_bound(served: Path) -> None:
    client = FrameClient(served, "vault", PROOF, timeout_seconds=0.1, limit=2)
    waiting = [asyncio.create_task(client.ask(Wait("never"), str)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(LimitExceeded):
        await client.ask(Echo("x"), str)
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [getattr(one, "code", "") for one in ended] == ["cde_timeout"] * 2
    assert await client.ask(Echo("again"), str) == "again"
    await client.close()


async def test_a_lost_server_fails_what_was_under_way_and_is_found_again(
    tmp_path: Path, doings: Doings
) -> None:
    path = tmp_path / "r.sock"
    kinds = Echo | Wait
    server = await serve_frames(path, doings, {UID}, requests=kinds, admit=KNOWN.admits)
    client = FrameClient(path, "vault", PROOF)
    waiting = asyncio.create_task(client.ask(Wait("lost"), str))
    assert await client.ask(Echo("x"), str) == "x"
    await server.close()
    with pytest.raises(Unavailable) as lost:
        await waiting
    assert lost.value.code == "cde_unreachable"
    with pytest.raises(Unavailable):
        await client.ask(Echo("x"), str)
    server = await serve_frames(path, doings, {UID}, requests=kinds, admit=KNOWN.admits)
    assert await client.ask(Echo("back"), str) == "back"
    await client.close()
    await server.close()


async def test_a_stale_socket_is_replaced_and_a_living_one_is_not(
    served: Path, tmp_path: Path, doings: Doings
) -> None:
    with pytest.raises(Conflict):
        await serve_frames(served, doings, {UID}, requests=Echo, admit=KNOWN.admits)
    plain = tmp_path / "file"
    plain.write_text("kept")
    with pytest.raises(Conflict):
        await serve_frames(plain, doings, {UID}, requests=Echo, admit=KNOWN.admits)
    assert plain.read_text() == "kept"


def test_structs_print_nothing_that_they_hold() -> None:
    assert "4111" not in repr(Echo("4111")) + str(Echo("4111")) + f"{Echo('4111')}"
    assert "4111" not in repr([Hello("vault", b"4111")])


@pytest.mark.parametrize(
    ("caller", "uid", "proof", "admitted"),
    [
        ("vault", 7, b"", True),
        ("vault", 8, b"", False),  # another process' user, with the right name
        ("edge", 7, b"", False),
        ("egress", 9, b"e" * 32, True),
        ("egress", 9, b"", False),
        ("egress", 7, b"e" * 32, False),  # a stolen proof under another user
        ("nobody", 7, b"", False),
    ],
)
def test_a_name_counts_with_its_user_and_its_proof(
    caller: str, uid: int, proof: bytes, admitted: bool
) -> None:
    known = KnownCallers(
        {
            "vault": KnownCaller(7),
            "edge": KnownCaller(8),
            "egress": KnownCaller(9, Secret(b"e" * 32)),
        }
    )
    assert known.admits(Hello(caller, proof), uid) is admitted
