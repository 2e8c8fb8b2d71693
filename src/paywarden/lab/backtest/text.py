"""The answer for a terminal: the figures that decide, rules by what they catch, changes, notes.

Guards: the same figures as the document, never more; wide enough for a table, readable without
colour. Not done here: printing (`cli`), the whole report (`html.py`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from paywarden.lab.backtest.result import BacktestResult, Interval, RuleFigures, Tally

WIDTH = 140
RULES = 25


def words_of(result: BacktestResult) -> str:
    """The summary for people."""
    out = io.StringIO()
    console = Console(file=out, width=WIDTH, color_system=None, highlight=False)
    for line in _head(result):
        console.print(line, markup=False)
    console.print(_totals(result))
    if result.changes:
        console.print(_changes(result))
    if result.rules:
        console.print(_rules(result))
        matched = sum(one.matches > 0 for one in result.rules)
        told = f"{matched} of {len(result.rules)} rules match; --json and --report have all"
        console.print(told, markup=False)
    for line in _tail(result):
        console.print(line, markup=False)
    return out.getvalue()


def percent(value: float | None, digits: int = 2) -> str:
    """A share as percent, `-` where there is none."""
    return "-" if value is None else f"{100 * value:.{digits}f} %"


def span(value: Interval | None, digits: int = 1) -> str:
    """An interval of shares as percent."""
    if value is None:
        return ""
    return f"[{100 * value[0]:.{digits}f}, {100 * value[1]:.{digits}f}]"


def money(minor: int, currency: str) -> str:
    """Minor units with thousands apart, and the currency."""
    return f"{minor:,} {currency}".strip()


def by_worth(rules: Iterable[RuleFigures]) -> list[RuleFigures]:
    """Rules that only they catch most value first, then by what they match."""
    return sorted(
        rules,
        key=lambda one: (
            -one.alone_fraud_value_minor,
            -one.fraud_value_minor,
            -one.matches,
            one.id,
        ),
    )


def _head(result: BacktestResult) -> list[str]:
    labels = result.labels
    delay = "" if labels.delay_seconds is None else f", delay {labels.delay_seconds // 3600} h"
    told = [
        f"{result.source}: {result.payments:,} payments of {result.customers:,} customers, "
        f"{result.first} to {result.last}",
        f"policy {result.ruleset}" + (f" against {result.against}" if result.against else ""),
        f"labels: {labels.labelled:,} known, {percent(labels.unlabelled_share)} unknown{delay}",
    ]
    if labels.mature_until is not None:
        told.append(
            f"{labels.immature:,} payments after {labels.mature_until}: a live system would not "
            "know their labels yet"
        )
    return told


def _totals(result: BacktestResult) -> Table:
    table = Table(
        title=f"In sum (values in minor units of {result.currency})", title_justify="left"
    )
    table.add_column("")
    table.add_column("policy", justify="right")
    table.add_column("95 %", justify="right")
    both = result.total_against is not None
    if both:
        table.add_column("against", justify="right")
    for name, now, spread, before in total_rows(result):
        table.add_row(*([name, now, spread, before] if both else [name, now, spread]))
    return table


def total_rows(result: BacktestResult) -> list[tuple[str, str, str, str]]:
    """Name, policy, interval and `against` of each figure, for a table."""
    spread, work = result.intervals, result.workload

    def row(
        name: str, shown: str, interval: Interval | None = None, digits: int = 1
    ) -> tuple[str, str, str, str]:
        before = result.total_against
        return name, _cell(result.total, shown), span(interval, digits), _cell(before, shown)

    rows = [
        row("challenged", "challenge"),
        row("reviewed", "review"),
        row("blocked", "block"),
        row("frauds caught", "caught", spread.recall),
        row("value caught", "value", spread.value_recall),
        row("good customers hurt", "hurt", spread.hurt_rate, 3),
        row("value hurt", "hurt_value"),
        row("precision of stops", "precision", spread.precision),
    ]
    extra = work.extra_alerts_per_analyst_day
    told = f"{work.alerts_per_analyst_day:,.1f}"
    rows.append(("alerts per analyst and day", told, "" if extra is None else f"{extra:+,.1f}", ""))
    return rows


def _cell(tally: Tally | None, name: str) -> str:
    if tally is None:
        return ""
    if name in tally.outcomes:
        count = tally.outcomes[name]
        return f"{count:,} ({percent(count / tally.payments if tally.payments else None)})"
    return {
        "caught": f"{tally.caught:,} of {tally.fraud:,} ({percent(tally.recall)})",
        "value": f"{tally.caught_value_minor:,} ({percent(tally.value_recall)})",
        "hurt": f"{tally.hurt:,} of {tally.genuine:,} ({percent(tally.hurt_rate, 3)})",
        "hurt_value": f"{tally.hurt_value_minor:,}",
        "precision": percent(tally.precision),
    }[name]


def _changes(result: BacktestResult) -> Table:
    table = Table(title="What changes", title_justify="left")
    for name in ("from", "to", "payments", "fraud", "genuine"):
        table.add_column(name, justify="left" if name in ("from", "to") else "right")
    for one in result.changes:
        table.add_row(
            one.before, one.after, f"{one.payments:,}", f"{one.fraud:,}", f"{one.genuine:,}"
        )
    return table


def _rules(result: BacktestResult) -> Table:
    table = Table(title="Rules, by what only they stop", title_justify="left")
    table.add_column("rule", width=34, overflow="ellipsis", no_wrap=True)
    names = ("matches", "fraud", "genuine", "right", "95 %", "recall", "only it", "hurts")
    new = ("new fraud",) if result.against else ()
    for name in (*names, *new):
        table.add_column(name, justify="right", no_wrap=True)
    for one in [one for one in by_worth(result.rules) if one.matches][:RULES]:
        table.add_row(*_rule(one, bool(new)))
    return table


def _rule(one: RuleFigures, compared: bool) -> Sequence[str]:
    cells = [
        one.id,
        f"{one.matches:,}",
        f"{one.fraud:,}",
        f"{one.genuine:,}",
        percent(one.precision, 1),
        span(one.intervals.precision),
        percent(one.recall, 1),
        f"{one.alone_fraud:,}",
        f"{one.alone_genuine:,}",
    ]
    return [*cells, f"{one.new_fraud or 0:,}"] if compared else cells


def _tail(result: BacktestResult) -> list[str]:
    told = []
    for sweep in result.sweeps:
        if sweep.cheapest is not None:
            told.append(
                f"cheapest threshold on {sweep.over}: {sweep.cheapest:g} (now {sweep.present})"
            )
    parity = result.parity
    if parity is not None:
        differ = (
            f"{parity.outcomes_differ} outcomes, {parity.points_differ} points, "
            f"{parity.rules_differ} sets of rules, {parity.values_differ} sets of windows differ"
        )
        told.append(f"parity: {parity.decisions:,} decisions, {parity.values:,} values: {differ}")
    told += result.notes
    seconds = sum(result.stages.values())
    told.append(f"{seconds:.1f} s")
    return told
