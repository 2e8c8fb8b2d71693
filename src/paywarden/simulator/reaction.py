"""Reaction: how people, issuers and attackers answer to a decision.

- allow: nothing changes; the issuer's answer and later reports come as foreseen.
- challenge: nine of ten honest people pass, few fraudsters do; `challenge_result` says which. Who
  fails never reaches the issuer.
- review: held; an analyst labels it after about an hour, nineteen times of twenty rightly. Found
  genuine, it goes on to the issuer.
- block: never reaches the issuer, so there is no result and no chargeback. Three of ten honest
  people who were blocked complain, which is a label `genuine` by the customer.

An attacker who is stopped counts: a run of stops as long as his patience ends the campaign; until
then he slows down by his factor and, if evasive, changes what his `switches` name: machine, line,
card, sum. Decisions are drawn from a generator of their own, so the same outcomes in the same order
give the same reactions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.core.instants import MICROSECONDS
from paywarden.core.outcome import Outcome
from paywarden.simulator.campaigns.model import Operator
from paywarden.simulator.words import Result, Source, Verdict

GENUINE_PASSES = 0.90
ANALYST_RIGHT = 0.95
COMPLAINS = 0.30


@dataclass(frozen=True, slots=True)
class Reply:
    """What follows a decision. `proceeds`: the issuer is asked, after `delay_us`; `result` of a
    challenge and `label` (verdict, source), each with its own delay, where there is one."""

    proceeds: bool
    delay_us: int = 0
    result: Result | None = None
    label: tuple[Verdict, Source] | None = None


@dataclass(slots=True)
class Attacker:
    """The live mood of one campaign's operator."""

    operator: Operator
    stops: int = 0
    shift_us: int = 0
    slowness: float = 1.0
    gone: bool = False
    disguise: int = 0

    def stopped(self) -> None:
        """One payment did not get through."""
        self.stops += 1
        self.slowness = min(self.slowness * self.operator.slow_down, 64.0)
        self.disguise += int(self.operator.evasive)
        self.gone = self.stops >= self.operator.patience

    def succeeded(self) -> None:
        """One payment was let through: he takes heart."""
        self.stops = 0


def reply(
    rng: np.random.Generator, outcome: Outcome, fraud: bool, operator: Operator | None
) -> Reply:
    """What a genuine or fraudulent payer does about this outcome."""
    if outcome is Outcome.ALLOW:
        return Reply(proceeds=True)
    if outcome is Outcome.CHALLENGE:
        return _challenged(rng, fraud, operator)
    if outcome is Outcome.REVIEW:
        return _reviewed(rng, fraud)
    complaint = not fraud and rng.random() < COMPLAINS
    later = int(rng.exponential(1_800) + 60) * MICROSECONDS
    label = (Verdict.GENUINE, Source.CUSTOMER) if complaint else None
    return Reply(proceeds=False, delay_us=later, label=label)


def _challenged(rng: np.random.Generator, fraud: bool, operator: Operator | None) -> Reply:
    if fraud:
        chance = operator.passes_challenge if operator is not None else 0.05
    else:
        chance = GENUINE_PASSES
    passes = bool(rng.random() < chance)
    took = int(rng.uniform(8, 75)) * MICROSECONDS
    failure = Result.FAILED if fraud or rng.random() < 0.3 else Result.ABANDONED
    return Reply(passes, took, Result.AUTHENTICATED if passes else failure)


def _reviewed(rng: np.random.Generator, fraud: bool) -> Reply:
    right = bool(rng.random() < ANALYST_RIGHT)
    found_fraud = fraud == right
    took = int(rng.lognormal(np.log(3_600), 0.7)) * MICROSECONDS
    verdict = Verdict.FRAUD if found_fraud else Verdict.GENUINE
    return Reply(not found_fraud, took, label=(verdict, Source.ANALYST))
