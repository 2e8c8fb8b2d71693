"""The registry of feature functions: what is refused, defaults, and its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from paywarden.aml.monitoring.flow_plan import FlowPlan
from paywarden.aml.monitoring.flow_types import flow_types
from paywarden.aml.monitoring.functions import FUNCTIONS, measure_of
from paywarden.aml.monitoring.layout import FUNCTION_NUMBERS, LEG_FUNCTIONS, MOTIF_FUNCTIONS
from paywarden.aml.monitoring.typology_reader import read_typologies, shipped_files
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US, HOUR_US
from paywarden.risk.rules.typology_model import FlowFeature

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "monitoring.md"


@pytest.mark.parametrize(
    ("function", "settings", "code"),
    [
        ("cuont", {"window": "7d"}, "flow_function_unknown"),
        ("count", {"windows": "7d"}, "flow_setting_unknown"),
        ("count", {}, "flow_setting_missing"),
        ("count", {"window": "91d"}, "flow_setting"),
        ("count", {"window": "0d"}, "flow_setting"),
        ("count", {"window": 7}, "flow_setting"),
        ("count", {"window": "7d", "direction": "out,in"}, "flow_setting"),
        ("count", {"window": "7d", "abroad": 1}, "flow_setting"),
        ("count", {"window": "7d", "kinds": "a b"}, "flow_setting"),
        ("count_between", {"window": "7d", "low": 5, "high": 5}, "flow_setting"),
        ("count_between", {"window": "7d", "low": 5}, "flow_setting_missing"),
        ("new_counterparties", {"window": "7d", "since": "6d"}, "flow_setting"),
        ("against_history", {"window": "90d", "periods": 4}, "flow_setting"),
        ("mirrored", {"window": "7d", "fee": 1.0}, "flow_setting"),
        ("mirrored", {"window": "7d", "fee": -1}, "flow_setting"),
        ("cycle", {"window": "7d", "longest": 11}, "flow_setting"),
        ("cycle", {"window": "7d", "fee": True}, "flow_setting"),
        ("fan_in", {"window": "7d", "direction": "in"}, "flow_setting_unknown"),
    ],
)
def test_what_is_refused(function: str, settings: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        measure_of(FlowFeature("f", function, settings))  # type: ignore[arg-type]
    assert refused.value.code == code


def test_settings_are_converted_once() -> None:
    measure = measure_of(FlowFeature("f", "mirrored", {"window": "36h", "kinds": "b,a,b"}))
    assert (measure.number("window"), measure.number("fee")) == (36 * HOUR_US, 1_000)
    assert measure.text("kinds") == "a,b"
    assert measure.names == {"a", "b"}
    assert measure == measure_of(
        FlowFeature("other", "mirrored", {"window": "36h", "kinds": "a,b", "fee": 0.1})
    )
    cycle = measure_of(FlowFeature("f", "cycle", {"window": "7d", "new_since": "60d"}))
    assert (cycle.number("new_since"), cycle.number("fee")) == (60 * DAY_US, -1)


def test_the_engine_knows_every_function() -> None:
    shapes = {name: one.shape for name, one in FUNCTIONS.items()}
    assert {n for n, shape in shapes.items() if shape == "legs"} == set(LEG_FUNCTIONS)
    assert {n for n, shape in shapes.items() if shape == "motif"} == set(MOTIF_FUNCTIONS)
    assert sorted(FUNCTION_NUMBERS.values()) == list(range(len(FUNCTIONS)))


def test_the_page_names_every_function_and_its_settings() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    for name, function in FUNCTIONS.items():
        assert function.text.replace("|", "/") in rows[name], name
        shared = "`" + "`, `".join(function.settings) + "`"
        for setting in function.settings:
            assert f"`{setting}`" in rows[name] or f"`{setting}`" in text, (name, shared)


def test_shipped_typologies_of_the_log_run() -> None:
    read = read_typologies(shipped_files(), flow_types).checked()
    log = [one for one in read if one.runs == "log"]
    assert len(log) >= 20
    plan = FlowPlan(log)
    assert len(plan.measures) < sum(len(one.features) for one in log)
