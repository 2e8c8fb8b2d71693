"""An evaluation as one HTML file: tables and inline SVG, no script, no outside request.

Guards: every text is escaped; numbers are printed with what they mean and how many payments stand
behind them; what is assumed stands beside what follows from it. Works without colour: bars carry
their figures. Not done here: the figures (`evaluating.py`, `protocols.py`).
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from paywarden.lab.report_page import html_page, table

NAMES = {
    "rules_and_model": "rules and model",
    "model": "model only",
    "rules": "rules only",
    "model_frozen": "model, frozen number",
    "plain_model": "plain model (yardstick)",
}


def html_of(document: Mapping[str, Any]) -> str:
    """The report of a document of `evaluate`."""
    if document.get("protocol") != "bar":
        return _page("Evaluation", [_protocol(document)])
    parts = [_head(document)]
    for one in document["delays"]:
        parts.append(f"<h2>Labels after {_number(one['delay_days'])} days</h2>")
        parts += [_days(one), _ways(one), _bars(one), _paired(one)]
        parts += [
            _types(one),
            _campaign_table(one),
            _calibration(one),
            _cold_start(one),
            _drift(one),
        ]
    return _page("What is stopped in advance", parts)


def _page(title: str, parts: Iterable[str]) -> str:
    return html_page(title, [f"<h1>{html.escape(title)}</h1>", *parts])


def _head(document: Mapping[str, Any]) -> str:
    facts = (
        f"{document['file']}: {document['payments']:,} payments, {document['frauds']:,} frauds; "
        f"policy {document['policy']}, inputs {document['inputs']}."
    )
    lines = [f"<p>{html.escape(facts)}</p>"]
    lines.append(
        "<p>V: share of fraud value stopped before authorisation. C: share of frauds. "
        f"The budget is {_share(document['budget'])} of genuine payments; FPR is what it came to "
        "on the judged days. Model, and rules and model together, move their threshold once a day "
        "by a frozen rule that reads what is known when the day begins; the frozen number was set "
        "on validation days. In brackets: 95 % intervals, bootstrap by customer. The "
        "threshold of the plain model is read from the judged days at the FPR that our model "
        "achieved, which favours it.</p>"
    )
    rows = [
        [
            f"{_number(one['delay_days'])} days",
            *(_share(one["ways"][way][key]) for way in NAMES for key in ("v", "c")),
        ]
        for one in document["delays"]
    ]
    header = ["labels after", *(f"{key} {name}" for name in NAMES.values() for key in "VC")]
    return "".join(lines) + table("V and C side by side", header, rows)


def _days(one: Mapping[str, Any]) -> str:
    days = {name: text[:10] for name, text in one["days"].items()}
    text = (
        f"Trained from {days['train']} ({one['training']['rows']:,} rows, "
        f"{one['training']['frauds']:,} frauds, {one['training']['inputs']} inputs), thresholds "
        f"from {days['validation']} up to {days['known']}, judged from {days['test']} up to "
        f"{days['end']}: {one['payments']:,} labelled payments, {one['frauds']:,} frauds."
    )
    return f"<p>{html.escape(text)}</p>"


def _ways(one: Mapping[str, Any]) -> str:
    rows = []
    for name, label in NAMES.items():
        way = one["ways"][name]
        cells = [_with_interval(way, key) for key in ("v", "c", "fpr")]
        rows.append([label, *cells, _share(way["declined"]), _share(one["given_up"][name])])
    header = ["way", "V", "C", "FPR achieved", "genuine declined", "genuine given up (assumed)"]
    return table("Ways of stopping", header, rows)


def _bars(one: Mapping[str, Any]) -> str:
    """V of every way with its interval, as inline SVG."""
    lines = []
    for place, (name, label) in enumerate(NAMES.items()):
        way, y = one["ways"][name], 18 + 34 * place
        v = way["v"] if way["v"] == way["v"] else 0.0
        low, high = way["interval"].get("v", (v, v))
        lines.append(
            f'<text x="0" y="{y + 13}">{html.escape(label)}</text>'
            f'<rect x="190" y="{y}" width="{440 * v:.1f}" height="18" class="b0"/>'
            f'<line x1="{190 + 440 * low:.1f}" x2="{190 + 440 * high:.1f}" y1="{y + 9}" '
            f'y2="{y + 9}" class="whisker"/>'
            f'<text x="{200 + 440 * max(v, high):.1f}" y="{y + 13}">{_share(v)}</text>'
        )
    body = "".join(lines)
    return (
        f'<svg viewBox="0 0 720 {20 + 34 * len(NAMES)}" role="img" '
        f'aria-label="V by way with 95 % interval">{body}</svg>'
    )


def _paired(one: Mapping[str, Any]) -> str:
    rows = []
    for key in ("v", "c"):
        held = one["model_minus_plain"][key]
        rows.append([key.upper(), _points(held["gap"]), _bounds(held["interval"])])
    return table(
        "Model less plain model at the same FPR, paired by customer", ["", "gap", "95 %"], rows
    )


def _types(one: Mapping[str, Any]) -> str:
    found = one["types"].get("rules_and_model")
    if not found:
        return ""
    rows = [
        [
            row["type"],
            f"{row['frauds']:,}",
            _share(row["v"]),
            _share(row["c"]),
            _share(row["efficacy"]),
            _share(row["v_at_efficacy"]),
        ]
        for row in found
    ]
    header = ["attack", "frauds", "V", "C", "challenge stops (assumed)", "V at that"]
    return table("Rules and model by attack type", header, rows)


def _campaign_table(one: Mapping[str, Any]) -> str:
    if not one["campaigns"]:
        return ""
    rows = [
        [
            NAMES[name],
            f"{row['campaigns']:,}",
            _share(row["stopped_early"]),
            _number(row["loss_before_first_stop"]),
        ]
        for name, row in one["campaigns"].items()
    ]
    header = ["way", "campaigns", "one of the first 5 stopped", "mean loss before (minor units)"]
    return table("Campaigns, each counted once", header, rows)


def _calibration(one: Mapping[str, Any]) -> str:
    held = one["calibration"]
    rows = [
        [f"{place}", f"{row['payments']:,}", f"{row['predicted']:.5f}", f"{row['observed']:.5f}"]
        for place, row in enumerate(held["deciles"], 1)
    ]
    title = (
        f"Calibration ({held['method']}): Brier {held['brier']:.5f}, "
        f"expected error {held['ece']:.5f}; AUC {one['ranking']['auc']:.4f}, average precision "
        f"{one['ranking']['ap']:.4f}"
    )
    return table(title, ["tenth", "payments", "predicted", "observed"], rows)


def _cold_start(one: Mapping[str, Any]) -> str:
    held = one["cold_start"]
    if held is None:
        return ""
    row = [f"{held['inputs']}", f"{held['payments']:,}", f"{held['auc']:.4f}"]
    row += [_share(held["in_top_01"]), _share(held["in_top_1"])]
    header = ["inputs", "payments", "AUC", "frauds in the top 0.1 %", "in the top 1 %"]
    return table("Without any label: how unlike other payments", header, [row])


def _drift(one: Mapping[str, Any]) -> str:
    rows = [
        [
            row["name"],
            f"{row['psi']:.3f}",
            f"{row['ks']:.3f}",
            _share(row["missing"]),
            row["verdict"],
        ]
        for row in one["drift"][:5]
    ]
    header = ["input", "PSI", "KS", "missing", "verdict"]
    return table("Inputs that moved most since the validation days", header, rows)


def _protocol(document: Mapping[str, Any]) -> str:
    header = ["fold", *document["columns"]]
    rows = [
        [fold["name"], *(f"{fold[key]:.4f}" for key in document["columns"])]
        for fold in [*document["folds"], {"name": "mean", **document["mean"]}]
    ]
    return table(document["title"], header, rows)


def _with_interval(way: Mapping[str, Any], key: str) -> str:
    bounds = way["interval"].get(key)
    text = _share(way[key])
    return text if bounds is None else f"{text} [{_share(bounds[0])}, {_share(bounds[1])}]"


def _share(value: float | None) -> str:
    return "none" if value is None or value != value else f"{100 * value:.2f} %"


def _points(value: float) -> str:
    return f"{100 * value:+.2f} points"


def _bounds(bounds: Sequence[float] | None) -> str:
    return "none" if not bounds else f"[{100 * bounds[0]:+.2f}, {100 * bounds[1]:+.2f}]"


def _number(value: float | None) -> str:
    return "none" if value is None or value != value else f"{value:,.6g}"
