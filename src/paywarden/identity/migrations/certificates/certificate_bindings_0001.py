"""Which client certificates an API key must come with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "certificate_bindings_0001"
down_revision = None
branch_labels = ("certificate_bindings",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificate_bindings",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("thumbprint", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("bound_at_us", sa.Integer, nullable=False),
    )
