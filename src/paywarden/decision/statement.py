"""What the answer to a payment states, in canonical form, and its hash: what the audit log binds.

Guards: only what the answer says is in it, so whoever holds the answer can hash it again; its
128-bit id keeps outsiders from guessing what a hash in the log stands for.
"""

from __future__ import annotations

import base64
import hashlib

import msgspec

from paywarden.decision.entries import PaymentEntry


class Statement(msgspec.Struct, frozen=True):
    """What an answer states; names in order, so that its JSON is canonical (RFC 8785)."""

    attempt: str
    degraded: str
    id: str
    outcome: str
    payment_id: str
    points: int
    reasons: str
    required_action: str | None
    ruleset: str
    v: int = 1


_ENCODE = msgspec.json.Encoder().encode


def statement(name: str, entry: PaymentEntry) -> bytes:
    """Canonical JSON (RFC 8785) of what the recorded decision with the id `name` states."""
    result = entry.result
    stated = Statement(
        entry.attempt, ",".join(entry.degraded), name,
        result.answer.word, entry.payment_id, result.points, ",".join(result.reasons),
        "challenge" if result.required_action == "challenge" else None, entry.ruleset,
    )  # fmt: skip
    return _ENCODE(stated)


def decision_hash(name: str, entry: PaymentEntry) -> str:
    """Base 64 of SHA-256 over the statement of the recorded decision with the id `name`."""
    octets = statement(name, entry)
    return base64.b64encode(hashlib.sha256(octets).digest()).decode()
