"""Names beside `flow.*` that conditions of `runs: log` read, as columns.

Guards: empty texts are absent; country and bank of an account are those of its side of the
transfer, and absent for a member of a motif that is no party to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from paywarden.aml.monitoring.batch.tables import TEXTS, Flows
from paywarden.aml.monitoring.batch.workspace import whole
from paywarden.aml.monitoring.flow_scoring import NAMES
from paywarden.aml.monitoring.log_names import log_types
from paywarden.core.instants import DAY_US
from paywarden.risk.rules.cel.types import CelType, named

TYPES: Final[Mapping[str, CelType]] = {
    **{path: named(kind) for path, kind in NAMES.items()},
    **log_types({}),
}


def name_columns(points: ir.Table, flows: Flows) -> ir.Table:
    """Points with `sequence`, `account_name` and a column for each name."""
    transfers = flows.transfers.select(
        of="n", sequence="sequence", from_id="from_id", to_id="to_id",
        amount_minor="amount_minor", **{name: name for name in TEXTS},
    )  # fmt: skip
    rows = points.join(transfers, points.n == transfers.of).drop("of")
    accounts = flows.accounts.select(id="id", account_name="account", first_us="first_us")
    rows = rows.join(accounts, rows.account == accounts.id).drop("id")
    pays, is_paid = rows.account == rows.from_id, rows.account == rows.to_id
    days = whole(rows.at_us - rows.first_us, DAY_US)

    def own(name: str) -> Any:
        party = ibis.ifelse(is_paid, rows[f"to_{name}"], "")
        return ibis.ifelse(pays, rows[f"from_{name}"], party).nullif("")

    made: dict[str, Any] = {
        "transfer.amount_minor": rows.amount_minor,
        **{f"transfer.{name}": rows[name].nullif("") for name in TEXTS},
        "account.side": ibis.ifelse(pays, "pays", ibis.ifelse(is_paid, "is_paid", "member")),
        "account.country": own("country"),
        "account.bank": own("bank"),
        "account.known_days": days,
        "account.age_days": days,
        "transfer.direction": ibis.ifelse(
            pays, "out", ibis.ifelse(is_paid, "in", ibis.null("string"))
        ),
    }
    dropped = ("from_id", "to_id", "amount_minor", "first_us", *TEXTS)
    return rows.mutate(**made).drop(*dropped)
