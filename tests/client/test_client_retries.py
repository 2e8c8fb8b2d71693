"""Retries, pauses and time limits, to the microsecond of a clock that stands still."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from client_kit import DECISION, KEY, PAYMENT, Stage, ok, problem, run

from paywarden.client import AsyncClient, Client, NotReached, Refused, RetryPolicy, Unserved
from paywarden.client.retrying import Lost, Pause, Reply, Send, converse
from paywarden.core.clock import FixedClock

BOTH = pytest.mark.parametrize("kind", ["sync", "async"])


@BOTH
@pytest.mark.parametrize(
    "first",
    [
        httpx.ConnectError("x"),
        httpx.ReadTimeout("x"),
        httpx.RemoteProtocolError("x"),
        problem(503, "recovering"),
        problem(429, "too_many_requests"),
        problem(502, "bad_gateway"),
        problem(409, "idempotency_in_flight"),
    ],
)
async def test_what_may_pass_is_tried_again_under_the_same_key(
    kind: str, first: httpx.Response | Exception
) -> None:
    stage = Stage(first, ok(DECISION))
    decision = await run(stage, kind, "decide", PAYMENT)
    assert decision.id == "dec_1" and len(stage.pauses) == 1
    assert stage.keys()[0] == stage.keys()[1]
    assert stage.requests[0].content == stage.requests[1].content


@BOTH
async def test_reads_are_tried_again_as_well(kind: str) -> None:
    stage = Stage(problem(503, "recovering"), ok({"items": []}))
    assert await run(stage, kind, "lists") == ()


@BOTH
async def test_retries_end(kind: str) -> None:
    stage = Stage(*[problem(503, "recovering") for _ in range(9)])
    with pytest.raises(Unserved, match="recovering"):
        await run(stage, kind, "decide", PAYMENT)
    assert len(stage.requests) == 4
    stage = Stage(problem(503, "recovering"), retries=RetryPolicy(tries=1))
    with pytest.raises(Unserved):
        await run(stage, kind, "decide", PAYMENT)


@BOTH
async def test_retry_after_is_honoured_on_top_of_the_jitter(kind: str) -> None:
    stage = Stage(
        problem(429, "too_many_requests", retry_after="1"),
        problem(503, "recovering", retry_after="Sun, 22 Nov 2026 01:02:08 GMT"),
        ok(DECISION),
        octet=0x80,
    )
    await run(stage, kind, "decide", PAYMENT, seconds=30)
    assert stage.pauses[0] == pytest.approx(1 + 0.05 * 0x80 / 0xFF, abs=1e-3)
    waited = (stage.clock.now_us() - 1_795_309_323_000_000) / 1e6
    assert waited == pytest.approx(5 + 0.1 * 0x80 / 0xFF, abs=1e-3)


@BOTH
@pytest.mark.parametrize("text", ["", "soon", "-5", "1e9", "\u0663", "Sun, 99 Nov 2026"])
async def test_an_unreadable_retry_after_is_passed_over(kind: str, text: str) -> None:
    answer = httpx.Response(503, headers=[(b"retry-after", text.encode())])
    stage = Stage(answer, ok(DECISION))
    assert (await run(stage, kind, "decide", PAYMENT)).id == "dec_1"
    assert stage.pauses == [0.0]


@BOTH
async def test_a_pause_past_the_limit_is_not_begun(kind: str) -> None:
    stage = Stage(problem(503, "recovering", retry_after="3600"))
    with pytest.raises(Unserved):
        await run(stage, kind, "decide", PAYMENT)
    assert stage.pauses == []


@pytest.mark.parametrize(("octet", "share"), [(0, 0.0), (0x80, 0x80 / 0xFF), (0xFF, 1.0)])
async def test_jitter_is_full_and_its_cap_doubles_up_to_a_limit(octet: int, share: float) -> None:
    policy = RetryPolicy(tries=6, first_pause_seconds=0.5, longest_pause_seconds=3.0)
    stage = Stage(
        *[httpx.ConnectError("x") for _ in range(6)], octet=octet, retries=policy, decide_seconds=99
    )
    with pytest.raises(NotReached):
        await run(stage, "sync", "decide", PAYMENT)
    caps = [0.5, 1.0, 2.0, 3.0, 3.0]
    assert stage.pauses == pytest.approx([cap * share for cap in caps], abs=1e-6)


def test_each_try_gets_what_is_left_of_the_time() -> None:
    clock = FixedClock()
    talk = converse(RetryPolicy(first_pause_seconds=0), clock, _Chance(), 2.0)
    assert next(talk) == Send(2.0)
    clock.advance(1.5)
    assert talk.send(Lost("x")) == Pause(0.0)
    assert talk.send(None) == Send(0.5)
    clock.advance(0.6)
    with pytest.raises(NotReached):
        talk.send(Lost("x"))


def test_an_answer_ends_the_conversation() -> None:
    talk = converse(RetryPolicy(), FixedClock(), _Chance(), 2.0)
    next(talk)
    reply = Reply(201, {}, b"{}")
    with pytest.raises(StopIteration) as end:
        talk.send(reply)
    assert end.value.value is reply


class _Chance:
    def octets(self, count: int) -> bytes:
        return bytes(count)


@BOTH
@pytest.mark.parametrize(("choice", "outcome"), [("fail_open", "allow"), ("fail_closed", "block")])
@pytest.mark.parametrize("fault", [httpx.ConnectError("x"), problem(503, "recovering"),
                                   problem(500, "internal_fault")])  # fmt: skip
async def test_the_callers_choice_stands_in_and_says_so(
    kind: str, choice: str, outcome: str, fault: httpx.Response | Exception
) -> None:
    stage = Stage(*[fault] * 4, on_failure=choice)
    decision = await run(stage, kind, "decide", {**PAYMENT, "attempt": "2"})
    assert decision.outcome == outcome and decision.local and decision.id == ""
    assert (decision.payment_id, decision.attempt) == ("order-1", "2")
    assert decision.local_cause in ("not_reached", "recovering", "internal_fault")
    assert decision.reasons[0].code == f"LOCAL_{choice.upper()}"
    assert decision.degraded == ("local_decision",)
    with pytest.raises((NotReached, Unserved)):
        await run(Stage(*[fault] * 4, on_failure=choice), kind, "decide", PAYMENT,
                  on_failure="raise")  # fmt: skip


@BOTH
async def test_a_refusal_is_never_made_local(kind: str) -> None:
    for status, code in ((401, "key_unknown"), (403, "not_permitted"), (409, "attempt_conflict"),
                         (422, "field_invalid")):  # fmt: skip
        stage = Stage(problem(status, code), on_failure="fail_open")
        with pytest.raises(Refused, match=code):
            await run(stage, kind, "decide", PAYMENT)


@BOTH
async def test_batches_and_continuations_follow_the_choice(kind: str) -> None:
    stage = Stage(*[httpx.ConnectError("x")] * 8, on_failure="fail_closed")
    items = await run(stage, kind, "decide_batch", [PAYMENT, {**PAYMENT, "id": "order-2"}])
    assert [item.decision.payment_id for item in items] == ["order-1", "order-2"]
    assert all(item.decision.outcome == "block" and item.decision.local for item in items)
    decision = await run(stage, kind, "continue_decision", "dec_1", "authenticated")
    assert decision.local and decision.outcome == "block"


def test_an_unknown_choice_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="on_failure"):
        Stage(on_failure="fail").sync()
    stage = Stage()
    with stage.sync() as client, pytest.raises(ValueError, match="on_failure"):
        client.decide(PAYMENT, on_failure="open")  # type: ignore[arg-type]
    assert stage.requests == []


@contextmanager
def dripping() -> Iterator[int]:
    """A server that sends its headers and then one octet at a time, for ever."""
    ends = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def serve() -> None:
            held = []
            while not ends.is_set():
                try:
                    held.append(listener.accept()[0])
                    held[-1].sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
                except TimeoutError:
                    pass
                for one in held:
                    try:
                        one.send(b" ")
                    except OSError:
                        pass
            for one in held:
                one.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ends.set()
            thread.join()


def test_a_server_that_drips_does_not_hold_the_caller() -> None:
    with dripping() as port, Client(f"http://127.0.0.1:{port}", KEY, decide_seconds=0.3) as client:
        decision = client.decide(PAYMENT, on_failure="fail_closed")
        assert decision.local and decision.outcome == "block"


async def test_a_server_that_drips_does_not_hold_the_loop() -> None:
    with dripping() as port:
        async with AsyncClient(f"http://127.0.0.1:{port}", KEY, decide_seconds=0.3) as client:
            both = await asyncio.gather(
                client.decide(PAYMENT, on_failure="fail_open"),
                client.decide(PAYMENT, on_failure="fail_closed"),
            )
    assert [one.outcome for one in both] == ["allow", "block"]


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", KEY) as client, pytest.raises(NotReached):
        client.decide(PAYMENT)
