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
from paywarden.aml.monitoring.log_names import log_types
from paywarden.core.instants import DAY_US
from paywarden.risk.rules.cel.types import CelType

TYPES: Final[Mapping[str, CelType]] = log_types({})
MEMBER: Final = 2
"""`side` of an account that is no party of the transfer; 0 pays, 1 is paid."""


def name_columns(points: ir.Table, flows: Flows) -> ir.Table:
    """Points with `sequence`, `account_name`, `side` and a column for each name."""
    transfers = flows.transfers.select(
        of="n", sequence="sequence", from_id="from_id", to_id="to_id",
        amount_minor="amount_minor", **{name: name for name in TEXTS},
    )  # fmt: skip
    rows = points.join(transfers, points.n == transfers.of).drop("of")
    accounts = flows.accounts.select(id="id", account_name="account")
    rows = rows.join(accounts, rows.account == accounts.id).drop("id")
    pays, is_paid = rows.account == rows.from_id, rows.account == rows.to_id
    days = whole(rows.at_us - rows.born_us, DAY_US)

    def own(name: str) -> Any:
        party = ibis.ifelse(is_paid, rows[f"to_{name}"], "")
        return ibis.ifelse(pays, rows[f"from_{name}"], party).nullif("")

    made: dict[str, Any] = {
        "transfer.amount_minor": rows.amount_minor,
        **{f"transfer.{name}": rows[name].nullif("") for name in TEXTS},
        "account.country": own("country"),
        "account.bank": own("bank"),
        "account.age_days": days,
        "side": ibis.ifelse(pays, 0, ibis.ifelse(is_paid, 1, MEMBER)).cast("int64"),
        "transfer.direction": ibis.ifelse(
            pays, "out", ibis.ifelse(is_paid, "in", ibis.null("string"))
        ),
    }
    dropped = ("from_id", "to_id", "amount_minor", "born_us", *TEXTS)
    return rows.mutate(**made).drop(*dropped)
