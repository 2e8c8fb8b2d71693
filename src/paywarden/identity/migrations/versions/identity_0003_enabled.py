"""When a disabled account was enabled again: its inactivity is counted from there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "identity_0003"
down_revision = "identity_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("enabled_at_us", sa.Integer))
