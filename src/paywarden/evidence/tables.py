"""Tables of the evidence room as SQLAlchemy Core: the single source of their schema.

Guards: one checkpoint per log and size for ever (the primary key refuses a second root),
checkpoints and origins are never changed (triggers). Loaded by migrations and tests only.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

log_origins = sa.Table(
    "log_origins",
    metadata,
    sa.Column("first_index", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("origin", sa.Text, nullable=False, unique=True),
)

log_checkpoints = sa.Table(
    "log_checkpoints",
    metadata,
    sa.Column("size", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("origin", sa.Text, primary_key=True),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("at_us", sa.Integer, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

log_cosignatures = sa.Table(
    "log_cosignatures",
    metadata,
    sa.Column("size", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("origin", sa.Text, primary_key=True),
    sa.Column("witness", sa.Text, primary_key=True),
    sa.Column("line", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

APPEND_ONLY = ("log_origins", "log_checkpoints", "log_cosignatures")
