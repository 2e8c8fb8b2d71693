"""Tables of the identity room as SQLAlchemy Core."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("created_at_us", sa.Integer, nullable=False),
    sa.Column("merchant", sa.Text),
    sa.Column("expires_at_us", sa.Integer),
    sa.Column("revoked_at_us", sa.Integer),
)
