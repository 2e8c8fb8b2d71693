"""Tables of approvals as SQLAlchemy Core."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("approval_id", sa.Text, primary_key=True),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("payload_hash", sa.LargeBinary, nullable=False),
    sa.Column("payload", sa.LargeBinary),
    sa.Column("maker", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created_at_us", sa.Integer, nullable=False),
    sa.Column("expires_at_us", sa.Integer, nullable=False),
)
approval_steps = sa.Table(
    "approval_steps",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("approval_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("ends", sa.Integer, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("at_us", sa.Integer, nullable=False),
    sa.Column("method", sa.Text),
    sa.Column("assertion", sa.LargeBinary),
    sa.Column("reason", sa.Text, nullable=False),
)
sa.Index(
    "approval_ends",
    approval_steps.c.scope,
    approval_steps.c.approval_id,
    unique=True,
    sqlite_where=approval_steps.c.ends == 1,
)
