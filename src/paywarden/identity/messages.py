"""Wire types of /v1/identity. Secrets in them become `Secret` in the handler's first line."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paywarden.core.instants import format_rfc3339
from paywarden.identity.directory import Listed
from paywarden.identity.model import Session

Text = Annotated[str, Meta(min_length=1, max_length=256)]
Given = Annotated[str, Meta(min_length=1, max_length=1024)]
Env = Literal["test", "live"]


class _Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    pass


class PasswordSignInRequest(_Body, frozen=True):
    """The first factor of those without a passkey."""

    environment: Env
    login: Text
    password: Given


class EnvironmentRequest(_Body, frozen=True):
    """Where to sign in."""

    environment: Env


class PasskeySignInRequest(_Body, frozen=True):
    """What `navigator.credentials.get` gave, as its `toJSON()`."""

    environment: Env
    credential: dict[str, Any]


class RecoveryRequest(_Body, frozen=True):
    """One of the ten recovery codes."""

    environment: Env
    login: Text
    code: Text


class LinkRequest(_Body, frozen=True):
    """The token of a one-time link."""

    environment: Env
    token: Text


class CodeRequest(_Body, frozen=True):
    """A one-time code of an authenticator."""

    code: Text


class CredentialRequest(_Body, frozen=True):
    """What `navigator.credentials.get` gave, as its `toJSON()`."""

    credential: dict[str, Any]


class NewPasskeyRequest(_Body, frozen=True):
    """What `navigator.credentials.create` gave, as its `toJSON()`, and the person's name for it."""

    name: Text
    credential: dict[str, Any]


class NewPasswordRequest(_Body, frozen=True):
    """A password to come."""

    password: Given


class InviteRequest(_Body, frozen=True):
    """A person to come; `person` when the same human has an account in the other environment."""

    login: Text
    display_name: Text
    email: Text
    person: Annotated[str, Meta(max_length=40)] = ""


class SignedIn(msgspec.Struct, frozen=True):
    """Where signing in stands; the session itself is in the cookie."""

    person: str
    kind: Literal["enrolment", "first_factor", "full"]
    methods: list[str]
    ends_at: str


class CeremonyOptions(msgspec.Struct, frozen=True, rename={"public_key": "publicKey"}):
    """Options for `navigator.credentials`, in WebAuthn's JSON form."""

    public_key: dict[str, Any]


class Me(msgspec.Struct, frozen=True):
    """Who I am, and what this session may do."""

    person: str
    login: str
    display_name: str
    environment: str
    kind: str
    permissions: list[str]
    auth_at: str
    ends_at: str


class SessionView(msgspec.Struct, frozen=True):
    """One of my sessions."""

    id: str
    kind: str
    methods: list[str]
    created_at: str
    last_seen_at: str
    ends_at: str
    current: bool


class SessionList(msgspec.Struct, frozen=True):
    """My live sessions, newest first."""

    items: list[SessionView]


class PasskeyView(msgspec.Struct, frozen=True):
    """One of my passkeys."""

    id: str
    name: str
    created_at: str
    last_used_at: str | None


class FactorsView(msgspec.Struct, frozen=True):
    """What I can sign in with."""

    passkeys: list[PasskeyView]
    password_set_at: str | None
    totp: bool
    recovery_codes_left: int


class TotpBegun(msgspec.Struct, frozen=True):
    """A new seed, shown this once."""

    secret: str
    uri: str


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Ten codes, shown this once."""

    codes: list[str]


class Finished(msgspec.Struct, frozen=True):
    """It is done."""

    done: bool = True


class GrantView(msgspec.Struct, frozen=True):
    """A role of a person."""

    role: str
    granted_by: str | None
    granted_at: str
    expires_at: str | None


class PersonView(msgspec.Struct, frozen=True):
    """A person as security officers see one."""

    person: str
    login: str
    display_name: str
    email: str
    state: str
    created_at: str
    last_sign_in_at: str | None
    roles: list[GrantView]


class PersonList(msgspec.Struct, frozen=True):
    """All persons of the tenant and environment."""

    items: list[PersonView]
    established: bool


class Invited(msgspec.Struct, frozen=True):
    """A one-time link, shown this once, valid for 24 hours."""

    person: str
    link: str


def instant(at_us: int | None) -> str | None:
    """RFC 3339 text of an instant that may be missing."""
    return None if at_us is None else format_rfc3339(at_us)


def signed_in(session: Session) -> SignedIn:
    """Wire form of a fresh session."""
    return SignedIn(
        session.person.text,
        session.kind.value,
        list(session.methods),
        format_rfc3339(session.ends_at_us),
    )


def link_text(origin: str, environment: str, token: str) -> str:
    """A link whose token stands behind `#`, so that no server or proxy logs it."""
    return f"{origin}/sign-in#{environment}:{token}"


def person_view(one: Listed, now_us: int) -> PersonView:
    """Wire form of a listed person."""
    account, profile = one.account, one.profile
    return PersonView(
        account.person.text,
        profile.login,
        profile.display_name,
        profile.email,
        account.state_at(now_us).value,
        format_rfc3339(account.created_at_us),
        instant(account.last_sign_in_us),
        [
            GrantView(
                grant.role,
                grant.granted_by.text if grant.granted_by else None,
                format_rfc3339(grant.granted_at_us),
                instant(grant.expires_at_us),
            )
            for grant in one.grants
        ],
    )
