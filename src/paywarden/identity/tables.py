"""Tables of the identity room as SQLAlchemy Core."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()


def _key(name: str, kind: type[sa.Text | sa.LargeBinary] = sa.Text) -> sa.Column[object]:
    return sa.Column(name, kind, primary_key=True)


def _text(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text, nullable=null)


def _octets(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _number(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Integer, nullable=null)


api_keys = sa.Table(
    "api_keys",
    metadata,
    _key("key_id"),
    _text("scope"),
    _text("role"),
    _octets("digest"),
    _number("created_at_us"),
    _text("merchant", null=True),
    _number("expires_at_us", null=True),
    _number("revoked_at_us", null=True),
    sa.Column("owner", sa.Text, nullable=False, server_default=""),
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    _number("last_used_at_us", null=True),
    sa.Column("outside_check", sa.LargeBinary),
)

accounts = sa.Table(
    "accounts",
    metadata,
    _key("scope"),
    _key("person"),
    _text("state"),
    _octets("login_digest"),
    _octets("skeleton_digest"),
    _octets("email_digest"),
    _octets("sealed"),
    _number("created_at_us"),
    _number("failures"),
    _number("locked_until_us"),
    _number("last_sign_in_us", null=True),
    _number("enabled_at_us", null=True),
    sa.Index("accounts_login", "scope", "login_digest", unique=True),
    sa.Index("accounts_skeleton", "scope", "skeleton_digest", unique=True),
    sa.Index("accounts_email", "scope", "email_digest", unique=True),
)

role_grants = sa.Table(
    "role_grants",
    metadata,
    _key("scope"),
    _key("person"),
    _key("role"),
    _text("granted_by", null=True),
    _number("granted_at_us"),
    _number("expires_at_us", null=True),
)

passwords = sa.Table(
    "passwords",
    metadata,
    _key("scope"),
    _key("person"),
    _text("encoded"),
    _number("set_at_us"),
    _text("earlier"),
)

passkeys = sa.Table(
    "passkeys",
    metadata,
    _key("scope"),
    _key("credential_id", sa.LargeBinary),
    _text("person"),
    _text("name"),
    _octets("public_key"),
    _number("sign_count"),
    _number("created_at_us"),
    _number("last_used_us", null=True),
    _text("transports"),
    sa.Index("passkeys_person", "scope", "person"),
)

totp_seeds = sa.Table(
    "totp_seeds",
    metadata,
    _key("scope"),
    _key("person"),
    _octets("sealed"),
    _number("made_at_us"),
    _number("confirmed"),
    _number("last_step"),
)

recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    _key("scope"),
    _key("person"),
    _key("digest", sa.LargeBinary),
)

enrolment_links = sa.Table(
    "enrolment_links",
    metadata,
    _key("scope"),
    _key("digest", sa.LargeBinary),
    _text("person"),
    _text("made_by"),
    _number("made_at_us"),
    _number("expires_at_us"),
)

spent = sa.Table(
    "spent",
    metadata,
    _key("scope"),
    _key("purpose"),
    _key("digest", sa.LargeBinary),
    _number("expires_at_us"),
    sa.Index("spent_expiry", "expires_at_us"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    _key("token_digest", sa.LargeBinary),
    sa.Column("session", sa.Text, nullable=False, unique=True),
    _text("scope"),
    _text("person"),
    _text("kind"),
    _text("methods"),
    _number("auth_at_us"),
    _number("created_at_us"),
    _number("last_seen_us"),
    _number("ends_at_us"),
    _number("revoked_at_us", null=True),
    sa.Index("sessions_person", "scope", "person"),
    sa.Index("sessions_end", "ends_at_us"),
)
