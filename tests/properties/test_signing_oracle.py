"""Both directions against the library http-message-signatures, which we did not write.

What it signs within our profile we accept; what we sign it accepts; and what it refuses after a
change we refuse as well.
"""

from __future__ import annotations

import asyncio
import datetime
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, InvalidSignature
from http_message_signatures.algorithms import (
    ECDSA_P256_SHA256,
    ED25519,
    HMAC_SHA256,
    RSA_PSS_SHA512,
)
from http_message_signatures.resolvers import MappingKeyResolver
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "kit"))

from signing_kit import SCOPE, TENANT, House, asgi, private_key, private_octets, public_octets_of

from paywarden.core.clock import FixedClock
from paywarden.core.errors import PaywardenError
from paywarden.core.message_signature import (
    ANSWER_COMPONENTS,
    RequestParts,
    content_digest,
    request_parameters,
    signature_field,
)
from paywarden.core.secret import Secret
from paywarden.kit.clock import SystemClock
from paywarden.kit.http.signing.keys import Algorithm, HmacKey, load_private

CASES: list[tuple[Algorithm, Any]] = [
    (Algorithm.HMAC, HMAC_SHA256),
    (Algorithm.ED25519, ED25519),
    (Algorithm.ECDSA_P256, ECDSA_P256_SHA256),
    (Algorithm.RSA_PSS, RSA_PSS_SHA512),
]
KEYS = {one: private_key(one) for one, _ in CASES if one is not Algorithm.HMAC}
SAFE = "abcXYZ019-._~"
SEGMENTS = st.lists(
    st.text(SAFE + "%", max_size=8).map(lambda t: t.replace("%", "%2F")), max_size=4
)
PATHS = SEGMENTS.map(lambda parts: "/" + "/".join(parts))
QUERIES = st.text(SAFE + "&=", max_size=20)
PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=30)
BODIES = st.binary(max_size=60)
NONCES = st.text(SAFE[:-2].replace(".", ""), min_size=22, max_size=64)


@dataclass
class Message:
    """A request as the library wants it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Reply:
    """An answer as the library wants it."""

    status_code: int
    headers: dict[str, str]
    request: Message


def listed(components: str) -> tuple[str, ...]:
    return tuple(components.split(" "))


def house_with(algorithm: Algorithm) -> tuple[House, str, Any]:
    """(house, key id, the key as the library wants it)."""
    house = House(FixedClock(SystemClock().now_us()))
    if algorithm is Algorithm.HMAC:
        secret, record = house.desk.add_secret(SCOPE, TENANT)
        return house, record.key_id, secret.expose()
    key = KEYS[algorithm]
    record = house.desk.add_public(SCOPE, TENANT, algorithm, public_octets_of(key))
    return house, record.key_id, key


def resolver(key_id: str, key: Any) -> MappingKeyResolver:
    public = key if isinstance(key, bytes) else key.public_key()
    return MappingKeyResolver(public_keys={key_id: public}, private_keys={key_id: key})


async def accepted(house: House, request: dict[str, Any], body: bytes) -> Any:
    return house.verify(request, body)


def run(house: House, request: dict[str, Any], body: bytes) -> Any:
    return asyncio.run(accepted(house, request, body))


@pytest.mark.parametrize(("algorithm", "theirs"), CASES)
@settings(max_examples=25, deadline=None)
@given(path=PATHS, query=QUERIES, body=BODIES, key=st.none() | PRINTABLE, nonce=NONCES)
def test_what_the_library_signs_we_accept(
    algorithm: Algorithm,
    theirs: Any,
    path: str,
    query: str,
    body: bytes,
    key: str | None,
    nonce: str,
) -> None:
    house, key_id, secret = house_with(algorithm)
    message = Message("POST", f"https://Risk.Example:443{path}" + (f"?{query}" if query else ""))
    if key is not None:
        message.headers["Idempotency-Key"] = key
    if body:
        message.headers["Content-Type"] = "application/json"
    digest = content_digest(body) if body else ""
    parts = RequestParts("POST", "", "", "", digest, "", key)
    now = datetime.datetime.fromtimestamp(house.clock.now_us() // 10**6, datetime.UTC)
    HTTPMessageSigner(signature_algorithm=theirs, key_resolver=resolver(key_id, secret)).sign(
        message,
        key_id=key_id,
        created=now,
        expires=now + datetime.timedelta(seconds=60),
        nonce=nonce,
        tag="paywarden",
        body=body or None,
        covered_component_ids=[one.strip('"') for one in listed(parts.components)],
    )
    headers = {name.lower(): value for name, value in message.headers.items()}
    headers["host"] = "risk.example"
    request = asgi(headers, "POST", path, query)
    assert run(house, request, body).parts.query == f"?{query}"
    swapped = asgi(headers, "POST", path + "x", query)
    with pytest.raises(PaywardenError):
        run(house, swapped, body)


@pytest.mark.parametrize(("algorithm", "theirs"), CASES)
@settings(max_examples=25, deadline=None)
@given(path=PATHS, query=QUERIES, body=BODIES, key=st.none() | PRINTABLE, nonce=NONCES)
def test_what_we_sign_the_library_accepts(
    algorithm: Algorithm,
    theirs: Any,
    path: str,
    query: str,
    body: bytes,
    key: str | None,
    nonce: str,
) -> None:
    house, key_id, secret = house_with(algorithm)
    created = house.clock.now_us() // 10**6
    parts = RequestParts(
        "POST", "risk.example", path, f"?{query}", content_digest(body) if body else "",
        "application/json" if body else "", key,
    )  # fmt: skip
    parameters = request_parameters(parts, created, key_id, algorithm.value, created + 60, nonce)
    signature = signer_of(algorithm, secret).sign(parts.base(parameters))
    url = f"https://risk.example{path}" + (f"?{query}" if query else "")
    headers = {
        "Content-Digest": parts.content_digest, "Content-Type": parts.content_type,
        "Idempotency-Key": key or "", "Signature-Input": f"sig1={parameters}",
        "Signature": signature_field(signature),
    }  # fmt: skip
    message = Message("POST", url, {name: value for name, value in headers.items() if value})
    verifier = HTTPMessageVerifier(
        signature_algorithm=theirs, key_resolver=resolver(key_id, secret)
    )
    found = verifier.verify(message, expect_tag="paywarden", body=body if body else None)
    assert found[0].nonce == nonce
    message.url = url + "x"
    with pytest.raises(InvalidSignature):
        verifier.verify(message, expect_tag="paywarden")


def signer_of(algorithm: Algorithm, secret: Any) -> Any:
    if algorithm is Algorithm.HMAC:
        return HmacKey(Secret(secret))
    return load_private(algorithm, private_octets(secret))


@settings(max_examples=25, deadline=None)
@given(body=BODIES, status=st.sampled_from([200, 201, 404, 422, 503]))
def test_the_library_accepts_our_answers_and_only_to_their_request(
    body: bytes, status: int
) -> None:
    house, key_id, secret = house_with(Algorithm.HMAC)
    created = house.clock.now_us() // 10**6
    parts = RequestParts("GET", "risk.example", "/v1/lists", "?limit=1")
    parameters = request_parameters(parts, created, key_id, "hmac-sha256", created + 60, "n" * 22)
    signature = signer_of(Algorithm.HMAC, secret).sign(parts.base(parameters))
    headers = {
        "host": "risk.example", "signature-input": f"sig1={parameters}",
        "signature": signature_field(signature),
    }  # fmt: skip
    proof = run(house, asgi(headers, "GET", "/v1/lists", "limit=1"), b"")
    told = {
        name.decode(): value.decode()
        for name, value in proof.answer_headers(status, "application/json", body)
    }
    asked = Message("GET", "https://risk.example/v1/lists?limit=1", headers)
    reply = Reply(status, {"content-type": "application/json", **told}, asked)
    verifier = HTTPMessageVerifier(
        signature_algorithm=HMAC_SHA256, key_resolver=resolver(key_id, secret)
    )
    found = verifier.verify(reply, expect_tag="paywarden", body=body or None)
    assert listed(ANSWER_COMPONENTS) == tuple(list(found[0].covered_components)[:-1])
    asked.headers["signature"] = signature_field(bytes(32))
    with pytest.raises(InvalidSignature):
        verifier.verify(reply, expect_tag="paywarden")
