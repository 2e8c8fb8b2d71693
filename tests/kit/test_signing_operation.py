"""Signatures through an operation: answers fit one request, and nothing is acted twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from signing_kit import BODY_OF, PRINCIPAL, House, Sender, Waiting

from paywarden.core.clock import FixedClock
from paywarden.core.errors import InvalidRequest, Unavailable
from paywarden.core.message_signature import AnswerParts, content_digest
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.endpoint import Endpoint
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.kit.http.signing import parsing
from paywarden.kit.http.signing.keys import Algorithm, VerifyingKey, load_public
from paywarden.kit.http.surroundings import Surroundings
from paywarden.kit.metrics import Metrics


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    name: str = "none"


class Gate:
    def authenticate(self, _headers: Mapping[str, str]) -> Principal:
        return PRINCIPAL


class Told:
    """What came back."""

    def __init__(self, sent: list[dict[str, Any]]) -> None:
        self.status: int = sent[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        self.body: bytes = sent[1]["body"]


class Shop:
    """One operation with signatures, and how often it acted."""

    def __init__(self, **changes: Any) -> None:
        self.house, self.acts = House(), 0

        async def act(call: Call) -> Answer:
            self.acts += 1
            await asyncio.sleep(0)
            if call.body.name == "refuse":
                raise InvalidRequest("thing_unfit", "no such thing")
            return Answer(call.body)

        declared: dict[str, Any] = {"permission": "things:do", "body": Thing, **changes}
        operation = Operation("POST", "/things", "do", "Do", act, Thing, **declared)
        around = Surroundings(
            Gate(), FixedClock(), self.house.chance, Metrics(), signatures=self.house.guard
        )
        self.endpoint = Endpoint(operation, around)

    async def ask(self, request: dict[str, Any], body: bytes = BODY_OF) -> Told:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.endpoint(request, receive, send)
        return Told(sent)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def is_signed(told: Told, key: VerifyingKey, request: dict[str, Any], shop: Shop) -> bool:
    """Whether the answer is signed, over what it says and over this request."""
    fields = {name.decode(): value.decode() for name, value in request["headers"]}
    parts = parsing.request_parts(request, fields, BODY_OF)
    parameters = told.headers["signature-input"].removeprefix("sig1=")
    answer = AnswerParts(
        told.status, content_digest(told.body), told.headers["content-type"],
        fields["signature"], parts,
    )  # fmt: skip
    signature = parsing.read_signature(told.headers["signature"], "sig1")
    return key.verify(signature, answer.base(parameters))


@pytest.mark.parametrize("algorithm", [Algorithm.HMAC, Algorithm.ED25519])
async def test_answers_are_signed_for_their_request_alone(shop: Shop, algorithm: Algorithm) -> None:
    sender = shop.house.client(algorithm)
    request = sender.request()
    told = await shop.ask(request)
    assert told.status == 200 and told.headers["content-digest"] == content_digest(told.body)
    key: Any = sender.key
    if algorithm is Algorithm.ED25519:
        key = load_public(Algorithm.ED25519, shop.house.sealer.answer_public)
        assert shop.house.sealer.answers.key_id in told.headers["signature-input"]
    assert is_signed(told, key, request, shop)
    other = sender.request(nonce="n" * 22)
    assert not is_signed(told, key, other, shop)
    told.body += b" "
    assert not is_signed(told, key, request, shop)


async def test_refusals_after_a_proven_signature_are_signed(shop: Shop) -> None:
    sender = shop.house.client(Algorithm.HMAC)
    body = b'{"name": "refuse"}'
    request = sender.request(body)
    told = await shop.ask(request, body)
    assert told.status == 422 and "signature" in told.headers
    broken = sender.request(b"{", nonce="n" * 22)
    told = await shop.ask(broken, b"{")
    assert told.status == 400 and "signature" in told.headers


async def test_unproven_requests_get_unsigned_refusals(shop: Shop) -> None:
    sender = shop.house.client(Algorithm.HMAC)
    told = await shop.ask(sender.request(content_type="text/plain"))
    assert (told.status, shop.acts) == (401, 0)
    assert msgspec.json.decode(told.body)["code"] == "signature_wrong"
    assert "signature" not in told.headers
    told = await shop.ask(sender.request(signature=""))
    assert told.status == 400


async def test_unsigned_requests_get_unsigned_answers(shop: Shop) -> None:
    request = shop.house.client(Algorithm.HMAC).request(signature="", signature_input="")
    told = await shop.ask(request)
    assert told.status == 200 and "signature" not in told.headers


async def test_many_at_once_with_one_signature_act_once(shop: Shop) -> None:
    sender = shop.house.client(Algorithm.HMAC)
    told = await asyncio.gather(*(shop.ask(sender.request()) for _ in range(20)))
    assert sorted(one.status for one in told) == [200, *[401] * 19]
    assert shop.acts == 1


async def test_no_disk_no_act(shop: Shop) -> None:
    sender = shop.house.client(Algorithm.HMAC)
    shop.house.failing = True
    told = await shop.ask(sender.request())
    assert (told.status, shop.acts) == (503, 0)


async def test_no_answer_before_the_nonce_is_durable(shop: Shop) -> None:
    waiting: list[asyncio.Future[None]] = []

    def board(_unit: object) -> Waiting:
        waiting.append(asyncio.get_running_loop().create_future())
        return Waiting(waiting[0])

    shop.house.nonces._board = board
    asked = asyncio.create_task(shop.ask(shop.house.client(Algorithm.HMAC).request()))
    for _ in range(10):
        await asyncio.sleep(0)
    assert shop.acts == 1 and not asked.done()
    waiting[0].set_exception(Unavailable("storage_failed", "the disk refused"))
    told = await asked
    assert told.status == 503


async def test_an_operation_without_body_reads_a_signed_one(shop: Shop) -> None:
    bare = Shop(body=None)
    sender = bare.house.client(Algorithm.HMAC)
    told = await bare.ask(sender.request())
    assert told.status == 500  # the handler of this test wants a body; the signature held
    told = await bare.ask(sender.request(nonce="n" * 22), b"{}")
    assert told.status == 401


async def test_large_bodies_are_digested_aside() -> None:
    shop = Shop()
    sender = shop.house.client(Algorithm.HMAC)
    large = b'{"name": "' + b"a" * 200_000 + b'"}'
    told = await shop.ask(sender.request(large), large)
    assert told.status == 200
    other = large[:-3] + b'b"}'
    told = await shop.ask(sender.request(large, nonce="n" * 22), other)
    assert msgspec.json.decode(told.body)["code"] == "content_digest_wrong"


async def test_optional_bodies_are_signed_as_sent() -> None:
    shop = Shop(body_optional=True)
    sender: Sender = shop.house.client(Algorithm.HMAC)
    told = await shop.ask(sender.request(b""), b"")
    assert told.status == 200
