"""Access reviews and their items."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "access_reviews_0001"
down_revision = None
branch_labels = ("access_reviews",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_reviews",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("review", sa.Text, primary_key=True),
        sa.Column("occasion", sa.Text, nullable=False),
        sa.Column("covers", sa.Text, nullable=False),
        sa.Column("opened_by", sa.Text, nullable=False),
        sa.Column("opened_at_us", sa.Integer, nullable=False),
        sa.Column("due_at_us", sa.Integer, nullable=False),
        sa.Column("snapshot_sha256", sa.LargeBinary, nullable=False),
        sa.Column("told_at_us", sa.Integer),
        sa.Column("closed_at_us", sa.Integer),
        sa.Column("closed_by", sa.Text),
        sa.Column("evidence", sa.LargeBinary),
    )
    op.create_index("access_reviews_open", "access_reviews", ["closed_at_us", "due_at_us"])
    op.create_table(
        "access_review_items",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("review", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("snapshot", sa.LargeBinary, nullable=False),
        sa.Column("verdict", sa.Text),
        sa.Column("decided_by", sa.Text),
        sa.Column("decided_at_us", sa.Integer),
        sa.Column("reason", sa.Text),
        sa.Column("approval", sa.Text),
        sa.Column("done_at_us", sa.Integer),
    )
    op.execute(
        "CREATE TRIGGER access_review_items_no_delete BEFORE DELETE ON access_review_items"
        " BEGIN SELECT RAISE(ABORT, 'access_review_items keep everything'); END"
    )
    op.execute(
        "CREATE TRIGGER access_review_items_frozen BEFORE UPDATE OF snapshot"
        " ON access_review_items"
        " BEGIN SELECT RAISE(ABORT, 'what was reviewed is never changed'); END"
    )
