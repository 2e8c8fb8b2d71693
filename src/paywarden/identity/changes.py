"""What may be written about identity, one value per kind of change.

Guards: use cases say what changes, stores say how; a change goes into the unit of work of the act
that it belongs to. `Spent` is how every one-time thing is used once, in parallel and after a crash:
the second one with the same digest is refused by the store (Conflict), with its whole unit.
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.core.identifiers import PersonId, SessionId
from paywarden.core.scope import Scope
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


@dataclass(frozen=True, slots=True)
class _OfPerson:
    """What changes for one person."""

    scope: Scope
    person: PersonId


@dataclass(frozen=True, slots=True)
class AccountAdded:
    """A new account. Conflict: the person has one, or a login or e-mail like it exists."""

    account: Account


@dataclass(frozen=True, slots=True)
class Enabled(_OfPerson):
    """Active again, with no failures counted; inactivity begins anew."""

    at_us: int


@dataclass(frozen=True, slots=True)
class StateSet(_OfPerson):
    """Invited, active or disabled."""

    state: AccountState


@dataclass(frozen=True, slots=True)
class FailuresSet(_OfPerson):
    """Failures in a row so far, and until when the account is locked (0: it is not)."""

    failures: int
    locked_until_us: int


@dataclass(frozen=True, slots=True)
class SignedIn(_OfPerson):
    """All factors were proved: failures are forgotten."""

    at_us: int


@dataclass(frozen=True, slots=True)
class RoleGranted:
    """A grant, or a new term of the same role."""

    scope: Scope
    grant: RoleGrant


@dataclass(frozen=True, slots=True)
class RoleWithdrawn(_OfPerson):
    """The person holds the role no more."""

    role: str


@dataclass(frozen=True, slots=True)
class PasswordSet:
    """A new password, or the same one hashed with newer parameters."""

    scope: Scope
    record: PasswordRecord


@dataclass(frozen=True, slots=True)
class PasskeyAdded:
    """A new passkey. Conflict: the credential is known."""

    scope: Scope
    passkey: Passkey


@dataclass(frozen=True, slots=True)
class PasskeyUsed:
    """A passkey signed; its count only grows."""

    scope: Scope
    credential_id: bytes
    sign_count: int
    at_us: int


@dataclass(frozen=True, slots=True)
class PasskeyRemoved(_OfPerson):
    """A passkey counts no more."""

    credential_id: bytes


@dataclass(frozen=True, slots=True)
class TotpSet:
    """The person's seed, in place of any before."""

    scope: Scope
    seed: TotpSeed


@dataclass(frozen=True, slots=True)
class TotpUsed(_OfPerson):
    """The last step whose code was accepted; it only grows."""

    step: int


@dataclass(frozen=True, slots=True)
class RecoveryCodesSet(_OfPerson):
    """Digests of the person's recovery codes, in place of all before."""

    digests: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class RecoveryCodeUsed(_OfPerson):
    """A recovery code is gone."""

    digest: bytes


@dataclass(frozen=True, slots=True)
class LinkMade:
    """A one-time link; the person's earlier ones end."""

    link: Link


@dataclass(frozen=True, slots=True)
class Spent:
    """A one-time thing is used. Conflict: it was used before. Forgotten after `expires_at_us`."""

    scope: Scope
    purpose: str
    digest: bytes
    expires_at_us: int


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A new session."""

    session: Session


@dataclass(frozen=True, slots=True)
class SessionSeen:
    """When the session was last used; it only grows."""

    scope: Scope
    session: SessionId
    at_us: int


@dataclass(frozen=True, slots=True)
class SessionRevoked(_OfPerson):
    """One session ends."""

    session: SessionId
    at_us: int


@dataclass(frozen=True, slots=True)
class SessionsRevoked(_OfPerson):
    """All sessions of a person end, but `kept`."""

    at_us: int
    kept: SessionId | None = None


@dataclass(frozen=True, slots=True)
class Swept:
    """What ran out is forgotten, a few hundred rows at a time."""

    now_us: int


Change = (
    AccountAdded | Enabled | StateSet | FailuresSet | SignedIn | RoleGranted | RoleWithdrawn
    | PasswordSet | PasskeyAdded | PasskeyUsed | PasskeyRemoved | TotpSet | TotpUsed
    | RecoveryCodesSet | RecoveryCodeUsed | LinkMade | Spent | SessionOpened | SessionSeen
    | SessionRevoked | SessionsRevoked | Swept
)  # fmt: skip
