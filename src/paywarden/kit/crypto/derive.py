"""Keys derived from the master key, one per purpose.

Guards: no key serves two purposes, and one derived key tells nothing about another or about the
master. Source: HKDF-SHA-256, RFC 5869, with the master as input and the purpose in `info`.
"""

from __future__ import annotations

import enum
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from paywarden.core.secret import Secret
from paywarden.kit.crypto.framing import framed

_SALT: Final = b"paywarden.master.v1"
_OCTETS: Final = 32


class Purpose(enum.StrEnum):
    """What a derived key is for; the word is part of the derivation and never changes."""

    DIGESTS = "digests"
    IDEMPOTENCY = "idempotency"
    API_KEYS = "api_keys"
    CHECKPOINTS = "checkpoints"
    SUBJECT_NAMES = "subject_names"
    SUBJECT_WRAPPING = "subject_wrapping"
    PEOPLE = "people"
    SESSIONS = "sessions"
    CLIENT_KEYS = "client_keys"
    ANSWER_SIGNING = "answer_signing"
    COMPILED_POLICIES = "compiled_policies"
    WEBHOOKS = "webhooks"
    APPROVALS = "approvals"


def derive(master: Secret[bytes], purpose: Purpose) -> Secret[bytes]:
    """The 32-octet key of `purpose`."""
    kdf = HKDF(SHA256(), length=_OCTETS, salt=_SALT, info=framed(purpose.value.encode()))
    return Secret(kdf.derive(master.expose()))
