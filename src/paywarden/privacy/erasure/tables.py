"""Table of erasures as SQLAlchemy Core."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("key_id", sa.LargeBinary, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("erased_at_us", sa.Integer, nullable=False),
    sa.Index("erasures_subject", "scope", "subject", "erased_at_us"),
    sqlite_with_rowid=False,
)
