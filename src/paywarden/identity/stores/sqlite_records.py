"""Accounts, credentials and sessions in SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from paywarden.core.identifiers import PersonId, SessionId
from paywarden.core.scope import Scope
from paywarden.identity.changes import Change
from paywarden.identity.model import (
    Account,
    AccountState,
    Link,
    Passkey,
    PasswordRecord,
    RoleGrant,
    Session,
    SessionKind,
    TotpSeed,
)
from paywarden.identity.stores.sqlite_writes import writes_of
from paywarden.kit.db.reader import Reader, Row
from paywarden.kit.db.unit import UnitOfWork

SESSIONS_LIMIT: Final = 100
_ACCOUNT = (
    "SELECT scope, person, state, login_digest, skeleton_digest, email_digest, sealed,"
    " created_at_us, failures, locked_until_us, last_sign_in_us, enabled_at_us"
    " FROM accounts WHERE scope = ?"
)
_GRANT = (
    "SELECT person, role, granted_by, granted_at_us, expires_at_us FROM role_grants WHERE scope = ?"
)
_PASSKEY = (
    "SELECT credential_id, person, name, public_key, sign_count, created_at_us, last_used_us,"
    " transports FROM passkeys WHERE scope = ?"
)
_SESSION = (
    "SELECT session, token_digest, scope, person, kind, methods, auth_at_us, created_at_us,"
    " last_seen_us, ends_at_us, revoked_at_us FROM sessions"
)
_PASSWORD = "SELECT encoded, set_at_us, earlier FROM passwords WHERE scope = ? AND person = ?"  # noqa: S105
_TOTP = (
    "SELECT sealed, made_at_us, confirmed, last_step FROM totp_seeds WHERE scope = ? AND person = ?"
)
_CODES = "SELECT digest FROM recovery_codes WHERE scope = ? AND person = ? ORDER BY digest"
_LINK = (
    "SELECT person, made_by, made_at_us, expires_at_us FROM enrolment_links"
    " WHERE scope = ? AND digest = ?"
)
_SPENT = "SELECT 1 FROM spent WHERE scope = ? AND purpose = ? AND digest = ?"


class SqliteRecords:
    """`Records` over the tables of this room."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def stage(self, unit: UnitOfWork, change: Change) -> None:
        """Add a change to `unit`."""
        for statement, parameters in writes_of(change):
            unit.add(statement, parameters)

    def account(self, scope: Scope, person: PersonId) -> Account | None:
        """The account of a person."""
        row = self._reader.one(_ACCOUNT + " AND person = ?", (scope.text, person.text))
        return _account(row) if row else None

    def account_by_login(self, scope: Scope, login_digest: bytes) -> Account | None:
        """The account with that login name."""
        row = self._reader.one(_ACCOUNT + " AND login_digest = ?", (scope.text, login_digest))
        return _account(row) if row else None

    def accounts(self, scope: Scope) -> Sequence[Account]:
        """All accounts by person id."""
        return [
            _account(r) for r in self._reader.rows(_ACCOUNT + " ORDER BY person", (scope.text,))
        ]

    def grants(self, scope: Scope) -> Sequence[RoleGrant]:
        """All grants of all persons."""
        rows = self._reader.rows(_GRANT + " ORDER BY person, role", (scope.text,))
        return [_grant(row) for row in rows]

    def grants_of(self, scope: Scope, person: PersonId) -> Sequence[RoleGrant]:
        """Grants of one person by role."""
        text = _GRANT + " AND person = ? ORDER BY role"
        return [_grant(row) for row in self._reader.rows(text, (scope.text, person.text))]

    def password(self, scope: Scope, person: PersonId) -> PasswordRecord | None:
        """The person's password hashes."""
        row = self._reader.one(_PASSWORD, (scope.text, person.text))
        if row is None:
            return None
        earlier = msgspec.json.decode(row[2], type=tuple[str, ...])
        return PasswordRecord(person, row[0], row[1], earlier)

    def passkeys(self, scope: Scope) -> Sequence[Passkey]:
        """All passkeys of all persons."""
        text = _PASSKEY + " ORDER BY person, created_at_us, credential_id"
        return [_passkey(row) for row in self._reader.rows(text, (scope.text,))]

    def passkeys_of(self, scope: Scope, person: PersonId) -> Sequence[Passkey]:
        """Passkeys of one person, oldest first."""
        text = _PASSKEY + " AND person = ? ORDER BY created_at_us, credential_id"
        return [_passkey(row) for row in self._reader.rows(text, (scope.text, person.text))]

    def passkey(self, scope: Scope, credential_id: bytes) -> Passkey | None:
        """The passkey with that credential id."""
        row = self._reader.one(_PASSKEY + " AND credential_id = ?", (scope.text, credential_id))
        return _passkey(row) if row else None

    def totp(self, scope: Scope, person: PersonId) -> TotpSeed | None:
        """The person's TOTP seed."""
        row = self._reader.one(_TOTP, (scope.text, person.text))
        return TotpSeed(person, row[0], row[1], bool(row[2]), row[3]) if row else None

    def recovery_codes(self, scope: Scope, person: PersonId) -> Sequence[bytes]:
        """Digests of the codes that are left."""
        return [row[0] for row in self._reader.rows(_CODES, (scope.text, person.text))]

    def link(self, scope: Scope, digest: bytes) -> Link | None:
        """The link with that digest."""
        row = self._reader.one(_LINK, (scope.text, digest))
        return Link(digest, scope, PersonId(row[0]), row[1], row[2], row[3]) if row else None

    def spent(self, scope: Scope, purpose: str, digest: bytes) -> bool:
        """Whether a one-time thing was used."""
        return self._reader.one(_SPENT, (scope.text, purpose, digest)) is not None

    def session_by_token(self, token_digest: bytes) -> Session | None:
        """The session of a token."""
        row = self._reader.one(_SESSION + " WHERE token_digest = ?", (token_digest,))
        return _session(row) if row else None

    def session(self, scope: Scope, session: SessionId) -> Session | None:
        """The session with that public id."""
        text = _SESSION + " WHERE scope = ? AND session = ?"
        row = self._reader.one(text, (scope.text, session.text))
        return _session(row) if row else None

    def sessions_of(self, scope: Scope, person: PersonId) -> Sequence[Session]:
        """Sessions that were not revoked, newest first."""
        text = (
            _SESSION + " WHERE scope = ? AND person = ? AND revoked_at_us IS NULL"
            " ORDER BY created_at_us DESC, session LIMIT ?"
        )
        rows = self._reader.rows(text, (scope.text, person.text, SESSIONS_LIMIT))
        return [_session(row) for row in rows]


def _account(row: Row) -> Account:
    scope, person, state, *rest = row
    return Account(Scope.parse(scope), PersonId(person), AccountState(state), *rest)


def _grant(row: Row) -> RoleGrant:
    person, role, by, at_us, expires_at_us = row
    return RoleGrant(PersonId(person), role, PersonId(by) if by else None, at_us, expires_at_us)


def _passkey(row: Row) -> Passkey:
    credential_id, person, *rest = row
    return Passkey(credential_id, PersonId(person), *rest)


def _session(row: Row) -> Session:
    session, digest, scope, person, kind, methods, *rest = row
    return Session(
        SessionId(session),
        digest,
        Scope.parse(scope),
        PersonId(person),
        SessionKind(kind),
        tuple(methods.split()),
        *rest,
    )
