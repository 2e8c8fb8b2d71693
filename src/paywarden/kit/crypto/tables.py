"""Tables of the subject key database as SQLAlchemy Core: the single source of its schema.

Guards: no column tells who a subject is; `subject` is a keyed digest, and `erased_keys` names keys,
not people. Loaded only by migrations and tests.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

subject_keys = sa.Table(
    "subject_keys",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("subject", sa.LargeBinary, primary_key=True),
    sa.Column("key_id", sa.LargeBinary, nullable=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

erased_keys = sa.Table(
    "erased_keys",
    metadata,
    sa.Column("key_id", sa.LargeBinary, primary_key=True),
    sa.Column("erased_at_us", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)
