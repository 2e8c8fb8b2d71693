"""Endpoints of webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "webhook_endpoints_0001"
down_revision = None
branch_labels = ("webhook_endpoints",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("merchant", sa.Text),
        sa.Column("secrets", sa.LargeBinary, nullable=False),
        sa.Column("created_at_us", sa.Integer, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("disabled", sa.Integer, nullable=False),
    )
    op.create_index("webhook_endpoints_scope", "webhook_endpoints", ["scope", "id"])
