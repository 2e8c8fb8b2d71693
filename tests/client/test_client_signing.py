"""Signed calls: the server's own verifier accepts them, and only proven answers are believed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from client_kit import DECISION, PAYMENT, Answer, Stage, ok, problem, run
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

sys.path.insert(0, str(Path(__file__).parents[1] / "kit"))

from signing_kit import PRINCIPAL, SCOPE, TENANT, House, private_octets, public_octets_of

from paywarden.client import Refused, ServerKey, SigningKey, Unserved
from paywarden.core.clock import FixedClock
from paywarden.kit.http.signing.keys import Algorithm

NOW_US = 1_795_309_323_000_000
PRIVATE = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)


class Server:
    """Verifies requests and signs answers, with what a test does to them."""

    def __init__(self, algorithm: Algorithm) -> None:
        self.house = House(FixedClock(NOW_US))
        if algorithm is Algorithm.HMAC:
            secret, record = self.house.desk.add_secret(SCOPE, TENANT)
            self.key = SigningKey.hmac(record.key_id, secret.expose())
        else:
            public = public_octets_of(PRIVATE)
            record = self.house.desk.add_public(SCOPE, TENANT, algorithm, public)
            self.key = SigningKey.ed25519(record.key_id, private_octets(PRIVATE))
        self.pinned = ServerKey.ed25519(
            self.house.sealer.answer_public, self.house.sealer.answers.key_id
        )

    def answer(
        self, response: httpx.Response, spoil: Callable[[httpx.Response], None] | None = None
    ) -> Callable[[httpx.Request], httpx.Response]:
        def act(request: httpx.Request) -> httpx.Response:
            proof = self._verified(request)
            kind = response.headers["content-type"]
            for name, value in proof.answer_headers(response.status_code, kind, response.content):
                response.headers[name.decode()] = value.decode()
            if spoil is not None:
                spoil(response)
            return response

        return act

    def _verified(self, request: httpx.Request) -> Any:
        path, _, query = request.url.raw_path.partition(b"?")
        scope = {
            "type": "http", "method": request.method, "path": request.url.path, "raw_path": path,
            "query_string": query, "scheme": request.url.scheme, "headers": request.headers.raw,
        }  # fmt: skip
        scope["headers"] = [(name.lower(), value) for name, value in request.headers.raw]
        return self.house.guard.verify(PRINCIPAL, scope, dict(request.headers), request.content)


@pytest.fixture(params=[Algorithm.HMAC, Algorithm.ED25519])
def server(request: pytest.FixtureRequest) -> Server:
    return Server(request.param)


def staged(server: Server, *script: Answer) -> Stage:
    given: dict[str, Any] = {"signing_key": server.key}
    if server.key.algorithm == "ed25519":
        given["server_key"] = server.pinned
    stage = Stage(*script, **given)
    stage.options["randomness"] = server.house.chance
    return stage


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_signed_call_and_its_signed_answer(server: Server, kind: str) -> None:
    stage = staged(server, server.answer(ok(DECISION)))
    assert (await run(stage, kind, "decide", PAYMENT)).id == "dec_1"
    sent = stage.requests[0]
    assert sent.headers["accept-encoding"] == "identity"
    assert '"content-digest" "content-type" "idempotency-key"' in sent.headers["signature-input"]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_queries_and_bodies_that_are_empty(server: Server, kind: str) -> None:
    page = {"items": [], "has_more": False, "next": None}
    stage = staged(server, server.answer(ok({"items": []})), server.answer(ok(page)))
    assert await run(stage, kind, "lists") == ()
    assert "content-digest" not in stage.requests[0].headers["signature-input"]
    await run(stage, kind, "list_decisions", payment_id="a b/ü&c")
    assert b"payment_id=a" in stage.requests[1].url.query


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_each_try_is_signed_anew_under_one_idempotency_key(server: Server, kind: str) -> None:
    stage = staged(server, problem(503, "recovering"), server.answer(ok(DECISION)))
    await run(stage, kind, "decide", PAYMENT)
    first, second = (one.headers for one in stage.requests)
    assert first["idempotency-key"] == second["idempotency-key"]
    assert first["signature"] != second["signature"]
    nonces = [one["signature-input"].partition(";nonce=")[2] for one in (first, second)]
    assert nonces[0] != nonces[1]


def drop(response: httpx.Response) -> None:
    for name in ("signature", "signature-input"):
        del response.headers[name]


def relabel(response: httpx.Response) -> None:
    given = response.headers["signature-input"]
    response.headers["signature-input"] = given.replace(";created=17", ";created=16")


def retype(response: httpx.Response) -> None:
    response.headers["content-type"] = "text/html"


def restatus(response: httpx.Response) -> None:
    response.status_code = 201


def redigest(response: httpx.Response) -> None:
    response.headers["content-digest"] = "sha-256=:" + "A" * 43 + "=:"


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("spoil", [drop, relabel, retype, restatus, redigest])
async def test_unsigned_and_wrong_answers_are_not_believed(
    server: Server, kind: str, spoil: Callable[[httpx.Response], None]
) -> None:
    stage = staged(server, server.answer(ok(DECISION), spoil))
    with pytest.raises(Unserved) as caught:
        await run(stage, kind, "decide", PAYMENT)
    assert caught.value.code == "answer_unproven"
    assert len(stage.requests) == 1  # not tried again
    stage = staged(server, server.answer(ok(DECISION), spoil))
    local = await run(stage, kind, "decide", PAYMENT, on_failure="fail_closed")
    assert (local.outcome, local.local_cause) == ("block", "answer_unproven")


async def test_an_answer_to_another_request_is_not_believed(server: Server) -> None:
    kept: list[httpx.Response] = []
    stage = staged(server, server.answer(ok(DECISION), kept.append))
    await run(stage, "sync", "decide", PAYMENT)
    again = staged(server, lambda _request: kept[0])
    with pytest.raises(Unserved):
        await run(again, "sync", "decide", PAYMENT)


async def test_refusals_before_any_proof_are_told_as_they_are(server: Server) -> None:
    stage = staged(server, problem(401, "signature_key_unknown"))
    with pytest.raises(Refused) as caught:
        await run(stage, "sync", "decide", PAYMENT)
    assert caught.value.code == "signature_key_unknown"


async def test_without_a_pinned_key_answers_of_a_public_key_client_pass() -> None:
    server = Server(Algorithm.ED25519)
    stage = Stage(server.answer(ok(DECISION), drop), signing_key=server.key)
    assert (await run(stage, "sync", "decide", PAYMENT)).id == "dec_1"


async def test_another_server_key_is_not_believed() -> None:
    server = Server(Algorithm.ED25519)
    other = ServerKey.ed25519(public_octets_of(PRIVATE))
    stage = Stage(server.answer(ok(DECISION)), signing_key=server.key, server_key=other)
    with pytest.raises(Unserved):
        await run(stage, "sync", "decide", PAYMENT)


def test_keys_do_not_print_and_bad_ones_are_refused() -> None:
    key = SigningKey.hmac("sig_a", "A" * 43 + "=")
    assert "sign=" not in repr(key) and "verify" not in repr(key)
    for make in (
        lambda: SigningKey.hmac("sig_a", b"short"),
        lambda: SigningKey.hmac("sig_a", "not base 64!"),
        lambda: SigningKey.ed25519("sig_a", b"nothing"),
        lambda: ServerKey.ed25519(b"nothing"),
        lambda: SigningKey("sig_a", "ed25519", bytes, lifetime_seconds=301),
        lambda: Stage(server_key=Server(Algorithm.ED25519).pinned).sync(),
    ):
        with pytest.raises(ValueError):
            make()
    pem = PRIVATE.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert ServerKey.ed25519(pem).algorithm == "ed25519"
