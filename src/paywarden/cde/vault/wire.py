"""What is said over the vault's socket.

Guards: structs that carry a number, a code or a wrapped key print their name only. Who may ask what
is the service's table (`service.PERMITTED`), not the caller's word. `scope` is `tenant/environment`;
a merchant's tokens exist only within that merchant. Not done here: framing (`cde.frames`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

Form = Literal["tk", "ot", "numeric"]
BATCH_LIMIT = 256


class _Quiet:
    """Prints a struct's name and nothing that it holds."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> Iterator[Any]:
        return iter(())


class CardGiven(_Quiet, msgspec.Struct, frozen=True, array_like=True):
    """One card to keep: ASCII digits, `YYYY-MM`, the code if there is one.

    `anew` asks for a fresh multi-use token where the merchant holds one for this card and expiry.
    """

    pan: bytes
    expiry: str
    cvv: bytes | None = None
    form: Form = "tk"
    anew: bool = False


class Tokenise(
    _Quiet, msgspec.Struct, frozen=True, tag="vault.tokenise", forbid_unknown_fields=True
):
    """Keep cards; answered by `TokensMade`. `caller` is the API key or field session behind it."""

    scope: str
    merchant: str
    caller: str
    cards: list[CardGiven]


class TokenMade(msgspec.Struct, frozen=True, tag="made"):
    """A token and what may be known of its card; `facts` is the signed text of the same."""

    token: str
    fingerprint: str
    bin: str
    last4: str
    brand: str | None
    expiry: str
    funding: str | None
    country: str | None
    facts: str
    existing: bool = False
    expires_at_us: int | None = None


class TokenRefused(msgspec.Struct, frozen=True, tag="refused"):
    """One item refused: a stable code, nothing of what was given."""

    code: str


TokenAnswer = TokenMade | TokenRefused


class TokensMade(msgspec.Struct, frozen=True, tag="vault.tokens"):
    """Answers of `Tokenise` and `Describe`, one for each item, in their order."""

    answers: list[TokenAnswer]


class Describe(msgspec.Struct, frozen=True, tag="vault.describe", forbid_unknown_fields=True):
    """Facts of tokens, freshly signed; unknown, foreign and deleted ones answer alike."""

    scope: str
    merchant: str
    tokens: list[str]


class Delete(msgspec.Struct, frozen=True, tag="vault.delete", forbid_unknown_fields=True):
    """End a token: record and data key go, a tombstone stays; answered by `Deleted`."""

    scope: str
    merchant: str
    token: str


class Deleted(msgspec.Struct, frozen=True, tag="vault.deleted"):
    """The token is gone, durably."""


class TakeForUse(msgspec.Struct, frozen=True, tag="vault.take", forbid_unknown_fields=True):
    """Take what opens a card (caller egress); spends a single-use token and any code kept."""

    scope: str
    merchant: str
    token: str
    want_cvv: bool
    use: str


class Taken(_Quiet, msgspec.Struct, frozen=True, tag="vault.taken"):
    """A record still sealed: `sealed` = 12-octet nonce + AES-256-GCM ciphertext of the digits.

    The data key is opened at the key agent: purpose `pan`, context = `record_id` in UTF-8.
    """

    record_id: str
    period: str
    kek_version: int
    wrapped: bytes
    sealed: bytes
    aad: bytes
    expiry: str
    cvv: bytes | None
    fingerprint: str
    single_use: bool


class Status(msgspec.Struct, frozen=True, tag="vault.status"):
    """How the vault stands; answered by `Standing`."""


class Standing(msgspec.Struct, frozen=True, tag="vault.standing"):
    """Counts and the authenticated root."""

    records: int
    fingerprints: int
    spent: int
    tombstones: int
    codes_held: int
    revision: int
    root: bytes
    store: str


class RotateStep(msgspec.Struct, frozen=True, tag="vault.rotate_step", forbid_unknown_fields=True):
    """Rewrap at most `count` data keys that lie under an older key; caller operator."""

    count: int = 1_000


class RotateStatus(msgspec.Struct, frozen=True, tag="vault.rotate_status"):
    """How far a rotation is; answered by `Rotation`."""


class Rotation(msgspec.Struct, frozen=True, tag="vault.rotation"):
    """Data keys rewrapped since the rotation began, and those still under an older version."""

    rewrapped: int
    remaining: int
    by_version: dict[str, int]


class Purge(msgspec.Struct, frozen=True, tag="vault.purge", forbid_unknown_fields=True):
    """Remove what is past its retention; answered by `PurgeProof`."""


class PurgeProof(msgspec.Struct, frozen=True, tag="vault.purge_proof"):
    """What a purge removed and left: evidence for PCI DSS 3.2.1 (at least quarterly)."""

    at_us: int
    removed_expired_tokens: int
    removed_past_retention: int
    removed_spent_marks: int
    remaining_records: int
    oldest_created_at_us: int | None
    merchants: dict[str, int]
    revision: int
    root: bytes


class Audit(msgspec.Struct, frozen=True, tag="vault.audit"):
    """Compare every row with the authenticated root; answered by `Standing` or refused."""


Ask = Tokenise | Describe | Delete | TakeForUse | Status | RotateStep | RotateStatus | Purge | Audit
Answer = TokensMade | Deleted | Taken | Standing | Rotation | PurgeProof
