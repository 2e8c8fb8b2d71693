"""Decisions, control entries, rulesets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "decision_0001"
down_revision = None
branch_labels = ("decision",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("outcome", sa.Integer, nullable=False),
        sa.Column("payment_id", sa.Text, nullable=False),
        sa.Column("merchant", sa.Text),
        sa.Column("at_us", sa.Integer, nullable=False),
    )
    op.create_table(
        "control",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
    )
    op.create_table(
        "identities",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("digest", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rulesets",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("rules", sa.Integer, nullable=False),
        sa.Column("files", sa.LargeBinary, nullable=False),
        sa.Column("created_at_us", sa.Integer, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
    )
