"""Every problem code of the API with its remedy; `/docs` shows this table."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "amount_missing": "Send amount_minor and currency; only account events go without.",
    "attempt_conflict": "This payment and attempt were decided with another body. A new try is a "
    "new attempt.",
    "body_too_large": "Send less at once; the limit stands in the detail.",
    "card_facts_unverifiable": "No card data environment is set up whose signature could be "
    "checked.",
    "card_number_not_accepted": "Send a token or an opaque reference, never a card number.",
    "currency_unknown": "Use an active ISO 4217 code in capitals.",
    "cursor_invalid": "Pass `next` of the page before, unchanged.",
    "decision_not_found": "No such decision for this key.",
    "event_conflict": "This event id was taken in with another body.",
    "field_invalid": "The field at `pointer` has another type or is out of range.",
    "field_missing": "Add the field at `pointer`.",
    "idempotency_in_flight": "Wait for the first request of this Idempotency-Key.",
    "idempotency_key_invalid": "Use 1 to 255 printable ASCII characters.",
    "idempotency_key_reused": "Use a new Idempotency-Key for another request.",
    "instrument_assertion_not_permitted": "Merchants send tokens with signed facts.",
    "internal_fault": "A fault of ours; quote the incident id.",
    "key_expired": "Ask the operator for a new API key.",
    "key_malformed": "Check the API key for typing errors.",
    "key_missing": "Send `Authorization: Bearer pw_test_...`.",
    "key_revoked": "Ask the operator for a new API key.",
    "key_unknown": "Check installation and environment of the API key.",
    "label_not_permitted": "Only operators label as analysts.",
    "list_bad_value": "The value is not of the kind that the list holds.",
    "list_kind_differs": "The list exists with another kind.",
    "list_kind_missing": "Say `kind` when the list is new.",
    "list_unknown": "No list of this name.",
    "malformed_json": "Send valid JSON in UTF-8.",
    "malformed_query": "The query string cannot be read.",
    "method_not_allowed": "See `Allow`.",
    "no_policy": "Publish a ruleset first.",
    "no_such_path": "See the operations above.",
    "not_challenged": "Only a decision with outcome challenge continues.",
    "not_permitted": "The key lacks the permission named in the detail.",
    "other_merchant": "The key is bound to another merchant.",
    "parameter_invalid": "A query parameter is unknown or out of range.",
    "parameter_repeated": "Give each query parameter once.",
    "payment_unknown": "Send results after the payment was decided here.",
    "policy_invalid": "The policy has faults; each is listed with file and line.",
    "recovering": "Try again in a second: the state is being rebuilt from the log.",
    "replay_too_long": "Run `paywarden replay` on the command line.",
    "ruleset_not_found": "No such ruleset for this key.",
    "scope_not_ready": "Run `paywarden init` for this tenant and environment.",
    "too_many_requests": "Slow down; see Retry-After.",
    "unknown_field": "Remove the field at `pointer`.",
    "unknown_parameter": "Remove the query parameter.",
    "writer_queue_full": "Slow down; see Retry-After.",
}
"""Code to remedy."""
