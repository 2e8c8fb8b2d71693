"""Signing by Standard Webhooks 1.0: `{id}.{timestamp}.{body}` under each live secret.

Guards: the message id and the timestamp are ours and hold no full stop; the octets that are signed
are the octets that are sent; during a rotation the old secret signs beside the new one. Texts:
`whsec_` + base64 (HMAC-SHA-256, `v1`), `whsk_`/`whpk_` + base64 (Ed25519 seed and public key,
`v1a`). Source: the specification of Standard Webhooks, "Signature scheme".

>>> from paywarden.core.secret import Secret
>>> secret = SigningSecret(SecretKind.HMAC, Secret(b"k" * 32), 0)
>>> headers("msg_a", 1674087231, b"{}", [secret])["webhook-signature"][:3]
'v1,'
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from paywarden.core.clock import Randomness
from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.kit.webhooks.model import SecretKind, SigningSecret

HMAC_OCTETS = 32
SHORTEST_HMAC, LONGEST_HMAC = 24, 64
SEED_OCTETS = 32


def headers(
    message_id: str, timestamp: int, body: bytes, secrets: Iterable[SigningSecret]
) -> dict[str, str]:
    """The three headers of one attempt. Units: `timestamp` in seconds."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def new_secret(kind: SecretKind, randomness: Randomness, now_us: int) -> SigningSecret:
    """A fresh secret."""
    size = HMAC_OCTETS if kind is SecretKind.HMAC else SEED_OCTETS
    return SigningSecret(kind, Secret(randomness.octets(size)), now_us)


def given_secret(text: Secret[str], now_us: int) -> SigningSecret:
    """A secret that the receiver chose. Errors: InvalidRequest `webhook_secret_invalid`."""
    shown = text.expose()
    prefix, _, body = shown.partition("_")
    kind = {"whsec": SecretKind.HMAC, "whsk": SecretKind.ED25519}.get(prefix)
    try:
        octets = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    least, most = (SHORTEST_HMAC, LONGEST_HMAC) if kind is SecretKind.HMAC else (SEED_OCTETS,) * 2
    if kind is None or not least <= len(octets) <= most:
        raise InvalidRequest(
            "webhook_secret_invalid",
            "a secret is whsec_ and base64 of 24 to 64 octets, or whsk_ and base64 of 32",
            pointer="/secret",
        )
    return SigningSecret(kind, Secret(octets), now_us)


def shown_once(secret: SigningSecret) -> str:
    """The text that the receiver needs: the HMAC secret itself, or the Ed25519 public key."""
    if secret.kind is SecretKind.HMAC:
        return "whsec_" + _base64(secret.octets.expose())
    return "whpk_" + _base64(_private(secret).public_key().public_bytes_raw())


def _signature(secret: SigningSecret, signed: bytes) -> str:
    if secret.kind is SecretKind.HMAC:
        return "v1," + _base64(hmac.digest(secret.octets.expose(), signed, hashlib.sha256))
    return "v1a," + _base64(_private(secret).sign(signed))


def _private(secret: SigningSecret) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(secret.octets.expose())


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
