"""Transfers and their legs as tables that every feature reads.

Guards: what moves no money anywhere is left out, amounts are held, and the order is (at_us,
sequence), as in the plain way; `n` counts transfers in that order from 1. Accounts become numbers,
0 is the outside. A leg is one side of a transfer: `place` counts the legs of an account from 1.
Shapes: transfers [n], legs [at most 2 n].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from paywarden.aml.monitoring.batch.workspace import Workspace
from paywarden.aml.monitoring.functions import MEMORY_US
from paywarden.aml.monitoring.transfers import MOST_AMOUNT_MINOR
from paywarden.core.errors import InvalidRequest

NEEDED: Final = ("sequence", "at_us", "from_account", "to_account", "amount_minor")
TEXTS: Final = ("kind", "channel", "from_country", "to_country", "from_bank", "to_bank")


@dataclass(frozen=True, slots=True)
class Flows:
    """accounts: id, account. transfers: n, sequence, at_us, from_id, to_id, amount_minor,
    pair_gap_us, texts. legs: account, place, n, at_us, incoming, other, amount, kind, own_country,
    other_country, pair_gap_us, silence_us, came_place, came_us (latest leg in before an own leg),
    born_us (first leg since the account was last silent for longer than memory).
    """

    accounts: ir.Table
    transfers: ir.Table
    legs: ir.Table


def flows_of(table: ir.Table, work: Workspace) -> Flows:
    """The tables of transfers in the columns of the contract. Errors: InvalidRequest."""
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        detail = f"the table has no column `{missing[0]}`; it needs {', '.join(NEEDED)}"
        raise InvalidRequest("batch_column", detail)
    rows = work.keep(_given(table), "given")
    rows = rows.filter((rows.from_account != rows.to_account) & (rows.amount_minor > 0))
    accounts = work.keep(_accounts(rows), "accounts")
    transfers = work.keep(_transfers(rows, accounts), "transfers")
    legs = work.keep(_legs(transfers), "legs")
    return Flows(accounts, transfers, legs)


def _given(table: ir.Table) -> ir.Table:
    texts = {
        name: (
            table[name].cast("string").fill_null("")
            if name in table.columns
            else ibis.literal("", "string")
        )
        for name in TEXTS
    }
    amount = table.amount_minor.cast("int64")
    return table.select(
        sequence=table.sequence.cast("int64"),
        at_us=table.at_us.cast("int64"),
        from_account=table.from_account.cast("string").fill_null(""),
        to_account=table.to_account.cast("string").fill_null(""),
        amount_minor=ibis.least(amount, ibis.literal(MOST_AMOUNT_MINOR, "int64")),
        **texts,
    )


def _accounts(rows: ir.Table) -> ir.Table:
    paying = rows.select(account=rows.from_account)
    paid = rows.select(account=rows.to_account)
    every = ibis.union(paying, paid, distinct=True)
    every = every.filter(every.account != "")
    return every.mutate(id=ibis.row_number().over(order_by=every.account).cast("int64") + 1)


def _transfers(rows: ir.Table, accounts: ir.Table) -> ir.Table:
    paying = accounts.select(from_account="account", from_id="id")
    paid = accounts.select(to_account="account", to_id="id")
    found = rows.left_join(paying, "from_account").drop("from_account_right")
    found = found.left_join(paid, "to_account").drop("to_account_right")
    found = found.mutate(
        from_id=found.from_id.fill_null(0),
        to_id=found.to_id.fill_null(0),
        n=ibis.row_number().over(order_by=[found.at_us, found.sequence]).cast("int64") + 1,
    ).drop("from_account", "to_account")
    pair = ibis.window(
        group_by=[
            ibis.least(found.from_id, found.to_id),
            ibis.greatest(found.from_id, found.to_id),
        ],
        order_by=found.n,
    )
    return found.mutate(pair_gap_us=_gap(found.at_us, found.at_us.lag().over(pair)))


def _gap(at_us: Any, before_us: Any) -> Any:
    """Time since; null where there was nothing within memory."""
    gap = at_us - before_us
    return ibis.ifelse(gap <= MEMORY_US, gap, ibis.null("int64"))


def _legs(transfers: ir.Table) -> ir.Table:
    sides = [_side(transfers, incoming) for incoming in (False, True)]
    legs = ibis.union(*sides, distinct=False)
    legs = legs.filter(legs.account != 0)
    own = ibis.window(group_by=legs.account, order_by=legs.n)
    legs = legs.mutate(
        place=ibis.row_number().over(own).cast("int64") + 1,
        silence_us=_gap(legs.at_us, legs.at_us.lag().over(own)),
    )
    came, so_far = (
        legs.incoming == 1,
        ibis.rows_window(preceding=None, following=0, group_by=legs.account, order_by=legs.n),
    )
    before = ibis.rows_window(preceding=(None, 1), group_by=legs.account, order_by=legs.n)
    return legs.mutate(
        came_place=came.ifelse(legs.place, ibis.null("int64")).max().over(before),
        came_us=came.ifelse(legs.at_us, ibis.null("int64")).max().over(before),
        born_us=legs.silence_us.isnull().ifelse(legs.at_us, ibis.null("int64")).max().over(so_far),
    )


def _side(transfers: ir.Table, incoming: bool) -> ir.Table:
    own, other = ("to", "from") if incoming else ("from", "to")
    return transfers.select(
        account=transfers[f"{own}_id"],
        n=transfers.n,
        at_us=transfers.at_us,
        incoming=ibis.literal(int(incoming), "int8"),
        other=transfers[f"{other}_id"],
        amount=transfers.amount_minor,
        kind=transfers.kind,
        own_country=transfers[f"{own}_country"],
        other_country=transfers[f"{other}_country"],
        pair_gap_us=transfers.pair_gap_us,
    )
