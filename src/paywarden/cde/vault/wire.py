"""What is said over the vault's socket.

Guards: every struct prints its name only (`Framed`), every text and list is bounded before the
vault looks at it. Who may ask what is the service's table (`service.PERMITTED`), not the caller's
word. `scope` is `tenant/environment`; a merchant's tokens exist only within that merchant.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from paywarden.cde.frame_format import Framed
from paywarden.cde.keys.wire import ScopeText

Form = Literal["tk", "ot", "numeric"]
BATCH_LIMIT: Final = 256
STEP_LIMIT: Final = 5_000
Merchant = Annotated[str, Meta(min_length=1, max_length=128)]
CallerText = Annotated[str, Meta(min_length=1, max_length=128)]
TokenText = Annotated[str, Meta(min_length=1, max_length=64)]
Use = Literal["forward", "reveal", "export", "three_ds", "iso8583", "canary"]


class CardGiven(Framed, frozen=True, tag=False):
    """One card to keep: ASCII digits, `YYYY-MM`, the code if there is one.

    `anew` asks for a fresh multi-use token where the merchant holds one for this card and expiry.
    """

    pan: Annotated[bytes, Meta(max_length=64)]
    expiry: Annotated[str, Meta(max_length=16)]
    cvv: Annotated[bytes, Meta(max_length=16)] | None = None
    form: Form = "tk"
    anew: bool = False


class Tokenise(Framed, frozen=True, tag="vault.tokenise"):
    """Keep cards; answered by `TokensMade`. `caller` is the API key or field session behind it."""

    scope: ScopeText
    merchant: Merchant
    caller: CallerText
    cards: Annotated[list[CardGiven], Meta(min_length=1, max_length=BATCH_LIMIT)]


class TokenMade(Framed, frozen=True, tag="made"):
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


class TokenRefused(Framed, frozen=True, tag="refused"):
    """One item refused: a stable code, nothing of what was given."""

    code: str


TokenAnswer = TokenMade | TokenRefused


class TokensMade(Framed, frozen=True, tag="vault.tokens"):
    """Answers of `Tokenise` and `Describe`, one for each item, in their order."""

    answers: list[TokenAnswer]


class Describe(Framed, frozen=True, tag="vault.describe"):
    """Facts of tokens, freshly signed; unknown, foreign and deleted ones answer alike."""

    scope: ScopeText
    merchant: Merchant
    tokens: Annotated[list[TokenText], Meta(min_length=1, max_length=BATCH_LIMIT)]


class Delete(Framed, frozen=True, tag="vault.delete"):
    """End a token: record and data key go, a tombstone stays; answered by `Deleted`."""

    scope: ScopeText
    merchant: Merchant
    token: TokenText


class Deleted(Framed, frozen=True, tag="vault.deleted"):
    """The token is gone, durably."""


class TakeForUse(Framed, frozen=True, tag="vault.take"):
    """Take what opens a card (caller egress); spends a single-use token and any code kept."""

    scope: ScopeText
    merchant: Merchant
    token: TokenText
    want_cvv: bool
    use: Use


class Taken(Framed, frozen=True, tag="vault.taken"):
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


class Ping(Framed, frozen=True, tag="vault.ping"):
    """Whether the vault serves; answered by `Pong`, or refused when its root was."""


class Pong(Framed, frozen=True, tag="vault.pong"):
    """It serves, at this revision of its root."""

    revision: int


class Status(Framed, frozen=True, tag="vault.status"):
    """How the vault stands; answered by `Standing`."""


class Standing(Framed, frozen=True, tag="vault.standing"):
    """Counts and the authenticated root."""

    records: int
    fingerprints: int
    spent: int
    tombstones: int
    codes_held: int
    revision: int
    root: bytes
    store: str


class RotateStep(Framed, frozen=True, tag="vault.rotate_step"):
    """Rewrap at most `count` data keys that lie under an older key; caller operator."""

    count: Annotated[int, Meta(ge=1, le=STEP_LIMIT)] = 1_000


class RotateStatus(Framed, frozen=True, tag="vault.rotate_status"):
    """How far a rotation is; answered by `Rotation`."""


class Rotation(Framed, frozen=True, tag="vault.rotation"):
    """Data keys under the newest version, still under an older one, and refused by the agent."""

    rewrapped: int
    remaining: int
    by_version: dict[str, int]
    refused: int = 0


class Purge(Framed, frozen=True, tag="vault.purge"):
    """Remove what is past its retention; answered by `PurgeProof`."""


class PurgeProof(Framed, frozen=True, tag="vault.purge_proof"):
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


class Audit(Framed, frozen=True, tag="vault.audit"):
    """Compare every row with the authenticated root; answered by `Standing` or refused."""


Ask = (
    Tokenise | Describe | Delete | TakeForUse | Ping | Status | RotateStep | RotateStatus | Purge
    | Audit
)  # fmt: skip
Answer = TokensMade | Deleted | Taken | Pong | Standing | Rotation | PurgeProof
