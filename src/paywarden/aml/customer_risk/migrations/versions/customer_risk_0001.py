"""Customers, their history, models and which of them assessed; history is never changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "customer_risk_0001"
down_revision = None
branch_labels = ("customer_risk",)
depends_on = None


def _integers(*names: str, absent: tuple[str, ...] = ()) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer, nullable=name in absent) for name in names]


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _octets(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def upgrade() -> None:
    op.create_table(
        "aml_customers",
        *_texts("scope", "ref", "kind", "subject"), _octets("box"), *_integers("number"),
        _octets("digest"), *_texts("model"), *_integers("score", "level", "model_level"),
        *_integers("override_until_us", absent=("override_until_us",)),
        *_integers("reviewed_us"), *_integers("risen_us", absent=("risen_us",)),
        *_integers("review_due_us", "undone", "next_us"), *_texts("owed"),
        *_integers("seq", "updated_us"),
        sa.PrimaryKeyConstraint("scope", "ref"), sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_index("aml_customers_next", "aml_customers", ["scope", "next_us"])
    op.create_index("aml_customers_level", "aml_customers", ["scope", "level", "ref"])
    op.create_index("aml_customers_review", "aml_customers", ["scope", "review_due_us"])
    op.create_index("aml_customers_subject", "aml_customers", ["scope", "subject"])
    op.create_table(
        "aml_customer_history",
        *_texts("scope", "ref"), *_integers("number", "at_us"), *_texts("cause", "actor"),
        _octets("digest"), *_texts("model"), *_integers("score", "level", "model_level", "seq"),
        *_texts("subject"), _octets("box"),
        sa.PrimaryKeyConstraint("scope", "ref", "number"), sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "aml_risk_models",
        *_texts("scope", "id", "name", "text"), *_integers("at_us"), *_texts("actor"),
        sa.PrimaryKeyConstraint("scope", "id"), sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "aml_risk_model_uses",
        *_texts("scope"), *_integers("number"), *_texts("model", "actor"),
        *_integers("at_us", "seq"),
        sa.PrimaryKeyConstraint("scope", "number"), sqlite_with_rowid=False,
    )  # fmt: skip
    for table in ("aml_customer_history", "aml_risk_models", "aml_risk_model_uses"):
        for act in ("DELETE", "UPDATE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is never changed'); END"
            )
