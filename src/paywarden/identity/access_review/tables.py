"""Tables of access reviews as SQLAlchemy Core."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()


def _text(name: str, *, key: bool = False, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Integer, nullable=null)


access_reviews = sa.Table(
    "access_reviews",
    metadata,
    _text("scope", key=True),
    _text("review", key=True),
    _text("occasion"),
    _text("covers"),
    _text("opened_by"),
    _number("opened_at_us"),
    _number("due_at_us"),
    sa.Column("snapshot_sha256", sa.LargeBinary, nullable=False),
    _number("told_at_us", null=True),
    _number("closed_at_us", null=True),
    _text("closed_by", null=True),
    sa.Column("evidence", sa.LargeBinary),
    sa.Index("access_reviews_open", "closed_at_us", "due_at_us"),
)
access_review_items = sa.Table(
    "access_review_items",
    metadata,
    _text("scope", key=True),
    _text("review", key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("snapshot", sa.LargeBinary, nullable=False),
    _text("verdict", null=True),
    _text("decided_by", null=True),
    _number("decided_at_us", null=True),
    _text("reason", null=True),
    _text("approval", null=True),
    _number("done_at_us", null=True),
    _text("seconded_by", null=True),
)
