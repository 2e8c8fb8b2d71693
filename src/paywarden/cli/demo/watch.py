"""Watch: everything that is seen of a run, and the snapshot that view, lines and JSON are made of.

Guards: from a payment it keeps its id, type, amount, currency and merchant, never a person, card,
device or address; rules come from the records of a sample of the stopped payments, and the sample's
size is stated. Memory is bounded. The injected clock gives durations only.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from paywarden.cli.demo.laundering import LaunderingWatch
from paywarden.cli.demo.scoring import Rates, Score
from paywarden.cli.demo.snapshot import Notable, Pacing, Snapshot
from paywarden.cli.demo.statistics import Latencies, Rate, Tally, percentiles
from paywarden.core.clock import Clock

NOTABLE_KEPT = 40
EXPLAIN_QUEUE = 32
OUTCOMES = ("allow", "challenge", "review", "block")


@dataclass(frozen=True, slots=True)
class Seen:
    """A payment, its answer and the truth behind it. `campaign` names one campaign of the run."""

    payment: dict[str, Any]
    answer: dict[str, Any]
    fraud: bool
    kind: str | None
    campaign: str | None
    laundering: bool = False
    innocent: bool = False


class Watch:
    """Counts what drivers report."""

    def __init__(self, clock: Clock, rates: Rates) -> None:
        self.score = Score()
        self.laundering = LaunderingWatch()
        self.to_explain: deque[str] = deque(maxlen=EXPLAIN_QUEUE)
        self._clock, self._rates = clock, rates
        self._began_ns: int | None = None
        self._latencies, self._rate = Latencies(), Rate()
        self._outcomes = dict.fromkeys(OUTCOMES, 0)
        self._reasons, self._rules, self._scenarios = Tally(), Tally(), Tally()
        self._events, self._refused, self._held = Tally(), Tally(), Tally()
        self._degraded = Tally()
        self._explained = 0
        self._notable: deque[Notable] = deque(maxlen=NOTABLE_KEPT)

    def begin(self) -> None:
        """The traffic starts now."""
        self._began_ns = self._clock.monotonic_ns()

    @property
    def seconds(self) -> float:
        """Seconds since the traffic started."""
        if self._began_ns is None:
            return 0.0
        return (self._clock.monotonic_ns() - self._began_ns) / 1e9

    @property
    def decisions(self) -> int:
        """Decisions so far."""
        return sum(self._outcomes.values())

    def decided(self, seen: Seen, took_ms: float | None) -> int:
        """Count a decision; its value in minor units of the euro. No latency after an overload."""
        payment, answer = seen.payment, seen.answer
        outcome = answer["outcome"]
        amount, currency = payment.get("amount_minor", 0), payment.get("currency", "")
        value_minor = self._rates.euro_minor(amount, currency)
        self._rate.add(self.seconds)
        self._outcomes[outcome] = self._outcomes.get(outcome, 0) + 1
        if took_ms is not None:
            self._latencies.add(took_ms)
        for reason in answer["reasons"]:
            self._reasons.add(reason["code"])
        for degraded in answer["degraded"]:
            self._degraded.add(degraded)
        if seen.laundering:
            pattern = seen.campaign or ""
            self.laundering.decided(seen.kind or "", pattern, value_minor, outcome)
        else:
            self.score.decided(seen.fraud, seen.kind, seen.campaign, value_minor, outcome)
        if seen.innocent:
            self.laundering.alike(outcome)
        if outcome != "allow":
            self.to_explain.append(answer["id"])
            self._note(seen)
        return value_minor

    def continued(self, fraud: bool, kind: str | None, value_minor: int, outcome: str) -> None:
        """Count the answer after a challenge."""
        self._events.add("continue")
        self.score.continued(fraud, kind, value_minor, outcome)

    def happened(self, kind: str) -> None:
        """Count an event that was recorded."""
        self._events.add(kind)

    def refused(self, what: str, code: str) -> None:
        """Count a request that the server refused."""
        self._refused.add(f"{what}: {code}")

    def held_back(self, code: str) -> None:
        """Count a request that had to wait because the server was busy."""
        self._held.add(code)

    def explained(self, record: dict[str, Any]) -> None:
        """Count the rules and scenarios of one decision's record."""
        self._explained += 1
        fired = [rule for rule in record.get("rules", []) if "id" in rule]
        for rule in fired:
            self._rules.add(rule["id"])
        for scenario in sorted({rule["scenario"] for rule in fired if rule.get("scenario")}):
            self._scenarios.add(scenario)

    def _note(self, seen: Seen) -> None:
        payment, answer = seen.payment, seen.answer
        notable = Notable(
            at_seconds=self.seconds,
            payment_id=payment["id"],
            type=payment["type"],
            amount_minor=payment.get("amount_minor", 0),
            currency=payment.get("currency", ""),
            merchant=(payment.get("merchant") or {}).get("id", ""),
            outcome=answer["outcome"],
            points=answer["points"],
            reasons=tuple(reason["code"] for reason in answer["reasons"]),
            texts=tuple(reason["text"] for reason in answer["reasons"]),
            truth=(seen.kind or "fraud") if seen.fraud or seen.laundering else "genuine",
        )
        if self._notable and self._notable[-1].like(notable):
            notable = notable.again(self._notable.pop())
        self._notable.append(notable)

    def snapshot(self, api: str, pacing: Pacing) -> Snapshot:
        """Everything as it stands."""
        seconds = self.seconds
        return Snapshot(
            api=api,
            seconds=seconds,
            decisions=self.decisions,
            per_second=self._rate.lately(seconds),
            course=tuple(self._rate.course(seconds)),
            outcomes=dict(self._outcomes),
            latency=percentiles(self._latencies),
            events=self._events.total,
            reasons=tuple(self._reasons.most(8)),
            rules=tuple(self._rules.most(8)),
            scenarios=tuple(self._scenarios.most(8)),
            explained=self._explained,
            degraded=tuple(self._degraded.most(4)),
            refused=tuple(self._refused.most(8)),
            held_back=tuple(self._held.most(4)),
            standing=self.score.standing(),
            notable=tuple(reversed(self._notable)),
            pacing=pacing,
            laundering=self.laundering.standing(),
        )
