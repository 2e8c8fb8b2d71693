"""Every problem code of access reviews with its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "access_review_closed": "The review is closed; open another one.",
    "access_review_damaged": "The store fails its own check; restore it.",
    "access_review_due": "Let it be due within 92 days from now.",
    "access_review_empty": "There is nothing to review in what it covers.",
    "access_review_item_settled": "This item is settled; the next review looks at it again.",
    "access_review_item_waits": "The revoking waits for approval; see `approval`.",
    "access_review_last_certificate": "Revoke the key, or bind another certificate to it first.",
    "access_review_needs_second": "Another reviewer confirms it too: nobody is known to own it.",
    "access_review_needs_person": "Sign in as a person; a key judges nobody.",
    "access_review_not_found": "No such review in this tenant and environment.",
    "access_review_item_not_found": "No such item in this review.",
    "access_review_open": "Close the review first; then its evidence stands.",
    "access_review_own": "Somebody judges this whose access it is not and who did not give it.",
    "access_review_too_large": "Open one review for people and another one for keys.",
    "access_review_unsettled": "Confirm or revoke what is left, and have the revoking done.",
}
