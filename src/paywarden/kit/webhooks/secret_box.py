"""Sealing of signing secrets at rest: AES-256-GCM under a key derived from the master key.

Guards: a stolen database holds no usable secret; scope and endpoint are bound as additional data,
so a box moved to another endpoint does not open. Source: NIST SP 800-38D.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paywarden.core.clock import Randomness
from paywarden.core.errors import Corrupt
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.kit.crypto.framing import framed
from paywarden.kit.webhooks.model import SecretKind, SigningSecret

_NONCE_OCTETS: Final = 12
_VERSION: Final = b"\x01"
_BOUND: Final = b"paywarden.webhook-secrets.v1"


class _Stored(msgspec.Struct, array_like=True):
    kind: str
    octets: bytes
    created_at_us: int
    expires_at_us: int | None


_DECODER: Final = msgspec.msgpack.Decoder(list[_Stored])


class SecretBox:
    """Seals and opens the secrets of one endpoint."""

    def __init__(self, key: Secret[bytes], randomness: Randomness) -> None:
        self._cipher = AESGCM(key.expose())
        self._octets = randomness.octets

    def seal(self, scope: Scope, endpoint: str, secrets: Sequence[SigningSecret]) -> bytes:
        """Version, nonce, ciphertext."""
        plain = msgspec.msgpack.encode(
            [
                _Stored(one.kind.value, one.octets.expose(), one.created_at_us, one.expires_at_us)
                for one in secrets
            ]
        )
        nonce = self._octets(_NONCE_OCTETS)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, _context(scope, endpoint))

    def open(self, scope: Scope, endpoint: str, sealed: bytes) -> tuple[SigningSecret, ...]:
        """The secrets. Errors: Corrupt `webhook_secrets_damaged`."""
        nonce, box = sealed[1 : 1 + _NONCE_OCTETS], sealed[1 + _NONCE_OCTETS :]
        try:
            if sealed[:1] != _VERSION:
                raise InvalidTag
            plain = self._cipher.decrypt(nonce, box, _context(scope, endpoint))
        except (InvalidTag, ValueError) as fault:
            raise Corrupt("webhook_secrets_damaged", "stored secrets fail their check") from fault
        return tuple(
            SigningSecret(
                SecretKind(one.kind), Secret(one.octets), one.created_at_us, one.expires_at_us
            )
            for one in _DECODER.decode(plain)
        )


def _context(scope: Scope, endpoint: str) -> bytes:
    return framed(_BOUND, scope.text.encode(), endpoint.encode())
