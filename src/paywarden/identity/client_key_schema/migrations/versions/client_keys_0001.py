"""Client keys, API keys that must sign, accepted signatures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "client_keys_0001"
down_revision = None
branch_labels = ("client_keys",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "client_keys",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("api_key_id", sa.Text),
        sa.Column("merchant", sa.Text),
        sa.Column("algorithm", sa.Text, nullable=False),
        sa.Column("public", sa.LargeBinary),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("created_at_us", sa.Integer, nullable=False),
        sa.Column("expires_at_us", sa.Integer),
        sa.Column("revoked_at_us", sa.Integer),
        sa.Column("client_id", sa.Text),
        sa.Column("key_version", sa.Integer),
        sa.Column("routes", sa.Text),
        sa.UniqueConstraint("scope", "client_id", "key_version"),
    )
    op.create_table(
        "signing_required",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("api_key_id", sa.Text, primary_key=True),
    )
    op.create_table(
        "accepted_signatures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("keep_until_us", sa.Integer, nullable=False),
    )
