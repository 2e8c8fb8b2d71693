"""Signed card facts: what the card data environment says of a card, believed for its signature.

    pwf1.<payload, base64url>.<key id>.<signature, base64url>

The payload is a JSON object with sorted keys; Ed25519 signs it after `paywarden.card-facts.v1`.
Anyone may hand facts on: they hold no card number and name the tenant, environment and merchant
they count for, so that another merchant's facts are refused.

Guards, in order: size and form; a known key; the signature; the members, each with its type; then
what the reader expects of scope and token. Every refusal is one code: which check failed is no help
to whoever made the text. Not done here: the merchant of the payment (`decision.intake`), signing
(the key agent), whether the token still exists (the vault).
Standard: RFC 8032 (Ed25519), RFC 4648 section 5; PCI DSS 4.0.1 requirement 3.4.1 (what is shown).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PREFIX: Final = "pwf1"
DOMAIN: Final = b"paywarden.card-facts.v1\n"
TEXT_LIMIT: Final = 4_096
"""Characters of a text of facts, as the API's schema allows."""

_TEXT = re.compile(r"pwf1\.([A-Za-z0-9_-]{1,3000})\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{86})\Z")
_PATTERNS: Final = {
    "fingerprint": re.compile(r"fp_[0-9A-Za-z]{22}\Z"),
    "bin": re.compile(r"[0-9]{6,8}\Z"),
    "last4": re.compile(r"[0-9]{4}\Z"),
    "expiry": re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])\Z"),
}


TENANT_WIDE: Final = "*"
"""In the place of a merchant, inside the environment: of the tenant; its facts name none."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What may be known of a card outside: nothing that names its number.

    `bin`: 6 to 8 digits; `expiry`: `YYYY-MM`; `scope`: tenant/environment; `merchant`: None where
    the token counts for the whole tenant; `issued_at`: seconds since 1970 UTC.
    """

    token: str
    fingerprint: str
    bin: str
    last4: str
    brand: str
    expiry: str
    funding: str | None
    country: str | None
    scope: str
    merchant: str | None
    issued_at: int


@dataclass(frozen=True, slots=True)
class FactsRefused:
    """The text proves nothing: `code` is stable."""

    code: str


FactsKeys = Mapping[str, bytes]
"""Public keys of the environment, 32 octets by key id."""


def payload_of(facts: CardFacts) -> bytes:
    """What is signed, without the domain."""
    return json.dumps(asdict(facts), sort_keys=True, separators=(",", ":")).encode()


def signed_octets(payload: bytes) -> bytes:
    """What the key agent signs."""
    return DOMAIN + payload


def text_of(payload: bytes, key_id: str, signature: bytes) -> str:
    """The text that travels. ValueError when it would be refused by its form."""
    text = f"{PREFIX}.{_encoded(payload)}.{key_id}.{_encoded(signature)}"
    if len(text) > TEXT_LIMIT or _TEXT.match(text) is None:
        raise ValueError("payload, key id or signature do not fit a text of card facts")
    return text


def read_facts(text: str, keys: FactsKeys) -> CardFacts | FactsRefused:
    """The facts that a known key has signed; never raises for what a text holds."""
    found = _TEXT.match(text) if len(text) <= TEXT_LIMIT else None
    if found is None:
        return FactsRefused("card_facts_refused")
    public = keys.get(found[2])
    if public is None:
        return FactsRefused("card_facts_unverifiable")
    payload, signature = _decoded(found[1]), _decoded(found[3])
    if payload is None or signature is None or not _signed(public, payload, signature):
        return FactsRefused("card_facts_refused")
    return _facts(payload) or FactsRefused("card_facts_refused")


def _signed(public: bytes, payload: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed_octets(payload))
    except (InvalidSignature, ValueError):
        return False
    return True


def _facts(payload: bytes) -> CardFacts | None:
    try:
        facts = _DECODER.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    fits = all(pattern.match(getattr(facts, name)) for name, pattern in _PATTERNS.items())
    return facts if fits else None


def _encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _decoded(text: str) -> bytes | None:
    """Octets of unpadded base64url; None unless it is the one spelling of them."""
    try:
        octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return octets if _encoded(octets) == text else None


_DECODER: Final = msgspec.json.Decoder(CardFacts)
