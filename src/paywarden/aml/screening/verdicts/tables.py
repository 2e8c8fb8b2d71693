"""Tables of verdicts and of how far re-screening is, as SQLAlchemy Core."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

screening_verdicts = sa.Table(
    "screening_verdicts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("party_key", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("word", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("decision_seq", sa.Integer, nullable=False),
    sa.Column("decided_at_us", sa.Integer, nullable=False),
    sa.Column("expires_at_us", sa.Integer, nullable=True),
    sa.Column("ended_at_us", sa.Integer, nullable=True),
    sa.Column("ended_by", sa.Text, nullable=False),
    sa.Index("screening_verdicts_scope", "scope", "id"),
    sqlite_with_rowid=False,
)

screening_positions = sa.Table(
    "screening_positions",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("change", sa.Text, primary_key=True),
    sa.Column("position", sa.Text, nullable=False),
    sa.Column("parties", sa.Integer, nullable=False),
    sa.Column("hits", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)
