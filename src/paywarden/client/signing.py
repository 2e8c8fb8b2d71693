"""Signing requests and checking signed answers, on the client's side.

Guards: every try is signed anew (its own nonce and time) over exactly what goes over the wire, and
keeps its Idempotency-Key; an answer is believed only when it is signed for this very request, by
the shared secret (HMAC) or by the pinned server key. Keys do not print. Not done here: sending,
retrying. Source: RFC 9421 in the profile of `core.message_signature`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from paywarden.core.clock import Clock, Randomness
from paywarden.core.message_signature import (
    ANSWER_COMPONENTS,
    LABEL,
    LIFETIME_LIMIT_SECONDS,
    TAG,
    AnswerParts,
    RequestParts,
    content_digest,
    request_parameters,
    signature_field,
)
from paywarden.core.secret import Secret

HMAC: Final = "hmac-sha256"
ED25519: Final = "ed25519"
_LEAST_SECRET_OCTETS = 32
_ANSWER = re.compile(
    rf"{LABEL}=(\({re.escape(ANSWER_COMPONENTS)}\);created=[1-9][0-9]{{9}}"
    rf';keyid="([A-Za-z0-9_-]{{1,64}})";alg="([a-z0-9_-]{{1,32}})";tag="{TAG}")'
)
_SIGNATURE = re.compile(rf"{LABEL}=:([A-Za-z0-9+/]{{1,1000}}={{0,2}}):")


@dataclass(frozen=True, slots=True)
class ServerKey:
    """What proves an answer: an algorithm, a check of (signature, base), and a key id if known."""

    algorithm: str
    verify: Callable[[bytes, bytes], bool] = field(repr=False)
    key_id: str | None = None

    @classmethod
    def ed25519(cls, public_key: bytes | str, key_id: str | None = None) -> ServerKey:
        """The server's key as `paywarden signing-keys server` prints it (base 64), PEM or DER.

        Errors: ValueError.
        """
        key = _public(public_key)

        def verify(signature: bytes, base: bytes) -> bool:
            try:
                key.verify(signature, base)
            except InvalidSignature:
                return False
            return True

        return cls(ED25519, verify, key_id)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A client's key: its id, algorithm and what signs; `proves` checks answers, if it can."""

    key_id: str
    algorithm: str
    sign: Callable[[bytes], bytes] = field(repr=False)
    proves: ServerKey | None = None
    lifetime_seconds: int = 60

    def __post_init__(self) -> None:
        if not 1 <= self.lifetime_seconds <= LIFETIME_LIMIT_SECONDS:
            raise ValueError(f"a signature lives for 1 to {LIFETIME_LIMIT_SECONDS} seconds")

    @classmethod
    def hmac(cls, key_id: str, secret: bytes | str) -> SigningKey:
        """A shared secret (octets, or base 64 as it was shown); answers are checked with it too.

        Errors: ValueError.
        """
        held = Secret(_decoded(secret) if isinstance(secret, str) else secret)
        if len(held.expose()) < _LEAST_SECRET_OCTETS:
            raise ValueError(f"a shared secret has {_LEAST_SECRET_OCTETS} octets or more")

        def sign(base: bytes) -> bytes:
            return hmac.digest(held.expose(), base, "sha256")

        def verify(signature: bytes, base: bytes) -> bool:
            return hmac.compare_digest(sign(base), signature)

        return cls(key_id, HMAC, sign, ServerKey(HMAC, verify, key_id))

    @classmethod
    def ed25519(cls, key_id: str, private_key: bytes) -> SigningKey:
        """An Ed25519 private key in PEM or DER. Errors: ValueError."""
        pem = private_key.lstrip().startswith(b"-----BEGIN")
        load = serialization.load_pem_private_key if pem else serialization.load_der_private_key
        key = load(private_key, None)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise ValueError("this is no Ed25519 private key")
        return cls(key_id, ED25519, key.sign)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """One try: the headers that sign it, and what its answer must be bound to."""

    headers: Mapping[str, str]
    parts: RequestParts
    key: ServerKey | None

    def proves(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether an answer is signed for this request; true as well when no key could tell.

        A refusal may be unsigned: the server signs nothing for those whom it does not know.
        """
        if self.key is None:
            return True
        given = headers.get("signature-input"), headers.get("signature")
        if given == (None, None):
            return status >= 400
        return self._is_signed(self.key, status, headers, body)

    def _is_signed(
        self, key: ServerKey, status: int, headers: Mapping[str, str], body: bytes
    ) -> bool:
        told = _ANSWER.fullmatch(headers.get("signature-input", ""))
        signature = _SIGNATURE.fullmatch(headers.get("signature", ""))
        digest = content_digest(body)
        if told is None or signature is None or headers.get("content-digest") != digest:
            return False
        if told[3] != key.algorithm or key.key_id not in (None, told[2]):
            return False
        kind = headers.get("content-type", "")
        answer = AnswerParts(status, digest, kind, self.headers["signature"], self.parts)
        try:
            octets = binascii.a2b_base64(signature[1], strict_mode=True)
        except binascii.Error:
            return False
        return key.verify(octets, answer.base(told[1]))


@dataclass(frozen=True, slots=True)
class Signing:
    """What a client signs with and which server key it pins."""

    key: SigningKey
    server_key: ServerKey | None
    clock: Clock
    randomness: Randomness

    def sign(
        self, method: str, authority: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> SignedRequest:
        """Sign one try; `target` is path and query as sent, `headers` have names in lower case."""
        path, _, query = target.partition("?")
        digest = content_digest(body) if body else ""
        parts = RequestParts(
            method, authority, path or "/", f"?{query}", digest,
            headers.get("content-type", "") if body else "", headers.get("idempotency-key"),
        )  # fmt: skip
        key, created = self.key, self.clock.now_us() // 1_000_000
        nonce = base64.urlsafe_b64encode(self.randomness.octets(16)).decode()
        expires = created + key.lifetime_seconds
        parameters = request_parameters(parts, created, key.key_id, key.algorithm, expires, nonce)
        signed = {
            "signature-input": f"{LABEL}={parameters}",
            "signature": signature_field(key.sign(parts.base(parameters))),
        }
        if digest:
            signed["content-digest"] = digest
        return SignedRequest(signed, parts, self.server_key or key.proves)


def _public(given: bytes | str) -> ed25519.Ed25519PublicKey:
    octets = given.encode() if isinstance(given, str) else given
    if octets.lstrip().startswith(b"-----BEGIN"):
        key = serialization.load_pem_public_key(octets)
    else:
        der = _decoded(given) if isinstance(given, str) else given
        key = serialization.load_der_public_key(der)
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise ValueError("this is no Ed25519 public key")
    return key


def _decoded(text: str) -> bytes:
    return base64.b64decode(text.strip(), validate=True)
