"""Keys and their lives: states, legal transitions, and the ring of all keys. No input or output.

    pre_active -> active -> deactivated -> destroyed
         |          |            |             ^
         +----------+-> compromised -----------+

Guards: a key makes new things only while active; a deactivated or compromised one still opens what
it made, so that it can be replaced; a destroyed one has no octets and never comes back; an active
key is never destroyed. A ring is a value: every change makes a new one with the next revision.
Source: NIST SP 800-57 part 1 revision 5, sections 7.1 to 7.3 (here without `suspended`, and
stricter: active to destroyed goes through deactivated).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from paywarden.core.errors import Conflict, NotFound

DAY_US: Final = 86_400_000_000
KEY_OCTETS: Final = 32
CRYPTOPERIOD_DAYS: Final = {"pan": 365, "index": 730, "facts": 365, "state": 1_825}
PERIOD_DAYS: Final = 92  # a month's key may wrap in the months beside it
ALGORITHMS: Final = {
    "pan": "HKDF-SHA-256, AES-256-GCM",
    "index": "HKDF-SHA-256, HMAC-SHA-256",
    "facts": "Ed25519",
    "state": "HMAC-SHA-256",
}


class Status(enum.StrEnum):
    """States of a key."""

    PRE_ACTIVE = "pre_active"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    COMPROMISED = "compromised"
    DESTROYED = "destroyed"


LEGAL: Final = {
    Status.PRE_ACTIVE: {Status.ACTIVE, Status.COMPROMISED, Status.DESTROYED},
    Status.ACTIVE: {Status.DEACTIVATED, Status.COMPROMISED},
    Status.DEACTIVATED: {Status.COMPROMISED, Status.DESTROYED},
    Status.COMPROMISED: {Status.DESTROYED},
    Status.DESTROYED: set[Status](),
}


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One key: a version of a purpose (`name` "1", "2", ...), or the key of a month ("2026-11").

    Times in microseconds since 1970 UTC, 0 for not yet. `material` is empty once destroyed.
    """

    purpose: str
    name: str
    status: Status
    material: bytes
    check_value: str
    created_at_us: int
    cryptoperiod_days: int
    activated_at_us: int = 0
    deactivated_at_us: int = 0
    destroyed_at_us: int = 0

    def __repr__(self) -> str:
        return f"<key {self.purpose} {self.name} {self.status}>"

    __str__ = __repr__

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return []

    @property
    def monthly(self) -> bool:
        """Whether this is the key of a month."""
        return "-" in self.name

    @property
    def version(self) -> int:
        """The version's number. ValueError for the key of a month."""
        return int(self.name)

    @property
    def opens(self) -> bool:
        """Whether it may still open what it made."""
        return self.status in (Status.ACTIVE, Status.DEACTIVATED, Status.COMPROMISED)

    def moved(self, to: Status, at_us: int) -> Key:
        """The same key in another state. Errors: Conflict `key_transition_illegal`."""
        if to not in LEGAL[self.status]:
            raise Conflict(
                "key_transition_illegal",
                f"{self.purpose} {self.name} is {self.status} and cannot become {to}",
            )
        changed = msgspec.structs.replace(self, status=to)
        if to is Status.ACTIVE:
            return msgspec.structs.replace(changed, activated_at_us=at_us)
        if to is Status.DESTROYED:
            return msgspec.structs.replace(changed, destroyed_at_us=at_us, material=b"")
        ended = self.deactivated_at_us or at_us
        return msgspec.structs.replace(changed, deactivated_at_us=ended)

    def alarm(self, now_us: int) -> str:
        """ "due" in the last tenth of the cryptoperiod, "overdue" after it, else ""."""
        if self.status is not Status.ACTIVE:
            return ""
        age, whole = now_us - self.activated_at_us, self.cryptoperiod_days * DAY_US
        if age >= whole:
            return "overdue"
        return "due" if age >= whole * 9 // 10 else ""


@dataclass(frozen=True, slots=True)
class Ring:
    """Every key that there is or was; `journal_id` names the journal that belongs to it."""

    revision: int
    journal_id: bytes
    keys: tuple[Key, ...]

    def versions(self, purpose: str) -> list[Key]:
        """Versions of a purpose, newest first."""
        found = [key for key in self.keys if key.purpose == purpose and not key.monthly]
        return sorted(found, key=lambda key: key.version, reverse=True)

    def active(self, purpose: str) -> Key:
        """The active version. Errors: NotFound `key_missing`."""
        for key in self.versions(purpose):
            if key.status is Status.ACTIVE:
                return key
        raise NotFound("key_missing", f"no active key of {purpose}")

    def find(self, purpose: str, name: str) -> Key | None:
        """The key of that name."""
        for key in self.keys:
            if key.purpose == purpose and key.name == name:
                return key
        return None

    def named(self, purpose: str, name: str) -> Key:
        """The key of that name. Errors: NotFound `key_missing`."""
        found = self.find(purpose, name)
        if found is None:
            raise NotFound("key_missing", f"no key {purpose} {name}")
        return found

    def adding(self, keys: Iterable[Key]) -> Ring:
        """With further keys."""
        return Ring(self.revision + 1, self.journal_id, (*self.keys, *keys))

    def moving(self, purpose: str, name: str, to: Status, at_us: int) -> Ring:
        """With one key in another state. Errors: NotFound, Conflict."""
        old = self.named(purpose, name)
        new = old.moved(to, at_us)
        keys = tuple(new if key is old else key for key in self.keys)
        return Ring(self.revision + 1, self.journal_id, keys)


MakeKey = Callable[[str, str, int], Key]
"""(purpose, name, now in microseconds) -> a fresh pre-active key."""


def rotated(ring: Ring, purpose: str, now_us: int, make: MakeKey) -> Ring:
    """The next version active, the one before deactivated."""
    versions = ring.versions(purpose)
    name = str(versions[0].version + 1 if versions else 1)
    grown = ring.adding([make(purpose, name, now_us).moved(Status.ACTIVE, now_us)])
    for key in versions:
        if key.status is Status.ACTIVE:
            grown = grown.moving(purpose, key.name, Status.DEACTIVATED, now_us)
    return grown


def destroyed(ring: Ring, purpose: str, name: str, now_us: int) -> Ring:
    """Without the octets of a key. An active month is deactivated on its way."""
    key = ring.named(purpose, name)
    if key.monthly and key.status is Status.ACTIVE:
        ring = ring.moving(purpose, name, Status.DEACTIVATED, now_us)
    return ring.moving(purpose, name, Status.DESTROYED, now_us)


def compromised(ring: Ring, purpose: str, name: str, now_us: int, make: MakeKey) -> Ring:
    """A version marked; an active one is replaced in the same change."""
    if ring.named(purpose, name).status is Status.ACTIVE:
        ring = rotated(ring, purpose, now_us, make)
    return ring.moving(purpose, name, Status.COMPROMISED, now_us)


def months_around(period: str) -> tuple[str, str, str]:
    """The month before, the month, and the month after: "2026-01" -> 2025-12, 2026-01, 2026-02."""
    year, month = int(period[:4]), int(period[5:])
    count = year * 12 + month - 1
    before, here, after = (f"{n // 12:04d}-{n % 12 + 1:02d}" for n in (count - 1, count, count + 1))
    return before, here, after
