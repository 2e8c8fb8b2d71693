"""Wrapped subject keys, and the names of destroyed ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "subject_keys_0001"
down_revision = None
branch_labels = ("subject_keys",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subject_keys",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("subject", sa.LargeBinary, primary_key=True),
        sa.Column("key_id", sa.LargeBinary, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "erased_keys",
        sa.Column("key_id", sa.LargeBinary, primary_key=True),
        sa.Column("erased_at_us", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
