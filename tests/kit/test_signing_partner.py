"""The partner profile: RSA2 over method, path, client id, time and body."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key
from signing_kit import NOW, PRINCIPAL, SCOPE, TENANT, House, asgi, private_key, public_octets_of

from paywarden.core.errors import Conflict, InvalidRequest, PaywardenError
from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Environment, Scope
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.signing.keys import Algorithm
from paywarden.kit.http.signing.partner import signature_value
from paywarden.kit.http.signing.ports import PartnerBinding

BODY = b'{"order": "1"}'
KEY = private_key(Algorithm.RSA2)
BOUND = PartnerBinding("5J5YR7", 1, frozenset({"/things"}))


@pytest.fixture
def house() -> House:
    made = House()
    made.public, _ = made.desk.add_partner(  # type: ignore[attr-defined]
        SCOPE, TENANT, public_octets_of(KEY), BOUND
    )
    return made


def request(
    body: bytes = BODY,
    at: str = str(NOW * 1_000),
    path: str = "/things",
    query: str = "",
    **changes: str,
) -> dict[str, Any]:
    base = b"POST %s\n5J5YR7.%s.%s" % (path.encode(), at.encode(), body)
    signature = KEY.sign(base, padding.PKCS1v15(), hashes.SHA256())
    headers = {
        "client-id": "5J5YR7",
        "request-time": at,
        "signature": signature_value(signature, 1).decode(),
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    return asgi(headers, "POST", path, query)


def refused(house: House, asked: Any, body: bytes = BODY, by: Principal = PRINCIPAL) -> str:
    with pytest.raises(PaywardenError) as caught:
        house.verify(asked, body, by)
    return caught.value.code


async def test_a_signed_request_and_its_answer(house: House) -> None:
    proof = house.verify(request(), BODY)
    await proof.durable()
    told = {name.decode(): value.decode() for name, value in proof.answer_headers(200, "", b"{}")}
    assert told["client-id"] == "5J5YR7" and told["response-time"] == format_rfc3339(NOW * 10**6)
    algorithm, version, signature = told["signature"].split(",")
    assert (algorithm, version) == ("algorithm=RSA256", "keyVersion=1")
    octets = base64.b64decode(unquote(signature.removeprefix("signature=")))
    base = f"POST /things\n5J5YR7.{told['response-time']}.{{}}".encode()
    public: Any = load_der_public_key(house.public)  # type: ignore[attr-defined]
    public.verify(octets, base, padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("at", ["2023-11-14T22:13:20Z", "2023-11-15T06:13:20.000+08:00"])
async def test_both_forms_of_time(house: House, at: str) -> None:
    assert house.verify(request(at=at), BODY)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (request(request_time=""), "signature_incomplete"),
        (request(signature="algorithm=RSA1,keyVersion=1,signature=AAAA"), "signature_malformed"),
        (request(signature="algorithm=RSA256,keyVersion=1,signature=%%%"), "signature_malformed"),
        (request(client_id="a b"), "signature_malformed"),
        (request(client_id="x" * 1_025), "signature_header_too_long"),
        (request(client_id="another"), "signature_key_unknown"),
        (request(at="yesterday"), "request_time_malformed"),
        (request(at=str((NOW + 61) * 1_000)), "signature_from_the_future"),
        (request(at=str((NOW - 301) * 1_000)), "signature_expired"),
        (request(request_time=str(NOW * 1_000 + 1)), "signature_wrong"),
        (request(path="/others"), "signature_route_not_bound"),
        (request(query="a=1"), "signature_route_not_bound"),
        (request(b"{}"), "signature_wrong"),
    ],
)
async def test_refusals(house: House, asked: dict[str, Any], code: str) -> None:
    assert refused(house, asked) == code


async def test_another_key_version_is_another_key(house: House) -> None:
    asked = request()
    text = dict(asked["headers"])[b"signature"].replace(b"keyVersion=1", b"keyVersion=2")
    assert refused(house, request(signature=text.decode())) == "signature_key_unknown"


async def test_the_same_content_counts_once_also_after_restart(house: House) -> None:
    house.verify(request(), BODY)
    assert refused(house, request()) == "signature_replayed"
    house.restart()
    assert refused(house, request()) == "signature_replayed"
    house.clock.advance(301)
    assert refused(house, request()) == "signature_expired"


async def test_repeated_headers(house: House) -> None:
    asked = request()
    asked["headers"].append(asked["headers"][0])
    assert refused(house, asked) == "signature_header_repeated"


async def test_a_partner_key_of_another_tenant_does_not_exist(house: House) -> None:
    stranger = Principal("key_x", Scope("other", Environment.TEST), frozenset())
    assert refused(house, request(), by=stranger) == "signature_key_unknown"


def test_registering(house: House) -> None:
    with pytest.raises(Conflict):
        house.desk.add_partner(SCOPE, TENANT, public_octets_of(KEY), BOUND)
    with pytest.raises(InvalidRequest):
        none = PartnerBinding("x", 1, frozenset())
        house.desk.add_partner(SCOPE, TENANT, public_octets_of(KEY), none)
    assert house.registry.find(SCOPE, house.store.listed(SCOPE)[0].key_id) is None
