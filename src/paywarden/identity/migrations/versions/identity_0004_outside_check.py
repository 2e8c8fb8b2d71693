"""What the card data environment recognises an API key by; older keys get theirs when used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "identity_0004"
down_revision = "identity_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("outside_check", sa.LargeBinary))
