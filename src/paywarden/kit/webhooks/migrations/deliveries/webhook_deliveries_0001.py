"""Deliveries of webhooks: cursor, deliveries, attempts, endpoints that were stopped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "webhook_deliveries_0001"
down_revision = None
branch_labels = ("webhook_deliveries",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_cursor",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at_us", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at_us", sa.Integer),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "webhook_deliveries_due",
        "webhook_deliveries",
        ["due_at_us"],
        sqlite_where=sa.text("due_at_us IS NOT NULL"),
    )
    op.create_index("webhook_deliveries_endpoint", "webhook_deliveries", ["endpoint", "id"])
    op.create_table(
        "webhook_attempts",
        sa.Column("delivery", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at_us", sa.Integer, nullable=False),
        sa.Column("took_ms", sa.Integer, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("fault", sa.Text),
    )
    op.create_table(
        "webhook_stopped",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at_us", sa.Integer, nullable=False),
    )
