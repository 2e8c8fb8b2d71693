"""The frame of every model card for people: what it is for, what it was made from, its limits.

Not done here: what a kind of card tells between them (`card.py`, `unlabelled.py`,
`onnx_import.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def card_text(card: Mapping[str, Any], made_from: Iterable[str], body: Iterable[str]) -> str:
    """Markdown; `made_from`: facts beside the sources, `body`: lines of the sections between."""
    facts = [*(f"{name}: {text}" for name, text in card["source"].items()), *made_from]
    lines = ["# Model card", "", card["purpose"], "", "## Made from", ""]
    lines += [*(f"- {fact}" for fact in facts), "", *body, ""]
    lines += ["## Limits", "", *(f"- {text}" for text in card["limits"]), ""]
    return "\n".join(lines)


def listed_inputs(card: Mapping[str, Any]) -> list[str]:
    """The section that names every input with its expression."""
    inputs = [f"- {one['name']}: `{' '.join(one['is'].split())}`" for one in card["inputs"]]
    return ["## Inputs", "", *inputs]
