"""Laws of screening: nothing lowers a hold, nothing of it is told, verdicts only set aside."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from paywarden.aml.screening.serving.messages import Found
from paywarden.aml.screening.serving.opinion import opinion_of
from paywarden.aml.travel_rule import missing_of, travel_fields
from paywarden.core.outcome import Outcome
from paywarden.decision.built_in import built_in_rows, floor_of
from paywarden.decision.combine import ChallengeState, CombineContext, combine
from paywarden.risk.features.catalogue import SCREENED_ROLES, SCREENING_FIELDS
from paywarden.risk.rules.firing import FiredRule
from paywarden.risk.rules.model import PHASES, ScreeningSettings, Thresholds, TravelRule

SCORES = st.floats(0.0, 1.0)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        **{f"screening.{role}.score": SCORES for role in SCREENED_ROLES},
        "screening.confirmed": st.booleans(),
        "screening.identified": SCORES,
        "screening.pep": st.booleans(),
        "travel_rule.missing": st.sampled_from(["", "payee.name"]),
        "payment.amount_base_minor": st.integers(0, 10**7),
    },
)
SETTINGS = st.builds(
    ScreeningSettings, st.floats(0.5, 1.0), st.floats(0.5, 1.0), st.floats(0.5, 1.0),
    st.sampled_from(["alert", "hold"]),
)  # fmt: skip
TRAVEL = st.none() | st.builds(TravelRule, on_missing=st.sampled_from(["alert", "review"]))
RULES = st.lists(
    st.builds(
        FiredRule, st.sampled_from("abcdef"), st.sampled_from(["s", "t"]), st.integers(0, 200),
        st.none() | st.sampled_from(list(Outcome)), st.none() | st.just("REASON"), st.booleans(),
        st.sampled_from([(), ("*",), ("s",)]),
    ),
    max_size=6,
)  # fmt: skip
CONTEXTS = st.builds(
    CombineContext, st.sampled_from(PHASES), st.sampled_from(["customer", "merchant"]),
    st.booleans(), st.sampled_from(list(Outcome)), st.sampled_from(list(ChallengeState)),
)  # fmt: skip
FOUND = st.builds(
    lambda entry, score, pep, identified: Found(
        entry, "l", "Person", "h", "a", "n", score, "", (), (), pep, identified
    ),
    st.sampled_from("xyz"), SCORES, st.booleans(), st.booleans(),
)  # fmt: skip
WORDS = st.sampled_from(["", "different", "same"])


@given(FIELDS, SETTINGS, TRAVEL, RULES, CONTEXTS)
def test_nothing_lowers_what_screening_holds_and_nothing_tells_of_it(
    fields: dict[str, Any], settings: ScreeningSettings, travel: TravelRule | None,
    rules: list[FiredRule], context: CombineContext,
) -> None:  # fmt: skip
    rows = built_in_rows(settings, travel, fields)
    points = Thresholds(40, 70, 100)
    alone = combine(rules, points, Thresholds(), None, context)
    both = combine([*rules, *rows], points, Thresholds(), None, context)
    assert both.outcome == max(alone.outcome, floor_of(rows)) or both.outcome > alone.outcome
    assert both.outcome >= floor_of(rows)
    assert (both.points, both.scenario_points) == (alone.points, alone.scenario_points)
    told = set(both.reasons) - set(alone.reasons)
    assert told <= {"POLICY"}


@given(st.lists(st.tuples(st.sampled_from(SCREENED_ROLES), FOUND, WORDS), max_size=6))
def test_a_verdict_of_another_party_takes_its_hit_out_and_nothing_else(
    given_hits: list[tuple[str, Found, Any]],
) -> None:
    asked = [(role, (found,), lambda _found, word=word: (word, "", "")) for role, found, word
             in given_hits]  # fmt: skip
    kept = [one for one, hit in zip(asked, given_hits, strict=True) if hit[2] != "different"]
    whole, without = opinion_of(asked), opinion_of(kept)
    assert len(whole.hits) == len(given_hits)
    assert whole.excepted == len(given_hits) - len(kept)
    for path in (*SCREENING_FIELDS, "screening.hit"):
        assert (whole.fields.get(path) or 0) == (without.fields.get(path) or 0)


@given(st.dictionaries(st.sampled_from([
    "payment.type", "payer.name", "payer.id", "payer.birth_date", "payee.name", "payee.account",
    "card.fingerprint", "payment.instrument_kind", "payment.billing_address.city",
]), st.sampled_from(["", " ", "transfer", "account", "x1"])))  # fmt: skip
def test_more_said_is_never_more_missing(fields: dict[str, str]) -> None:
    said = {**fields, "payee.name": "Ben", "payer.id": "c1"}
    assert set(missing_of(said)) <= set(missing_of(fields))
    assert (travel_fields(fields) == {}) == (fields.get("payment.type") != "transfer")
