"""Which subjects a person's identifiers stand for: what `sealing` names keys by, from outside.

Guards: an identifier takes the way that it takes in a payment (what looks like a card number is
hashed, e-mail and account become canonical), or it would name another subject. Every identifier is
a subject of its own, since each payment is sealed under the strongest one that it gave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from paywarden.core.errors import InvalidRequest
from paywarden.core.scope import Scope
from paywarden.decision.intake import Fields
from paywarden.decision.ledger import Ledger
from paywarden.decision.payments import Payments
from paywarden.decision.sealing import subjects_of

_PATHS: Final = {
    "payer_id": "payer.id",
    "card_reference": "card.fingerprint",
    "device_id": "device.id",
    "payment_id": "payment.id",
    "payee_id": "payee.id",
    "payee_account": "payee.account",
}
_EMAIL: Final = "email"


class SubjectNames:
    """Names subjects as the sealer does."""

    def __init__(
        self, ledger: Ledger, payments: Payments, identifier: Callable[[str], str]
    ) -> None:
        self._ledger = ledger
        self._payments = payments
        self._identifier = identifier

    def __call__(self, scope: Scope, given: Mapping[str, str]) -> tuple[str, ...]:
        """Subjects in rising order. Errors: InvalidRequest `subject_unreadable`, Unavailable."""
        state = self._ledger.ready(scope)
        fields: Fields = {
            path: self._identifier(given[name]) for name, path in _PATHS.items() if name in given
        }
        if _EMAIL in given:
            fields["payer.email"] = given[_EMAIL]
        self._payments.derive(state, fields, self._ledger.clock.now_us(), late=False)
        found = sorted(subjects_of(fields, state.digester.digest))
        if len(found) < len(given):
            raise InvalidRequest(
                "subject_unreadable", "an e-mail or account cannot be read", pointer="/person"
            )
        return tuple(found)
