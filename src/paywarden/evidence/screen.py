"""What may not stand in the audit log: card numbers, and secrets of forms that we know.

Guards: the log is kept for years and handed to outsiders, so a slip of a caller must not reach it
(PCI DSS 4.0.1, 3.3 and 10.3). Forms: API keys of ours, signing keys of notes, PEM private keys,
JSON Web Tokens, bearer headers. Not done here: finding what has no form.
"""

from __future__ import annotations

import re

from paywarden.kit.audit import Scalar
from paywarden.reference.card_numbers import value_looks_like_card_number

_SECRETS = re.compile(
    r"pw_(?:test|live)_[a-z2-7]{20}|PRIVATE\+KEY\+|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.|\bBearer [A-Za-z0-9._~+/-]{16}"
)
_DIGEST = re.compile(r"(?:[a-z]{2,8}_)?[0-9a-f]{32,128}\Z|[A-Za-z0-9+/]{43}=\Z")
"""Whole hashes hold long digits by chance, one in a thousand a card number: they are no text."""


def may_not_be_logged(value: Scalar) -> bool:
    """Whether a detail looks like a card number or a secret."""
    if isinstance(value, str):
        if _DIGEST.match(value) is not None:
            return False
        if _SECRETS.search(value) is not None:
            return True
    return value_looks_like_card_number(value)
