"""A review of access as values: what was found, who may judge it, what they said.

Guards: what is reviewed is a snapshot and never changes; an item is judged by a person whose access
it is not and who did not give it, whom it names in `excluded`. Where nobody is known to own it
(`doubt`), two reviewers confirm it, so that its owner never does alone. `confirm` ends an item;
`revoke` ends it once the access is gone, so that a review cannot close over a wish. Pure values.

    open --confirm--> settled      open --revoke--> waits for approval --done--> settled
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from paywarden.core.identifiers import Identifier
from paywarden.core.scope import Scope

ITEMS_LIMIT: Final = 9_000
"""Items of one review: they are opened in one commit (at most 10,000 writes)."""
REASON_LIMIT: Final = 500


class ReviewId(Identifier):
    """A review of access."""

    prefix = "rev_"


class Occasion(enum.StrEnum):
    """Why a review was opened: by a person, or because the sealed role was."""

    CAMPAIGN = "campaign"
    BREAK_GLASS = "break_glass"


class Cover(enum.StrEnum):
    """What a campaign looks at."""

    PEOPLE = "people"
    KEYS = "keys"


class Kind(enum.StrEnum):
    """What an item is about."""

    GRANT = "grant"
    ACCOUNT = "account"
    API_KEY = "api_key"
    SIGNING_KEY = "signing_key"
    CERTIFICATE = "certificate"
    BREAK_GLASS = "break_glass"


class Doubt(enum.StrEnum):
    """Why the owner of a key is not known, so that nobody could be kept from judging it."""

    NO_OWNER = "no_owner"
    OWNER_UNKNOWN = "owner_unknown"


class Verdict(enum.StrEnum):
    """What a reviewer says."""

    CONFIRM = "confirm"
    REVOKE = "revoke"


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One access as it was found; instants in microseconds since 1970.

    `subject` is a person, a key, or a certificate's thumbprint; `excluded` are persons who may not
    judge it. `account` is the state of a person's account; `owner`, `name`, `merchant` and
    `permissions` are a key's; `bound_to` is the API key that a signing key or certificate goes
    with. With a `doubt` confirming takes two reviewers.
    """

    kind: Kind
    subject: str
    excluded: tuple[str, ...]
    role: str = ""
    granted_by: str | None = None
    since_us: int | None = None
    expires_at_us: int | None = None
    last_used_us: int | None = None
    account: str = ""
    owner: str = ""
    name: str = ""
    merchant: str | None = None
    permissions: tuple[str, ...] = ()
    bound_to: str = ""
    algorithm: str = ""
    doubt: Doubt | None = None

    def octets(self) -> bytes:
        """Canonical JSON, as it is stored and hashed."""
        return msgspec.json.encode(self, order="sorted")


@dataclass(frozen=True, slots=True)
class Item:
    """A snapshot, from 1 within its review, and what became of it.

    `approval` is of its revoking; `seconded_by` confirmed it too, where that is needed.
    """

    number: int
    found: Snapshot
    verdict: Verdict | None = None
    decided_by: str | None = None
    decided_at_us: int | None = None
    reason: str = ""
    approval: str | None = None
    done_at_us: int | None = None
    seconded_by: str | None = None

    @property
    def settled(self) -> bool:
        """Nothing is left to do."""
        if self.verdict is Verdict.CONFIRM:
            return self.found.doubt is None or self.seconded_by is not None
        return self.verdict is Verdict.REVOKE and self.done_at_us is not None


@dataclass(frozen=True, slots=True)
class Review:
    """A review. `evidence` is the document of its closing; `told_at_us`: when it was last late."""

    scope: Scope
    review: ReviewId
    occasion: Occasion
    covers: frozenset[Cover]
    opened_by: str
    opened_at_us: int
    due_at_us: int
    snapshot_sha256: bytes
    told_at_us: int | None = None
    closed_at_us: int | None = None
    closed_by: str | None = None
    evidence: bytes | None = None

    @property
    def open(self) -> bool:
        """Whether it can still be judged."""
        return self.closed_at_us is None

    def overdue_at(self, now_us: int) -> bool:
        """Whether it should have been closed by now."""
        return self.open and self.due_at_us <= now_us


def digest_of(found: Iterable[Snapshot]) -> bytes:
    """SHA-256 over the snapshots in order, each a line of canonical JSON."""
    digest = hashlib.sha256()
    for one in found:
        digest.update(one.octets() + b"\n")
    return digest.digest()


def counts_of(items: Iterable[Item]) -> Mapping[str, int]:
    """How many items there are, were confirmed, revoked, and are left to settle."""
    found = {"items": 0, "confirmed": 0, "revoked": 0, "open": 0}
    for one in items:
        found["items"] += 1
        if not one.settled:
            found["open"] += 1
        elif one.verdict is Verdict.CONFIRM:
            found["confirmed"] += 1
        else:
            found["revoked"] += 1
    return found
