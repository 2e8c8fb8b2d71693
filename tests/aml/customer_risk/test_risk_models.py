"""Models as text: what is refused, with its place and remedy; the shipped one is whole."""

from __future__ import annotations

from datetime import date

import pytest
from customer_kit import shipped

from paywarden.aml.customer_risk.examples import checked_model
from paywarden.aml.customer_risk.facts import COUNTED, FACTS, WORDS
from paywarden.aml.customer_risk.model import GROUPS, KINDS, Level
from paywarden.aml.customer_risk.model_desk import shipped_text, stale_tables
from paywarden.aml.customer_risk.model_reader import ModelFaults, model_id
from paywarden.reference.countries import country
from paywarden.reference.mcc import risk_groups

SMALL = """\
name: small
weights: {screening: 60, geography: 40}
thresholds: {medium: 20, high: 50}
missing_percent: 50
tables:
  far: {values: [AQ, HM], source: an atlas, as_of: 2026-01-01, refresh_days: 100}
factors:
  pep:
    group: screening
    when: screening.pep in ["foreign", "domestic"]
    points: 50
    at_least: high
    says: "Exposed: {screening.pep}"
    sources: [FATF R.12]
  far-away:
    group: geography
    when: customer.country in tables.far
    points: 31
    says: "Lives in {customer.country}"
    sources: [an atlas]
diligence:
  - {id: ask, text: Ask why, levels: [high], sources: [FATF R.10]}
reviews: {low: 900, medium: 300, high: 100}
examples:
  - name: nobody is known
    given: {customer.kind: person}
    score: 41
    level: medium
  - name: from far away
    given: {customer.kind: person, customer.country: AQ, screening.pep: none}
    score: 31
    factors: [far-away]
"""


def faults(text: str) -> list[tuple[int, str]]:
    with pytest.raises(ModelFaults) as refused:
        checked_model(text)
    return [(one.line, one.code) for one in refused.value.findings.items]


def changed(old: str, new: str) -> list[tuple[int, str]]:
    assert SMALL.count(old) == 1, old
    return faults(SMALL.replace(old, new))


def test_a_small_model_is_read() -> None:
    model = checked_model(SMALL)
    assert model.id == model_id(SMALL) != model_id(SMALL + "\n")
    assert [one.id for one in model.factors] == ["pep", "far-away"]
    assert model.factors[0].missing == 25
    assert model.factors[1].missing == 16  # half of 31, rounded up
    assert model.factors[1].reads == ("customer.country",)
    assert model.reviews.every_days[Level.PROHIBITED] == 100


def test_every_fault_has_its_place() -> None:
    assert changed("geography: 40}", "geography: 41}") == [(2, "weights_not_100")]
    assert changed("medium: 20, high: 50", "medium: 50, high: 20") == [(3, "bad_value")]
    assert changed("missing_percent: 50\n", "") == [(1, "missing_key")]
    assert changed("points: 31", "points: -31") == [(16, "missing_key"), (18, "bad_value")]
    assert changed("at_least: high", "at_least: higher") == [(12, "unknown_level")]
    assert changed("group: geography\n", "group: geology\n") == [(16, "unknown_group")]
    assert changed("    sources: [an atlas]\n", "") == [(16, "missing_key")]
    assert changed("customer.country in", "customer.land in") == [(17, "unknown_name")]
    assert changed("in tables.far", "in tables.near") == [(17, "unknown_name")]
    assert changed("customer.country in tables.far", "1 < 2") == [(17, "bad_value")]
    no_condition = changed("customer.country in tables.far", "customer.country")
    assert no_condition == [(17, "wrong_result_type")]
    assert (22, "unknown_level") in changed("levels: [high]", "levels: [highest]")
    assert changed("low: 900, medium: 300", "low: 200, medium: 300") == [(23, "bad_value")]
    assert changed("name: small\n", "name: small\nweight: 3\n") == [(2, "unknown_key")]


def test_examples_are_tests() -> None:
    assert changed("score: 41", "score: 40") == [(25, "example_failed")]
    assert changed("    level: medium\n", "    level: low\n") == [(25, "example_failed")]
    assert changed("factors: [far-away]", "factors: [pep]") == [(29, "example_failed")]
    assert changed("customer.country: AQ", "customer.land: AQ") == [(30, "unknown_fact")]
    assert changed("customer.country: AQ", "customer.country: [AQ]") == [(30, "bad_value")]
    without = SMALL[: SMALL.index("examples:")]
    assert faults(without) == [(1, "missing_key")]


@pytest.mark.parametrize(
    "text",
    ["", "just a text", "- a\n- list\n", "name: [", "a: &x 1\nb: *x\n", "name: " + "x" * 5_000,
     "{" * 60, "factors: " + "[" * 200],
)  # fmt: skip
def test_what_is_no_model_is_refused_with_a_place(text: str) -> None:
    with pytest.raises(ModelFaults) as refused:
        checked_model(text)
    assert refused.value.pointer is not None
    assert refused.value.code == "risk_model_invalid"


def test_a_model_of_thousands_of_factors_is_refused() -> None:
    many = "".join(
        f"  f{n}:\n    group: screening\n    when: screening.age_days > {n}\n    points: 1\n"
        f"    says: x\n    sources: [y]\n"
        for n in range(300)
    )
    text = SMALL.replace("factors:\n  pep:", f"factors:\n{many}  pep:")
    with pytest.raises(ModelFaults, match="at most 200"):
        checked_model(text)


def test_the_shipped_model_covers_what_it_should() -> None:
    model = shipped()
    assert {one.group for one in model.factors} == set(GROUPS)
    assert len(model.factors) >= 40
    assert all(one.sources for one in (*model.factors, *model.diligence))
    read = {path for one in model.factors for path in one.reads}
    unread = FACTS.keys() - read - set(COUNTED)
    assert unread <= {
        "customer.kind", "customer.regulated", "verification.source_of_wealth",
        "ownership.beneficial_owners",
    }  # fmt: skip
    assert all(WORDS.keys() <= FACTS.keys() for _ in (1,))
    for kind in KINDS:
        most = sum(
            min(model.weights[group], sum(one.points for one in model.factors
                                          if one.group == group and kind in one.kinds))
            for group in GROUPS
        )  # fmt: skip
        assert most >= 80, kind


def test_tables_of_the_shipped_model_name_real_countries_and_have_a_date() -> None:
    model = shipped()
    for name in ("call_for_action", "increased_monitoring", "eu_high_risk", "secrecy"):
        assert all(country(code) is not None for code in model.tables[name].values), name
    words = set(WORDS["customer.industry"])
    assert model.tables["cash_trades"].values | model.tables["exposed_trades"].values <= words
    first = date.fromisoformat(model.tables["call_for_action"].as_of)
    assert stale_tables(model, first) == []
    assert "call_for_action" in stale_tables(model, date(first.year + 1, first.month, first.day))
    assert model.exposure is not None
    assert set(model.exposure.delay_days) - {"other"} <= set(risk_groups())


def test_the_shipped_models_windows_are_those_of_the_library() -> None:
    from paywarden.aml.customer_risk.exposure import windows_of
    from paywarden.fraud.shipped_policies import policy_folder

    model = shipped()
    text = (policy_folder() / "aggregates.yaml").read_text("utf-8")
    assert model.exposure is not None
    named = set(windows_of(model.exposure))
    named |= {one for names in model.behaviour.windows.values() for one in names.values()}
    for name in named:
        assert f"name: {name}," in text, name


def test_no_words_of_the_shipped_text_are_left_open() -> None:
    assert "TODO" not in shipped_text()
    assert "&none_" not in shipped_text()
