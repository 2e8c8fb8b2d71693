"""Persons of a tenant: inviting, finding, disabling, one-time links.

Guards: login name, display name and e-mail are sealed under the person's own key and found again
by keyed digest only. Nobody chooses a password for another: first access and every reset is a
one-time link, valid for 24 hours, of which the newest alone counts (PCI DSS 4.0.1, 8.3.5: unique,
and own credentials must be set at first use). Roles are not given here: `roster.py` stages them in
the unit of an approval, and only the first persons of an installation get theirs with the
invitation. Every act is an audit event in the same unit.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from paywarden.core.identifiers import PersonId
from paywarden.core.instants import HOUR_US
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.identity import changes as c
from paywarden.identity import login_names
from paywarden.identity.model import Account, AccountState, Link, RoleGrant
from paywarden.identity.owners import NameDigests
from paywarden.identity.ports import Committer, Records
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome, Scalar
from paywarden.kit.crypto.digest import KeyedDigest
from paywarden.kit.crypto.ports import Erased, SubjectKeys
from paywarden.kit.db.unit import UnitOfWork

LINK_LIFE_US: Final = 24 * HOUR_US
LINK_OCTETS: Final = 20
BLINDING_OCTETS: Final = 16
NAME_LIMIT: Final = 100
EMAIL_LIMIT: Final = 254
_EMAIL: Final = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,189}\Z")
_CONTEXT: Final = b"identity.account"


class Profile(msgspec.Struct, frozen=True):
    """Personal fields of an account; `erased` when the person's key was destroyed."""

    login: str
    display_name: str
    email: str
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """An account with its profile and grants."""

    account: Account
    profile: Profile
    grants: tuple[RoleGrant, ...]


class Directory:
    """Use cases of persons; every method of change returns when it is durable."""

    def __init__(
        self,
        records: Records,
        committer: Committer,
        audit: AuditLog,
        keys: SubjectKeys,
        digest: KeyedDigest,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._records = records
        self._committer = committer
        self._audit = audit
        self._keys = keys
        self._digest = digest
        self._names = NameDigests(digest)
        self._clock = clock
        self._randomness = randomness

    # --- finding ----------------------------------------------------------------------------

    def login_digest(self, scope: Scope, given: str) -> bytes:
        """Digest under which a login name is found, whatever was typed."""
        return self._names.login(scope, given)

    def link_digest(self, scope: Scope, token: str) -> bytes:
        """Digest under which a link is kept."""
        return self._names.link(scope, token)

    def account(self, scope: Scope, person: PersonId) -> Account:
        """The account of a person. Errors: NotFound `person_unknown`."""
        found = self._records.account(scope, person)
        if found is None:
            raise NotFound("person_unknown", "no such person in this tenant and environment")
        return found

    def profile(self, account: Account) -> Profile:
        """Personal fields of an account."""
        opened = self._keys.open(account.scope, _subject(account.person), account.sealed, _CONTEXT)
        if isinstance(opened, Erased):
            return Profile("", "", "", erased=True)
        return msgspec.json.decode(opened, type=Profile)

    async def listing(self, scope: Scope, reader: str) -> Sequence[Listed]:
        """All persons; the reading is recorded before the answer (personal data)."""
        accounts = self._records.accounts(scope)
        unit = UnitOfWork()
        self.note(unit, scope, "identity:persons:read", reader, count=len(accounts))
        await self._committer.commit(unit)
        grants: dict[PersonId, list[RoleGrant]] = {}
        for grant in self._records.grants(scope):
            grants.setdefault(grant.person, []).append(grant)
        return [Listed(a, self.profile(a), tuple(grants.get(a.person, ()))) for a in accounts]

    # --- changing ---------------------------------------------------------------------------

    async def invite(
        self,
        scope: Scope,
        profile: Profile,
        actor: str,
        person: PersonId | None = None,
        roles: Sequence[str] = (),
        unit: UnitOfWork | None = None,
    ) -> tuple[PersonId, Secret[str]]:
        """A new account and its one-time link; `roles` only during the first set-up.

        `unit` holds the end of the approval; `person_acts` brings it, and nobody else invites.
        Errors: InvalidRequest, Conflict `person_exists` (also for look-alikes of a login name).
        """
        person = person or PersonId.new(self._randomness)
        account = self._account(scope, person, checked(profile))
        unit = unit or UnitOfWork()
        self._records.stage(unit, c.AccountAdded(account))
        now = self._clock.now_us()
        for role in roles:
            self._records.stage(unit, c.RoleGranted(scope, RoleGrant(person, role, None, now)))
            self.note(unit, scope, "identity:role:grant", actor, person=person.text, role=role)
        token = self._stage_link(unit, account, actor)
        self.note(unit, scope, "identity:person:invite", actor, person=person.text)
        try:
            await self._committer.commit(unit)
        except Conflict:
            raise Conflict(
                "person_exists",
                "this person, e-mail or login name exists, or a login name that looks like it",
            ) from None
        return person, token

    async def new_link(
        self, scope: Scope, person: PersonId, actor: str, *, reset: bool = False
    ) -> Secret[str]:
        """A fresh link; earlier ones and all sessions end.

        Whoever holds a link can enrol as that person. Therefore it is given for people who have
        never enrolled and hold no role, unless `reset` says that more than one person's word, or
        access to the machine, stands behind it. Errors: NotPermitted `link_needs_approval`.
        """
        account = self.account(scope, person)
        known = account.state is not AccountState.INVITED
        if not reset and (known or self._records.grants_of(scope, person)):
            raise NotPermitted(
                "link_needs_approval",
                "a link for somebody who has factors or roles needs a second person's word",
            )
        unit = UnitOfWork()
        token = self._stage_link(unit, account, actor)
        self._stage_end_of_sessions(unit, account)
        self.note(unit, scope, "identity:person:link", actor, person=person.text)
        await self._committer.commit(unit)
        return token

    async def disable(self, scope: Scope, person: PersonId, actor: str) -> None:
        """Nothing of this person works any more, at once (8.2.5)."""
        unit = UnitOfWork()
        self.stage_disabling(unit, scope, person, actor)
        await self._committer.commit(unit)

    def stage_disabling(
        self, unit: UnitOfWork, scope: Scope, person: PersonId, actor: str, why: str = "asked"
    ) -> None:
        """Add to `unit` that nothing of this person works any more. Errors: NotFound."""
        account = self.account(scope, person)
        self._records.stage(unit, c.StateSet(scope, person, AccountState.DISABLED))
        self._stage_end_of_sessions(unit, account)
        self.note(unit, scope, "identity:person:disable", actor, person=person.text, why=why)

    def stage_enabling(self, unit: UnitOfWork, scope: Scope, person: PersonId, actor: str) -> None:
        """Add to `unit` that a disabled person may sign in again; roles are as they stand.

        Errors: NotFound, Conflict `person_not_disabled`.
        """
        if self.account(scope, person).state is not AccountState.DISABLED:
            raise Conflict("person_not_disabled", "this account is not disabled")
        self._records.stage(unit, c.Enabled(scope, person, self._clock.now_us()))
        self.note(unit, scope, "identity:person:enable", actor, person=person.text)

    async def revoke_sessions(self, scope: Scope, person: PersonId, actor: str) -> None:
        """All sessions of a person end."""
        account = self.account(scope, person)
        unit = UnitOfWork()
        self._stage_end_of_sessions(unit, account)
        self.note(unit, scope, "identity:session:revoke_all", actor, person=person.text)
        await self._committer.commit(unit)

    async def commit(self, unit: UnitOfWork) -> None:
        """Return when what was staged here is durable."""
        await self._committer.commit(unit)

    def now_us(self) -> int:
        """The instant that states and locks are told for."""
        return self._clock.now_us()

    def blinding(self) -> str:
        """Fresh randomness that keeps a hash of personal fields from being guessed."""
        return self._randomness.octets(BLINDING_OCTETS).hex()

    def note(
        self,
        unit: UnitOfWork,
        scope: Scope,
        action: str,
        actor: str,
        outcome: AuditOutcome = AuditOutcome.DONE,
        **detail: Scalar,
    ) -> None:
        """Add an audit event to `unit`."""
        now = self._clock.now_us()
        self._audit.record(unit, AuditEvent(scope, action, actor, outcome, now, detail))

    def _account(self, scope: Scope, person: PersonId, profile: Profile) -> Account:
        looks = login_names.skeleton(profile.login).encode()
        plaintext = msgspec.json.encode(profile)
        return Account(
            scope,
            person,
            AccountState.INVITED,
            self.login_digest(scope, profile.login),
            self._digest.of(scope, b"skeleton", looks),
            self._names.email(scope, profile.email),
            self._keys.seal(scope, _subject(person), plaintext, _CONTEXT),
            self._clock.now_us(),
        )

    def _stage_link(self, unit: UnitOfWork, account: Account, actor: str) -> Secret[str]:
        octets = self._randomness.octets(LINK_OCTETS)
        token = "pwe_" + base64.b32encode(octets).decode().lower()
        scope, now = account.scope, self._clock.now_us()
        digest = self.link_digest(scope, token)
        link = Link(digest, scope, account.person, actor, now, now + LINK_LIFE_US)
        self._records.stage(unit, c.LinkMade(link))
        return Secret(token)

    def _stage_end_of_sessions(self, unit: UnitOfWork, account: Account) -> None:
        now = self._clock.now_us()
        self._records.stage(unit, c.SessionsRevoked(account.scope, account.person, now))


def _subject(person: PersonId) -> str:
    return f"person:{person.text}"


def checked(given: Profile) -> Profile:
    """The fields in their one form. Errors: InvalidRequest with pointer."""
    login = login_names.canonical(given.login)
    name = unicodedata.normalize("NFC", given.display_name).strip()
    if not 1 <= len(name) <= NAME_LIMIT or not name.isprintable():
        raise InvalidRequest(
            "display_name_invalid",
            f"a name has 1 to {NAME_LIMIT} printable characters",
            pointer="/display_name",
        )
    email = unicodedata.normalize("NFKC", given.email).strip()
    if len(email) > EMAIL_LIMIT or not _EMAIL.match(email) or not email.isprintable():
        raise InvalidRequest("email_invalid", "this is no e-mail address", pointer="/email")
    return Profile(login, name, email)
