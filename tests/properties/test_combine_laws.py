"""Laws of the combination over arbitrary fired rules, thresholds and contexts."""

import random

from hypothesis import given
from hypothesis import strategies as st

from paywarden.core.outcome import Outcome
from paywarden.decision.combine import ChallengeState, CombineContext, combine
from paywarden.risk.rules.firing import FiredRule
from paywarden.risk.rules.model import PHASES, Thresholds

SCENARIOS = ["card_testing", "stolen_card", "velocity", "structuring"]

rows = st.builds(
    FiredRule,
    id=st.sampled_from([f"r{i}" for i in range(12)]),
    scenario=st.sampled_from(SCENARIOS),
    points=st.integers(0, 120),
    outcome=st.none() | st.sampled_from(list(Outcome)),
    reason=st.none() | st.sampled_from(["A", "B", "C"]),
    hard=st.booleans(),
    allow_scenarios=st.lists(st.sampled_from([*SCENARIOS, "*"]), max_size=2).map(tuple),
    engine=st.sampled_from(["fraud", "fraud", "aml"]),
)
fired = st.lists(rows, max_size=8)
contexts = st.builds(
    CombineContext,
    phase=st.sampled_from(PHASES),
    initiator=st.sampled_from(["customer", "merchant"]),
    challenge_possible=st.booleans(),
    challenge_unavailable=st.sampled_from(list(Outcome)),
    challenge=st.sampled_from(list(ChallengeState)),
)


@st.composite
def _thresholds(draw: st.DrawFn, top: float) -> Thresholds:
    levels = sorted(draw(st.lists(st.floats(0.0, top), min_size=3, max_size=3)))
    kept = [level if draw(st.booleans()) else None for level in levels]
    return Thresholds(*kept)


points = _thresholds(200.0)
models = _thresholds(1.0)
probability = st.none() | st.floats(0.0, 1.0)


@given(fired, rows, points, models, probability, contexts)
def test_another_rule_never_makes_it_milder(f, extra, t, m, p, c) -> None:
    if extra.outcome is Outcome.ALLOW:
        return
    before = combine(f, t, m, p, c)
    after = combine([*f, extra], t, m, p, c)
    assert after.outcome >= before.outcome
    assert after.points >= before.points


@given(fired, points, models, st.floats(0, 1), st.floats(0, 1), contexts)
def test_a_higher_probability_never_makes_it_milder(f, t, m, p, q, c) -> None:
    low, high = sorted((p, q))
    assert combine(f, t, m, low, c).outcome <= combine(f, t, m, high, c).outcome
    assert combine(f, t, m, None, c).outcome <= combine(f, t, m, low, c).outcome


@given(fired, points, models, probability, contexts, st.randoms(use_true_random=False))
def test_order_does_not_matter(f, t, m, p, c, r: random.Random) -> None:
    other = list(f)
    r.shuffle(other)
    assert combine(f, t, m, p, c) == combine(other, t, m, p, c)


@given(fired, points, models, probability, contexts)
def test_the_same_rule_twice_counts_once(f, t, m, p, c) -> None:
    assert combine(f, t, m, p, c) == combine([*f, *f], t, m, p, c)


@given(fired, rows, points, models, probability, contexts)
def test_a_hard_block_absorbs(f, row, t, m, p, c) -> None:
    hard = FiredRule("hard", row.scenario, row.points, Outcome.BLOCK, None, True, (), row.engine)
    assert combine([*f, hard], t, m, p, c).outcome is Outcome.BLOCK


@given(fired, points, models, probability, contexts)
def test_allow_never_beats_hard_or_aml(f, t, m, p, c) -> None:
    kept = [r for r in f if r.outcome is not Outcome.ALLOW and (r.hard or r.engine == "aml")]
    everything = FiredRule("trusted", "trusted", 0, Outcome.ALLOW, None, False, ("*",))
    floor = combine(kept, t, m, None, c).outcome
    assert combine([*f, everything], t, m, p, c).outcome >= floor


@given(fired, rows, points, models, probability, contexts)
def test_an_allow_rule_never_makes_it_stricter(f, row, t, m, p, c) -> None:
    allow = FiredRule("ok", row.scenario, 0, Outcome.ALLOW, None, False, row.allow_scenarios)
    assert combine([*f, allow], t, m, p, c).outcome <= combine(f, t, m, p, c).outcome


@given(fired, points, models, probability, contexts)
def test_outcomes_are_valid_for_the_payment(f, t, m, p, c) -> None:
    result = combine(f, t, m, p, c)
    possible = c.challenge_possible and c.initiator == "customer"
    if not possible or c.phase in ("post_auth", "capture", "refund"):
        assert result.outcome is not Outcome.CHALLENGE
    assert (result.required_action is not None) == (result.outcome is Outcome.CHALLENGE)
    assert (result.deciding == ()) == (result.outcome is Outcome.ALLOW)
