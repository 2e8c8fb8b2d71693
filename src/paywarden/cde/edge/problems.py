"""Every problem code of the edge with its remedy; `/docs` of the edge shows this table.

Guards: a code tells which rule was broken, never with what; a token that is unknown, another
merchant's or deleted is one code, so that nobody learns which tokens exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "answer_too_large": "Ask for less at once.",
    "body_encoded": "Send the body as it is, without Content-Encoding.",
    "body_too_large": "A card is a few hundred octets; send nothing else.",
    "body_too_slow": "Send the whole body at once.",
    "caller_unproven": "The edge lacks its proof for the vault; run `paywarden cde init`.",
    "callers_missing": "The house hands in its roster: run `paywarden cde callers watch`.",
    "callers_stale": "Nobody has renewed the roster of keys; see `paywarden cde callers watch`.",
    "card_code_malformed": "A security code has three or four ASCII digits.",
    "card_expired": "Ask for a card that is still good.",
    "card_expiry_malformed": "Write the expiry as YYYY-MM.",
    "card_expiry_too_far": "Check the expiry: no card is good for that long.",
    "card_number_check_digit": "A digit is wrong; ask for the number again.",
    "card_number_in_address": "Never put a card number into an address; send it in the body.",
    "card_number_length": "The number has too many or too few digits for its brand.",
    "card_number_not_digits": "Send ASCII digits alone, without spaces.",
    "card_refused": "The vault does not take this card.",
    "cards_too_many": "Too many different cards came from here; wait, or have the limit raised.",
    "cde_queue_full": "The vault is busy; try again in a moment.",
    "cde_timeout": "The vault did not answer in time; sending the same card again is safe.",
    "cde_unreachable": "The vault does not run; see `paywarden cde serve`.",
    "cross_site": "Only the hosted page itself sends cards of a session.",
    "field_invalid": "See the pointer and the form in openapi.json.",
    "field_missing": "Add the field that the pointer names.",
    "field_repeated": "Send each field once.",
    "field_session_unknown": "Make a new session: each lives 15 minutes and is spent by one card.",
    "field_sessions_full": "Too many sessions are open; try again when some have ended.",
    "frame_too_large": "Send less at once.",
    "internal_fault": "Quote the incident id to the operator.",
    "key_missing": "Send `Authorization: Bearer pw_test_...`.",
    "key_unknown": "Use a live key that may use cards; a new one counts after a second.",
    "malformed_json": "Send valid JSON in UTF-8.",
    "malformed_query": "Send a query as name=value pairs.",
    "merchant_foreign": "Use the key of that merchant.",
    "merchant_missing": "A key of the whole tenant names the merchant.",
    "merchant_superfluous": "Name a merchant or set `tenant_wide`, not both.",
    "method_not_allowed": "See openapi.json for the methods of this path.",
    "no_such_path": "See openapi.json for the paths.",
    "not_permitted": "The key lacks the permission named in the detail.",
    "origin_invalid": "Name an origin alone: https://host[:port]; http on localhost in test only.",
    "parameter_invalid": "See the form in openapi.json.",
    "parameter_repeated": "Give each parameter once.",
    "rate_limited": "Slow down; see Retry-After.",
    "tenant_share_full": "Slow down: this tenant has its share of places.",
    "token_unknown": "Use a token of this merchant that was not deleted.",
    "too_many_requests": "Try again in a moment.",
    "tries_too_many": "Make a new session; this one, its merchant or this address tried too often.",
    "unknown_field": "Remove the field that the pointer names.",
    "unknown_parameter": "This operation takes no such parameter.",
    "vault_refused": "The vault refused; its log says why.",
}

CARD_CODES: Final = frozenset(
    {
        "card_code_malformed", "card_expired", "card_expiry_malformed", "card_expiry_too_far",
        "card_number_check_digit", "card_number_length", "card_number_not_digits",
    }
)  # fmt: skip
"""Refusals of a card itself."""
POINTERS: Final[Mapping[str, str]] = {
    "card_code_malformed": "/card/cvv",
    "card_expired": "/card/expiry",
    "card_expiry_malformed": "/card/expiry",
    "card_expiry_too_far": "/card/expiry",
    "card_number_check_digit": "/card/number",
    "card_number_length": "/card/number",
    "card_number_not_digits": "/card/number",
}
