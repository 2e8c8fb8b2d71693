"""Why a model said what it said: the exact explanation of a recorded decision.

Guards: nothing is kept for it. The fields, window values and the name of the model are in the
record, and a model is immutable, so the same row is made again at any time; `identical` says
whether it gave the recorded answer (it cannot where a person was erased). Exact Shapley values
take milliseconds: they run in a worker thread, one at a time, and never while a payment waits.
Shown are inputs of the model, which are numbers; no field is shown.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from paywarden.core.errors import Conflict
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.payments import Decided
from paywarden.decision.policy_desk import PolicyDesk
from paywarden.decision.sealing import Sealer


class Contribution(msgspec.Struct, frozen=True):
    """One input. `value`: what the model read, null where missing. `exact`: how far it moved the
    score by the exact method; `inline`: by the attribution that was made while the payment waited.
    """

    input: str
    value: float | None
    exact: float
    inline: float


class ExplainedReason(msgspec.Struct, frozen=True):
    """A kind of fact that raised the score, and how far, with the strongest inputs."""

    code: str
    text: str
    weight: float
    inputs: list[str]


class ExplanationAnswer(msgspec.Struct, frozen=True):
    """Answer of GET /v1/decisions/{id}/explanation.

    `method`: tree_shap (base and contributions add up to the score), or leave_one_out for models
    from elsewhere (they need not). `unit`: log_odds before calibration, or path_length of an
    anomaly score. `reasons_then`: codes that the answer was given with.
    """

    model: str
    method: str
    unit: Literal["log_odds", "path_length"]
    base: float
    score: float
    probability: float | None
    anomaly: float | None
    identical: bool
    contributions: list[Contribution]
    reasons: list[ExplainedReason]
    reasons_then: list[str]


class Explaining:
    """Explains single decisions beside live traffic."""

    def __init__(self, policies: PolicyDesk, sealer: Sealer) -> None:
        self._policies = policies
        self._sealer = sealer
        self._one_at_a_time = asyncio.Semaphore(1)

    async def explain(self, decided: Decided) -> ExplanationAnswer:
        """The explanation. Errors: Conflict `nothing_to_explain`, and those of a model gone."""
        refuse_unscored(decided)
        runtime = await self._policies.runtime_of(decided.scope, decided.entry.decider)
        async with self._one_at_a_time:
            return await asyncio.to_thread(explanation, decided, runtime, self._sealer)


def refuse_unscored(decided: Decided) -> None:
    """Errors: Conflict `nothing_to_explain` where no model said anything."""
    said = decided.entry.result.model
    if said is None or said.silent:
        detail = "no model took part in it, or it was too late; the record names rules that fired"
        raise Conflict("nothing_to_explain", detail)


def explanation(decided: Decided, runtime: PolicyRuntime, sealer: Sealer) -> ExplanationAnswer:
    """Explain by the ruleset and model that decided."""
    refuse_unscored(decided)
    entry, model = decided.entry, runtime.model
    said = entry.result.model
    assert model is not None and said is not None, "what decided had a model"
    fields, _erased = sealer.open(decided.scope, decided.seq, entry.clear, entry.sealed)
    score, found = model.explain(runtime.vector(fields, entry.aggregates, {}))
    return ExplanationAnswer(
        said.model,
        found.method,
        found.unit,  # type: ignore[arg-type]
        found.base,
        found.score,
        said.probability,
        said.anomaly,
        (score.probability, score.anomaly) == (said.probability, said.anomaly),
        _contributions(found.contributions, found.inline, found.row),
        [
            ExplainedReason(one.code, one.text, one.weight, list(one.inputs))
            for one in found.reasons
        ],
        list(said.reasons),
    )


def _contributions(
    exact: Mapping[str, float], inline: Mapping[str, float], row: Mapping[str, float]
) -> list[Contribution]:
    names = [*exact, *(name for name in inline if name not in exact)]

    def value(name: str) -> float | None:
        return None if math.isnan(row[name]) else row[name]

    return [
        Contribution(name, value(name), exact.get(name, 0.0), inline.get(name, 0.0))
        for name in names
    ]


def document_of(answer: ExplanationAnswer) -> dict[str, Any]:
    """Plain data."""
    found: dict[str, Any] = msgspec.to_builtins(answer)
    return found
