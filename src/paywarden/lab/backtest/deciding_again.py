"""One policy over a material: windows, rules, outcomes, and what was recorded put in its place.

Guards: the order is that of a payment (windows, segment, rules, combination). Where the record says
that a stage gave no opinion, or that a test value forced the outcome, the same holds here: neither
depends on the policy. Shapes: n payments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.decision.combine import CombineContext, Combined, combine
from paywarden.decision.conduct import FRAUD_STAGE, PolicyRuntime, stand_ins
from paywarden.lab.backtest.built_in_columns import floors
from paywarden.lab.backtest.combining import Combination, Outcomes, settled_of
from paywarden.lab.backtest.feature_store import FeatureStore
from paywarden.lab.backtest.material import ListTimeline, Material
from paywarden.lab.backtest.rule_pass import Matches, RulePass
from paywarden.lab.backtest.rule_store import RuleStore
from paywarden.lab.backtest.typology_verdicts import with_verdicts
from paywarden.lab.backtest.window_pass import Feature, WindowPass, features_of
from paywarden.lab.verdicts import CONTEXT, Surroundings, surroundings_of
from paywarden.risk.rules.firing import FiredRule

Stage = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy to be tried: compiled, with its lists over the material's payments."""

    runtime: PolicyRuntime
    lists: ListTimeline


@dataclass(frozen=True, slots=True)
class Again:
    """What a policy answers. `outcome`: int8 [n], `points`: int64 [n].

    `features_computed`, `rules_evaluated`: how much was not taken from an earlier run.
    """

    candidate: Candidate
    features: tuple[Feature, ...]
    matches: Matches
    combination: Combination
    outcome: Outcomes
    points: npt.NDArray[np.int64]
    settled: Outcomes
    features_computed: int
    rules_evaluated: int


def decide_again(
    material: Material,
    candidate: Candidate,
    store: FeatureStore,
    rules: RuleStore | None,
    threads: int,
    progress: Stage,
) -> Again:
    """Decide every payment of the material by a policy; `progress(stage, done, total)`."""
    runtime = candidate.runtime
    features = features_of(material, runtime.plan, runtime.compiled.aggregates)
    computed = WindowPass(material, store, threads).run(
        features, lambda done, total: progress("windows", done, total)
    )
    passing = RulePass(material, runtime, candidate.lists, features, store, rules, threads)
    matches = with_verdicts(
        passing.run(lambda done, total: progress("rules", done, total)), runtime.typologies
    )
    count = len(material)
    around, which = surroundings_of(material.table.part(0, count, CONTEXT), matches.segment)
    settled = settled_of(runtime, around, which)
    floor = floors(runtime.policy, material.table, count)
    combined = Combination(
        runtime.rows, runtime.policy, matches, settled, material.probability, floor
    )
    outcome, points = _as_recorded(material, runtime, combined, matches, around, which)
    if floor is not None:  # neither a stage that failed nor a magic value lowers it
        np.maximum(outcome, floor, out=outcome)
    return Again(
        candidate, tuple(features), matches, combined, outcome, points, settled, computed,
        matches.evaluated,
    )  # fmt: skip


def _as_recorded(
    material: Material,
    runtime: PolicyRuntime,
    combined: Combination,
    matches: Matches,
    around: Sequence[Surroundings],
    which: npt.NDArray[np.int64],
) -> tuple[Outcomes, npt.NDArray[np.int64]]:
    recorded = material.recorded
    if recorded is None:
        return combined.outcome, combined.points
    outcome, points = combined.outcome.copy(), combined.points.copy()
    fired_at = matches.at(list(recorded.skipped))
    for position, names in recorded.skipped.items():
        fired = () if FRAUD_STAGE in names else fired_at[position]
        rows = [runtime.rows[index] for index in fired]
        again = _with_stand_ins(runtime, rows, around[int(which[position])], names)
        outcome[position], points[position] = again.outcome, again.points
    forced = recorded.forced >= 0
    outcome[forced] = recorded.forced[forced]
    return outcome, points


def _with_stand_ins(
    runtime: PolicyRuntime, rows: Sequence[FiredRule], around: Surroundings, names: Sequence[str]
) -> Combined:
    policy = runtime.policy
    context = CombineContext(
        phase=around.phase,
        initiator=around.initiator,
        challenge_unavailable=runtime.challenge_unavailable(around.segment),
    )
    instead = stand_ins(policy, names)
    return combine(rows, policy.points, policy.model, None, context, stand_ins=instead)
