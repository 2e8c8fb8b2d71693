"""Alerts and their groups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "aml_alerts_0001"
down_revision = None
branch_labels = ("aml_alerts",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "aml_alerts",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("entity_kind", sa.Text, nullable=False),
        sa.Column("entity_id", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("threshold", sa.Float, nullable=False),
        sa.Column("interdicted", sa.Integer, nullable=False),
        sa.Column("at_us", sa.Integer, nullable=False),
        sa.Column("raised_at_us", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("announced", sa.Integer, nullable=False),
    )
    op.create_index("aml_alerts_id", "aml_alerts", ["scope", "id"], unique=True)
    op.create_index("aml_alerts_group", "aml_alerts", ["scope", "group_id", "number"])
    quiet = ["scope", "entity_kind", "entity_id", "subject", "at_us"]
    op.create_index("aml_alerts_quiet", "aml_alerts", quiet)
    op.create_index("aml_alerts_page", "aml_alerts", ["scope", "number"])
    op.create_table(
        "aml_alert_groups",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("group_id", sa.Text, primary_key=True),
        sa.Column("entity_kind", sa.Text, nullable=False),
        sa.Column("entity_id", sa.Text, nullable=False),
        sa.Column("alerts", sa.Integer, nullable=False),
        sa.Column("interdicted", sa.Integer, nullable=False),
        sa.Column("highest", sa.Float, nullable=False),
        sa.Column("first_at_us", sa.Integer, nullable=False),
        sa.Column("last_at_us", sa.Integer, nullable=False),
        sa.Column("last_number", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("aml_alert_groups_page", "aml_alert_groups", ["scope", "last_number"])
