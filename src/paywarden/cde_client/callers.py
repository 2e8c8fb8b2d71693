"""The roster of callers: which API keys the card data environment believes, signed by the house.

    paywarden.callers.v1 <base64 of an Ed25519 signature>
    {"callers": [{"check": "<base64>", "key_id": "key_...", "scope": "acme/test", ...}], ...}

Guards: the signature covers every octet after the first line, under a domain of its own; nothing is
read before it holds. A key stands here as SHA-256 of its text, which has 160 random bits: who reads
the roster gains no key, and needs no secret of the house to check one. Ended keys are left out.
Not done here: age and order of rosters (`cde.callers_file`), who publishes (`entrypoints`).

>>> seed = bytes(32)
>>> text = signed(Roster(7, []), seed)
>>> opened(text, public_key_of(seed)).issued_at_us
7
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta

LIMIT_OCTETS: Final = 16 << 20
CALLERS_LIMIT: Final = 50_000
HEAD: Final = b"paywarden.callers.v1 "
_SIGNED: Final = b"paywarden.callers.v1\n"
_CHECKED: Final = b"paywarden.api-key-check.v1\n"
Name = Annotated[str, Meta(min_length=1, max_length=128)]


class CallerRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A live key: `check` (32 octets), whom it speaks for, what it may do with cards, its end."""

    check: Annotated[bytes, Meta(min_length=32, max_length=32)]
    key_id: Name
    scope: Name
    merchant: Name | None
    permissions: Annotated[list[Name], Meta(max_length=16)]
    expires_at_us: int | None = None


class Roster(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them, and when that was so (microseconds since 1970)."""

    issued_at_us: int
    callers: Annotated[Sequence[CallerRow], Meta(max_length=CALLERS_LIMIT)]


def check_of(key_text: str) -> bytes:
    """What a key is recognised by outside the house: 32 octets, not to be turned back."""
    return hashlib.sha256(_CHECKED + key_text.encode("utf-8", "surrogatepass")).digest()


def signed(roster: Roster, seed: bytes) -> bytes:
    """The roster's octets, signed by the Ed25519 key of `seed` (32 octets)."""
    body = msgspec.json.encode(roster)
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(_SIGNED + body)
    return HEAD + base64.b64encode(signature) + b"\n" + body


def opened(octets: bytes, public_key: bytes) -> Roster:
    """The roster that these octets hold. ValueError unless `public_key` signed all of them."""
    head, newline, body = octets.partition(b"\n")
    if not newline or len(octets) > LIMIT_OCTETS or not head.startswith(HEAD):
        raise ValueError("this is no roster of callers")
    try:
        signature = base64.b64decode(head[len(HEAD) :], validate=True)
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _SIGNED + body)
    except (binascii.Error, InvalidSignature):
        raise ValueError("the roster of callers is not signed by the pinned key") from None
    return msgspec.json.decode(body, type=Roster)


def public_key_of(seed: bytes) -> bytes:
    """The public half, 32 octets: what the environment pins."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
