"""What the vault keeps: rows as values, each with the octets that the authenticated root covers.

Guards: a row's `element` names its kind and frames every column, so that no two rows, and no two
states of one row, are alike in the root. A record is never changed: it is made, and it goes. Its
additional data (`aad`) ties ciphertext to tenant, merchant and record; the key-encryption key's
version is no part of it, so that a rotation touches no record. Data keys lie apart and outside the
root. Not done here: any input or output.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

from paywarden.core.scope import Scope
from paywarden.kit.crypto.framing import framed

AAD_SCHEMA: Final = b"pw.card.1"
KIND: Final = b"pan"


@dataclass(frozen=True, slots=True)
class Record:
    """One token and its sealed card; `sealed` is nonce (12) + ciphertext + tag (16)."""

    record_id: str
    scope: str
    merchant: str
    token: str
    form: str
    fingerprint: str
    bin: str
    last4: str
    brand: str | None
    expiry: str
    funding: str | None
    country: str | None
    period: str
    sealed: bytes = field(repr=False)
    revision: int
    created_at_us: int
    expires_at_us: int | None

    @property
    def aad(self) -> bytes:
        """Additional data of the ciphertext."""
        return aad_of(self.scope, self.merchant, self.record_id, self.revision)

    @property
    def place(self) -> bytes:
        """Where it is looked up."""
        return record_place(self.token)

    @property
    def element(self) -> bytes:
        """What the root covers."""
        return framed(b"record", *(_octets(getattr(self, name)) for name in RECORD_COLUMNS))


RECORD_COLUMNS: Final = (
    "record_id", "scope", "merchant", "token", "form", "fingerprint", "bin", "last4", "brand",
    "expiry", "funding", "country", "period", "sealed", "revision", "created_at_us",
    "expires_at_us",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A record's data key, wrapped (60 octets); lies in a database of its own."""

    record_id: str
    scope: str
    period: str
    kek_version: int
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class IndexRow:
    """The way from a card to its fingerprint, under one version of the agent's index key."""

    scope: str
    version: int
    digest: bytes = field(repr=False)
    fingerprint: str

    @property
    def place(self) -> bytes:
        """Where it is looked up."""
        return index_place(self.scope, self.version, self.digest)

    @property
    def element(self) -> bytes:
        """What the root covers."""
        return framed(
            b"index", self.scope.encode(), _octets(self.version), self.digest,
            self.fingerprint.encode(),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spent:
    """A single-use token that was used."""

    token: str
    scope: str
    merchant: str
    record_id: str
    at_us: int

    @property
    def place(self) -> bytes:
        """Where it is looked up."""
        return spent_place(self.token)

    @property
    def element(self) -> bytes:
        """What the root covers."""
        parts = (self.token, self.scope, self.merchant, self.record_id)
        return framed(b"spent", *(part.encode() for part in parts), _octets(self.at_us))


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A record that is gone, and why: `deleted`, `spent`, `expired` or `retention`."""

    record_id: str
    scope: str
    why: str
    at_us: int

    @property
    def element(self) -> bytes:
        """What the root covers."""
        parts = (self.record_id, self.scope, self.why)
        return framed(b"tombstone", *(part.encode() for part in parts), _octets(self.at_us))


@dataclass(frozen=True, slots=True)
class Sighting:
    """A caller showed a card: counted against the caps, kept for an hour."""

    scope: str
    caller: str
    card: bytes = field(repr=False)
    look: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Head:
    """The root after a group: `state` is the set hash of all rows (2,048 octets)."""

    revision: int
    root: bytes
    state: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows there are."""

    records: int = 0
    fingerprints: int = 0
    spent: int = 0
    tombstones: int = 0


class Rooted(Protocol):
    """A row under the root."""

    @property
    def element(self) -> bytes:
        """Its octets there."""
        ...


class Looked(Rooted, Protocol):
    """A row that is looked up one by one."""

    @property
    def place(self) -> bytes:
        """Its kind and the key that it is looked up by."""
        ...


@dataclass(slots=True)
class Group:
    """What one commit writes, all or nothing; `removed` records leave with their tombstones."""

    records: list[Record] = field(default_factory=list)
    keys: list[WrappedKey] = field(default_factory=list)
    index: list[IndexRow] = field(default_factory=list)
    spent: list[Spent] = field(default_factory=list)
    unmarked: list[Spent] = field(default_factory=list)
    removed: list[Record] = field(default_factory=list)
    tombstones: list[Tombstone] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)

    def remove(self, record: Record, why: str, at_us: int) -> None:
        """End a record."""
        self.removed.append(record)
        self.tombstones.append(Tombstone(record.record_id, record.scope, why, at_us))

    @property
    def moves_root(self) -> bool:
        """Whether a row under the root comes or goes."""
        return bool(self.records or self.index or self.spent or self.unmarked or self.tombstones)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.moves_root or self.keys or self.sightings)

    def elements_in(self) -> list[bytes]:
        """Elements that come."""
        rows: list[Rooted] = [*self.records, *self.index, *self.spent, *self.tombstones]
        return [row.element for row in rows]

    def elements_out(self) -> list[bytes]:
        """Elements that go."""
        rows: list[Rooted] = [*self.removed, *self.unmarked]
        return [row.element for row in rows]


def record_place(token: str) -> bytes:
    """Where a token's record lies."""
    return framed(b"record", token.encode())


def index_place(scope: str, version: int, digest: bytes) -> bytes:
    """Where a card's index row lies."""
    return framed(b"index", scope.encode(), _octets(version), digest)


def spent_place(token: str) -> bytes:
    """Where a spent token's mark lies."""
    return framed(b"spent", token.encode())


def aad_of(scope: str, merchant: str, record_id: str, revision: int) -> bytes:
    """Length-prefixed schema, environment, tenant, merchant, record, type and revision."""
    known = Scope.parse(scope)
    return framed(
        AAD_SCHEMA, known.environment.value.encode(), known.tenant.encode(), merchant.encode(),
        record_id.encode(), KIND, _octets(revision),
    )  # fmt: skip


def _octets(value: object) -> bytes:
    """A column's octets; absent and empty differ."""
    if value is None:
        return b""
    if isinstance(value, bytes):
        return b"b" + value
    return (f"i{value}" if isinstance(value, int) else f"t{value}").encode()
