"""Audit events get commitments to personal details, and their sealed values beside them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "kit_0004"
down_revision = "kit_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_log", sa.Column("personal", sa.LargeBinary))
    op.add_column("audit_log", sa.Column("sealed", sa.LargeBinary))
