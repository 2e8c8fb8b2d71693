"""Who confirmed an item too, where nobody is known to own what it is about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "access_reviews_0002"
down_revision = "access_reviews_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("access_review_items", sa.Column("seconded_by", sa.Text))
