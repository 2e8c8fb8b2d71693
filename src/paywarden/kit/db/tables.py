"""Tables of kit as SQLAlchemy Core: the single source of the schema.

Guards: migrations and hot statements are compared with these tables in the tests. Loaded only by
migrations and tests; the hot process never imports SQLAlchemy. Layout, measured in
docs/decisions/0002: integer primary keys that grow (rows land on the last page), no secondary index
on the hot path but the one that a look-up needs. Tables in `APPEND_ONLY` carry triggers that refuse
update and delete; on our connections (`recursive_triggers`) that covers REPLACE too. A trigger on
insert would cover it for every program, at 7 microseconds a row: the log's chain shows it instead.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at_us", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("at_us", sa.Integer, nullable=False),
    sa.Column("detail", sa.LargeBinary, nullable=False),
    sa.Column("personal", sa.LargeBinary),
    sa.Column("sealed", sa.LargeBinary),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("at_us", sa.Integer),
    sqlite_autoincrement=True,
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("key_digest", sa.LargeBinary, primary_key=True),
    sa.Column("body_digest", sa.LargeBinary, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("answer", sa.LargeBinary, nullable=False),
    sa.Column("expires_at_us", sa.Integer, nullable=False),
    sa.Index("idempotency_expiry", "expires_at_us"),
)

APPEND_ONLY = ("journal", "audit_log")
