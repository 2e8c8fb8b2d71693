"""The port of operations: which profile a request claims, whether it must be signed, what is told.

Guards: a key that must sign is refused without a signature; a request that claims any profile is
verified and never treated as unsigned. Not done here: writing refusals down (`kit.http.refusals`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paywarden.core.errors import NotAuthenticated, PaywardenError
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.signing.nonces import Nonces
from paywarden.kit.http.signing.partner import PartnerVerifier
from paywarden.kit.http.signing.ports import ClientKeys, Proof
from paywarden.kit.http.signing.verifier import SignatureVerifier
from paywarden.kit.metrics import Metrics


class GuardedSignatures:
    """`Signatures` over both profiles."""

    def __init__(self, keys: ClientKeys, nonces: Nonces, metrics: Metrics) -> None:
        self._keys = keys
        self._counted = metrics.signature_refusals
        self._verifier = SignatureVerifier(keys, nonces)
        self._partner = PartnerVerifier(keys, nonces)

    def are_claimed(self, headers: Mapping[str, str]) -> bool:
        """Whether any header of a profile is there."""
        return "signature" in headers or "signature-input" in headers

    def verify(
        self,
        principal: Principal,
        request: Mapping[str, Any],
        headers: Mapping[str, str],
        body: bytes,
        digest: str | None = None,
    ) -> Proof | None:
        """The proof of a signed request, None for one that need not be. Errors: see the port."""
        try:
            if not self.are_claimed(headers):
                self._check_unsigned(principal)
                return None
            if "client-id" in headers and "signature-input" not in headers:
                return self._partner.verify(principal, request, body)
            return self._verifier.verify(principal, request, headers, body, digest)
        except PaywardenError as refusal:
            self._counted.labels(refusal.code).inc()
            raise

    def _check_unsigned(self, principal: Principal) -> None:
        if self._keys.must_sign(principal.scope, principal.key_id):
            raise NotAuthenticated(
                "signature_required", "requests with this API key are signed (RFC 9421)"
            )
