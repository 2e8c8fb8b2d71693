"""What reviews of access need from outside: their store, and what a person did meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from paywarden.core.scope import Scope
from paywarden.identity.access_review.model import Item, Review, ReviewId, Snapshot
from paywarden.identity.api_keys import KeyStore
from paywarden.identity.certificate_bindings import BindingStore
from paywarden.identity.client_keys import ClientKeyStore
from paywarden.identity.owners import Owners
from paywarden.kit.db.unit import UnitOfWork


class Store(Protocol):
    """Reviews of every scope; written in the units of their acts."""

    def open(self, unit: UnitOfWork, review: Review, found: Sequence[Snapshot]) -> None:
        """Add a review with its items, numbered from 1."""
        ...

    def decide(self, unit: UnitOfWork, review: Review, item: Item) -> None:
        """Write what was said of an item."""
        ...

    def close(self, unit: UnitOfWork, review: Review) -> None:
        """Write who closed a review, when, and its evidence."""
        ...

    def told(self, unit: UnitOfWork, review: Review, at_us: int) -> None:
        """Write when it was told that a review is late."""
        ...

    def find(self, scope: Scope, review: ReviewId) -> Review | None:
        """A review of a scope."""
        ...

    def item(self, scope: Scope, review: ReviewId, number: int) -> Item | None:
        """One item."""
        ...

    def items(self, scope: Scope, review: ReviewId, after: int, limit: int) -> Sequence[Item]:
        """Items with a number above `after`, ascending."""
        ...

    def counts(self, scope: Scope, review: ReviewId) -> Mapping[str, int]:
        """How many items there are, were confirmed, revoked, and are left to settle (`open`)."""
        ...

    def page(self, scope: Scope, after: str, limit: int) -> Sequence[Review]:
        """Reviews, newest first, older than `after`."""
        ...

    def open_reviews(self) -> Sequence[Review]:
        """Open reviews of every scope, the first due first (at most 1,000)."""
        ...

    def last_closed(self) -> Mapping[Scope, int]:
        """When the last campaign of each scope was closed."""
        ...


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """Everything by which programs are believed, and who answers for it."""

    api_keys: KeyStore
    signing_keys: ClientKeyStore
    certificates: BindingStore
    owners: Owners


@dataclass(frozen=True, slots=True)
class Deeds:
    """What a person did in a span of time: events of the log by deed, and where they stand.

    A deed is an action, and behind it the operation where the event names one.

    `first` and `last` are indexes of leaves (from 0); None when there are none.
    """

    first: int | None
    last: int | None
    by_action: Mapping[str, int]


class DeedsOf(Protocol):
    """Port: the audit log asked for one actor and a span."""

    def __call__(self, scope: Scope, actor: str, from_us: int, to_us: int) -> Deeds:
        """Events of `actor` (`person:psn_...`) within the span, its end excluded."""
        ...
