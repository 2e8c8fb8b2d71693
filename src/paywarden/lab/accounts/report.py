"""An evaluation of accounts as words and as one HTML file: tables, no script, no outside request.

Guards: every text is escaped; a figure stands with its interval and with how many accounts are
behind it; what the ways may and may not see is said on the page. Not done here: the figures.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from paywarden.lab.accounts.evaluating import OURS, families
from paywarden.lab.report_page import html_page, table

NAMES: Final = {
    OURS: "typologies",
    "amount": "largest amount",
    "degree": "most counterparties",
    "boosting": "boosted trees, taught elsewhere",
}


def words_of(document: Mapping[str, Any]) -> str:
    """The evaluation for a terminal."""
    lines = [
        f"{len(document['worlds'])} world(s), {len(document['typologies'])} typologies, at most "
        f"{_share(document['budget'])} of accounts alerted"
    ]
    pooled = document["pooled"]
    for way, found in pooled["ways"].items():
        lines.append(
            f"  {NAMES[way]:32} recall {_with_interval(found, 'recall')}  "
            f"precision {_with_interval(found, 'precision')}  of {found['alerted']:.0f} alerted"
        )
    for other, gaps in pooled["paired"].items():
        gap = gaps["recall"]
        lines.append(
            f"  typologies less {NAMES[other]}: recall {_points(gap['gap'])} "
            f"{_bounds(gap['interval'])}"
        )
    for row in families(document):
        mine = "  ".join(f"{way} {row[way]:.2f}" for way in pooled["ways"])
        lines.append(f"  {row['family']:16} {row['accounts']:5} accounts  {mine}")
    for world in document["worlds"]:
        lines.append(f"  {world['name']}: {_days_words(world['days'])}")
    return "\n".join(lines)


def _days_words(days: Mapping[str, Any]) -> str:
    parts = []
    for what in ("accounts", "patterns"):
        one = days[what]
        parts.append(
            f"{one['alerted']} of {one['of']} {what} alerted after they began, days p50 "
            f"{_number(one['p50'])}, p90 {_number(one['p90'])}"
        )
    return "; ".join(parts)


def html_of(document: Mapping[str, Any]) -> str:
    """The report of a document of `evaluate_accounts`."""
    title = "Accounts found laundering"
    parts = [f"<h1>{title}</h1>", _head(document)]
    parts += _ways("All worlds together", document["pooled"])
    parts.append(_families(document))
    for world in document["worlds"]:
        parts.append(f"<h2>{html.escape(world['name'])}</h2>")
        parts.append(_facts(world))
        parts += _ways(world["name"], world)
        parts += [_days(world), _hits(world)]
    return html_page(title, parts)


def _head(document: Mapping[str, Any]) -> str:
    taught = ", ".join(document["trained_on"]) or "no world"
    text = (
        f"Each way alerts at most {_share(document['budget'])} of the accounts, those it ranks "
        "highest. Recall: share of laundering accounts that are alerted; precision: share of the "
        "alerted that launder. In brackets: 95 % intervals of a bootstrap that draws whole "
        "patterns and single innocents; differences are paired. Amounts and counterparties are "
        "those between accounts of the house. The trees read ranks of simple features and were "
        f"taught on {taught}; no judged world is among them."
    )
    return f"<p>{html.escape(text)}</p>"


def _facts(world: Mapping[str, Any]) -> str:
    text = (
        f"{world['transfers']:,} transfers, {world['accounts']:,} accounts, "
        f"{world['laundering_accounts']:,} of them in {world['patterns']} patterns of laundering; "
        f"{world['may_alert']:,} may be alerted."
    )
    return f"<p>{html.escape(text)}</p>"


def _ways(name: str, held: Mapping[str, Any]) -> Iterable[str]:
    rows = [
        [
            NAMES[way],
            _with_interval(found, "recall"),
            _with_interval(found, "precision"),
            f"{found['alerted']:,.0f}",
        ]
        for way, found in held["ways"].items()
    ]
    yield table(f"Ways, {name}", ["way", "recall", "precision", "alerted"], rows)
    gaps = [
        [NAMES[other], *(f"{_points(one[key]['gap'])} {_bounds(one[key]['interval'])}"
                         for key in ("recall", "precision"))]
        for other, one in held["paired"].items()
    ]  # fmt: skip
    yield table("Typologies less each other way, paired", ["less", "recall", "precision"], gaps)


def _families(document: Mapping[str, Any]) -> str:
    ways = list(document["pooled"]["ways"])
    rows = [
        [row["family"], f"{row['accounts']:,}", *(_share(row[way]) for way in ways)]
        for row in families(document)
    ]
    header = ["family", "accounts", *(NAMES[way] for way in ways)]
    return table("Recall by kind of laundering", header, rows)


def _days(world: Mapping[str, Any]) -> str:
    rows = [
        [what, f"{one['of']:,}", f"{one['alerted']:,}", *(_number(one[key]) for key in _DAYS)]
        for what, one in world["days"].items()
    ]
    return table(
        "Days from the first laundering transfer to an alert",
        ["of", "there are", "alerted after it", *_DAYS],
        rows,
    )


_DAYS: Final = ("p50", "p90", "mean")


def _hits(world: Mapping[str, Any]) -> str:
    rows = [
        [row["typology"], row["family"], f"{row['alerted']:,}", f"{row['laundering']:,}"]
        for row in world["hits"]
    ]
    return table(
        "Accounts alerted by typology, whatever the budget",
        ["typology", "family", "alerted", "of them laundering"],
        rows,
    )


def _with_interval(found: Mapping[str, Any], key: str) -> str:
    bounds = found["interval"][key]
    text = _share(found[key])
    return text if bounds is None else f"{text} [{_share(bounds[0])}, {_share(bounds[1])}]"


def _share(value: float | None) -> str:
    return "none" if value is None or value != value else f"{100 * value:.1f} %"


def _points(value: float) -> str:
    return "none" if value != value else f"{100 * value:+.1f} points"


def _bounds(bounds: Sequence[float] | None) -> str:
    return "" if not bounds else f"[{100 * bounds[0]:+.1f}, {100 * bounds[1]:+.1f}]"


def _number(value: float | None) -> str:
    return "none" if value is None or value != value else f"{value:.3g}"
