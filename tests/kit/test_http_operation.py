"""One operation: the fixed order of its steps, its limits, and that every fault is a problem."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from paywarden.core.clock import FixedClock
from paywarden.core.errors import Corrupt, InvalidRequest, NotAuthenticated, Unavailable
from paywarden.core.scope import Environment, Scope
from paywarden.kit.http import body as module
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.endpoint import Endpoint
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.kit.http.surroundings import Surroundings
from paywarden.kit.metrics import Metrics

PRINCIPAL = Principal("key_x", Scope("acme", Environment.TEST), frozenset({"things:do"}))


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    name: str = "none"


class Chance:
    def octets(self, count: int) -> bytes:
        return bytes(count)


class Gate:
    """Authenticator that knows one header."""

    def authenticate(self, headers: Mapping[str, str]) -> Principal:
        if headers.get("authorization") != "Bearer good":
            raise NotAuthenticated("key_missing", "no API key was sent")
        return PRINCIPAL


@dataclass
class Replays:
    ran: list[str] = field(default_factory=list)

    async def run(
        self, principal: Principal, route: str, key: str, body: bytes,
        act: Callable[[], Awaitable[Answer]],
    ) -> Answer:  # fmt: skip
        self.ran.append(f"{route} {key}")
        return await act()


@dataclass
class Heard:
    status: int
    headers: dict[str, str]
    body: bytes
    taken: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def ask(
    endpoint: Endpoint,
    body: bytes | None = b"{}",
    *,
    key: str | None = "good",
    method: str = "POST",
    query: bytes = b"",
    parts: list[bytes] | None = None,
    **headers: str,
) -> Heard:
    """One request; `body` None never arrives."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        given["authorization"] = f"Bearer {key}"
    scope = {
        "type": "http", "method": method, "path": "/things", "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }  # fmt: skip
    waiting = list(parts if parts is not None else [body] if body is not None else [])
    taken = 0
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        if not waiting:
            await asyncio.Event().wait()
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    await endpoint(scope, receive, send)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Heard(sent[0]["status"], told, sent[1]["body"], taken)


def endpoint(handler: Any = None, around: Surroundings | None = None, **changes: Any) -> Endpoint:
    async def echo(call: Call) -> Answer:
        return Answer(call.body)

    declared: dict[str, Any] = {"permission": "things:do", "body": Thing, **changes}
    made = Operation("POST", "/things", "do", "Do", handler or echo, Thing, **declared)
    return Endpoint(made, around or surroundings())


def surroundings(**changes: Any) -> Surroundings:
    return Surroundings(Gate(), FixedClock(), Chance(), Metrics(), **changes)


async def test_a_good_request_is_answered() -> None:
    heard = await ask(endpoint(), b'{"name": "a"}')
    assert (heard.status, heard.json) == (200, {"name": "a"})
    assert heard.headers["request-id"].startswith("req_")
    assert heard.headers["cache-control"] == "no-store"


async def test_the_key_comes_before_the_body_is_read() -> None:
    heard = await ask(endpoint(), None, key=None)
    assert (heard.status, heard.json["code"], heard.taken) == (401, "key_missing", 0)


async def test_the_permission_comes_before_the_body_is_read() -> None:
    heard = await ask(endpoint(permission="things:rule"), None)
    assert (heard.status, heard.json["code"], heard.taken) == (403, "not_permitted", 0)


async def test_the_declared_length_is_refused_before_the_body_is_read() -> None:
    heard = await ask(endpoint(body_limit=10), None, content_length="11")
    assert (heard.status, heard.json["code"], heard.taken) == (413, "body_too_large", 0)


@pytest.mark.parametrize("length", ["5x", "²", "-1", "", "9" * 400])
async def test_strange_lengths_are_no_fault_of_ours(length: str) -> None:
    heard = await ask(endpoint(body_limit=10), content_length=length)
    assert heard.status in (200, 413)


async def test_parts_are_counted_whatever_was_declared() -> None:
    heard = await ask(endpoint(body_limit=10), parts=[b"123456", b"123456", b"x"])
    assert (heard.status, heard.taken) == (413, 2)


async def test_a_body_that_does_not_arrive_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_SECONDS", 0.01)
    around = surroundings()
    heard = await ask(endpoint(around=around), None)
    assert (heard.status, heard.json["code"]) == (400, "body_too_slow")
    assert around.in_flight == 0


async def test_a_caller_that_gives_up_while_the_body_comes_is_not_answered_for() -> None:
    around = surroundings()
    waiting = asyncio.create_task(ask(endpoint(around=around), None))
    while around.in_flight == 0:
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert around.in_flight == 0 and waiting.cancelled()


async def test_the_deadline_of_the_body_does_not_outlive_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BODY_SECONDS", 0.01)

    async def slow(call: Call) -> Answer:
        await asyncio.sleep(0.03)
        return Answer(call.body)

    assert (await ask(endpoint(slow))).status == 200


async def test_too_many_at_once_are_429() -> None:
    around = surroundings(max_in_flight=1)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(call: Call) -> Answer:
        entered.set()
        await leave.wait()
        return Answer(call.body)

    slow_one = endpoint(slow, around)
    first = asyncio.create_task(ask(slow_one))
    await entered.wait()
    second = await ask(slow_one, key=None)
    assert (second.status, second.headers["retry-after"]) == (429, "1")
    leave.set()
    assert (await first).status == 200
    assert around.in_flight == 0


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (ValueError("Ann 4111111111111111"), 500),
        (Corrupt("x", "Ann"), 500),
        (Unavailable("recovering", "later"), 503),
        (InvalidRequest("field_invalid", "no", pointer="/x"), 422),
    ],
)
async def test_faults_become_problems_and_only_ours_are_told(fault: Exception, status: int) -> None:
    async def fail(_call: Call) -> Answer:
        raise fault

    heard = await ask(endpoint(fail))
    assert heard.status == status
    assert heard.headers["content-type"] == "application/problem+json"
    assert heard.json["request_id"] == heard.headers["request-id"]
    if status == 500:
        assert b"Ann" not in heard.body
        assert "inc_" in heard.json["detail"]


async def test_an_optional_body_may_be_left_out() -> None:
    assert (await ask(endpoint(body_optional=True), b"")).json == {"name": "none"}
    assert (await ask(endpoint(), b"")).json["code"] == "malformed_json"


async def test_encoded_bodies_are_refused() -> None:
    assert (await ask(endpoint(), content_encoding="gzip")).json["code"] == "body_encoded"
    assert (await ask(endpoint(), content_encoding="identity")).status == 200


def _screen(raw: bytes) -> InvalidRequest | None:
    return InvalidRequest("card_number_not_accepted", "no") if b"4111" in raw else None


async def test_a_screened_body_never_reaches_the_keys() -> None:
    replays = Replays()
    screened = endpoint(around=surroundings(replays=replays), screen=_screen)
    heard = await ask(screened, b'{"name": "4111"}', idempotency_key="k")
    assert (heard.status, replays.ran) == (200, [])
    await ask(screened, b'{"name": "x"}', idempotency_key="k")
    assert replays.ran == ["POST /things k"]


async def test_a_card_number_is_told_before_a_wrong_form() -> None:
    around = surroundings()
    heard = await ask(endpoint(around=around, screen=_screen), b'{"nom": "4111"}')
    assert heard.json["code"] == "card_number_not_accepted"
    assert around.metrics.card_numbers_refused._value.get() == 1
    always = endpoint(screen=_screen, screen_always=True)
    assert (await ask(always, b'{"name": "4111"}')).status == 422


async def test_a_body_that_is_looked_at_elsewhere_is_not_decoded_here() -> None:
    looked: list[bytes] = []

    async def aside(raw: bytes) -> InvalidRequest | None:
        looked.append(raw)
        return _screen(raw)

    async def handler(call: Call) -> Answer:
        assert call.body is None
        return Answer(call.raw_body)

    around = surroundings(replays=(replays := Replays()))
    large = endpoint(handler, around=around, screen_aside=aside)
    refused = await ask(large, b'{"name": "4111"}', idempotency_key="k")
    assert (refused.status, refused.json["code"]) == (422, "card_number_not_accepted")
    assert around.metrics.card_numbers_refused._value.get() == 1
    assert replays.ran == []
    broken = await ask(large, b'{"nam', idempotency_key="k")
    assert (broken.status, broken.body) == (200, b'{"nam')
    assert looked == [b'{"name": "4111"}', b'{"nam'] and replays.ran == ["POST /things k"]


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
async def test_bad_idempotency_keys_are_refused(key: str) -> None:
    around = surroundings(replays=Replays())
    heard = await ask(endpoint(around=around), idempotency_key=key)
    assert heard.json["code"] == "idempotency_key_invalid"


async def test_queries_are_refused_where_none_is_known() -> None:
    assert (await ask(endpoint(), query=b"a=1")).json["code"] == "unknown_parameter"


def test_an_operation_says_who_may_use_it() -> None:
    with pytest.raises(ValueError, match="exactly one of public and permission"):
        endpoint(permission=None)
    with pytest.raises(ValueError, match="exactly one of public and permission"):
        endpoint(public=True)
