"""Requests for approval and their steps; a request ends once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "approvals_0001"
down_revision = None
branch_labels = ("approvals",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("approval_id", sa.Text, primary_key=True),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("payload_hash", sa.LargeBinary, nullable=False),
        sa.Column("payload", sa.LargeBinary),
        sa.Column("maker", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at_us", sa.Integer, nullable=False),
        sa.Column("expires_at_us", sa.Integer, nullable=False),
    )
    op.create_table(
        "approval_steps",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("approval_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("ends", sa.Integer, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at_us", sa.Integer, nullable=False),
        sa.Column("method", sa.Text),
        sa.Column("assertion", sa.LargeBinary),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index(
        "approval_ends",
        "approval_steps",
        ["scope", "approval_id"],
        unique=True,
        sqlite_where=sa.text("ends = 1"),
    )
    for table in ("approval_steps",):
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
