"""Roll-outs of rulesets: their plan, where they stand, what they counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "decision_0003"
down_revision = "decision_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rollouts",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("rollout_id", sa.Text, primary_key=True),
        sa.Column("active", sa.Integer, nullable=False),
        sa.Column("created_at_us", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("rollouts_active", "rollouts", ["active"])
