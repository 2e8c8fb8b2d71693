"""Tables of the decision room as SQLAlchemy Core: the single source of their schema.

`decisions` is narrow on purpose: the record itself is the log entry of the same `seq`; this table
only serves lists. `identities` finds events and continuations by their id (attempts of payments
are found in memory). `control` names the rare entries (policy, lists), so a start need not scan.
`rollouts` holds plans and counts of roll-outs.
Loaded by migrations and tests only.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("outcome", sa.Integer, nullable=False),
    sa.Column("payment_id", sa.Text, nullable=False),
    sa.Column("merchant", sa.Text),
    sa.Column("at_us", sa.Integer, nullable=False),
    sa.Column("leaf", sa.Integer),
)

control = sa.Table(
    "control",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
)

identities = sa.Table(
    "identities",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("digest", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

rulesets = sa.Table(
    "rulesets",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("rules", sa.Integer, nullable=False),
    sa.Column("files", sa.LargeBinary, nullable=False),
    sa.Column("created_at_us", sa.Integer, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
)

rollouts = sa.Table(
    "rollouts",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("rollout_id", sa.Text, primary_key=True),
    sa.Column("active", sa.Integer, nullable=False),
    sa.Column("created_at_us", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("rollouts_active", "active"),
)
