"""Laws of customer risk: monotone, independent of order, and a score that is its explanation."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "aml" / "customer_risk"))

from customer_kit import shipped

from paywarden.aml.customer_risk.facts import FACTS, WORDS
from paywarden.aml.customer_risk.model import Assessment, Level
from paywarden.aml.customer_risk.scoring import assess
from paywarden.aml.customer_risk.standing import Override, effective, ended, review_due_us
from paywarden.core.instants import DAY_US

MODEL = shipped()
CODES = st.sampled_from(["DE", "FR", "IR", "KP", "VG", "PA", "NG", "KY", "US", "MM"])
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int": st.integers(0, 2_000),
    "double": st.floats(0, 100, allow_nan=False),
    "string": CODES,
    "list": st.lists(CODES, max_size=5),
}


def _values(path: str) -> st.SearchStrategy[Any]:
    words = WORDS.get(path)
    kind = FACTS[path].type.kind
    if words is None:
        return PLAIN[kind]
    one = st.sampled_from(words)
    return st.lists(one, max_size=4) if kind == "list" else one


FACT_SETS = st.fixed_dictionaries(
    {"customer.kind": st.sampled_from(["person", "company"])},
    optional={path: _values(path) for path in FACTS if path != "customer.kind"},
)
RISKIER: dict[str, Any] = {
    "screening.sanctions": "confirmed",
    "screening.pep": "foreign",
    "screening.adverse_media": "serious",
    "verification.level": "none",
    "verification.source_of_funds": "unknown",
    "ownership.cyclic": True,
    "ownership.nominee": True,
    "ownership.bearer_shares": True,
    "ownership.layers": 9,
    "ownership.unresolved_percent": 100.0,
    "customer.cash_intensive": True,
    "customer.country": "IR",
    "behaviour.alerts_90d": 50,
    "behaviour.volume_percent": 5_000,
    "customer.reports_filed": 3,
    "expected.monthly_minor": 10**10,
}


@given(FACT_SETS)
@settings(max_examples=200, deadline=None)
def test_a_score_is_the_sum_of_its_explanation_and_within_bounds(facts: dict[str, Any]) -> None:
    found = assess(MODEL, facts)
    assert found.score == sum(line.points for line in found.lines)
    assert 0 <= found.score <= 100
    assert found.level >= found.floor
    assert found.level >= MODEL.level_of(found.score)
    assert (found.level is Level.PROHIBITED) == (found.floor is Level.PROHIBITED)
    assert all(path not in facts for path in found.missing)


@given(FACT_SETS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_order_says_nothing(facts: dict[str, Any], dice: Any) -> None:
    names = list(facts)
    dice.shuffle(names)
    shuffled = {name: facts[name] for name in names}
    lists = {name: list(reversed(one)) if isinstance(one, list) else one
             for name, one in shuffled.items()}  # fmt: skip
    found, again = assess(MODEL, facts), assess(MODEL, shuffled)
    assert again == found
    other = assess(MODEL, lists)
    assert (other.score, other.level, other.factors) == (found.score, found.level, found.factors)
    turned = replace(MODEL, factors=tuple(reversed(MODEL.factors)))
    assert assess(turned, facts) == found


@given(FACT_SETS, st.data())
@settings(max_examples=120, deadline=None)
def test_one_more_factor_never_lowers_anything(facts: dict[str, Any], data: Any) -> None:
    kept = data.draw(st.sets(st.sampled_from(range(len(MODEL.factors)))))
    fewer = replace(MODEL, factors=tuple(MODEL.factors[n] for n in sorted(kept)))
    extra = data.draw(st.sampled_from(MODEL.factors))
    if extra in fewer.factors:
        return
    more = replace(fewer, factors=(*fewer.factors, extra))
    before, after = assess(fewer, facts), assess(more, facts)
    assert after.score >= before.score
    assert after.level >= before.level
    assert after.floor >= before.floor


@given(FACT_SETS, st.sampled_from(sorted(RISKIER)))
@settings(max_examples=200, deadline=None)
def test_a_known_fact_that_gets_worse_never_lowers_anything(
    facts: dict[str, Any], path: str
) -> None:
    if path not in facts:
        return  # to tell what was not known may lower: less is missing
    worse = {**facts, path: RISKIER[path]}
    before, after = assess(MODEL, facts), assess(MODEL, worse)
    assert after.level >= before.level or path == "customer.country"
    if path != "customer.country":
        assert after.score >= before.score, (path, before.lines, after.lines)


LEVELS = st.sampled_from(list(Level))


def assessment(level: Level, floor: Level) -> Assessment:
    return Assessment("rm", 0, max(level, floor), floor, (), ())


@given(LEVELS, LEVELS, LEVELS, LEVELS, st.integers(1, 366), st.integers(0, 500))
def test_an_override_never_beats_floor_or_time(
    said: Level, answered: Level, now: Level, floor: Level, days: int, later: int
) -> None:
    override = Override(said, answered, "why", "person:p", (), 0, days * DAY_US)
    found = assessment(now, floor)
    gone = ended(override, found, later * DAY_US)
    assert (gone == "expired") == (later >= days)
    if gone is None:
        level = effective(found, override)
        assert level >= floor
        if not override.lowers:
            assert level >= found.level
        if override.lowers:
            assert found.level <= answered
    assert effective(found, None) == found.level


@given(LEVELS, LEVELS, st.integers(0, 10**6), st.none() | st.integers(0, 10**6))
def test_a_riskier_customer_is_never_reviewed_later(
    one: Level, other: Level, reviewed_day: int, risen_day: int | None
) -> None:
    low, high = sorted((one, other))
    reviewed = reviewed_day * DAY_US
    risen = None if risen_day is None else risen_day * DAY_US
    assert review_due_us(MODEL, high, reviewed, risen) <= review_due_us(MODEL, low, reviewed, risen)
    assert review_due_us(MODEL, low, reviewed, risen) <= review_due_us(MODEL, low, reviewed, None)
