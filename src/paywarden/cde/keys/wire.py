"""What the key agent is asked and what it answers: lists, so that one frame serves a batch.

Guards: every text and list is bounded before the agent looks at it. Octets of keys stand in structs
that print nothing; the client puts them into `Secret`. `scope` is tenant + "/" + environment;
`period` is a month, "2026-11": its key can be destroyed, which shreds what it wrapped.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from paywarden.cde.frame_format import Framed
from paywarden.cde_client.messages import ApprovalGrant

BATCH_LIMIT: Final = 512
WRAPPED_OCTETS: Final = 60  # nonce 12, key 32, tag 16

ScopeText = Annotated[
    str, Meta(min_length=3, max_length=140, pattern=r"\A[a-z0-9][a-z0-9_-]*/(test|live)\Z")
]
Period = Annotated[str, Meta(pattern=r"\A20[0-9]{2}-(0[1-9]|1[0-2])\Z")]
DataPurpose = Literal["pan"]
KeyPurpose = Literal["pan", "index", "facts"]
Reason = Literal["forward", "reveal", "export", "three_ds", "iso8583", "canary", "reindex"]
Context = Annotated[bytes, Meta(min_length=1, max_length=256)]
Wrapped = Annotated[bytes, Meta(min_length=WRAPPED_OCTETS, max_length=WRAPPED_OCTETS)]
Version = Annotated[int, Meta(ge=1, le=1_000_000)]
Digest = Annotated[bytes, Meta(min_length=32, max_length=32)]
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[a-z0-9][a-z0-9_./-]*\Z")]
Batch = Meta(min_length=1, max_length=BATCH_LIMIT)


class NewDataKeys(Framed, frozen=True, tag="new_data_keys"):
    """Fresh data keys, one per context (a record id). Answer: list[NewDataKey]."""

    scope: ScopeText
    purpose: DataPurpose
    period: Period
    contexts: Annotated[list[Context], Batch]


class NewDataKey(Framed, frozen=True, tag=False):
    """A data key of 32 octets, the same wrapped (60 octets), and the version that wrapped it."""

    data_key: bytes
    wrapped: bytes
    kek_version: int


class WrappedItem(Framed, frozen=True, tag=False):
    """A wrapped data key as a record holds it."""

    context: Context
    wrapped: Wrapped
    kek_version: Version


class OpenDataKeys(Framed, frozen=True, tag="open_data_keys"):
    """Unwrap; every item spends of the budgets. Answer: list[bytes], all or Refused."""

    scope: ScopeText
    purpose: DataPurpose
    period: Period
    items: Annotated[list[WrappedItem], Batch]
    reason: Reason
    ticket: Annotated[str, Meta(max_length=128)] = ""


class RewrapItem(Framed, frozen=True, tag=False):
    """A wrapped data key with its period."""

    period: Period
    context: Context
    wrapped: Wrapped
    kek_version: Version


class Rewrap(Framed, frozen=True, tag="rewrap"):
    """Wrap again under the active version; no key leaves. Answer: list[Rewrapped]."""

    scope: ScopeText
    purpose: DataPurpose
    items: Annotated[list[RewrapItem], Batch]


class Rewrapped(Framed, frozen=True, tag=False):
    """The new blob and the version that wrapped it."""

    wrapped: bytes
    kek_version: int


class IndexCards(Framed, frozen=True, tag="index_cards"):
    """Keyed digests of card numbers. Answer: list[list[CardIndex]], newest version first."""

    scope: ScopeText
    pans: Annotated[list[Annotated[bytes, Meta(min_length=8, max_length=19)]], Batch]


class CardIndex(Framed, frozen=True, tag=False):
    """HMAC-SHA-256 of a number under one version of the scope's index key."""

    version: int
    digest: bytes


class SignFacts(Framed, frozen=True, tag="sign_facts"):
    """Sign card facts (the agent puts the domain before each). Answer: list[SignedFacts]."""

    payloads: Annotated[list[Annotated[bytes, Meta(min_length=1, max_length=4_096)]], Batch]


class SignedFacts(Framed, frozen=True, tag=False):
    """Which key signed, and its Ed25519 signature of 64 octets."""

    key_id: str
    signature: bytes


class FactsKeys(Framed, frozen=True, tag="facts_keys"):
    """Public keys of card facts. Answer: list[FactsKey], newest first."""


class FactsKey(Framed, frozen=True, tag=False):
    """An Ed25519 public key (32 octets) and its state."""

    key_id: str
    public: bytes
    state: str


class Anchor(Framed, frozen=True, tag="anchor"):
    """Keep `root` as revision `revision` of `name`; durable before the answer `True`.

    A revision never goes back; the same one again counts only with the same root.
    """

    name: Name
    revision: Annotated[int, Meta(ge=1, le=2**62)]
    root: Digest


class Anchored(Framed, frozen=True, tag="anchored"):
    """What is anchored under a name. Answer: AnchorHeld | None."""

    name: Name


class AnchorHeld(Framed, frozen=True, tag=False):
    """The newest anchor of a name."""

    revision: int
    root: bytes


class Rotate(Framed, frozen=True, tag="rotate"):
    """A new active version; the old one opens what it wrapped. Answer: the version."""

    purpose: KeyPurpose
    grant: ApprovalGrant | None = None


class Destroy(Framed, frozen=True, tag="destroy"):
    """End the key of a past period: what it wrapped is shredded. Answer: True."""

    purpose: DataPurpose
    period: Period
    grant: ApprovalGrant | None = None


class DestroyVersion(Framed, frozen=True, tag="destroy_version"):
    """End a deactivated or compromised version that no record uses any more. Answer: True."""

    purpose: KeyPurpose
    version: Version
    grant: ApprovalGrant | None = None


class MarkCompromised(Framed, frozen=True, tag="mark_compromised"):
    """Say that a version is known to others; an active one is replaced at once. Answer: True."""

    purpose: KeyPurpose
    version: Version
    grant: ApprovalGrant | None = None


class States(Framed, frozen=True, tag="states"):
    """Every key that the agent has or had. Answer: list[KeyState]."""


class KeyState(Framed, frozen=True, tag=False):
    """One key: never its octets. Times in microseconds since 1970 UTC, 0 for not yet."""

    purpose: str
    name: str  # a version ("3") or a period ("2026-11")
    state: str
    algorithm: str
    check_value: str
    created_at_us: int
    activated_at_us: int
    deactivated_at_us: int
    destroyed_at_us: int
    cryptoperiod_days: int
    uses: int
    alarm: str  # "", "due" (the last tenth of its cryptoperiod), "overdue"


class Budgets(Framed, frozen=True, tag="budgets"):
    """What is spent and what is left. Answer: list[BudgetState]."""


class BudgetState(Framed, frozen=True, tag=False):
    """One window of one account ("global" or a caller)."""

    account: str
    window: str
    spent: int
    limit: int
    ends_at_us: int


class Ping(Framed, frozen=True, tag="ping"):
    """Is anybody there? Answer: Pong."""


class Pong(Framed, frozen=True, tag=False):
    """The agent's version, kind of root, and whether its memory is locked."""

    version: str
    root_kind: str
    production: bool
    memory_locked: bool


Request = (
    NewDataKeys
    | OpenDataKeys
    | Rewrap
    | IndexCards
    | SignFacts
    | FactsKeys
    | Anchor
    | Anchored
    | Rotate
    | Destroy
    | DestroyVersion
    | MarkCompromised
    | States
    | Budgets
    | Ping
)
