"""A room for approvals: people with passkeys in memory, everything else real and on disk."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from passkey_kit import PARTY, Authenticator

from paywarden.cde_client.challenge import challenge
from paywarden.cde_client.messages import Assertion
from paywarden.core.clock import FixedClock
from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.identity.access_review.stores.sqlite import SCHEMA as ACCESS_REVIEWS
from paywarden.identity.approvals.execution import Approved, Maker
from paywarden.identity.approvals.model import Request
from paywarden.identity.approvals.service import Approvals
from paywarden.identity.approvals.stores.sqlite import SCHEMA, SqliteApprovals
from paywarden.identity.model import Member, Passkey, RoleGrant
from paywarden.kit.audit import AuditEvent, AuditOutcome, SqliteAuditLog
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT, SchemaPart
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer

LIVE = Scope("acme", Environment.LIVE)
TEST = Scope("acme", Environment.TEST)
START_US = 1_795_309_323_000_000
PARTS = (KIT, SCHEMA, ACCESS_REVIEWS)


class Counter:
    """Randomness that counts; the count outlives a restart."""

    def __init__(self) -> None:
        self._drawn = itertools.count(1)

    def octets(self, count: int) -> bytes:
        return next(self._drawn).to_bytes(count, "big")


class People:
    """`Roster` in memory: the same people in every scope, each with one passkey."""

    def __init__(self) -> None:
        self.held: dict[PersonId, Member] = {}
        self.keys: dict[PersonId, Authenticator] = {}
        self.three_needed = True

    def enrol(self, name: str, *roles: str, by: PersonId | None = None) -> PersonId:
        """A person named by one letter, with roles that `by` granted (None: the first set-up)."""
        person = PersonId("psn_" + name * 26)
        key = Authenticator.new(f"key of {name}")
        passkey = Passkey(key.credential_id, person, "key", key.public_key, 0, START_US)
        grants = tuple(RoleGrant(person, role, by, START_US) for role in roles)
        self.held[person] = Member(person, True, grants, (passkey,))
        self.keys[person] = key
        return person

    def change(self, person: PersonId, **changes: Any) -> None:
        self.held[person] = replace(self.held[person], **changes)

    def grant(self, person: PersonId, role: str, by: PersonId | None = None) -> None:
        kept = tuple(one for one in self.held[person].grants if one.role != role)
        self.change(person, grants=(*kept, RoleGrant(person, role, by, START_US)))

    def take(self, person: PersonId, role: str) -> None:
        kept = tuple(one for one in self.held[person].grants if one.role != role)
        self.change(person, grants=kept)

    def member(self, _scope: Scope, person: PersonId) -> Member | None:
        return self.held.get(person)

    def members(self, _scope: Scope) -> Sequence[Member]:
        return list(self.held.values())

    def established(self, _scope: Scope) -> bool:
        able = [one for one in self.held.values() if one.active and one.passkeys]
        return len(able) >= 3

    def stage_passkey_use(
        self, _unit: UnitOfWork, _scope: Scope, credential_id: bytes, sign_count: int
    ) -> None:
        for person, one in self.held.items():
            if one.passkeys and one.passkeys[0].credential_id == credential_id:
                used = replace(one.passkeys[0], sign_count=sign_count)
                self.change(person, passkeys=(used,))


class Codes:
    """One-time codes: each person's is the person's letter, once."""

    def __init__(self) -> None:
        self.spent: set[str] = set()

    async def spending(
        self, _scope: Scope, person: PersonId, code: Secret[str],
        act: Callable[[UnitOfWork], Awaitable[Any]],
    ) -> Any:  # fmt: skip
        if code.expose() != person.text[4] or person.text in self.spent:
            return None
        self.spent.add(person.text)
        return await act(UnitOfWork())


@dataclass
class Room:
    """Approvals over a database of their own; `effects` says what executors did, in the log."""

    path: Path
    people: People = field(default_factory=People)
    clock: FixedClock = field(default_factory=lambda: FixedClock(START_US))
    codes: Codes = field(default_factory=Codes)
    chance: Counter = field(default_factory=Counter)
    development: bool = False
    crash: str = ""
    takes_seconds: int = 0
    catalogue: dict[str, Any] = field(default_factory=dict)
    parts: tuple[SchemaPart, ...] = PARTS

    def open(self) -> Room:
        """Start, or start again after `close`."""
        self.reader = Reader(self.path)
        self.audit = SqliteAuditLog(self.reader)
        self.writer = Writer(self.path, self.parts, (self.audit,))
        self.writer.start()
        store = SqliteApprovals(self.reader, Secret(b"k" * 32), self.chance)
        given = {"catalogue": self.catalogue} if self.catalogue else {}
        self.approvals = Approvals(
            store, self.people, self.writer, self.audit, self.clock, self.chance, PARTY,
            development=self.development, codes=self.codes, **given,
        )  # fmt: skip
        for action in self.catalogue or ("ruleset.publish", "ruleset.rollback", "retention.change"):
            self.approvals.register(action, self._execute)
        return self

    def close(self) -> None:
        self.writer.close()
        self.reader.close()

    async def _execute(self, approved: Approved, payload: bytes) -> str:
        approved.require(approved.scope, approved.action, payload)
        unit = UnitOfWork()
        self.clock.advance(self.takes_seconds)
        approved.settle(unit)
        if self.crash == "before":
            raise OSError("the process ended before the commit")
        detail = {"payload": payload.decode()}
        self.audit.record(unit, AuditEvent(
            approved.scope, "test:effect:done", "process:test", AuditOutcome.DONE,
            self.clock.now_us(), detail,
        ))  # fmt: skip
        await self.writer.commit(unit)
        if self.crash == "after":
            raise OSError("the process ended after the commit")
        return "done: " + payload.decode()

    def effects(self) -> list[Any]:
        return [one.detail["payload"] for one in self.events("test:effect:done")]

    def events(self, action: str = "") -> list[AuditEvent]:
        found = [event for _number, event in self.audit.read(None, 0, 1_000)]
        return [one for one in found if not action or one.action == action]

    def maker(self, person: PersonId) -> Maker:
        return Maker(person.text, frozenset(one.role for one in self.people.held[person].grants))

    def sign(self, request: Request, person: PersonId, **bent: Any) -> Assertion:
        wanted = challenge(request.asked.subject, person.text)
        return self.people.keys[person].assertion(wanted, **bent)

    async def approve(self, request: Request, person: PersonId, **bent: Any) -> Request:
        asked = request.asked
        return await self.approvals.deciding.approve(
            asked.scope, asked.approval_id.text, person.text, self.sign(request, person, **bent)
        )

    async def execute(self, request: Request, person: PersonId) -> Any:
        asked = request.asked
        return await self.approvals.execute(asked.scope, asked.approval_id.text, person.text)


def make_template(folder: Path) -> Path:
    """A migrated database to copy."""
    path = folder / "template.sqlite"
    migrate(path, PARTS)
    return path


def copy_of(template: Path, folder: Path) -> Path:
    return Path(shutil.copy(template, folder / "approvals.sqlite"))
