"""Combination: each sentence of the order in RULES.md as an example."""

import pytest

from paywarden.core.outcome import Outcome
from paywarden.decision.combine import (
    CHALLENGE_PHASES,
    ChallengeState,
    CombineContext,
    Combined,
    combine,
)
from paywarden.risk.rules.firing import FiredRule
from paywarden.risk.rules.model import PHASES, Thresholds

POINTS = Thresholds(challenge=40, review=60, block=100)
MODEL = Thresholds(challenge=0.3, review=0.6, block=0.9)
ALLOW, CHALLENGE, REVIEW, BLOCK = Outcome


def decide(*rows: FiredRule, p: float | None = None, **context: object) -> Combined:
    return combine(rows, POINTS, MODEL, p, CombineContext(**context))  # type: ignore[arg-type]


def trusted(*scenarios: str) -> FiredRule:
    return FiredRule("trusted", "trusted", 0, ALLOW, None, False, scenarios)


def test_nothing_fired_is_allowed_without_reasons() -> None:
    result = decide()
    assert result == Combined(ALLOW)


def test_points_are_the_maximum_within_and_the_sum_over_scenarios() -> None:
    rows = [FiredRule("a", "s1", 30), FiredRule("b", "s1", 20), FiredRule("c", "s2", 15)]
    result = decide(*rows)
    assert (result.points, result.outcome) == (45, CHALLENGE)
    assert result.scenario_points == {"s1": 30, "s2": 15}
    assert result.deciding == ("points",)


@pytest.mark.parametrize(
    ("points", "outcome"),
    [(39, ALLOW), (40, CHALLENGE), (59, CHALLENGE), (60, REVIEW), (99, REVIEW), (100, BLOCK)],
)
def test_thresholds_are_inclusive(points: int, outcome: Outcome) -> None:
    assert decide(FiredRule("a", "s", points)).outcome is outcome


@pytest.mark.parametrize(
    ("p", "outcome"), [(0.29, ALLOW), (0.3, CHALLENGE), (0.6, REVIEW), (0.9, BLOCK), (None, ALLOW)]
)
def test_model_has_thresholds_of_its_own(p: float | None, outcome: Outcome) -> None:
    assert decide(p=p).outcome is outcome


def test_strictest_of_explicit_points_and_model() -> None:
    rows = [FiredRule("a", "s", 45), FiredRule("b", "s", 0, REVIEW)]
    result = decide(*rows, p=0.95)
    assert result.outcome is BLOCK
    assert result.deciding == ("model",)


def test_hard_block_wins_over_any_allow() -> None:
    hard = FiredRule("stolen", "stolen_card", 0, BLOCK, "STOLEN_CARD", True)
    result = decide(trusted("*"), hard)
    assert (result.outcome, result.deciding) == (BLOCK, ("rule:stolen",))
    assert result.reasons == ("STOLEN_CARD",)


def test_allow_lowers_points_and_blocks_of_the_scenarios_it_names() -> None:
    rows = [FiredRule("a", "s1", 120), FiredRule("b", "s1", 0, BLOCK), FiredRule("c", "s2", 45)]
    result = decide(trusted("s1"), *rows)
    assert (result.outcome, result.points) == (CHALLENGE, 45)
    assert result.lowered == ("a", "b")


def test_allow_of_one_scenario_leaves_the_model_alone() -> None:
    assert decide(trusted("s1"), p=0.7).outcome is REVIEW
    assert decide(trusted("*"), p=0.7).outcome is ALLOW
    assert decide(trusted("model"), p=0.7).outcome is ALLOW


def test_allow_never_touches_aml() -> None:
    aml = FiredRule("t1", "structuring", 0, REVIEW, "STRUCTURING", False, (), "aml")
    result = decide(trusted("*", "structuring"), aml)
    assert result.outcome is REVIEW
    assert result.reasons == ("POLICY",)


def test_aml_points_are_counted_apart_and_stay_unseen() -> None:
    aml = FiredRule("t1", "structuring", 60, None, "STRUCTURING", False, (), "aml")
    result = decide(FiredRule("a", "s", 30, None, "VELOCITY"), aml)
    assert (result.points, result.aml_points) == (30, 60)
    assert (result.outcome, result.deciding) == (REVIEW, ("aml_points",))
    assert result.reasons == ("VELOCITY",)


def test_an_allow_rule_of_aml_lowers_nothing() -> None:
    aml_allow = FiredRule("x", "t", 0, ALLOW, None, False, ("*",), "aml")
    assert decide(aml_allow, FiredRule("a", "s", 60)).outcome is REVIEW


def test_merchant_initiated_is_never_challenged() -> None:
    row = FiredRule("a", "s", 45)
    for instead in Outcome:
        result = decide(row, initiator="merchant", challenge_unavailable=instead)
        assert result.outcome is (REVIEW if instead is CHALLENGE else instead)
        assert result.required_action is None


def test_where_no_challenge_is_possible_the_segment_says() -> None:
    row = FiredRule("a", "s", 0, CHALLENGE)
    result = decide(row, challenge_possible=False, challenge_unavailable=BLOCK)
    assert result.outcome is BLOCK
    review = FiredRule("b", "s", 0, REVIEW)
    assert decide(review, challenge_possible=False, challenge_unavailable=BLOCK).outcome is REVIEW


@pytest.mark.parametrize("phase", PHASES)
def test_challenge_is_valid_only_where_somebody_can_be_asked(phase: str) -> None:
    result = decide(FiredRule("a", "s", 45), phase=phase)
    assert result.outcome is (CHALLENGE if phase in CHALLENGE_PHASES else REVIEW)
    assert (result.required_action == "challenge") == (phase in CHALLENGE_PHASES)


def test_a_challenge_that_passed_settles_it_and_one_that_failed_refuses() -> None:
    row = FiredRule("a", "s", 45)
    assert decide(row, challenge=ChallengeState.PASSED).outcome is ALLOW
    assert decide(row, challenge=ChallengeState.FAILED).outcome is BLOCK
    review = FiredRule("b", "s", 60)
    assert decide(review, challenge=ChallengeState.PASSED).outcome is REVIEW


def test_failed_stages_stand_in_and_allow_rules_do_not_lower_them() -> None:
    result = combine(
        [trusted("*")], POINTS, MODEL, None, CombineContext(), stand_ins={"model": REVIEW}
    )
    assert (result.outcome, result.deciding) == (REVIEW, ("stage:model",))


def test_reasons_are_strongest_first_and_once() -> None:
    rows = [
        FiredRule("a", "s1", 30, None, "VELOCITY"),
        FiredRule("b", "s2", 50, None, "NEW_DEVICE"),
        FiredRule("c", "s3", 5, BLOCK, "CARD_TESTING"),
        FiredRule("d", "s4", 40, None, "VELOCITY"),
    ]
    result = combine(rows, POINTS, MODEL, 0.5, CombineContext(), model_reasons=("AMOUNT",))
    assert result.reasons == ("CARD_TESTING", "NEW_DEVICE", "VELOCITY", "AMOUNT")


def test_model_reasons_show_only_when_the_model_counts() -> None:
    rows = [FiredRule("a", "s", 60, None, "VELOCITY")]
    result = combine(rows, POINTS, MODEL, 0.1, CombineContext(), model_reasons=("AMOUNT",))
    assert result.reasons == ("VELOCITY",)


def test_absent_thresholds_never_decide() -> None:
    rows = [FiredRule("a", "s", 10_000)]
    assert combine(rows, Thresholds(), Thresholds(), 1.0, CombineContext()).outcome is ALLOW
