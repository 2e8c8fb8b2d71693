"""Erasures, which are never taken back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "erasures_0001"
down_revision = None
branch_labels = ("erasures",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("key_id", sa.LargeBinary, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("erased_at_us", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("erasures_subject", "erasures", ["scope", "subject", "erased_at_us"])
    for act in ("DELETE", "UPDATE"):
        op.execute(
            f"CREATE TRIGGER erasures_no_{act.lower()} BEFORE {act} ON erasures"
            " BEGIN SELECT RAISE(ABORT, 'erasures are never taken back'); END"
        )
