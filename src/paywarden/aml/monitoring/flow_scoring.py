"""Terms of a `runs: log` typology over one account at one transfer: score and reasons.

Guards: conditions are checked against the names that a flow offers before anything runs; an error
of a condition (an absent value, an overflow) counts as not true. This is the plain way, one row at
a time; `columns` gives the same answers for many rows. Not done here: features, alerts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final

from paywarden.aml.monitoring.functions import type_of
from paywarden.aml.monitoring.model import Combined, Expression, Term, Typology
from paywarden.aml.monitoring.transfers import Transfer
from paywarden.core.instants import DAY_US
from paywarden.risk.rules import cel
from paywarden.risk.rules.cel.program import Program

NAMES: Final[Mapping[str, str]] = {
    "transfer.amount_minor": "int",
    "transfer.kind": "string",
    "transfer.channel": "string",
    "transfer.from_country": "string",
    "transfer.to_country": "string",
    "transfer.from_bank": "string",
    "transfer.to_bank": "string",
    "account.side": "string",
    "account.country": "string",
    "account.bank": "string",
    "account.known_days": "int",
}
"""Names beside `flow.*`. `account.side`: pays, is_paid, or member (of a motif, no part of the
transfer itself; its country and bank are then absent). `known_days`: since its first leg."""
SIDES: Final = ("pays", "is_paid", "member")


def names_of(typology: Typology) -> dict[str, str]:
    """Types of all names that conditions of a typology may read."""
    flows = {f"flow.{feature.name}": type_of(feature) for feature in typology.features}
    return {**NAMES, **flows}


@dataclass(frozen=True, slots=True)
class Scored:
    """A score and the terms that held, in the order of the file."""

    score: float
    held: tuple[Term, ...]


class FlowScorer:
    """Scores rows of one typology. Errors when made: CompileError of a condition."""

    def __init__(self, typology: Typology) -> None:
        types = names_of(typology)
        self.typology = typology
        self._programs: list[tuple[Term, Program]] = [
            (term, cel.compile(term.when, types)) for term in typology.terms
        ]

    def score(self, bindings: Mapping[str, Any]) -> Scored:
        """Score over dotted names (None or missing: absent)."""
        held = tuple(term for term, program in self._programs if _holds(program, bindings))
        weights = {term.name: term.weight for term in held}
        return Scored(score_of(self.typology.score, weights), held)


def _holds(program: Program, bindings: Mapping[str, Any]) -> bool:
    try:
        return program.evaluate(bindings) is True
    except cel.EvaluationError:
        return False


def score_of(expression: Expression, weights: Mapping[str, float]) -> float:
    """Value of a score expression; `weights` of the terms that hold, others are 0."""
    if isinstance(expression, str):
        return float(weights.get(expression, 0.0))
    if not isinstance(expression, Combined):
        return float(expression)
    parts = [score_of(part, weights) for part in expression.parts]
    if expression.operator == "sum":
        return float(sum(parts))
    if expression.operator == "product":
        return float(prod(parts))
    return max(parts) if expression.operator == "max" else min(parts)


def names_at(transfer: Transfer, account: str, first_at_us: int) -> dict[str, Any]:
    """Values of NAMES for an account at a transfer; empty texts are absent."""
    pays, is_paid = account == transfer.from_account, account == transfer.to_account
    country = transfer.from_country if pays else transfer.to_country if is_paid else ""
    bank = transfer.from_bank if pays else transfer.to_bank if is_paid else ""
    return {
        "transfer.amount_minor": transfer.amount_minor,
        "transfer.kind": transfer.kind or None,
        "transfer.channel": transfer.channel or None,
        "transfer.from_country": transfer.from_country or None,
        "transfer.to_country": transfer.to_country or None,
        "transfer.from_bank": transfer.from_bank or None,
        "transfer.to_bank": transfer.to_bank or None,
        "account.side": SIDES[0 if pays else 1 if is_paid else 2],
        "account.country": country or None,
        "account.bank": bank or None,
        "account.known_days": (transfer.at_us - first_at_us) // DAY_US,
    }
