"""Tables of webhooks: endpoints lie in the log's database, deliveries in the worker's own."""

from __future__ import annotations

import sqlalchemy as sa

endpoints_metadata = sa.MetaData()
deliveries_metadata = sa.MetaData()

webhook_endpoints = sa.Table(
    "webhook_endpoints",
    endpoints_metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("events", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("merchant", sa.Text),
    sa.Column("secrets", sa.LargeBinary, nullable=False),
    sa.Column("created_at_us", sa.Integer, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("disabled", sa.Integer, nullable=False),
    sa.Index("webhook_endpoints_scope", "scope", "id"),
)

webhook_cursor = sa.Table(
    "webhook_cursor",
    deliveries_metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
)

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    deliveries_metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("created_at_us", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at_us", sa.Integer),
    sa.Index("webhook_deliveries_due", "due_at_us", sqlite_where=sa.text("due_at_us IS NOT NULL")),
    sa.Index("webhook_deliveries_endpoint", "endpoint", "id"),
    sqlite_autoincrement=True,
)

webhook_attempts = sa.Table(
    "webhook_attempts",
    deliveries_metadata,
    sa.Column("delivery", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at_us", sa.Integer, nullable=False),
    sa.Column("took_ms", sa.Integer, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("fault", sa.Text),
)

webhook_stopped = sa.Table(
    "webhook_stopped",
    deliveries_metadata,
    sa.Column("endpoint", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at_us", sa.Integer, nullable=False),
)
