"""Features of the legs of an account, at many points at once.

Guards: equal to `plain`, value for value; integers stay integers, and a double comes from the same
single division. What adds up (counts, sums) is a difference of running totals; what does not
(different counterparties, maxima, groups) joins each point with the legs of its window, cut into
blocks of legs, so that the join is by equality and bounded by MOST_LEGS a point.
Shapes: p points, one column per measure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import polars as pl

from paywarden.aml.monitoring.batch.points import low_of
from paywarden.aml.monitoring.batch.tables import Flows
from paywarden.aml.monitoring.batch.workspace import Workspace, all_of, number, whole
from paywarden.aml.monitoring.functions import BASIS, BENFORD, MOST_LEGS, Measure
from paywarden.core.instants import DAY_US, HOUR_US

_BLOCK: Final = 128
_IN, _OUT = 1, 0
_JOINED: Final = ("max", "distinct_counterparties", "dormant_days", "turnaround_hours", "mirrored")


class LegFeatures:
    """Columns of measures over points; windows and totals are shared between measures."""

    def __init__(self, flows: Flows, points: ir.Table, work: Workspace) -> None:
        self._flows = flows
        self._points = points
        self._work = work
        self._lows: dict[int, ir.Table] = {}

    def table(self, measures: Mapping[str, Measure]) -> ir.Table:
        """point and a column for each measure by name; null where absent."""
        parts = [self._points.select("point")]
        adding = {k: one for k, one in measures.items() if one.function in _ADDING}
        if adding:
            parts.append(self._added(adding))
        by_window: dict[int, dict[str, Measure]] = defaultdict(dict)
        for name, one in measures.items():
            if one.function in _JOINED:
                by_window[one.number("window")][name] = one
        parts += [self._joined(window, some) for window, some in sorted(by_window.items())]
        parts += [self._near_equal(name, one) for name, one in measures.items()
                  if one.function == "near_equal"]  # fmt: skip
        return self._work.keep(joined_by_point(parts), "features")

    def low(self, reach_us: int) -> ir.Table:
        """Lower ends of a window that reaches back so far."""
        if reach_us not in self._lows:
            self._lows[reach_us] = low_of(self._points, self._flows.legs, reach_us, self._work)
        return self._lows[reach_us]

    # --- what adds up -----------------------------------------------------------------------------

    def _added(self, measures: Mapping[str, Measure]) -> ir.Table:
        legs = self._flows.legs
        wanted: dict[str, Any] = {}
        for one in measures.values():
            wanted |= _quantities(legs, one)
        running = ibis.rows_window(
            preceding=None, following=0, group_by=legs.account, order_by=legs.place
        )
        names = {key: f"q{place}" for place, key in enumerate(wanted)}
        totals = self._work.keep(
            legs.select(
                "account", "place",
                **{names[key]: number(value.sum().over(running)) for key, value in wanted.items()},
            ),
            "totals",
        )  # fmt: skip
        reaches = sorted({reach for one in measures.values() for reach in _reaches(one)})
        differences = self._differences(totals, list(names.values()), reaches)
        table = self._with_peers(differences, measures)
        values = {
            name: _ADDING[one.function](_Totals(table, names, one, name))
            for name, one in measures.items()
        }
        return self._work.keep(table.select("point", **values), "added")

    def _differences(
        self, totals: ir.Table, columns: Sequence[str], reaches: Sequence[int]
    ) -> ir.Table:
        """Totals up to the point, and up to the lower end of each reach."""
        flow = self._points
        flow = _looked_up(flow, totals, "place", columns, "now")
        for reach in reaches:
            low = self.low(reach).select(of="point", low="low")
            flow = flow.join(low, flow.point == low.of).drop("of")
            flow = _looked_up(flow, totals, "low", columns, f"r{reach}").drop("low")
            flow = self._work.keep(flow, "reach")
        return flow

    def _with_peers(self, table: ir.Table, measures: Mapping[str, Measure]) -> ir.Table:
        for name, one in measures.items():
            if one.function != "against_peers":
                continue
            peers = self._work.keep(self._peers(one), "peers")
            day = whole(table.at_us, DAY_US)
            table = table.mutate(today=day).left_join(peers, "today").drop("today_right", "today")
            table = table.rename({f"{name}_peers_sum": "others", f"{name}_peers_count": "number"})
        return table

    def _peers(self, measure: Measure) -> ir.Table:
        legs = self._flows.legs
        days = legs.mutate(day=whole(legs.at_us, DAY_US)).filter(_taken(legs, measure))
        daily = days.group_by("day").aggregate(
            total=days.amount.sum().cast("int64"), legs=days.count().cast("int64")
        )
        todays = self._points.select(today=whole(self._points.at_us, DAY_US)).distinct()
        reach = measure.number("days")
        joined = todays.join(
            daily, (daily.day < todays.today) & (daily.day >= todays.today - reach)
        )
        return joined.group_by("today").aggregate(
            others=number(joined.total.sum()), number=number(joined.legs.sum())
        )

    # --- what does not ----------------------------------------------------------------------------

    def window_legs(self, window: int, columns: Sequence[str]) -> ir.Table:
        """point, low, place and columns of every leg in its window."""
        low = self.low(window).select(of="point", low="low")
        points = self._points.join(low, self._points.point == low.of)
        points = points.select("point", "account", "n", "low", upto="place", moment="at_us")
        return within(self._work.keep(points, "asked"), self._flows.legs, columns)

    def _joined(self, window: int, measures: Mapping[str, Measure]) -> ir.Table:
        columns = ("other", "amount", "incoming", "kind", "own_country", "other_country",
                   "silence_us", "at_us", "came_place", "came_us")  # fmt: skip
        pairs = self.window_legs(window, columns)
        for name, one in measures.items():
            if one.function == "mirrored":
                match = self._work.keep(self._mirrors(one), "mirrors")
                match = match.select(of="account", at="place", **{f"match_{name}": "match"})
                same = (pairs.account == match.of) & (pairs.place == match.at)
                pairs = pairs.left_join(match, same).drop("of", "at")
        values: dict[str, Any] = {}
        for name, one in measures.items():
            values |= _aggregates(pairs, one, name)
        found = pairs.group_by("point").aggregate(**values)
        finished = {name: _finished(found, one, name) for name, one in measures.items()}
        table = found.select("point", **finished)
        filled = self._points.select("point").left_join(table, "point").drop("point_right")
        zero = {
            name: filled[name].fill_null(0)
            for name, one in measures.items()
            if one.function in ("distinct_counterparties", "mirrored")
        }
        return self._work.keep(filled.mutate(**zero), "joined")

    def _mirrors(self, measure: Measure) -> ir.Table:
        """account, place, match: the latest leg in that each leg out may pass on."""
        legs, window = self._flows.legs, measure.number("window")
        out = legs.filter(legs.incoming == _OUT)
        asked = out.select(
            point="place", account="account", n="n",
            low=ibis.greatest(out.place - MOST_LEGS, 0), upto=out.place - 1,
            moment="at_us", sent="amount", taker="other",
        )  # fmt: skip
        pairs = within(asked, legs.filter(legs.incoming == _IN), ("amount", "other", "at_us"))
        share = BASIS - measure.number("fee")
        good = pairs.filter(
            (pairs.other != pairs.taker)
            & (pairs.at_us > pairs.moment - window)
            & (share * pairs.amount <= BASIS * pairs.sent)
            & (pairs.sent <= pairs.amount)
        )
        return (
            good.group_by(["account", "point"])
            .aggregate(match=good.place.max())
            .rename(place="point")
        )

    def _near_equal(self, name: str, measure: Measure) -> ir.Table:
        columns = ("amount", "incoming", "kind", "other", "own_country", "other_country")
        pairs = self.window_legs(measure.number("window"), columns)
        pairs = pairs.filter(_taken(pairs, measure)).select("point", "amount")
        reach = BASIS + measure.number("tolerance")
        ends = ibis.union(
            pairs.select("point", key=pairs.amount * BASIS, ask=ibis.literal(0, "int64")),
            pairs.select("point", key=pairs.amount * reach, ask=ibis.literal(1, "int64")),
            distinct=False,
        )
        so_far = ibis.rows_window(
            preceding=None, following=0, group_by=ends.point, order_by=[ends.key, ends.ask]
        )
        asked = ends.ask.sum().over(so_far)
        seen = (1 - ends.ask).sum().over(so_far)
        groups = ends.mutate(size=seen - asked + 1)
        groups = groups.filter(groups.ask == 1)
        found = groups.group_by("point").aggregate(size=groups["size"].max().cast("int64"))
        filled = self._points.select("point").left_join(found, "point").drop("point_right")
        return self._work.keep(filled.select("point", **{name: number(filled["size"])}), "equal")


def joined_by_point(parts: Sequence[ir.Table]) -> ir.Table:
    """Tables of points side by side."""
    found = parts[0]
    for part in parts[1:]:
        found = found.join(part, "point")
    return found


def within(
    points: ir.Table, legs: ir.Table, columns: Sequence[str], most: int = MOST_LEGS
) -> ir.Table:
    """Every point with the legs of its account at places low < place <= upto, at most `most`.

    By equality of account and block of places; a point stands in each block that it reaches.
    """
    steps = ibis.memtable(pl.DataFrame({"step": range(most // _BLOCK + 2)}))
    first = whole(ibis.greatest(points.low + 1, 0), _BLOCK)
    spread = points.mutate(first=first, last=whole(ibis.greatest(points.upto, 0), _BLOCK))
    spread = spread.join(steps, spread.first + steps.step <= spread.last)
    spread = spread.mutate(block=spread.first + spread.step).drop("first", "last", "step")
    held = legs.select(
        of_account="account", at_block=whole(legs.place, _BLOCK), place="place",
        **{name: legs[name] for name in columns},
    )  # fmt: skip
    pairs = spread.join(held, (spread.account == held.of_account) & (spread.block == held.at_block))
    inside = (pairs.place > pairs.low) & (pairs.place <= pairs.upto)
    return pairs.filter(inside).drop("of_account", "block", "at_block")


def _looked_up(
    flow: ir.Table, totals: ir.Table, at: str, columns: Sequence[str], prefix: str
) -> ir.Table:
    """Running totals at a place; 0 at place 0."""
    mine = totals.select(of="account", there="place", **{f"{prefix}_{c}": c for c in columns})
    found = flow.left_join(mine, (flow.account == mine.of) & (flow[at] == mine.there))
    found = found.drop("of", "there")
    return found.mutate(**{f"{prefix}_{c}": found[f"{prefix}_{c}"].fill_null(0) for c in columns})


def _taken(legs: ir.Table, measure: Measure, *, any_direction: bool = False) -> Any:
    """Whether the selection of a measure takes a leg."""
    asked = []
    direction, side = measure.text("direction"), measure.text("counterparty")
    if not any_direction and direction != "both":
        asked.append(legs.incoming == (_IN if direction == "in" else _OUT))
    if side != "any":
        asked.append(legs.other == 0 if side == "outside" else legs.other != 0)
    if measure.names:
        asked.append(legs.kind.isin(sorted(measure.names)))
    if measure.number("abroad"):
        known = (legs.own_country != "") & (legs.other_country != "")
        asked.append(known & (legs.own_country != legs.other_country))
    return all_of(asked)


# --- quantities that add up -----------------------------------------------------------------------

_SELECTION = ("abroad", "counterparty", "direction", "kinds")


def _key(measure: Measure, what: str) -> str:
    chosen = [f"{k}={v}" for k, v in measure.settings if k in _SELECTION]
    return "|".join([what, *chosen])


def _quantities(legs: ir.Table, measure: Measure) -> dict[str, Any]:
    """Integer columns of legs whose running totals a measure reads, by key."""
    return {
        _key(measure, what): ibis.ifelse(
            _taken(legs, measure, any_direction=what in ("came", "left")) & chosen, value, 0
        ).cast("int64")
        for what, (chosen, value) in _parts(legs, measure).items()
    }


def _parts(legs: ir.Table, measure: Measure) -> dict[str, tuple[Any, Any]]:
    every, one = legs.amount.notnull(), ibis.literal(1, "int64")
    amount, function = legs.amount, measure.function
    count, total = {"count": (every, one)}, {"sum": (every, amount)}
    if function == "count":
        return count
    if function == "sum":
        return total
    if function in ("mean", "against_peers"):
        return count | total
    if function == "against_history":
        return total if measure.text("of") == "sum" else count
    if function == "new_counterparties":
        since = measure.number("since")
        new = legs.pair_gap_us.isnull() | (legs.pair_gap_us >= since).fill_null(False)
        return {f"new{since}": (new, one)}
    if function in ("count_between", "sum_between", "share_between"):
        low, high = measure.number("low"), measure.number("high")
        between = (amount >= low) & (amount < high)
        if function == "sum_between":
            return {f"sum{low}-{high}": (between, amount)}
        return {f"count{low}-{high}": (between, one), **count}
    if function == "round_share":
        unit = measure.number("unit")
        return {f"round{unit}": (amount % unit == 0, one), **count}
    if function == "share_kept":
        return {"came": (legs.incoming == _IN, amount), "left": (legs.incoming == _OUT, amount)}
    if function == "benford":
        first = amount.cast("string").substr(0, 1)
        return {f"digit{d}": (first == str(d), one) for d in range(1, 10)} | count
    assert function == "share_countries"
    return {f"to:{measure.text('countries')}": (_in_countries(legs, measure), one), **count}


def _in_countries(legs: ir.Table, measure: Measure) -> Any:
    given = measure.text("countries")
    if given:
        return legs.other_country.isin(given.split(","))
    return (legs.other_country != "") & (legs.other_country != legs.own_country)


def _reaches(measure: Measure) -> tuple[int, ...]:
    window = measure.number("window")
    if measure.function == "against_history":
        return window, window * (measure.number("periods") + 1)
    return (window,)


class _Totals:
    """Sums of one measure over its window, from differences of running totals."""

    def __init__(
        self, table: ir.Table, names: Mapping[str, str], measure: Measure, name: str
    ) -> None:
        self.table = table
        self.measure = measure
        self.name = name
        self._names = names

    def window(self, what: str) -> Any:
        """Sum of a quantity over the window."""
        return self.between(what, "now", self.measure.number("window"))

    def between(self, what: str, upper: str, reach: int) -> Any:
        """Sum from the lower end of a reach up to `now`, or up to another reach's lower end."""
        column = self._names[_key(self.measure, what)]
        return self.table[f"{upper}_{column}"] - self.table[f"r{reach}_{column}"]

    def ratio(self, part: Any, of: Any) -> Any:
        """A division of integers; null where there is nothing to divide by."""
        by = ibis.ifelse(of == 0, ibis.null("int64"), of)
        return part.cast("float64") / by.cast("float64")


def _range_of(measure: Measure, word: str) -> str:
    return f"{word}{measure.number('low')}-{measure.number('high')}"


def _of_history(totals: _Totals) -> Any:
    measure = totals.measure
    window, periods = measure.number("window"), measure.number("periods")
    whole_reach = window * (periods + 1)
    what = "sum" if measure.text("of") == "sum" else "count"
    past = totals.between(what, f"r{window}", whole_reach)
    found = totals.ratio(totals.window(what) * periods, past)
    young = totals.table.born_us > totals.table.at_us - whole_reach
    return ibis.ifelse(young, ibis.null("float64"), found)


def _of_peers(totals: _Totals) -> Any:
    table, name = totals.table, totals.name
    others, count = table[f"{name}_peers_sum"], table[f"{name}_peers_count"].fill_null(0)
    mine = totals.ratio(totals.window("sum"), totals.window("count"))
    found = mine / totals.ratio(others, count)
    enough = count >= totals.measure.number("least")
    return ibis.ifelse(enough, found, ibis.null("float64"))


def _of_digits(totals: _Totals) -> Any:
    legs = totals.window("count")
    found = ibis.literal(0.0, "float64")
    for digit, share in enumerate(BENFORD, 1):
        expected = legs.cast("float64") * ibis.literal(share, "float64")
        gap = totals.window(f"digit{digit}").cast("float64") - expected
        found = found + gap * gap / ibis.ifelse(expected == 0, 1.0, expected)
    return ibis.ifelse(legs >= totals.measure.number("least"), found, ibis.null("float64"))


_ADDING: Final[Mapping[str, Callable[[_Totals], Any]]] = {
    "count": lambda t: t.window("count"),
    "sum": lambda t: t.window("sum"),
    "mean": lambda t: t.ratio(t.window("sum"), t.window("count")),
    "new_counterparties": lambda t: t.window(f"new{t.measure.number('since')}"),
    "count_between": lambda t: t.window(_range_of(t.measure, "count")),
    "sum_between": lambda t: t.window(_range_of(t.measure, "sum")),
    "share_between": lambda t: t.ratio(t.window(_range_of(t.measure, "count")), t.window("count")),
    "round_share": lambda t: t.ratio(
        t.window(f"round{t.measure.number('unit')}"), t.window("count")
    ),
    "share_kept": lambda t: t.ratio(t.window("came") - t.window("left"), t.window("came")),
    "against_history": _of_history,
    "against_peers": _of_peers,
    "benford": _of_digits,
    "share_countries": lambda t: t.ratio(
        t.window(f"to:{t.measure.text('countries')}"), t.window("count")
    ),
}


# --- aggregates of joined legs --------------------------------------------------------------------


def _aggregates(pairs: ir.Table, measure: Measure, name: str) -> dict[str, Any]:
    taken = _taken(pairs, measure)
    if measure.function == "max":
        return {name: pairs.amount.max(where=taken)}
    if measure.function == "distinct_counterparties":
        return {name: pairs.other.nunique(where=taken)}
    if measure.function == "dormant_days":
        return {name: whole(pairs.silence_us, DAY_US).max(where=taken)}
    out = _taken(pairs, measure, any_direction=True) & (pairs.incoming == _OUT)
    if measure.function == "mirrored":
        passed = (pairs[f"match_{name}"] > pairs.low).fill_null(False)
        return {name: pairs.count(where=out & passed)}
    waited = out & (pairs.came_place > pairs.low).fill_null(False)
    return {
        f"{name}_us": (pairs.at_us - pairs.came_us).sum(where=waited),
        f"{name}_legs": pairs.count(where=waited),
    }


def _finished(found: ir.Table, measure: Measure, name: str) -> Any:
    if measure.function != "turnaround_hours":
        return found[name].cast("int64")
    legs = found[f"{name}_legs"].cast("int64")
    by = ibis.ifelse(legs == 0, ibis.null("int64"), legs * HOUR_US)
    return found[f"{name}_us"].cast("float64") / by.cast("float64")
