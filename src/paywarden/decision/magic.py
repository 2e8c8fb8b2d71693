"""Magic values of the test environment: each forces one outcome, so integrations can be tried.

Guards: only test keys; live decisions never look here. The forced outcome is recorded in the log
entry, so replay needs nothing else. Listed for users in docs/reference/magic-values.md.

>>> forced_outcome({"card.fingerprint": "test_block"}).word
'block'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paywarden.core.outcome import Outcome

CARD_REFERENCES: Mapping[str, Outcome] = {f"test_{o.word}": o for o in Outcome}
EMAILS: Mapping[str, Outcome] = {f"{o.word}@magic.example": o for o in Outcome}
NAMES: Mapping[str, Outcome] = {f"Magic {o.word.capitalize()}": o for o in Outcome}
AMOUNTS: Mapping[int, Outcome] = {990_000 + o.value: o for o in Outcome}
REASON = "TEST_VALUE"


def forced_outcome(fields: Mapping[str, Any]) -> Outcome | None:
    """The strictest outcome that a magic value of the payment forces, or None."""
    found = [
        outcome
        for outcome in (
            CARD_REFERENCES.get(fields.get("card.fingerprint", "")),
            EMAILS.get(fields.get("email.canonical", "")),
            NAMES.get(fields.get("payer.name", "")),
            AMOUNTS.get(fields.get("payment.amount_minor", -1)),
        )
        if outcome is not None
    ]
    return max(found) if found else None
