"""Persons, credentials, sessions; owners of API keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "identity_0002"
down_revision = "identity_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("owner", sa.Text, nullable=False, server_default=""))
    op.add_column("api_keys", sa.Column("name", sa.Text, nullable=False, server_default=""))
    op.add_column("api_keys", sa.Column("last_used_at_us", sa.Integer))
    _persons()
    _credentials()
    _one_time()
    _sessions()


def _text(name: str, *, key: bool = False, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=null)


def _octets(name: str, *, key: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.LargeBinary, primary_key=key, nullable=False)


def _number(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Integer, nullable=null)


def _person_key() -> tuple[sa.Column[object], sa.Column[object]]:
    return _text("scope", key=True), _text("person", key=True)


def _persons() -> None:
    op.create_table(
        "accounts",
        *_person_key(),
        _text("state"),
        _octets("login_digest"),
        _octets("skeleton_digest"),
        _octets("email_digest"),
        _octets("sealed"),
        _number("created_at_us"),
        _number("failures"),
        _number("locked_until_us"),
        _number("last_sign_in_us", null=True),
    )
    for name in ("login", "skeleton", "email"):
        op.create_index(f"accounts_{name}", "accounts", ["scope", f"{name}_digest"], unique=True)
    op.create_table(
        "role_grants",
        *_person_key(),
        _text("role", key=True),
        _text("granted_by", null=True),
        _number("granted_at_us"),
        _number("expires_at_us", null=True),
    )


def _credentials() -> None:
    op.create_table(
        "passwords", *_person_key(), _text("encoded"), _number("set_at_us"), _text("earlier")
    )
    op.create_table(
        "passkeys",
        _text("scope", key=True),
        _octets("credential_id", key=True),
        _text("person"),
        _text("name"),
        _octets("public_key"),
        _number("sign_count"),
        _number("created_at_us"),
        _number("last_used_us", null=True),
        _text("transports"),
    )
    op.create_index("passkeys_person", "passkeys", ["scope", "person"])
    op.create_table(
        "totp_seeds",
        *_person_key(),
        _octets("sealed"),
        _number("made_at_us"),
        _number("confirmed"),
        _number("last_step"),
    )


def _one_time() -> None:
    op.create_table("recovery_codes", *_person_key(), _octets("digest", key=True))
    op.create_table(
        "enrolment_links",
        _text("scope", key=True),
        _octets("digest", key=True),
        _text("person"),
        _text("made_by"),
        _number("made_at_us"),
        _number("expires_at_us"),
    )
    op.create_table(
        "spent",
        _text("scope", key=True),
        _text("purpose", key=True),
        _octets("digest", key=True),
        _number("expires_at_us"),
    )
    op.create_index("spent_expiry", "spent", ["expires_at_us"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        _octets("token_digest", key=True),
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
    )
    op.create_index("sessions_person", "sessions", ["scope", "person"])
    op.create_index("sessions_end", "sessions", ["ends_at_us"])
