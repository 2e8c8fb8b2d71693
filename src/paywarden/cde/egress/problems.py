"""Every problem code of egress with its remedy; its `/docs` shows this table.

Guards: a token that is unknown, another merchant's, deleted or spent is one code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "body_encoded": "Send the body as it is, without Content-Encoding.",
    "body_too_large": "Send less at once.",
    "body_too_slow": "Send the whole body at once.",
    "card_body_malformed": "`body` is one JSON value in UTF-8, of reasonable depth.",
    "card_environment_refused": "Vault or key agent refused; see their logs.",
    "card_field_absent": "Write the named field into the body, with the token, null or empty text.",
    "card_field_forbidden": "Name fields that the destination's approval lists, for the same part.",
    "card_field_taken": "A named field holds the token, null or empty text, nothing else.",
    "card_field_unknown": "A field takes `number`, `cvv` or `expiry:` with a form, MM/YY say.",
    "card_not_found": "Check token and merchant; a single-use token works once.",
    "cde_queue_full": "The card environment is busy; try again in a moment.",
    "cde_timeout": "Vault or key agent did not answer in time; nothing was sent.",
    "cde_unreachable": "Vault or key agent does not run; nothing was sent.",
    "callers_missing": "The house hands in its roster: run `paywarden cde callers watch`.",
    "callers_stale": "Nobody has renewed the roster of keys; see `paywarden cde callers watch`.",
    "caller_unproven": "Egress lacks its proof for vault or agent; run `paywarden cde init`.",
    "cvv_gone": "Ask the payer for the code again: it lives 15 minutes and is used once.",
    "decrypt_budget_exceeded": "Wait, or have the key agent's budget raised.",
    "destination_busy": "Send less a minute, or have the destination's rate raised.",
    "destination_invalid": "See the pointer; a destination is described in docs/how-to.",
    "destination_method_forbidden": "Use a method that the destination's approval lists.",
    "destination_outdated": "Take the next revision number and have that approved.",
    "destination_path_forbidden": "Use a path under a prefix that the approval lists.",
    "destination_unknown": "List destinations; a new one takes two approvals.",
    "events_full": "The event log's disk is too slow; try later.",
    "events_unwritable": "The event log's disk is full or broken; nothing is done until it works.",
    "field_invalid": "See the pointer and the form in openapi.json.",
    "field_missing": "Add the field that the pointer names.",
    "field_repeated": "Send each field once.",
    "forward_body_missing": "Send `body` or `form`, one of them.",
    "forward_header_refused": "Send only headers that the destination lists, of printable ASCII.",
    "forward_path_invalid": "Write a plain path: no percent signs, no dots as segments.",
    "frame_too_large": "Send less at once.",
    "grant_refused": "The detail names the check that failed; have exactly this approved.",
    "grant_used": "Each approval works once; ask for another.",
    "internal_fault": "Quote the incident id to the operator.",
    "key_missing": "Send `Authorization: Bearer pw_test_...`.",
    "key_unknown": "Use a live key that may use cards; a new one counts after a second.",
    "malformed_json": "The body is not JSON.",
    "merchant_foreign": "This key is bound to another merchant; leave `merchant` out.",
    "merchant_missing": "This key is bound to no merchant: name one.",
    "merchant_superfluous": "Name a merchant or set `tenant_wide`, not both.",
    "method_not_allowed": "See openapi.json.",
    "no_such_path": "See openapi.json.",
    "not_permitted": "Use a key with the permission that the detail names.",
    "rate_limited": "Wait as long as Retry-After says.",
    "reveal_budget_exceeded": "Wait for tomorrow, or have reveals_per_day raised.",
    "storage_failed": "The disk of egress.db refuses; nothing is done until it works.",
    "too_many_requests": "Wait as long as Retry-After says.",
    "unknown_field": "Remove the field that the pointer names.",
}
