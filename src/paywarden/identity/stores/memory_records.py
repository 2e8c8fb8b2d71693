"""Accounts, credentials and sessions in memory: the twin for tests; passes the same suite.

Goes with `kit.stores.memory_writer.MemoryWriter`, of which it is a participant: a change is a row
whose `finish` applies it, and a unit that meets a Conflict leaves nothing behind.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from paywarden.core.errors import Conflict
from paywarden.core.identifiers import PersonId, SessionId
from paywarden.core.scope import Scope
from paywarden.identity import changes as c
from paywarden.identity.model import (
    Account,
    AccountState,
    Link,
    Passkey,
    PasswordRecord,
    RoleGrant,
    Session,
    TotpSeed,
)
from paywarden.kit.db.statement import Insert, Parameters
from paywarden.kit.db.unit import UnitOfWork

_Whose = tuple[Scope, PersonId]


@dataclass(slots=True)
class _Tables:
    accounts: dict[_Whose, Account] = field(default_factory=dict)
    grants: dict[tuple[Scope, PersonId, str], RoleGrant] = field(default_factory=dict)
    passwords: dict[_Whose, PasswordRecord] = field(default_factory=dict)
    passkeys: dict[tuple[Scope, bytes], Passkey] = field(default_factory=dict)
    totp: dict[_Whose, TotpSeed] = field(default_factory=dict)
    codes: dict[_Whose, tuple[bytes, ...]] = field(default_factory=dict)
    links: dict[tuple[Scope, bytes], Link] = field(default_factory=dict)
    spent: dict[tuple[Scope, str, bytes], int] = field(default_factory=dict)
    sessions: dict[bytes, Session] = field(default_factory=dict)


class MemoryRecords:
    """`Records` that live as long as the process."""

    def __init__(self) -> None:
        self._now = _Tables()
        self._before = _Tables()
        self._insert = Insert("identity_changes", ("change",), finish=self._finish)
        self._ways: dict[type, Callable[[Any], None]] = {
            c.AccountAdded: self._add_account,
            c.StateSet: lambda x: self._alter(x, state=x.state),
            c.Enabled: lambda x: self._alter(
                x, state=AccountState.ACTIVE, failures=0, locked_until_us=0, enabled_at_us=x.at_us
            ),
            c.FailuresSet: lambda x: self._alter(
                x, failures=x.failures, locked_until_us=x.locked_until_us
            ),
            c.SignedIn: lambda x: self._alter(
                x, failures=0, locked_until_us=0, last_sign_in_us=x.at_us
            ),
            c.RoleGranted: self._grant,
            c.RoleWithdrawn: self._withdraw,
            c.PasswordSet: self._set_password,
            c.PasskeyAdded: self._add_passkey,
            c.PasskeyUsed: self._use_passkey,
            c.PasskeyRemoved: self._remove_passkey,
            c.TotpSet: self._set_totp,
            c.TotpUsed: self._use_totp,
            c.RecoveryCodesSet: self._set_codes,
            c.RecoveryCodeUsed: self._use_code,
            c.LinkMade: self._make_link,
            c.Spent: self._spend,
            c.SessionOpened: self._open_session,
            c.SessionSeen: self._see_session,
            c.SessionRevoked: self._revoke,
            c.SessionsRevoked: self._revoke_all,
            c.Swept: self._sweep,
        }

    # --- taking part in commits -------------------------------------------------------------

    def before(self) -> None:
        """Note how things are, to return to."""
        self._before = copy.deepcopy(self._now)

    def committed(self) -> None:
        """The unit counts."""

    def rolled_back(self) -> None:
        """The unit leaves nothing behind."""
        self._now = self._before

    def stage(self, unit: UnitOfWork, change: c.Change) -> None:
        """Add a change to `unit`."""
        unit.add(self._insert, (change,))

    def _finish(self, row: Parameters) -> Parameters:
        self._ways[type(row[0])](row[0])
        return row

    # --- changes ----------------------------------------------------------------------------

    def _add_account(self, change: c.AccountAdded) -> None:
        new = change.account
        for old in self._now.accounts.values():
            if old.scope == new.scope and (
                old.person == new.person
                or old.login_digest == new.login_digest
                or old.skeleton_digest == new.skeleton_digest
                or old.email_digest == new.email_digest
            ):
                raise _contradiction()
        self._now.accounts[new.scope, new.person] = new

    def _alter(self, change: Any, **fields: Any) -> None:
        whose = (change.scope, change.person)
        if whose in self._now.accounts:
            self._now.accounts[whose] = replace(self._now.accounts[whose], **fields)

    def _grant(self, change: c.RoleGranted) -> None:
        self._now.grants[change.scope, change.grant.person, change.grant.role] = change.grant

    def _withdraw(self, change: c.RoleWithdrawn) -> None:
        self._now.grants.pop((change.scope, change.person, change.role), None)

    def _set_password(self, change: c.PasswordSet) -> None:
        self._now.passwords[change.scope, change.record.person] = change.record

    def _add_passkey(self, change: c.PasskeyAdded) -> None:
        name = (change.scope, change.passkey.credential_id)
        if name in self._now.passkeys:
            raise _contradiction()
        self._now.passkeys[name] = change.passkey

    def _use_passkey(self, change: c.PasskeyUsed) -> None:
        name = (change.scope, change.credential_id)
        old = self._now.passkeys.get(name)
        if old is not None:
            count = max(old.sign_count, change.sign_count)
            used = max(old.last_used_us or 0, change.at_us)
            self._now.passkeys[name] = replace(old, sign_count=count, last_used_us=used)

    def _remove_passkey(self, change: c.PasskeyRemoved) -> None:
        name = (change.scope, change.credential_id)
        old = self._now.passkeys.get(name)
        if old is not None and old.person == change.person:
            del self._now.passkeys[name]

    def _set_totp(self, change: c.TotpSet) -> None:
        self._now.totp[change.scope, change.seed.person] = change.seed

    def _use_totp(self, change: c.TotpUsed) -> None:
        old = self._now.totp.get((change.scope, change.person))
        if old is not None:
            new = replace(old, last_step=max(old.last_step, change.step))
            self._now.totp[change.scope, change.person] = new

    def _set_codes(self, change: c.RecoveryCodesSet) -> None:
        self._now.codes[change.scope, change.person] = tuple(sorted(change.digests))

    def _use_code(self, change: c.RecoveryCodeUsed) -> None:
        whose = (change.scope, change.person)
        left = self._now.codes.get(whose, ())
        self._now.codes[whose] = tuple(one for one in left if one != change.digest)

    def _make_link(self, change: c.LinkMade) -> None:
        new = change.link
        kept = {
            name: old
            for name, old in self._now.links.items()
            if (old.scope, old.person) != (new.scope, new.person)
        }
        self._now.links = {**kept, (new.scope, new.digest): new}

    def _spend(self, change: c.Spent) -> None:
        name = (change.scope, change.purpose, change.digest)
        if name in self._now.spent:
            raise _contradiction()
        self._now.spent[name] = change.expires_at_us

    def _open_session(self, change: c.SessionOpened) -> None:
        if change.session.token_digest in self._now.sessions:
            raise _contradiction()
        self._now.sessions[change.session.token_digest] = change.session

    def _see_session(self, change: c.SessionSeen) -> None:
        for digest, old in self._now.sessions.items():
            if (old.scope, old.session) == (change.scope, change.session):
                seen = max(old.last_seen_us, change.at_us)
                self._now.sessions[digest] = replace(old, last_seen_us=seen)

    def _revoke(self, change: c.SessionRevoked) -> None:
        self._revoke_where(change, lambda old: old.session == change.session)

    def _revoke_all(self, change: c.SessionsRevoked) -> None:
        self._revoke_where(change, lambda old: old.session != change.kept)

    def _revoke_where(
        self, change: c.SessionRevoked | c.SessionsRevoked, wanted: Callable[[Session], bool]
    ) -> None:
        for digest, old in self._now.sessions.items():
            own = (old.scope, old.person) == (change.scope, change.person)
            if own and old.revoked_at_us is None and wanted(old):
                self._now.sessions[digest] = replace(old, revoked_at_us=change.at_us)

    def _sweep(self, change: c.Swept) -> None:
        now = change.now_us
        self._now.spent = {name: end for name, end in self._now.spent.items() if end > now}
        self._now.sessions = {
            name: one for name, one in self._now.sessions.items() if one.ends_at_us > now
        }

    # --- reads ------------------------------------------------------------------------------

    def account(self, scope: Scope, person: PersonId) -> Account | None:
        """The account of a person."""
        return self._now.accounts.get((scope, person))

    def account_by_login(self, scope: Scope, login_digest: bytes) -> Account | None:
        """The account with that login name."""
        found = (one for one in self.accounts(scope) if one.login_digest == login_digest)
        return next(found, None)

    def accounts(self, scope: Scope) -> Sequence[Account]:
        """All accounts by person id."""
        own = (one for one in self._now.accounts.values() if one.scope == scope)
        return sorted(own, key=lambda one: one.person.text)

    def grants(self, scope: Scope) -> Sequence[RoleGrant]:
        """All grants of all persons."""
        own = (grant for name, grant in self._now.grants.items() if name[0] == scope)
        return sorted(own, key=lambda one: (one.person.text, one.role))

    def grants_of(self, scope: Scope, person: PersonId) -> Sequence[RoleGrant]:
        """Grants of one person by role."""
        return [grant for grant in self.grants(scope) if grant.person == person]

    def password(self, scope: Scope, person: PersonId) -> PasswordRecord | None:
        """The person's password hashes."""
        return self._now.passwords.get((scope, person))

    def passkeys(self, scope: Scope) -> Sequence[Passkey]:
        """All passkeys of all persons."""
        own = (one for name, one in self._now.passkeys.items() if name[0] == scope)
        return sorted(own, key=lambda one: (one.person.text, one.created_at_us, one.credential_id))

    def passkeys_of(self, scope: Scope, person: PersonId) -> Sequence[Passkey]:
        """Passkeys of one person, oldest first."""
        return [one for one in self.passkeys(scope) if one.person == person]

    def passkey(self, scope: Scope, credential_id: bytes) -> Passkey | None:
        """The passkey with that credential id."""
        return self._now.passkeys.get((scope, credential_id))

    def totp(self, scope: Scope, person: PersonId) -> TotpSeed | None:
        """The person's TOTP seed."""
        return self._now.totp.get((scope, person))

    def recovery_codes(self, scope: Scope, person: PersonId) -> Sequence[bytes]:
        """Digests of the codes that are left."""
        return list(self._now.codes.get((scope, person), ()))

    def link(self, scope: Scope, digest: bytes) -> Link | None:
        """The link with that digest."""
        return self._now.links.get((scope, digest))

    def spent(self, scope: Scope, purpose: str, digest: bytes) -> bool:
        """Whether a one-time thing was used."""
        return (scope, purpose, digest) in self._now.spent

    def session_by_token(self, token_digest: bytes) -> Session | None:
        """The session of a token."""
        return self._now.sessions.get(token_digest)

    def session(self, scope: Scope, session: SessionId) -> Session | None:
        """The session with that public id."""
        found = (s for s in self._now.sessions.values() if (s.scope, s.session) == (scope, session))
        return next(found, None)

    def sessions_of(self, scope: Scope, person: PersonId) -> Sequence[Session]:
        """Sessions that were not revoked, newest first."""
        own = [
            one
            for one in self._now.sessions.values()
            if (one.scope, one.person) == (scope, person) and one.revoked_at_us is None
        ]
        return sorted(own, key=lambda one: (-one.created_at_us, one.session.text))[:100]


def _contradiction() -> Conflict:
    return Conflict("constraint_violated", "the write contradicts what is stored")
