"""Signed requests over a real socket: the client, replays at once, refusals, bound keys."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from test_support_api import CLIENT_KEY, Server

from paywarden.client import Client, Refused, ServerKey, SigningKey
from paywarden.client.machine import SystemClock, SystemRandomness
from paywarden.client.signing import Signing

PRIVATE = CLIENT_KEY.private_bytes(
    serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)


def shared(server: Server) -> SigningKey:
    return SigningKey.hmac(server.keys["hmac_id"], bytes.fromhex(server.keys["hmac_secret"]))


def own(server: Server) -> SigningKey:
    return SigningKey.ed25519(server.keys["ed25519_id"], PRIVATE)


def signed(
    server: Server, body: bytes, key: SigningKey | None = None, idempotency_key: str | None = None
) -> dict[str, str]:
    """Headers of a signed decision."""
    signing = Signing(key or shared(server), None, SystemClock(), SystemRandomness())
    given = {"content-type": "application/json"}
    if idempotency_key is not None:
        given["idempotency-key"] = idempotency_key
    host = f"127.0.0.1:{server.port}"
    return {**given, **signing.sign("POST", host, "/v1/decisions", given, body).headers}


def decide(server: Server, headers: dict[str, str], body: bytes, by: str = "operator") -> Any:
    given = {"authorization": f"Bearer {server.keys[by]}", **headers}
    return httpx.post(f"{server.url}/v1/decisions", content=body, headers=given, timeout=60)


def test_the_client_signs_and_believes(server: Server) -> None:
    pinned = ServerKey.ed25519(bytes.fromhex(server.keys["server_key"]))
    for api_key, key, server_key in (
        ("operator", shared(server), None),
        ("signing", own(server), pinned),
    ):
        with Client(
            server.url, server.keys[api_key], signing_key=key, server_key=server_key
        ) as client:
            made = client.decide(server.bare_payment())
            assert client.get_decision(made.id).id == made.id
            assert next(client.list_decisions(payment_id=made.payment_id)).id == made.id
            assert client.send_events([server.event("login", payer={"id": "a b/ü"})])


def test_one_signature_of_many_at_once_acts_once(server: Server) -> None:
    body = httpx.Request("POST", "http://x", json=server.payment()).content
    headers = signed(server, body)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _number: decide(server, headers, body), range(8)))
    assert sorted(one.status_code for one in answers) == [200, *[401] * 7]
    refused = next(one for one in answers if one.status_code == 401)
    assert refused.json()["code"] == "signature_replayed"
    assert refused.headers["content-type"] == "application/problem+json"


def test_a_try_signed_anew_gets_the_same_answer_signed_for_it(server: Server) -> None:
    body = httpx.Request("POST", "http://x", json=server.payment()).content
    key = server.name("again")
    tries = [signed(server, body, idempotency_key=key) for _ in range(2)]
    first, second = (decide(server, headers, body) for headers in tries)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"
    assert first.headers["signature"] != second.headers["signature"]


def test_a_key_that_must_sign(server: Server) -> None:
    refused = server.client("signing").get("/v1/lists")
    assert (refused.status_code, refused.json()["code"]) == (401, "signature_required")


def test_a_signing_key_of_another_api_key(server: Server) -> None:
    body = httpx.Request("POST", "http://x", json=server.payment()).content
    refused = decide(server, signed(server, body, own(server)), body)
    assert (refused.status_code, refused.json()["code"]) == (403, "signature_key_not_bound")
    for by in ("live", "other_tenant"):
        refused = decide(server, signed(server, body), body, by)
        assert (refused.status_code, refused.json()["code"]) == (401, "signature_key_unknown")


def test_what_is_changed_on_the_way(server: Server) -> None:
    body = httpx.Request("POST", "http://x", json=server.payment()).content
    headers = signed(server, body)
    for changed, code in (
        (decide(server, headers, body + b" "), "content_digest_wrong"),
        (decide(server, {**headers, "content-type": "text/json"}, body), "signature_wrong"),
        (decide(server, {**headers, "host": "elsewhere.example"}, body), "signature_wrong"),
        (decide(server, {**headers, "idempotency-key": "x"}, body), "signature_components_wrong"),
    ):
        assert changed.json()["code"] == code
        assert "signature" not in changed.headers
    assert decide(server, headers, body).status_code == 200


def test_headers_given_twice_in_any_case(server: Server) -> None:
    body = httpx.Request("POST", "http://x", json=server.payment()).content
    headers = signed(server, body)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("POST", "/v1/decisions")
    for name, value in headers.items():
        connection.putheader(name.upper(), value)
    connection.putheader("Signature", headers["signature"])
    connection.putheader("Authorization", f"Bearer {server.keys['operator']}")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    assert answer.status == 400 and b"signature_header_repeated" in answer.read()
    connection.close()


def test_a_revoked_api_key_is_refused_before_its_signature(server: Server) -> None:
    with (
        Client(server.url, server.keys["revoked"], signing_key=shared(server)) as client,
        pytest.raises(Refused) as caught,
    ):
        client.decide(server.bare_payment())
    assert caught.value.code == "key_revoked"
