"""A decision knows the place of its leaf in the audit log, for receipts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "decision_0002"
down_revision = "decision_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decisions", sa.Column("leaf", sa.Integer))
