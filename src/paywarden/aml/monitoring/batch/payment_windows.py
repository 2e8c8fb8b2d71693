"""Windows of a policy over a table of payments: counts, sums, means, extremes, different values.

Guards: equal to `risk.features.plain` where a table of payments has what the window reads: an event
at s counts at t when t - window < s <= t, equal times by sequence; where a key is absent the value
is absent; with all keys, an empty count or sum is 0 and every other empty value absent. A table
holds payments alone, so `event.kind` is `payment`; results and labels are not there, and a window
that filters by them is refused unless the table has the column. Sums beyond 64 bits are not held.
Shapes: n payments, one column per window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from paywarden.aml.monitoring.batch.conditions import condition
from paywarden.aml.monitoring.batch.leg_features import within
from paywarden.aml.monitoring.batch.workspace import Workspace, number
from paywarden.core.errors import InvalidRequest
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.observing import KEY_PATHS
from paywarden.risk.rules.cel.program import compile as compile_condition
from paywarden.risk.rules.cel.types import BOOL
from paywarden.risk.rules.scope import filter_types

COUNTED: Final = ("count", "sum", "avg", "min", "max", "distinct")
_EVENT: Final = "event."


def window_table(
    payments: ir.Table, columns: Mapping[str, Any], window: Aggregate, work: Workspace
) -> ir.Table:
    """n, value of a window for every payment whose keys are there.

    `columns`: the table's column of each path. Errors: InvalidRequest `batch_window` for what
    cannot be said, `batch_column` for a column that is missing.
    """
    if window.function not in COUNTED or window.daily:
        what = "windows in whole days" if window.daily else f"`{window.function}`"
        raise InvalidRequest("batch_window", f"{what} cannot be said over tables")
    events = work.keep(_events(payments, columns, window), "events")
    placed = work.keep(_placed(events, window), "placed")
    if window.function in ("count", "sum", "avg"):
        return work.keep(_added(placed, window), "window")
    span = work.fetch(placed.aggregate(most=(placed.place - placed.low).max()))["most"][0]
    return work.keep(_joined(placed, window, int(span or 0)), "window")


def _column(columns: Mapping[str, Any], path: str) -> Any:
    if path not in columns:
        raise InvalidRequest("batch_column", f"the table has no `{path}`")
    return columns[path]


def _events(payments: ir.Table, columns: Mapping[str, Any], window: Aggregate) -> ir.Table:
    """n, at_us, keys, counts (0 or 1), of: what every payment is to this window."""
    keys = {
        f"key{i}": _column(columns, KEY_PATHS[kind]).cast("string")
        for i, kind in enumerate(window.by)
    }
    counts: Any = ibis.literal(True) if window.where is None else _filter(columns, window.where)
    of: Any = ibis.null("int64")
    if window.of is not None:
        of = _column(columns, window.of)
        counts = counts & of.notnull()
    table = payments.select("n", "at_us", **keys, counts=counts.cast("int64"), of=of)
    for name in keys:
        table = table.filter(table[name].notnull() & (table[name] != ""))
    return table


def _filter(columns: Mapping[str, Any], text: str) -> Any:
    """The filter of a window over the columns of the payment itself."""
    program = compile_condition(text, filter_types(), result=BOOL)
    seen = {f"{_EVENT}{path}": column for path, column in columns.items()}
    own = {path: column for path, column in columns.items() if path.startswith(_EVENT)}
    return condition(program, {"event.kind": ibis.literal("payment"), **seen, **own})


def _placed(events: ir.Table, window: Aggregate) -> ir.Table:
    """With place (from 1) and low: the payments of these keys before the window."""
    keys = [events[f"key{i}"] for i in range(len(window.by))]
    by_number = ibis.window(group_by=keys, order_by=events.n)
    low: Any = ibis.literal(0, "int64")
    if window.window_us is not None:
        past = ibis.range_window(
            preceding=(None, window.window_us), group_by=keys, order_by=events.at_us
        )
        low = number(events.n.count().over(past))
    so_far = ibis.rows_window(preceding=None, following=0, group_by=keys, order_by=events.n)
    value = events.of if window.function in ("sum", "avg") else events.counts
    return events.mutate(
        place=ibis.row_number().over(by_number).cast("int64") + 1,
        low=low,
        counted=number(events.counts.sum().over(so_far)),
        added=number((value.fill_null(0) * events.counts).sum().over(so_far)),
    )


def _same_keys(left: ir.Table, right: ir.Table, window: Aggregate) -> list[Any]:
    return [left[f"key{i}"] == right[f"of_key{i}"] for i in range(len(window.by))]


def _added(placed: ir.Table, window: Aggregate) -> ir.Table:
    """Differences of running totals: up to the payment, less up to the window's lower end."""
    keys = {f"of_key{i}": f"key{i}" for i in range(len(window.by))}
    before = placed.select(**keys, there="place", counted_low="counted", added_low="added")
    asked = placed.left_join(
        before, [*_same_keys(placed, before, window), placed.low == before.there]
    )
    own: Any = asked.counts if window.exclude_current else ibis.literal(0, "int64")
    count = asked.counted - asked.counted_low.fill_null(0) - own
    if window.function == "count":
        return asked.select("n", value=count)
    taken = (asked.of.fill_null(0) * own).cast("int64")
    total = asked.added - asked.added_low.fill_null(0) - taken
    if window.function == "sum":
        return asked.select("n", value=total)
    by = ibis.ifelse(count == 0, ibis.null("int64"), count)
    return asked.select("n", value=total.cast("float64") / by.cast("float64"))


def _joined(placed: ir.Table, window: Aggregate, longest: int) -> ir.Table:
    """Every payment with those of its window, in blocks."""
    keys = [placed[f"key{i}"] for i in range(len(window.by))]
    numbered = placed.mutate(account=ibis.dense_rank().over(order_by=keys).cast("int64"))
    last = numbered.place - (1 if window.exclude_current else 0)
    asked = numbered.select("account", "low", point="n", upto=last)
    pairs = within(asked, numbered, ("of", "counts"), longest)
    found = pairs.filter(pairs.counts == 1).group_by("point")
    values: Mapping[str, Callable[[Any], Any]] = {
        "min": lambda t: t.of.min(),
        "max": lambda t: t.of.max(),
        "distinct": lambda t: t.of.nunique().cast("int64"),
    }
    table = found.aggregate(value=lambda t: values[window.function](t))
    return table.select(n="point", value="value")
