"""The outbox becomes a log with readers' cursors: no due times, no counts of attempts."""

from __future__ import annotations

from alembic import op

revision = "kit_0003"
down_revision = "kit_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("outbox_due", "outbox")
    op.execute("UPDATE outbox SET due_at_us = 0 WHERE due_at_us IS NULL")
    op.execute("ALTER TABLE outbox RENAME COLUMN due_at_us TO at_us")
    op.drop_column("outbox", "attempts")
