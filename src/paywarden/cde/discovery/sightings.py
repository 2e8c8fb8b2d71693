"""From sighting to closure: what happens after a card number was found where none may be.

PCI DSS 4.0.1, 12.10.7: a stored number found where none is expected is followed up: where it came
from, what was done, that it is gone. A sighting is `open` when a scan finds it, `triaged` when
somebody has looked, `removed` or `false_positive` when that person says so, `closed` when another
person agrees. What is said to be removed can be closed only after a later scan of the same place
missed it; what is seen again after that is open again.
Guards: a sighting is known by a keyed hash of its place and masked form, never by the number.
Not done here: who a person is. The name is the operator's word; the commands run where only
operators of the card data environment can run commands.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from paywarden.cde.discovery.findings import Finding
from paywarden.core.errors import Conflict, InvalidRequest, NotFound
from paywarden.core.secret import Secret

MOST_WORDS = 500


class State(StrEnum):
    """How far a sighting is."""

    OPEN = "open"
    TRIAGED = "triaged"
    REMOVED = "removed"
    FALSE_POSITIVE = "false_positive"
    CLOSED = "closed"


_BEFORE = {
    State.TRIAGED: {State.OPEN},
    State.REMOVED: {State.OPEN, State.TRIAGED, State.FALSE_POSITIVE},
    State.FALSE_POSITIVE: {State.OPEN, State.TRIAGED, State.REMOVED},
    State.CLOSED: {State.REMOVED, State.FALSE_POSITIVE},
}
"""From which states each may be reached by a person."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change: the state after it, who, why, when (microseconds since 1970)."""

    state: State
    by: str
    reason: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """One place with a number. `missed_us`: when a scan of the place last missed it, or None."""

    fingerprint: str
    path: str
    kind: str
    masked: str
    state: State
    first_seen_us: int
    last_seen_us: int
    missed_us: int | None
    steps: tuple[Step, ...]


class Sightings(Protocol):
    """Where sightings are kept."""

    def find(self, fingerprint: str) -> Sighting | None:
        """One sighting, or None."""
        ...

    def all(self) -> Sequence[Sighting]:
        """All of them, oldest first."""
        ...

    def save(self, sightings: Iterable[Sighting]) -> None:
        """Add or replace, all or none."""
        ...


class SightingDesk:
    """Use cases. `key`: 32 octets of the environment, for fingerprints."""

    def __init__(self, store: Sightings, key: Secret[bytes]) -> None:
        self._store = store
        self._key = key

    def record(
        self, root: str, findings: Sequence[Finding], unread: Sequence[str], now_us: int
    ) -> dict[str, int]:
        """Hold a scan of `root` against what is known; counts of new, seen again, missed.

        `unread`: paths that the scan could not read; what lies in them is not taken for missed.
        """
        seen = {self.fingerprint(one.path, one.masked): one for one in findings}
        known = {one.fingerprint: one for one in self._store.all()}
        changed = [
            _seen(known[mark], now_us) if mark in known else _new(mark, one, now_us)
            for mark, one in seen.items()
        ]
        missed = [
            replace(one, missed_us=now_us)
            for one in known.values()
            if one.fingerprint not in seen and _within(one.path, root, unread)
        ]
        self._store.save([*changed, *missed])
        fresh = sum(1 for mark in seen if mark not in known)
        return {"new": fresh, "seen_again": len(seen) - fresh, "missed": len(missed)}

    def fingerprint(self, path: str, masked: str) -> str:
        """Keyed hash of a place and the masked number found there."""
        told = path.encode() + b"\0" + masked.encode()
        return "sgt_" + hmac.digest(self._key.expose(), told, hashlib.sha256).hex()[:32]

    def move(self, fingerprint: str, state: State, by: str, reason: str, now_us: int) -> Sighting:
        """Take a sighting one step on. Errors: NotFound, InvalidRequest, Conflict."""
        found = self._store.find(fingerprint)
        if found is None:
            raise NotFound("sighting_unknown", "no sighting has this name", pointer="SIGHTING")
        if not by.strip() or not reason.strip() or max(len(by), len(reason)) > MOST_WORDS:
            detail = f"a person and a reason are needed, at most {MOST_WORDS} characters each"
            raise InvalidRequest("sighting_reason", detail, pointer="--reason")
        _check(found, state, by)
        moved = replace(found, state=state, steps=(*found.steps, Step(state, by, reason, now_us)))
        self._store.save([moved])
        return moved

    def listed(self, state: State | None) -> list[Sighting]:
        """All sightings, or those of one state."""
        return [one for one in self._store.all() if state is None or one.state is state]


def _check(found: Sighting, state: State, by: str) -> None:
    if found.state not in _BEFORE.get(state, set()):
        raise Conflict("sighting_state", f"a sighting that is {found.state} cannot be {state}")
    if state is not State.CLOSED:
        return
    if _same(by, found.steps[-1].by):
        detail = "who said that it is removed or false cannot close it; another person does"
        raise Conflict("sighting_same_person", detail, pointer="--by")
    said_us = found.steps[-1].at_us
    gone = found.missed_us is not None and found.missed_us > max(said_us, found.last_seen_us)
    if found.state is State.REMOVED and not gone:
        detail = "scan the place again with --record first: it has not been missed since"
        raise Conflict("sighting_not_confirmed", detail)


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _new(mark: str, one: Finding, now_us: int) -> Sighting:
    step = Step(State.OPEN, "scan", "found", now_us)
    return Sighting(mark, one.path, one.kind, one.masked, State.OPEN, now_us, now_us, None, (step,))


def _seen(known: Sighting, now_us: int) -> Sighting:
    """Seen again: what was thought gone is open again; a false positive stays what it is."""
    seen = replace(known, last_seen_us=now_us)
    was_gone = known.missed_us is not None and known.missed_us > known.last_seen_us
    false = any(step.state is State.FALSE_POSITIVE for step in known.steps[-2:])
    closed = known.state is State.CLOSED and not false
    if closed or (known.state is State.REMOVED and was_gone):
        step = Step(State.OPEN, "scan", "seen again", now_us)
        return replace(seen, state=State.OPEN, missed_us=None, steps=(*known.steps, step))
    return seen


def _within(path: str, root: str, unread: Sequence[str]) -> bool:
    bases = (root.rstrip("/"), *unread)
    inside = [
        path == base or path.startswith((f"{base}/", f"{base}!", f"{base}#")) for base in bases
    ]
    return inside[0] and not any(inside[1:])
