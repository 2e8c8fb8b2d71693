"""A model beside one ruleset: its windows, its thresholds, its opinion as a value.

Guards: the model reads the vector that the rules read, with windows of its own behind theirs, so
that training, live, replay and trials compute one thing. Whatever goes wrong inside gives no
opinion and says so; the payment is decided by the rules. Thresholds are the policy's, and where it
sets none those that were frozen with the model. Not done here: the score (`risk.scoring`), which
model serves (`policy_desk`), the combination (`combine.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paywarden.decision.entries import ModelOpinion
from paywarden.kit.log import logger
from paywarden.risk.drift.sample import Sampled
from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.compiler import ANOMALY, CompiledPolicy
from paywarden.risk.rules.model import Thresholds
from paywarden.risk.scoring.artefact import Artefact
from paywarden.risk.scoring.scorer import Explanation, Score, Scorer, windows_of

MODEL_STAGE = "model"
Late = Callable[[], bool]
Sampler = Callable[[Sampled, Sequence[float], float], None]
"""Takes a model, its inputs for one payment, and the probability (else the share) it gave."""


class ModelRuntime:
    """One artefact that serves beside one compiled policy. `paths`: what its inputs read."""

    def __init__(self, name: str, artefact: Artefact, compiled: CompiledPolicy) -> None:
        """Errors: InvalidRequest `model_currency`, `model_invalid`, `input_invalid`."""
        declared = compiled.aggregates
        self.name = name
        self.inputs: tuple[str, ...] = tuple(one.name for one in artefact.inputs)
        self.reference: Mapping[str, Any] = artefact.reference
        self.windows: tuple[Aggregate, ...] = windows_of(artefact, declared)
        slots = dict(compiled.slots)
        for number, window in enumerate(self.windows):
            slots[f"agg.{window.name}"] = compiled.width + number
        self._scorer = Scorer(
            artefact, slots, declared=declared, lists=compiled.policy.lists,
            base_currency=compiled.policy.base_currency,
            with_anomaly=any(ANOMALY in row.references.paths for row in compiled.rules),
        )  # fmt: skip
        self.paths = self._scorer.paths
        self.thresholds = _thresholds(compiled.policy.model, artefact)

    def opinion(
        self, vector: Sequence[Any], late: Late | None, sampler: Sampler | None = None
    ) -> ModelOpinion:
        """The calibrated probability, with reasons where a threshold is reached, and the anomaly
        score, where a rule reads it or the model has nothing else.

        `sampler`: told of the model's inputs, for live decisions alone.
        """
        try:
            score = self._scorer.score(vector, late)
            said = score.anomaly if score.probability is None else score.probability
            if said is None:
                return self.none()
            if sampler is not None and score.row is not None:
                sampler(self, score.row, said)
            reasons: tuple[str, ...] = ()
            if score.probability is not None and _reached(score.probability, self.thresholds):
                reasons = tuple(one.code for one in self._scorer.reasons(score))
        except Exception as fault:
            logger().error("model_failed", model=self.name, error_type=type(fault).__name__)
            return self.none()
        return ModelOpinion(self.name, score.probability, reasons, score.anomaly)

    def none(self) -> ModelOpinion:
        """No opinion: too late, or at fault."""
        return ModelOpinion(self.name, None, ())

    def attribution(self, vector: Sequence[Any]) -> Mapping[str, float]:
        """How much each input moved the log odds, strongest first; for the operator's record."""
        found, _base = self._scorer.attribution(self._scorer.score(vector))
        return dict(sorted(found.items(), key=lambda pair: -abs(pair[1])))

    def explain(self, vector: Sequence[Any]) -> tuple[Score, Explanation]:
        """The score of a vector again, and its exact explanation; never while a payment waits."""
        score = self._scorer.score(vector)
        return score, self._scorer.explain(score)


def _thresholds(own: Thresholds, artefact: Artefact) -> Thresholds:
    if (own.challenge, own.review, own.block) != (None, None, None):
        return own
    frozen = artefact.operating
    if frozen is None:  # no probability, nothing to compare
        return own
    return Thresholds(frozen.challenge, None, frozen.block)


def _reached(probability: float, thresholds: Thresholds) -> bool:
    levels = (thresholds.challenge, thresholds.review, thresholds.block)
    return any(level is not None and probability >= level for level in levels)
