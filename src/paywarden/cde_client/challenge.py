"""What an approver signs: one hash over everything that the approval is about.

Guards: what you see is what you sign. The challenge of the WebAuthn assertion is this hash, so an
assertion made for one payload, person, action, tenant, environment or expiry fits no other.
Domain-separated and length-prefixed: two different subjects never give the same octets. The maker
is part of it, because who asked decides who may approve.
Source: Web Authentication level 3, section 5.8.1 (the challenge is what the signature binds).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from paywarden.core.scope import Scope
from paywarden.kit.crypto.framing import framed

APPROVAL_DOMAIN: Final = b"paywarden.approval.v1"
PAYLOAD_DOMAIN: Final = b"paywarden.approval-payload.v1"
HASH_OCTETS: Final = 32
_INSTANT_OCTETS: Final = 8


@dataclass(frozen=True, slots=True)
class Subject:
    """What is approved: `payload_hash` is 32 octets, `maker` a person's or a key's id."""

    scope: Scope
    approval_id: str
    action: str
    payload_hash: bytes
    expires_at_us: int
    maker: str


def hash_payload(action: str, payload: bytes) -> bytes:
    """SHA-256 (32 octets) of the payload of an action."""
    return hashlib.sha256(framed(PAYLOAD_DOMAIN, action.encode(), payload)).digest()


def challenge(subject: Subject, approver: str) -> bytes:
    """The 32 octets that `approver` signs. ValueError for a hash of another length."""
    if len(subject.payload_hash) != HASH_OCTETS:
        raise ValueError(f"a payload hash has {HASH_OCTETS} octets")
    parts = framed(
        APPROVAL_DOMAIN,
        subject.scope.tenant.encode(),
        subject.scope.environment.value.encode(),
        subject.approval_id.encode(),
        subject.action.encode(),
        subject.payload_hash,
        subject.expires_at_us.to_bytes(_INSTANT_OCTETS, "big"),
        subject.maker.encode(),
        approver.encode(),
    )
    return hashlib.sha256(parts).digest()
