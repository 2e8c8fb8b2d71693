"""The fraud engine's opinion and the texts that go with it."""

import pytest

from paywarden.fraud.assess import assess
from paywarden.fraud.reasons import POLICY, REASONS, reason_text, reasons_of
from paywarden.fraud.scenarios import SCENARIOS, scenario_text
from paywarden.risk.rules.firing import FiredRule


def test_points_are_the_maximum_of_each_scenario() -> None:
    rows = [
        FiredRule("a", "velocity", 20),
        FiredRule("b", "velocity", 35),
        FiredRule("c", "stolen_card", 10),
        FiredRule("d", "trusted", 0),
    ]
    opinion = assess(iter(rows))
    assert opinion.engine == "fraud"
    assert opinion.fired == tuple(rows)
    assert dict(opinion.points) == {"velocity": 35, "stolen_card": 10}


def test_rows_of_another_engine_are_refused() -> None:
    with pytest.raises(ValueError, match="engine aml"):
        assess([FiredRule("t", "structuring", 1, engine="aml")])


def test_reasons_fall_back_to_a_text_that_says_nothing() -> None:
    assert reason_text("NEW_DEVICE") == REASONS["NEW_DEVICE"]
    assert reason_text("NEW_DEVICE", {"NEW_DEVICE": "Own words"}) == "Own words"
    assert reason_text("SECRET_TYPOLOGY") == REASONS[POLICY]
    assert reasons_of(["NEW_DEVICE", "X"]) == (
        {"code": "NEW_DEVICE", "text": REASONS["NEW_DEVICE"]},
        {"code": "X", "text": REASONS[POLICY]},
    )


def test_scenarios_have_texts() -> None:
    assert scenario_text("velocity") == SCENARIOS["velocity"]
    assert scenario_text("own_word") == "own word"
