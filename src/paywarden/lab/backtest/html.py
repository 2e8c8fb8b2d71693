"""The report: one HTML file that needs nothing else, and the JSON beside it.

Guards: no script, no outside request, every value escaped; each chart has a table beside it;
readable on paper and in dark and light. The order is that of a decision: what, in sum, what
changes, rules, thresholds, where, payments to open, how it was measured.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import msgspec

from paywarden.core.errors import InvalidRequest
from paywarden.lab.backtest.charts import Series, bars, lines
from paywarden.lab.backtest.result import BacktestResult, Group, RuleFigures, Sweep
from paywarden.lab.backtest.text import by_worth, money, percent, span, total_rows
from paywarden.lab.report_page import html_page, table

RULES = 200
PAGE, DOCUMENT = "report.html", "report.json"


def write_report(folder: Path, result: BacktestResult) -> tuple[Path, Path]:
    """Write `report.html` and `report.json`. Errors: InvalidRequest `report_unwritable`."""
    pages = (folder / PAGE, page(result).encode()), (folder / DOCUMENT, document(result))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in pages:
            draft = path.with_suffix(".part")
            draft.write_bytes(content)
            os.replace(draft, path)
    except OSError as error:
        detail = "the report cannot be written there"
        raise InvalidRequest("report_unwritable", detail, pointer=str(folder)) from error
    return pages[0][0], pages[1][0]


def document(result: BacktestResult) -> bytes:
    """The JSON, indented."""
    return msgspec.json.format(msgspec.json.encode(result.document()), indent=1) + b"\n"


def page(result: BacktestResult) -> str:
    """The whole page."""
    parts = [
        _head(result), _totals(result), _changes(result), _rules(result),
        *map(_sweep, result.sweeps), _where(result), _samples(result), _parity(result),
        _method(result),
    ]  # fmt: skip
    return html_page(f"Back-test of {result.ruleset[:15]}", parts)


def _head(result: BacktestResult) -> str:
    labels = result.labels
    against = f" against <code>{escape(result.against[:15])}</code>" if result.against else ""
    late = ""
    if labels.mature_until:
        late = (
            f"<p>{labels.immature:,} payments lie after {escape(labels.mature_until)}: a live "
            "system would not know their labels yet.</p>"
        )
    return (
        f"<h1>Back-test</h1><p>Policy <code>{escape(result.ruleset[:15])}</code>{against} over "
        f"{escape(result.source)}: {result.payments:,} payments of {result.customers:,} customers, "
        f"{escape(result.first[:10])} to {escape(result.last[:10])}. Values are minor units of "
        f"{escape(result.currency)}.</p><p>{labels.labelled:,} payments have a label, "
        f"{percent(labels.unlabelled_share)} have none. Labels: {escape(labels.rule)}.</p>{late}"
    )


def _totals(result: BacktestResult) -> str:
    names = ["", "policy", "95 % interval"] + (["against"] if result.against else [])
    rows = [row if result.against else row[:3] for row in total_rows(result)]
    return "<h2>In sum</h2>" + table("Figures of the policy", names, rows)


def _changes(result: BacktestResult) -> str:
    if result.against is None:
        return ""
    rows = [
        (
            one.before, one.after, f"{one.payments:,}", f"{one.fraud:,}",
            f"{one.fraud_value_minor:,}", f"{one.genuine:,}", f"{one.genuine_value_minor:,}",
        )
        for one in result.changes
    ]  # fmt: skip
    names = ("from", "to", "payments", "fraud", "fraud value", "genuine", "genuine value")
    count = sum(one.payments for one in result.changes)
    told = f"<p>{count:,} decisions change.</p>"
    return "<h2>What changes</h2>" + told + table("Changed outcomes", names, rows)


def _rules(result: BacktestResult) -> str:
    matched = [one for one in by_worth(result.rules) if one.matches]
    silent = len(result.rules) - len(matched)
    names = [
        "rule", "scenario", "matches", "fraud", "genuine", "no label", "precision", "95 %",
        "recall", "value caught", "only it: fraud", "only it: hurt", "stopped anyway",
    ]  # fmt: skip
    if result.against:
        names += ["new fraud", "new hurt"]
    rows = [_rule(one, bool(result.against)) for one in matched[:RULES]]
    told = f"<p>{len(matched):,} rules match, {silent:,} do not."
    if len(matched) > RULES:
        told += f" The {RULES} that matter most are shown; the JSON has all."
    beside = [
        (one.id, other.rule, f"{other.payments:,}", percent(other.share, 0))
        for one in matched[:20]
        for other in one.overlaps
    ]
    overlap = table("Rules beside others", ("rule", "fires with", "payments", "share"), beside)
    return f"<h2>Rules</h2>{told}</p>" + table("Rules", names, rows) + (overlap if beside else "")


def _rule(one: RuleFigures, compared: bool) -> Sequence[str]:
    cells = [
        one.id, one.scenario, f"{one.matches:,}", f"{one.fraud:,}", f"{one.genuine:,}",
        f"{one.unlabelled:,}", percent(one.precision, 1), span(one.intervals.precision),
        percent(one.recall, 1), f"{one.fraud_value_minor:,}", f"{one.alone_fraud:,}",
        f"{one.alone_genuine:,}", percent(one.already_stopped, 0),
    ]  # fmt: skip
    return [*cells, f"{one.new_fraud or 0:,}", f"{one.new_genuine or 0:,}"] if compared else cells


def _sweep(sweep: Sweep) -> str:
    if not sweep.thresholds:
        return ""
    places = [one.at for one in sweep.thresholds]
    chart = lines(
        f"Cost by threshold on {sweep.over}", "cost in minor units over the lowest threshold",
        places, [Series("cost", [float(one.cost_minor) for one in sweep.thresholds])],
        sweep.present,
    )  # fmt: skip
    curve = lines(
        f"Caught and hurt by threshold on {sweep.over}", "payments over the lowest threshold",
        places, [
            Series("frauds caught", [float(one.caught) for one in sweep.thresholds]),
            Series("genuine hurt", [float(one.hurt) for one in sweep.thresholds]),
        ], sweep.present,
    )  # fmt: skip
    names = ("threshold", "caught", "value caught", "hurt", "challenged", "reviewed", "blocked",
             "cost")  # fmt: skip
    rows = [
        (
            f"{one.at:g}", f"{one.caught:,}", f"{one.caught_value_minor:,}", f"{one.hurt:,}",
            f"{one.challenged:,}", f"{one.reviewed:,}", f"{one.blocked:,}", f"{one.cost_minor:,}",
        )
        for one in sweep.thresholds
    ]  # fmt: skip
    least = "unknown without labelled fraud" if sweep.cheapest is None else f"{sweep.cheapest:g}"
    told = f"<p>Cheapest: {least}. The policy stands at {sweep.present}.</p>"
    shown = table(f"Thresholds on {sweep.over}", names, rows)
    return f"<h2>Thresholds on {escape(sweep.over)}</h2>{told}{chart}{curve}{shown}"


def _where(result: BacktestResult) -> str:
    weeks = result.weeks
    chart = bars(
        "Fraud value by week", "caught and missed, minor units", [one.name[5:] for one in weeks],
        [
            Series("caught", [float(one.tally.caught_value_minor) for one in weeks]),
            Series("missed", [
                float(one.tally.fraud_value_minor - one.tally.caught_value_minor) for one in weeks
            ]),
        ],
    )  # fmt: skip
    return (
        "<h2>Where</h2>" + chart + _groups("Weeks", weeks) + _groups("Segments", result.segments)
        + _groups("Scenarios (payments in which a rule of it counts)", result.scenarios)
    )  # fmt: skip


def _groups(name: str, groups: Iterable[Group]) -> str:
    names = ("", "payments", "fraud", "caught", "recall", "value caught", "hurt", "hurt rate",
             "challenged", "reviewed", "blocked")  # fmt: skip
    rows = []
    for one in groups:
        held = one.tally
        outcomes = [f"{held.outcomes[word]:,}" for word in ("challenge", "review", "block")]
        rows.append([
            one.name, f"{held.payments:,}", f"{held.fraud:,}", f"{held.caught:,}",
            percent(held.recall, 1), percent(held.value_recall, 1), f"{held.hurt:,}",
            percent(held.hurt_rate, 3), *outcomes,
        ])  # fmt: skip
    return table(name, names, rows)


def _samples(result: BacktestResult) -> str:
    rows = [
        (
            one.why, one.id, one.at[:19], money(one.amount_minor, one.currency), one.label,
            f"{one.before} → {one.outcome}" if one.before else one.outcome, f"{one.points}",
            ", ".join(one.rules), ", ".join(f"{k} {v}" for k, v in one.fields.items()),
        )
        for one in result.samples
    ]  # fmt: skip
    names = ("why", "payment", "at", "amount", "label", "outcome", "points", "rules", "fields")
    return "<h2>Payments to open</h2>" + table("A sample, personal fields masked", names, rows)


def _parity(result: BacktestResult) -> str:
    held = result.parity
    if held is None:
        return ""
    rows = [
        ("decisions of this ruleset made again", f"{held.decisions:,}"),
        ("window values compared", f"{held.values:,}"),
        ("outcomes that differ", f"{held.outcomes_differ:,}"),
        ("points that differ", f"{held.points_differ:,}"),
        ("sets of rules that differ", f"{held.rules_differ:,}"),
        ("decisions with a window value that differs", f"{held.values_differ:,}"),
    ]
    return "<h2>Parity with the record</h2>" + table("Record and back-test", ("", ""), rows)


def _method(result: BacktestResult) -> str:
    costs = result.costs
    told = [
        "Stopped is any outcome but allow; caught is a stopped fraud, hurt a stopped genuine "
        "payment. Only it: stopped now, and not without this rule.",
        f"Intervals: 95 %, bootstrap over customers, {result.replicates} replicates, seed "
        f"{result.seed}.",
        f"Costs: review {costs.review_minor}, challenge {costs.challenge_minor} minor units; a "
        f"challenge stops {costs.efficacy:.0%} of frauds and loses {costs.abandonment:.0%} of "
        f"genuine payments; a review stops {costs.review_catch:.0%}; margin {costs.margin:.0%}; "
        f"{costs.loss:.0%} of a passed fraud is lost.",
        f"Alerts: {result.workload.alerts_per_analyst_day:,.1f} per analyst and day over "
        f"{result.workload.days:,.1f} days.",
        *result.notes,
    ]
    return "<h2>How it was measured</h2><ul>" + "".join(
        f"<li>{escape(one)}</li>" for one in told
    ) + "</ul>"  # fmt: skip
