"""Snapshot: a run at one moment, as plain values; and the JSON document made of it.

Guards: the only thing that view and lines see, so they need neither server nor simulator, and what
is not in it cannot be shown: no person, no card.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from paywarden.cli.demo.cards import CardUse
from paywarden.cli.demo.laundering import Laundering
from paywarden.cli.demo.scoring import Standing
from paywarden.cli.demo.statistics import Percentiles


@dataclass(frozen=True, slots=True)
class Notable:
    """A stopped payment. `times`: how many alike in a row it stands for; the newest is shown."""

    at_seconds: float
    payment_id: str
    type: str
    amount_minor: int
    currency: str
    merchant: str
    outcome: str
    points: int
    reasons: tuple[str, ...]
    texts: tuple[str, ...]
    truth: str
    times: int = 1

    def like(self, other: Notable) -> bool:
        """The same merchant, outcome, truth and reasons."""
        return (self.merchant, self.outcome, self.truth, self.reasons) == (
            other.merchant, other.outcome, other.truth, other.reasons,
        )  # fmt: skip

    def again(self, earlier: Notable) -> Notable:
        """This one, standing for the earlier one too."""
        return replace(self, times=earlier.times + self.times)

    def document(self) -> dict[str, Any]:
        """Plain values for the JSON answer."""
        return {
            "at_seconds": round(self.at_seconds, 3),
            "payment_id": self.payment_id,
            "type": self.type,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "merchant": self.merchant or None,
            "outcome": self.outcome,
            "points": self.points,
            "reasons": list(self.reasons),
            "truth": self.truth,
            "times": self.times,
        }


@dataclass(frozen=True, slots=True)
class Pacing:
    """Simulated seconds per second, asked for and reached; seconds of lag that were given up."""

    worlds: int
    asked: float
    reached: float
    given_up_seconds: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of a run. `explained`: of how many stopped payments the rules were looked up."""

    api: str
    seconds: float
    decisions: int
    per_second: float
    course: tuple[int, ...]
    outcomes: dict[str, int]
    latency: Percentiles
    events: int
    reasons: tuple[tuple[str, int], ...]
    rules: tuple[tuple[str, int], ...]
    scenarios: tuple[tuple[str, int], ...]
    explained: int
    degraded: tuple[tuple[str, int], ...]
    refused: tuple[tuple[str, int], ...]
    held_back: tuple[tuple[str, int], ...]
    standing: Standing
    notable: tuple[Notable, ...]
    pacing: Pacing
    cards: CardUse = field(default_factory=CardUse)
    laundering: Laundering = field(default_factory=Laundering)

    @property
    def mean_per_second(self) -> float:
        """Decisions per second over the whole run."""
        return self.decisions / self.seconds if self.seconds > 0 else 0.0

    def document(self) -> dict[str, Any]:
        """The answer with --json."""
        latency = self.latency
        return {
            "api": self.api,
            "seconds": round(self.seconds, 3),
            "decisions": self.decisions,
            "decisions_per_second": round(self.mean_per_second, 2),
            "events": self.events,
            "outcomes": self.outcomes,
            "latency_ms": {
                "p50": round(latency.p50, 3),
                "p95": round(latency.p95, 3),
                "p99": round(latency.p99, 3),
                "max": round(latency.largest, 3),
            },
            "labelled": self.standing.document(),
            "campaigns": {
                name: attacks.document() for name, attacks in sorted(self.standing.attacks.items())
            },
            "reasons": _counts("code", self.reasons),
            "rules": _counts("id", self.rules),
            "scenarios": _counts("name", self.scenarios),
            "records_looked_up": self.explained,
            "degraded": _counts("reason", self.degraded),
            "refused": _counts("code", self.refused),
            "held_back": _counts("code", self.held_back),
            "pace": {
                "worlds": self.pacing.worlds,
                "asked": self.pacing.asked,
                "reached": round(self.pacing.reached, 1),
                "given_up_seconds": round(self.pacing.given_up_seconds, 3),
            },
            "cards": self.cards.document(),
            "aml": self.laundering.document(),
            "latest": [one.document() for one in self.notable[:20]],
        }


def _counts(name: str, pairs: tuple[tuple[str, int], ...]) -> list[dict[str, Any]]:
    return [{name: word, "count": count} for word, count in pairs]
