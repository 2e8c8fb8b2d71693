"""What live decisions are watched for, by scope: counting beside payments, judging once a minute.

Guards: counting keeps no value of a person, only which fields came, outcomes and groups; it is
memory alone, so a restart begins anew and no decision depends on it. A fault of counting never
touches the answer: it is told of and that payment is not counted. A window's ruleset, replay and
drafts do not count. Not done here: telling (`desk.py`), showing (`http.py`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from paywarden.core.clock import Randomness
from paywarden.core.instants import MINUTE_US
from paywarden.core.scope import Scope
from paywarden.decision.entries import Result
from paywarden.decision.model_runtime import Sampler
from paywarden.kit.log import logger
from paywarden.risk.drift.alarms import AlarmBook
from paywarden.risk.drift.fields import FieldWatch
from paywarden.risk.drift.novelty import NoveltyWatch
from paywarden.risk.drift.outcomes import OutcomeWatch
from paywarden.risk.drift.sample import (
    HOUR_SLOTS,
    MODELS,
    SLOTS,
    Sample,
    Sampled,
    Verdicts,
    judge_psi,
    verdicts,
)
from paywarden.risk.drift.slices import SliceWatch
from paywarden.risk.scoring.inputs import Floats

Samples = list[tuple[Sampled, Floats, Floats]]
"""Models with their rows of the last hour and the last day."""


class ScopeWatch:
    """Everything that is counted in one scope."""

    def __init__(self, chance: random.Random) -> None:
        self.book = AlarmBook()
        self.fields = FieldWatch()
        self.novelty = NoveltyWatch()
        self.outcomes = OutcomeWatch()
        self.slices = SliceWatch()
        self.models: tuple[Verdicts, ...] = ()
        self.since_us = 0
        self.faults = 0
        self._samples: dict[str, Sample] = {}
        self._chance = chance
        self._minute = 0

    def seen(self, fields: Mapping[str, Any], result: Result) -> None:
        """Count one decided payment."""
        try:
            self.fields.seen(fields.get("merchant.id"), fields)
            self.novelty.seen(fields)
            self.outcomes.seen(result.segment, result.outcome)
            self.slices.seen(fields, result.outcome)
        except Exception as fault:
            self.faults += 1
            logger().error("drift_not_counted", error_type=type(fault).__name__)

    def sample(self, model: Sampled, row: Sequence[float], probability: float) -> None:
        """Take the inputs of a model for one payment, or not."""
        found = self._samples.get(model.name)
        if found is None or found.model is not model:
            if len(self._samples) >= MODELS:
                del self._samples[next(iter(self._samples))]
            found = self._samples[model.name] = Sample(model, self._chance, self._minute)
        found.add(row, probability)

    def turn(self, now_us: int) -> None:
        """Close the minute and judge what is counted."""
        self.since_us = self.since_us or now_us
        minute = self._minute = now_us // MINUTE_US
        self.book.forget_old(now_us)
        self.fields.turn(minute, now_us, self.book)
        self.novelty.turn(minute, now_us, self.book, self._payments(minute))
        self.outcomes.turn(minute, now_us, self.book)
        self.slices.turn(minute, now_us, self.book)
        for sample in self._samples.values():
            sample.turn(minute)

    def _payments(self, minute: int) -> list[float]:
        """All payments: recent, in the reference, and in its near hours."""
        slots = self.fields.slots
        parts = (slots.recent, slots.whole, *slots.near(minute))
        return [float(part[0, 0]) for part in parts]

    def samples(self) -> Samples:
        """Copies of the rows of each model, to be compared beside the payments."""
        held = self._samples.values()
        return [(one.model, one.rows(HOUR_SLOTS), one.rows(SLOTS)) for one in held]

    def take(self, found: Sequence[Verdicts], samples: Samples, now_us: int) -> None:
        """Take over what comparing found."""
        self.models = tuple(found)
        hours = {model.name: len(hour) for model, hour, _day in samples}
        judge_psi(self.models, hours, now_us, self.book)


class DriftWatch:
    """The watches of a process by scope."""

    def __init__(self, randomness: Randomness) -> None:
        seed = int.from_bytes(randomness.octets(8), "big")
        self._chance = random.Random(seed)  # noqa: S311  which rows are kept is no secret
        self.scopes: dict[Scope, ScopeWatch] = {}

    def of(self, scope: Scope) -> ScopeWatch:
        """The watch of a scope."""
        found = self.scopes.get(scope)
        if found is None:
            found = self.scopes[scope] = ScopeWatch(self._chance)
        return found

    def seen(self, scope: Scope, fields: Mapping[str, Any], result: Result) -> None:
        """Count one decided payment."""
        self.of(scope).seen(fields, result)

    def sampler(self, scope: Scope) -> Sampler:
        """Who takes the inputs of models in a scope."""
        return self.of(scope).sample


def compared(samples: Samples) -> list[Verdicts]:
    """Compare each model's rows with its reference; touches nothing that payments use."""
    return [verdicts(model, hour, day) for model, hour, day in samples]
