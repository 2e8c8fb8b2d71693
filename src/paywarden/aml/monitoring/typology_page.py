"""The reference page of the shipped typologies, as Markdown. Pure.

Guards: made from the files alone, so a test can tell whether the page is current; nothing here is
written by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from paywarden.risk.rules.typology_model import FlowFeature, Typology
from paywarden.risk.rules.typology_scores import expression_text

FAMILIES: Final = "family"
_HEAD: Final = """# Typologies

Made from the files in `src/paywarden/aml/typologies`; do not edit. {count} typologies: {payment}
run in the payment path, so that reaching `interdict` holds the payment, and {log} over the log of
transfers. `paywarden init` copies those of the payment path into the first policy; how to write
your own: [write a typology](../how-to/write-a-typology.md); how they compare with a peer's rules:
[typologies beside Tazama's rules](tazama-rules.md). Amounts are minor units of the base currency.

"""


def typology_page(typologies: Sequence[Typology]) -> str:
    """The whole page: a table, then each typology by family and name."""
    ordered = sorted(typologies, key=lambda one: (one.family, one.id))
    payment = sum(one.runs == "payment" for one in ordered)
    head = _HEAD.format(count=len(ordered), payment=payment, log=len(ordered) - payment)
    lines = [
        "| typology | family | runs | about | alert | interdict |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_row(one) for one in ordered]
    return head + "\n".join(lines) + "\n\n" + "\n".join(_part(one) for one in ordered)


def _row(one: Typology) -> str:
    interdict = "" if one.interdict is None else f"{one.interdict:g}"
    return (
        f"| [{one.id}](#{one.id}) | {one.family} | {one.runs} | {one.entity}"
        f" | {one.alert:g} | {interdict} |"
    )


def _part(one: Typology) -> str:
    lines = [f"## {one.id}", "", f"**{one.title}.** {one.explanation}", ""]
    lines += [f"- `{name}`: `{text}`" for name, text in one.values]
    lines += [f"- `flow.{feature.name}`: {_feature(feature)}" for feature in one.features]
    if one.values or one.features:
        lines.append("")
    lines += ["| term | points | holds when |", "|---|---|---|"]
    lines += [f"| {term.name} | {term.weight:g} | {_code(term.written)} |" for term in one.terms]
    lines += ["", f"Score: `{expression_text(one.score)}`. {_thresholds(one)}"]
    lines += [f"Sources: {'; '.join(one.sources)}.", ""]
    return "\n".join(lines)


def _feature(feature: FlowFeature) -> str:
    given = ", ".join(f"{name} {value}" for name, value in feature.settings.items())
    return f"`{feature.function}`, {given}" if given else f"`{feature.function}`"


def _code(text: str) -> str:
    """A condition in a cell of a table, whose bars must not end the cell."""
    return "`" + text.replace("|", "\\|") + "`"


def _thresholds(one: Typology) -> str:
    parts: list[str] = [f"Alert from {one.alert:g}"]
    if one.interdict is not None:
        parts.append(f"hold from {one.interdict:g}")
    parts.append(f"quiet for {one.quiet_days} days")
    return _joined(parts) + "."


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(parts)
