"""Where features are read: an account at a transfer, and which of its legs a window holds there.

Guards: a point need not be one of the account's own legs (members of motifs are read at another's
transfer): `place` is that of its latest leg as of the transfer. A window holds the legs
low < place <= `place`, at most MOST_LEGS. Found by one pass over legs and points in order of time,
so that a busy account costs no more than its share.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from paywarden.aml.monitoring.batch.workspace import Workspace, number
from paywarden.aml.monitoring.functions import MOST_LEGS


def points_of(pairs: ir.Table, transfers: ir.Table, legs: ir.Table, work: Workspace) -> ir.Table:
    """`pairs` (account, n) with point, at_us, place, born_us; `point` numbers them from 1."""
    when = transfers.select(n_of="n", at_us="at_us")
    asked = pairs.join(when, pairs.n == when.n_of).select("account", "n", "at_us")
    events = ibis.union(
        asked.select("account", "n", "at_us", tag=ibis.literal(1, "int8"), one=_one(0)),
        legs.select("account", "n", "at_us", tag=ibis.literal(0, "int8"), one=_one(1)),
        distinct=False,
    )
    so_far = ibis.rows_window(
        preceding=None, following=0, group_by=events.account, order_by=[events.n, events.tag]
    )
    counted = events.mutate(place=number(events.one.sum().over(so_far)))
    found = counted.filter(counted.tag == 1)
    found = found.select(
        "account", "n", "at_us", "place",
        point=ibis.row_number().over(order_by=[found.n, found.account]).cast("int64") + 1,
    )  # fmt: skip
    born = legs.select(of="account", there="place", born_us="born_us")
    found = found.join(born, [found.account == born.of, found.place == born.there])
    return work.keep(found.drop("of", "there"), "points")


def low_of(points: ir.Table, legs: ir.Table, reach_us: int, work: Workspace) -> ir.Table:
    """point, low: number of the account's legs that lie `reach_us` or more before the point."""
    events = ibis.union(
        points.select("account", "point", moment=points.at_us - reach_us, tag=_tag(1), one=_one(0)),
        legs.select(
            "account",
            point=ibis.literal(0, "int64"),
            moment=legs.at_us,
            tag=_tag(0),
            one=_one(1),
        ),
        distinct=False,
    )
    so_far = ibis.rows_window(
        preceding=None, following=0, group_by=events.account, order_by=[events.moment, events.tag]
    )
    counted = events.mutate(low=number(events.one.sum().over(so_far)))
    counted = counted.filter(counted.tag == 1).select("point", before="low")
    joined = points.select("point", "place").join(counted, "point")
    held = ibis.greatest(joined.before, joined.place - MOST_LEGS)
    return work.keep(joined.select("point", low=held), "low")


def _one(value: int) -> ir.IntegerScalar:
    return ibis.literal(value, "int64")


def _tag(value: int) -> ir.IntegerScalar:
    return ibis.literal(value, "int8")
