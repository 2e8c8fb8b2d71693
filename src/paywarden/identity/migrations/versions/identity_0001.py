"""API keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "identity_0001"
down_revision = None
branch_labels = ("identity",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("created_at_us", sa.Integer, nullable=False),
        sa.Column("merchant", sa.Text),
        sa.Column("expires_at_us", sa.Integer),
        sa.Column("revoked_at_us", sa.Integer),
    )
