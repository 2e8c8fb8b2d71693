"""What other rooms may ask of identity, and what identity asks of others.

`Roster` is the view for approvals and permissions: who is active, which roles were granted by whom
and when, which passkeys can sign. Roles are opaque words here: the table of roles and permissions
belongs to those who implement `RoleTable`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from paywarden.core.identifiers import PersonId, SessionId
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.identity.changes import Change
from paywarden.identity.model import (
    Account,
    Link,
    Member,
    Passkey,
    PasswordRecord,
    RoleGrant,
    Session,
    TotpSeed,
)
from paywarden.kit.db.unit import UnitOfWork


class Roster(Protocol):
    """Persons of a tenant and environment; every answer is as of now."""

    def member(self, scope: Scope, person: PersonId) -> Member | None:
        """One person with live grants (grantor and time) and passkeys (COSE key, sign count)."""
        ...

    def members(self, scope: Scope) -> Sequence[Member]:
        """All persons, also inactive ones, by person id."""
        ...

    def established(self, scope: Scope) -> bool:
        """Whether three active persons with passkeys hold the roles that approvals need."""
        ...

    def stage_passkey_use(
        self, unit: UnitOfWork, scope: Scope, credential_id: bytes, sign_count: int
    ) -> None:
        """Add to `unit` that a passkey signed with this count; for assertions checked elsewhere."""
        ...


class Grants(Protocol):
    """Changing roles, in the unit of work of the approval that allowed it."""

    def stage_grant(self, unit: UnitOfWork, scope: Scope, grant: RoleGrant) -> None:
        """Add a grant (or a new term of one); ends the person's sessions."""
        ...

    def stage_withdrawal(self, unit: UnitOfWork, scope: Scope, person: PersonId, role: str) -> None:
        """End a grant now; ends the person's sessions."""
        ...


class RoleTable(Protocol):
    """What roles may do."""

    def permissions_of(
        self, roles: Collection[str], environment: Environment, verified_at_us: int, now_us: int
    ) -> tuple[frozenset[str], frozenset[str]]:
        """(what a person may use now, what needs a fresh proof first); unknown roles: nothing."""
        ...

    def knows(self, role: str) -> bool:
        """Whether such a role exists."""
        ...


class Records(Protocol):
    """Stored accounts, credentials and sessions. Reads see every unit whose future is done."""

    def stage(self, unit: UnitOfWork, change: Change) -> None:
        """Add a change to `unit`; a Conflict shows when the unit is committed."""
        ...

    def account(self, scope: Scope, person: PersonId) -> Account | None:
        """The account of a person."""
        ...

    def account_by_login(self, scope: Scope, login_digest: bytes) -> Account | None:
        """The account with that login name."""
        ...

    def accounts(self, scope: Scope) -> Sequence[Account]:
        """All accounts by person id (at most 10,000)."""
        ...

    def grants(self, scope: Scope) -> Sequence[RoleGrant]:
        """All grants of all persons, expired ones too."""
        ...

    def grants_of(self, scope: Scope, person: PersonId) -> Sequence[RoleGrant]:
        """Grants of one person, expired ones too, by role."""
        ...

    def password(self, scope: Scope, person: PersonId) -> PasswordRecord | None:
        """The person's password hashes."""
        ...

    def passkeys(self, scope: Scope) -> Sequence[Passkey]:
        """All passkeys of all persons."""
        ...

    def passkeys_of(self, scope: Scope, person: PersonId) -> Sequence[Passkey]:
        """Passkeys of one person, oldest first."""
        ...

    def passkey(self, scope: Scope, credential_id: bytes) -> Passkey | None:
        """The passkey with that credential id."""
        ...

    def totp(self, scope: Scope, person: PersonId) -> TotpSeed | None:
        """The person's TOTP seed, confirmed or not."""
        ...

    def recovery_codes(self, scope: Scope, person: PersonId) -> Sequence[bytes]:
        """Digests of the codes that are left."""
        ...

    def link(self, scope: Scope, digest: bytes) -> Link | None:
        """The link with that digest, used or not, expired or not."""
        ...

    def spent(self, scope: Scope, purpose: str, digest: bytes) -> bool:
        """Whether a one-time thing was used."""
        ...

    def session_by_token(self, token_digest: bytes) -> Session | None:
        """The session of a token; tenant and environment follow from it."""
        ...

    def session(self, scope: Scope, session: SessionId) -> Session | None:
        """The session with that public id."""
        ...

    def sessions_of(self, scope: Scope, person: PersonId) -> Sequence[Session]:
        """Sessions of a person that were not revoked, newest first (at most 100)."""
        ...


class Committer(Protocol):
    """Writes units of work; `Writer` is one."""

    async def commit(self, unit: UnitOfWork) -> None:
        """Return when the unit is durable. Errors: Conflict, Unavailable."""
        ...

    def submit(self, unit: UnitOfWork) -> Future[None]:
        """Queue the unit; the future is done when it is durable."""
        ...


@dataclass(frozen=True, slots=True)
class Proven:
    """What a way of signing in has proved: who, by which methods, and whether that is two factors.

    A provider elsewhere (OpenID Connect) may say `multi_factor` only from verified `acr` or `amr`
    claims, which it puts here for the record; otherwise a local second factor follows. `changes`
    go into the unit that opens the session.
    """

    person: PersonId
    methods: tuple[str, ...]
    multi_factor: bool
    changes: tuple[Change, ...] = ()
    acr: str | None = None
    amr: tuple[str, ...] = ()


class SignInProvider(Protocol):
    """A way of signing in; `given` is what the browser sent, all text."""

    @property
    def name(self) -> str:
        """Word for the audit log."""
        ...

    async def prove(self, scope: Scope, given: Mapping[str, Secret[str]]) -> Proven:
        """Who it is. Errors: NotAuthenticated `sign_in_refused`, the same for every cause."""
        ...


class PasswordHashing(Protocol):
    """Costly work on passwords, away from everything else; see `hashing_process`."""

    async def hash(self, password: Secret[str]) -> str:
        """Argon2id hash in PHC form. Errors: LimitExceeded, Unavailable."""
        ...

    async def verify(self, encoded: str, password: Secret[str]) -> bool:
        """Whether the password belongs to the hash."""
        ...

    async def strength(self, password: Secret[str], words: Sequence[str]) -> int:
        """zxcvbn's score, 0 to 4, knowing the person's own `words`."""
        ...

    async def close(self) -> None:
        """End what does the work."""
        ...
