"""Tables of alerts as SQLAlchemy Core: the single source of their schema.

`aml_alerts` holds one row per alert, `body` its evidence as MessagePack; `announced` turns to 1 in
the transaction that adds it, once group and message stand. `aml_alert_groups` counts per entity.
Loaded by migrations and tests only.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

aml_alerts = sa.Table(
    "aml_alerts",
    metadata,
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
sa.Index("aml_alerts_id", aml_alerts.c.scope, aml_alerts.c.id, unique=True)
sa.Index("aml_alerts_group", aml_alerts.c.scope, aml_alerts.c.group_id, aml_alerts.c.number)
sa.Index(
    "aml_alerts_quiet",
    aml_alerts.c.scope,
    aml_alerts.c.entity_kind,
    aml_alerts.c.entity_id,
    aml_alerts.c.subject,
    aml_alerts.c.at_us,
)
sa.Index("aml_alerts_page", aml_alerts.c.scope, aml_alerts.c.number)

aml_alert_groups = sa.Table(
    "aml_alert_groups",
    metadata,
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
sa.Index("aml_alert_groups_page", aml_alert_groups.c.scope, aml_alert_groups.c.last_number)
