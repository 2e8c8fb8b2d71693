"""Verdicts, which are ended and never taken back, and how far re-screening is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "screening_verdicts_0001"
down_revision = None
branch_labels = ("screening_verdicts",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "screening_verdicts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("party_key", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("word", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decision_seq", sa.Integer, nullable=False),
        sa.Column("decided_at_us", sa.Integer, nullable=False),
        sa.Column("expires_at_us", sa.Integer, nullable=True),
        sa.Column("ended_at_us", sa.Integer, nullable=True),
        sa.Column("ended_by", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("screening_verdicts_scope", "screening_verdicts", ["scope", "id"])
    op.create_table(
        "screening_positions",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("change", sa.Text, primary_key=True),
        sa.Column("position", sa.Text, nullable=False),
        sa.Column("parties", sa.Integer, nullable=False),
        sa.Column("hits", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(
        "CREATE TRIGGER screening_verdicts_no_delete BEFORE DELETE ON screening_verdicts"
        " BEGIN SELECT RAISE(ABORT, 'verdicts are kept'); END"
    )
