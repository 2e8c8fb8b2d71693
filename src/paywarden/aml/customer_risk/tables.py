"""Tables of customer risk as SQLAlchemy Core."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()


def _integer(name: str, *, key: bool = False, absent: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=key, autoincrement=False, nullable=absent)


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=False)


def _octets(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


aml_customers = sa.Table(
    "aml_customers", metadata,
    _text("scope", key=True), _text("ref", key=True), _text("kind"), _text("subject"),
    _octets("box"), _integer("number"), _octets("digest"), _text("model"), _integer("score"),
    _integer("level"), _integer("model_level"), _integer("override_until_us", absent=True),
    _integer("reviewed_us"), _integer("risen_us", absent=True), _integer("review_due_us"),
    _integer("undone"), _integer("next_us"), _text("owed"), _integer("seq"),
    _integer("updated_us"),
    sa.Index("aml_customers_next", "scope", "next_us"),
    sa.Index("aml_customers_level", "scope", "level", "ref"),
    sa.Index("aml_customers_review", "scope", "review_due_us"),
    sa.Index("aml_customers_subject", "scope", "subject"),
    sqlite_with_rowid=False,
)  # fmt: skip

aml_customer_history = sa.Table(
    "aml_customer_history", metadata,
    _text("scope", key=True), _text("ref", key=True), _integer("number", key=True),
    _integer("at_us"), _text("cause"), _text("actor"), _octets("digest"), _text("model"),
    _integer("score"), _integer("level"), _integer("model_level"), _integer("seq"),
    _text("subject"), _octets("box"),
    sqlite_with_rowid=False,
)  # fmt: skip

aml_risk_models = sa.Table(
    "aml_risk_models", metadata,
    _text("scope", key=True), _text("id", key=True), _text("name"), _text("text"),
    _integer("at_us"), _text("actor"),
    sqlite_with_rowid=False,
)  # fmt: skip

aml_risk_model_uses = sa.Table(
    "aml_risk_model_uses", metadata,
    _text("scope", key=True), _integer("number", key=True), _text("model"), _text("actor"),
    _integer("at_us"), _integer("seq"),
    sqlite_with_rowid=False,
)  # fmt: skip
