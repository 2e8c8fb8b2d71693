"""Tables of client keys and accepted signatures as SQLAlchemy Core.

Layout: accepted signatures are appended (rows land on the last page) and swept from the front;
nothing looks them up but the start, which reads those still live, so there is no second index.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

client_keys = sa.Table(
    "client_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("api_key_id", sa.Text),
    sa.Column("merchant", sa.Text),
    sa.Column("algorithm", sa.Text, nullable=False),
    sa.Column("public", sa.LargeBinary),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("created_at_us", sa.Integer, nullable=False),
    sa.Column("expires_at_us", sa.Integer),
    sa.Column("revoked_at_us", sa.Integer),
    sa.Column("client_id", sa.Text),
    sa.Column("key_version", sa.Integer),
    sa.Column("routes", sa.Text),
    sa.UniqueConstraint("scope", "client_id", "key_version"),
)

signing_required = sa.Table(
    "signing_required",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("api_key_id", sa.Text, primary_key=True),
)

accepted_signatures = sa.Table(
    "accepted_signatures",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("keep_until_us", sa.Integer, nullable=False),
)
