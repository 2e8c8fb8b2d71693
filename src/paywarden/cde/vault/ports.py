"""What the vault wants of others: a store of rows, a key agent, facts of issuer ranges.

Guards: whoever keeps the rows offers one atomic `commit` of a group and one consistent `measured`
reading of everything under the root; data keys are put before and dropped after, since they lie in
a database of their own (an orphan key opens nothing).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from paywarden.cde.frame_format import Refused
from paywarden.cde.keys import wire as keys
from paywarden.cde.keys.client import DataKey
from paywarden.cde.vault.model import (
    Counts,
    Group,
    Head,
    IndexRow,
    Record,
    Rooted,
    Sighting,
    Spent,
    WrappedKey,
)


@dataclass(frozen=True, slots=True)
class StableKey:
    """What a multi-use token is stable for."""

    scope: str
    merchant: str
    fingerprint: str
    expiry: str
    form: str


OriginOf = Callable[[str], tuple[str | None, str | None]]
"""(funding, country) of an issuer's leading digits."""


class VaultStore(Protocol):
    """Rows of the vault. Every fault is Unavailable or Corrupt; one process writes."""

    name: str

    async def open(self) -> None:
        """Take the single right to write, bring the schema up. Errors: Conflict, Unavailable."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...

    async def head(self) -> Head | None:
        """The root as stored; None before the first group."""
        ...

    def rooted(self) -> AsyncIterator[list[Rooted] | Head]:
        """Of one snapshot: the head first (where there is one), then rows in portions."""
        ...

    async def counts(self) -> Counts:
        """Rows there are."""
        ...

    async def indexed(self, rows: Sequence[tuple[str, int, bytes]]) -> list[IndexRow]:
        """Index rows of (scope, version, digest), those that exist."""
        ...

    async def stable(self, wanted: Sequence[StableKey]) -> dict[StableKey, Record]:
        """The newest record of each that exists."""
        ...

    async def by_tokens(self, tokens: Sequence[str]) -> dict[str, Record]:
        """Records of tokens, whoever they belong to."""
        ...

    async def spent(self, token: str) -> Spent | None:
        """The mark of a spent token."""
        ...

    async def wrapped(self, record_id: str) -> WrappedKey | None:
        """The data key of a record."""
        ...

    async def expired(self, now_us: int, limit: int) -> list[Record]:
        """Single-use records past their time."""
        ...

    async def created_before(
        self, scope: str, merchant: str, before_us: int, limit: int
    ) -> list[Record]:
        """A merchant's records made before an instant, oldest first."""
        ...

    async def spent_before(self, before_us: int, limit: int) -> list[Spent]:
        """Marks of spent tokens older than an instant."""
        ...

    async def by_merchant(self) -> list[tuple[str, str, int, int]]:
        """(scope, merchant, records, oldest made) of every merchant."""
        ...

    async def sightings(self, since_us: int) -> list[Sighting]:
        """Sightings since an instant, oldest first."""
        ...

    async def drop_sightings(self, before_us: int) -> None:
        """Forget older sightings."""
        ...

    async def put_keys(self, new: Sequence[WrappedKey]) -> None:
        """Keep data keys, durably."""
        ...

    async def drop_keys(self, record_ids: Sequence[str]) -> None:
        """Remove data keys, durably."""
        ...

    async def commit(self, group: Group, head: Head | None) -> None:
        """Write a group and its head, all or nothing, durable on return (keys apart)."""
        ...

    async def key_versions(self) -> dict[int, int]:
        """Data keys by the version that wrapped them."""
        ...

    async def keys_under(self, below: int, after: tuple[int, str], limit: int) -> list[WrappedKey]:
        """Data keys under a version below `below`, by (version, record), beyond `after`."""
        ...

    async def newest_keys(self, limit: int) -> list[WrappedKey]:
        """Data keys under the newest version there is."""
        ...

    async def rewrap(self, changed: Sequence[tuple[WrappedKey, WrappedKey]]) -> int:
        """Put new blobs in the place of old ones that are still there; how many were."""
        ...

    async def sweep_keys(self) -> int:
        """Drop data keys without a record (a crash between two commits left them)."""
        ...


class CardKeys(Protocol):
    """The operations of the key agent that the vault uses (see `keys.client.KeyAgent`)."""

    async def new_data_keys(
        self, scope: str, purpose: keys.DataPurpose, period: str, contexts: Sequence[bytes]
    ) -> list[DataKey] | Refused:
        """A fresh data key per context."""
        ...

    async def rewrap(
        self, scope: str, purpose: keys.DataPurpose, items: Sequence[keys.RewrapItem]
    ) -> list[keys.Rewrapped] | Refused:
        """The same keys under the active version."""
        ...

    async def index_cards(
        self, scope: str, pans: Sequence[bytes]
    ) -> list[list[keys.CardIndex]] | Refused:
        """Per number its digest under each living version, newest first."""
        ...

    async def sign_facts(self, payloads: Sequence[bytes]) -> list[keys.SignedFacts] | Refused:
        """A signature per payload."""
        ...

    async def anchor(self, name: str, revision: int, root: bytes) -> bool | Refused:
        """True once the root is durable."""
        ...

    async def anchored(self, name: str) -> keys.AnchorHeld | Refused | None:
        """The newest anchor of `name`."""
        ...
