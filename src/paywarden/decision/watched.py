"""Codes whose refusal is an event of the audit log, beside every 401, 403 and 404.

Guards: what tells of an attack or of a broken rule of security is named here once, also when the
caller had every right to ask: four eyes refused, a signature or digest that does not fit, a card
number, a forged destination, a look-alike name, a repeated header or field, a key used twice for
two requests, a flood. Plain mistakes of form (a missing field, a wrong type) are no events.
"""

from __future__ import annotations

from typing import Final

from paywarden.identity.access_review.problems import CODES as ACCESS_REVIEW_CODES
from paywarden.identity.approvals.problems import CODES as APPROVAL_CODES
from paywarden.kit.http.signing.codes import CODES as SIGNATURE_CODES

WATCHED: Final = frozenset(
    {
        *APPROVAL_CODES,
        *ACCESS_REVIEW_CODES,
        *SIGNATURE_CODES,
        "attempt_conflict",
        "audit_detail_refused",
        "body_encoded",
        "body_too_large",
        "body_too_slow",
        "card_facts_refused",
        "card_facts_unverifiable",
        "card_number_not_accepted",
        "client_certificate_malformed",
        "client_certificate_unexpected",
        "event_conflict",
        "field_repeated",
        "idempotency_key_reused",
        "instrument_assertion_not_permitted",
        "key_name_taken",
        "label_not_permitted",
        "link_needs_approval",
        "login_invalid",
        "other_merchant",
        "parameter_repeated",
        "passkey_refused",
        "payment_unknown",
        "person_exists",
        "rate_limited",
        "role_exclusive",
        "role_needs_approval",
        "sign_in_busy",
        "tenant_share_full",
        "too_many_requests",
        "webhook_destination_invalid",
        "webhook_merchant",
        "webhook_url_refused",
    }
)
