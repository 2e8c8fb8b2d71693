"""Reasons as merchants and payers see them: neutral codes and texts.

Guards: a text says what to expect, never which rule, window or threshold gave the answer, so that
nobody can tune an attack by it; nothing of AML has a code here (tipping-off). `POLICY` stands for
an outcome whose own reasons are absent or must stay unsaid, and rules without a reason use it, too,
so that it gives nothing away. A policy's own texts (`reasons` in policy.yaml) come first.

>>> reasons_of(("CARD_TESTING",))
({'code': 'CARD_TESTING', 'text': 'Unusual payment attempts with this card'},)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

POLICY = "POLICY"
REASONS: Mapping[str, str] = MappingProxyType(
    {
        POLICY: "The payment does not meet the acceptance policy",
        "TEST_VALUE": "A test value asked for this answer",
        "CARD_TESTING": "Unusual payment attempts with this card",
        "TOO_MANY_ATTEMPTS": "Too many payment attempts in a short time",
        "CARD_REPORTED": "This card cannot be used",
        "CARD_CHECKS_FAILED": "The card details could not be confirmed",
        "UNUSUAL_AMOUNT": "The amount is unusual for this payer or merchant",
        "UNUSUAL_PLACE": "The place of the payment is unusual",
        "NEW_DEVICE": "The payment comes from a device not seen before",
        "ACCOUNT_CHANGED": "The account was changed shortly before",
        "NEW_PAYEE": "Money goes to a new recipient",
        "PAYEE_RISK": "The recipient needs a closer look",
        "AUTOMATED_TRAFFIC": "The payment looks automated",
        "MERCHANT_RISK": "This point of sale needs a closer look",
        "LINKED_TO_FRAUD": "The payment is linked to reported fraud",
        "BLOCKED_SOURCE": "Payments from this source are not accepted",
        "REFUND_PATTERN": "The refund needs a closer look",
        "SHARED_IDENTITY": "The details are used by several customers",
        "DISPUTE_HISTORY": "Earlier payments were disputed",
        "PROMOTION_LIMIT": "The offer cannot be used again",
    }
)


def reason_text(code: str, own: Mapping[str, str] | None = None) -> str:
    """Text of a code: the policy's own, else the known one, else that of POLICY."""
    return (own or {}).get(code) or REASONS.get(code) or REASONS[POLICY]


def reasons_of(
    codes: Iterable[str], own: Mapping[str, str] | None = None
) -> tuple[dict[str, str], ...]:
    """Codes with their texts, as an answer carries them."""
    return tuple({"code": code, "text": reason_text(code, own)} for code in codes)
