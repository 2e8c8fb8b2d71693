"""The partner profile: RSA-2048 over method, path, client id, time and body, as Antom sends it.

    string to sign   POST /v1/decisions\\n<Client-Id>.<Request-Time>.<body>
    headers          Client-Id, Request-Time (RFC 3339, or milliseconds since 1970),
                     Signature: algorithm=RSA256,keyVersion=1,signature=<URL-encoded base 64>

Guards: weaker than the RFC profile (authority, query and headers are not covered, there is no
nonce), therefore a key of this profile is bound to exact paths without a query, the time must be
within five minutes, and the same signed content is accepted once. The answer is signed likewise
with Response-Time. Source: Antom "Sign a request and verify the signature"; RSASSA-PKCS1-v1_5 with
SHA-256 (RFC 8017, 8.2).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from paywarden.core.errors import NotAuthenticated, NotPermitted, Unparsable
from paywarden.core.instants import MICROSECONDS, format_rfc3339, parse_rfc3339
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.signing.nonces import SKEW_SECONDS, Nonces
from paywarden.kit.http.signing.parsing import LENGTH_LIMIT
from paywarden.kit.http.signing.ports import (
    AnswerKey,
    ClientKeys,
    HeaderList,
    PartnerBinding,
    Pending,
)
from paywarden.kit.http.signing.verifier import check_key

WINDOW_SECONDS: Final = 300
_SIGNATURE = re.compile(
    r"algorithm=RSA256, ?keyVersion=([1-9][0-9]{0,5}), ?signature=([A-Za-z0-9%+/=_-]{1,900})"
)
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MILLISECONDS = re.compile(r"[1-9][0-9]{12}")
_NAMES: Final = (b"signature", b"client-id", b"request-time")


@dataclass(frozen=True, slots=True)
class PartnerRequest:
    """`Proof` of the partner profile."""

    method: str
    path: str
    binding: PartnerBinding
    answers: AnswerKey
    nonces: Nonces
    kept: Pending

    def answer_headers(self, _status: int, _content_type: str, body: bytes) -> HeaderList:
        """Client-Id, Response-Time and Signature of the answer."""
        told_at = format_rfc3339(self.nonces.now_us())
        client_id = self.binding.client_id
        base = string_to_sign(self.method, self.path, client_id, told_at, body)
        return [
            (b"client-id", client_id.encode()),
            (b"response-time", told_at.encode()),
            (b"signature", signature_value(self.answers.key.sign(base), self.binding.key_version)),
        ]

    async def durable(self) -> None:
        """Return when the request is on record. Errors: Unavailable."""
        await self.kept.durable()


class PartnerVerifier:
    """Verifies requests under the partner profile."""

    def __init__(self, keys: ClientKeys, nonces: Nonces) -> None:
        self._keys = keys
        self._nonces = nonces

    def verify(
        self, principal: Principal, request: Mapping[str, Any], body: bytes
    ) -> PartnerRequest:
        """The proof of a request with the partner's headers. Errors: as `Signatures.verify`."""
        client_id, told_at, version, signature = _read(request)
        key = self._keys.find_partner(principal.scope, client_id, version)
        now_us = self._nonces.now_us()
        key = check_key(key, principal, now_us)
        binding = key.partner
        path = (request.get("raw_path") or request["path"].encode()).decode("latin-1")
        if binding is None or path not in binding.routes or request.get("query_string"):
            raise NotPermitted(
                "signature_route_not_bound", "this partner's key is not for this address"
            )
        at_us = _checked_instant(told_at, now_us)
        base = string_to_sign(request["method"], path, client_id, told_at, body)
        if not key.key.verify(signature, base):
            raise NotAuthenticated(
                "signature_wrong", "the signature is not that of this request; see sign explain"
            )
        keep_until_us = at_us + (WINDOW_SECONDS + SKEW_SECONDS) * MICROSECONDS
        # One content has one signature under this padding: no digest of a body need be kept.
        kept = self._nonces.take(key.scope, key.key_id, signature, keep_until_us)
        return PartnerRequest(request["method"], path, binding, key.answers, self._nonces, kept)


def string_to_sign(method: str, path: str, client_id: str, at: str, body: bytes) -> bytes:
    """What is signed, of requests and answers alike."""
    return f"{method} {path}\n{client_id}.{at}.".encode("latin-1") + body


def signature_value(signature: bytes, key_version: int) -> bytes:
    """Value of the Signature header."""
    text = quote(base64.b64encode(signature).decode(), safe="")
    return f"algorithm=RSA256,keyVersion={key_version},signature={text}".encode()


def _read(request: Mapping[str, Any]) -> tuple[str, str, int, bytes]:
    found: dict[bytes, str] = {}
    for name, value in request["headers"]:
        key = name.lower()
        if key not in _NAMES:
            continue
        if key in found:
            raise Unparsable(
                "signature_header_repeated", f"a signed request has one {key.decode()} header"
            )
        if len(value) > LENGTH_LIMIT:
            raise Unparsable(
                "signature_header_too_long", f"{key.decode()} has over {LENGTH_LIMIT} characters"
            )
        found[key] = value.decode("latin-1").strip(" \t")
    if len(found) != len(_NAMES):
        raise Unparsable("signature_incomplete", "send Signature, Client-Id and Request-Time")
    match = _SIGNATURE.fullmatch(found[b"signature"])
    if match is None or not _CLIENT_ID.fullmatch(found[b"client-id"]):
        raise _malformed()
    return found[b"client-id"], found[b"request-time"], int(match[1]), _signature(match[2])


def _signature(text: str) -> bytes:
    try:
        return binascii.a2b_base64(unquote_to_bytes(text), strict_mode=True)
    except binascii.Error:
        raise _malformed() from None


def _malformed() -> Unparsable:
    return Unparsable(
        "signature_malformed",
        "Signature is algorithm=RSA256,keyVersion=...,signature=... with URL-encoded base 64",
    )


def _checked_instant(text: str, now_us: int) -> int:
    try:
        whole = _MILLISECONDS.fullmatch(text)
        at_us = int(text) * 1_000 if whole else parse_rfc3339(text)
    except ValueError:
        raise Unparsable(
            "request_time_malformed", "Request-Time is RFC 3339 or milliseconds since 1970"
        ) from None
    if at_us > now_us + SKEW_SECONDS * MICROSECONDS:
        raise NotAuthenticated(
            "signature_from_the_future", f"the time is over {SKEW_SECONDS} seconds ahead of us"
        )
    if at_us + WINDOW_SECONDS * MICROSECONDS < now_us:
        raise NotAuthenticated("signature_expired", "the signature has expired; sign again")
    return at_us
