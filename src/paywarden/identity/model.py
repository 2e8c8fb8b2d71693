"""Persons, their roles, credentials and sessions as values; nothing here reads or writes.

Guards: who counts as active, locked or live at an instant is decided here and nowhere else. One
person has at most one account per tenant and environment; the same `PersonId` may have one in each.
States of an account: invited -> active -> disabled; `locked` is active with a lock that
has not run out (PCI DSS 4.0.1, 8.3.4), so no job has to end it.
Sessions: a session of kind `first_factor` or `enrolment` never becomes `full`; signing in opens a
new one. Source of the figures: PCI DSS 4.0.1, 8.2.8 (15 minutes idle) and 8.3.4.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from paywarden.core.identifiers import PersonId, SessionId
from paywarden.core.instants import HOUR_US, MINUTE_US
from paywarden.core.scope import Scope

FAILURES_LIMIT: Final = 10
LOCK_US: Final = 30 * MINUTE_US
IDLE_US: Final = 15 * MINUTE_US
RECENT_US: Final = 5 * MINUTE_US
"""How long after proving all factors a session may change credentials (8.3.3)."""


class AccountState(enum.StrEnum):
    """Where an account stands."""

    INVITED = "invited"
    ACTIVE = "active"
    LOCKED = "locked"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account; the personal fields lie in `sealed`, found again by keyed digests.

    `state` is never `locked` in the store: `state_at` tells that.
    """

    scope: Scope
    person: PersonId
    state: AccountState
    login_digest: bytes
    skeleton_digest: bytes
    email_digest: bytes
    sealed: bytes
    created_at_us: int
    failures: int = 0
    locked_until_us: int = 0
    last_sign_in_us: int | None = None
    enabled_at_us: int | None = None

    @property
    def active_at_us(self) -> int:
        """When it was last used: a sign-in, or its making or re-enabling if that came later."""
        return max(self.created_at_us, self.last_sign_in_us or 0, self.enabled_at_us or 0)

    def state_at(self, now_us: int) -> AccountState:
        """The state at an instant, a lock included."""
        if self.state is AccountState.ACTIVE and self.locked_until_us > now_us:
            return AccountState.LOCKED
        return self.state


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """A role of a person: who gave it, when, until when. `granted_by` None: the first set-up."""

    person: PersonId
    role: str
    granted_by: PersonId | None
    granted_at_us: int
    expires_at_us: int | None = None

    def live_at(self, now_us: int) -> bool:
        """Whether the grant counts at an instant."""
        return self.expires_at_us is None or self.expires_at_us > now_us


@dataclass(frozen=True, slots=True)
class Passkey:
    """A WebAuthn credential of a person; `public_key` is a COSE key, `transports` is for options.

    `sign_count` is the last one seen; an authenticator that keeps none always says 0.
    """

    credential_id: bytes
    person: PersonId
    name: str
    public_key: bytes
    sign_count: int
    created_at_us: int
    last_used_us: int | None = None
    transports: str = ""


@dataclass(frozen=True, slots=True)
class PasswordRecord:
    """Argon2id hashes in their PHC form: the present one, and up to three before it (8.3.7)."""

    person: PersonId
    encoded: str
    set_at_us: int
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TotpSeed:
    """A sealed TOTP seed; it counts only once a code has confirmed it.

    `last_step` is the newest 30-second step whose code was accepted; no older one is ever again.
    """

    person: PersonId
    sealed: bytes
    made_at_us: int
    confirmed: bool
    last_step: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link to enrol: only the keyed digest of its token is kept."""

    digest: bytes
    scope: Scope
    person: PersonId
    made_by: str
    made_at_us: int
    expires_at_us: int


class SessionKind(enum.StrEnum):
    """What a session is for; only `full` stands for all factors."""

    ENROLMENT = "enrolment"
    FIRST_FACTOR = "first_factor"
    FULL = "full"


SESSION_LIFE_US: Final = {
    SessionKind.ENROLMENT: HOUR_US,
    SessionKind.FIRST_FACTOR: 5 * MINUTE_US,
    SessionKind.FULL: 8 * HOUR_US,
}


@dataclass(frozen=True, slots=True)
class Session:
    """A session as stored: never its token, only a digest. `methods` name the factors proved."""

    session: SessionId
    token_digest: bytes
    scope: Scope
    person: PersonId
    kind: SessionKind
    methods: tuple[str, ...]
    auth_at_us: int
    created_at_us: int
    last_seen_us: int
    ends_at_us: int
    revoked_at_us: int | None = None

    def live_at(self, now_us: int, last_seen_us: int) -> bool:
        """Whether it may be used: not revoked, not idle for 15 minutes, not over its life."""
        if self.revoked_at_us is not None or now_us >= self.ends_at_us:
            return False
        return now_us - last_seen_us < IDLE_US

    def recent_at(self, now_us: int) -> bool:
        """Whether all factors were proved a short while ago."""
        return now_us - self.auth_at_us <= RECENT_US


@dataclass(frozen=True, slots=True)
class Member:
    """A person as other rooms see one: active or not, live grants, passkeys."""

    person: PersonId
    active: bool
    grants: tuple[RoleGrant, ...]
    passkeys: tuple[Passkey, ...]

    @property
    def roles(self) -> frozenset[str]:
        """Names of the live grants."""
        return frozenset(grant.role for grant in self.grants)


def established(members: Iterable[Member], needed_roles: Iterable[str], persons: int) -> bool:
    """Whether enough active persons with passkeys exist, and together hold every needed role."""
    able = [member for member in members if member.active and member.passkeys]
    held = frozenset[str]().union(*(member.roles for member in able))
    return len(able) >= persons and held.issuperset(needed_roles)
