"""The verifier of signed requests, and the proof that signs their answers.

Order, cheapest and most public first: shape of the headers, key known and live and bound to the
caller's API key, algorithm, time window, digest of the body, signature, and last the nonce, which
is stored only when everything before held. Whatever fails is refused with one stable code; the text
holds nothing that the caller did not send. A key of another tenant is an unknown key.
Not done here: reading the headers (`parsing`), the partner's profile (`partner`), telling the audit
log (`guard`). Source: RFC 9421 section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from paywarden.core.errors import NotAuthenticated, NotPermitted, Unparsable
from paywarden.core.instants import MICROSECONDS
from paywarden.core.message_signature import (
    AnswerParts,
    RequestParts,
    answer_parameters,
    content_digest,
    signature_field,
)
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.signing import parsing
from paywarden.kit.http.signing.nonces import SKEW_SECONDS, Nonces
from paywarden.kit.http.signing.parsing import SignatureInput
from paywarden.kit.http.signing.ports import AnswerKey, ClientKey, ClientKeys, HeaderList, Pending


class SignedRequest(NamedTuple):
    """`Proof` of the profile of RFC 9421."""

    parts: RequestParts
    signature: str
    answers: AnswerKey
    nonces: Nonces
    kept: Pending

    def answer_headers(self, status: int, content_type: str, body: bytes) -> HeaderList:
        """Content-Digest, Signature-Input and Signature of the answer."""
        digest = content_digest(body)
        created = self.nonces.now_us() // MICROSECONDS
        parameters = answer_parameters(created, self.answers.key_id, self.answers.algorithm.value)
        answer = AnswerParts(status, digest, content_type, self.signature, self.parts)
        signature = self.answers.key.sign(answer.base(parameters))
        return [
            (b"content-digest", digest.encode()),
            (b"signature-input", f"sig1={parameters}".encode()),
            (b"signature", signature_field(signature).encode()),
        ]

    async def durable(self) -> None:
        """Return when the nonce is on disk. Errors: Unavailable."""
        await self.kept.durable()


class SignatureVerifier:
    """Verifies requests under the fixed profile."""

    def __init__(self, keys: ClientKeys, nonces: Nonces) -> None:
        self._keys = keys
        self._nonces = nonces

    def verify(
        self,
        principal: Principal,
        request: Mapping[str, Any],
        headers: Mapping[str, str],
        body: bytes,
        digest: str | None = None,
    ) -> SignedRequest:
        """The proof of a request that carries signature headers. Errors: as `Signatures.verify`."""
        parsing.check_headers(request, headers)
        if "signature" not in headers or "signature-input" not in headers:
            raise Unparsable(
                "signature_incomplete", "send Signature and Signature-Input, or neither"
            )
        told = parsing.read_input(headers["signature-input"].strip(" \t"))
        signature_text = headers["signature"].strip(" \t")
        signature = parsing.read_signature(signature_text, told.label)
        parts = parsing.request_parts(request, headers, body)
        if told.components != parts.components:
            raise Unparsable(
                "signature_components_wrong",
                f"this request is signed over exactly {parts.components}, in this order",
            )
        key = self._keys.find(principal.scope, told.keyid)
        now_us = self._nonces.now_us()
        key = check_key(key, principal, now_us)
        if told.algorithm != key.algorithm.value:
            raise NotAuthenticated("signature_algorithm_wrong", "the key is of another algorithm")
        _check_window(told, now_us)
        if parts.content_digest:
            parsing.check_digest(parts.content_digest, body, digest)
        if not key.key.verify(signature, parts.base(told.parameters)):
            raise NotAuthenticated(
                "signature_wrong", "the signature is not that of this request; see sign explain"
            )
        keep_until_us = (told.expires + SKEW_SECONDS) * MICROSECONDS
        kept = self._nonces.take(key.scope, key.key_id, told.nonce.encode(), keep_until_us)
        return SignedRequest(parts, signature_text, key.answers, self._nonces, kept)


def check_key(key: ClientKey | None, principal: Principal, now_us: int) -> ClientKey:
    """The key itself when it is known, live and the caller's own.

    Errors: NotAuthenticated, NotPermitted.
    """
    if key is None:
        raise NotAuthenticated("signature_key_unknown", "this signing key is not known here")
    if not key.belongs_to(principal):
        raise NotPermitted(
            "signature_key_not_bound", "this signing key belongs to another API key or merchant"
        )
    if key.revoked_at_us is not None and key.revoked_at_us <= now_us:
        raise NotAuthenticated("signature_key_revoked", "this signing key was revoked")
    if key.expires_at_us is not None and key.expires_at_us <= now_us:
        raise NotAuthenticated("signature_key_expired", "this signing key has expired")
    return key


def _check_window(told: SignatureInput, now_us: int) -> None:
    now = now_us // MICROSECONDS
    if told.created > now + SKEW_SECONDS:
        raise NotAuthenticated(
            "signature_from_the_future", f"created is over {SKEW_SECONDS} seconds ahead of us"
        )
    if told.expires + SKEW_SECONDS < now:
        raise NotAuthenticated("signature_expired", "the signature has expired; sign again")
