"""Judging a changed share: sizes, counts, direction, references; and slots over days."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.risk.drift.shares import Hits, Rule, judge, signed_root
from paywarden.risk.drift.slots import DAY_MINUTES, FADE, SLOTS, Slots

RULE = Rule(least=30, least_before=100, change=0.1, z=6.0)
NOTHING = (0.0, 0.0)
Pair = tuple[float, float]


def hits(pair: Pair) -> Hits:
    return Hits(np.array([pair[0]]), np.array([pair[1]]))


def judged(now: Pair, before: Pair, near: Pair = NOTHING, rule: Rule = RULE) -> tuple[bool, bool]:
    found = judge(rule, hits(now), hits(before), lambda: [hits(NOTHING), hits(near)])
    return bool(found.rises[0]), bool(found.stays[0])


@pytest.mark.parametrize(
    ("now", "before", "rises"),
    [
        ((30, 30), (0, 300), True),  # all gone
        ((29, 29), (0, 300), False),  # too few now
        ((30, 30), (0, 99), False),  # too few before
        ((3, 30), (0, 3_000), False),  # three in a row by chance, among many merchants
        ((900, 10_000), (0, 100_000), False),  # sure, and too small to care
        ((1_100, 10_000), (0, 100_000), True),
        ((0, 500), (400, 500), False),  # a fall is no alarm here
    ],
)
def test_only_large_and_sure_rises_count(now: Pair, before: Pair, rises: bool) -> None:
    assert judged(now, before)[0] is rises


def test_a_fall_counts_where_the_rule_says_so() -> None:
    rule = Rule(least=30, least_before=100, change=0.1, z=6.0, both=True)
    assert judged((0, 500), (400, 500), rule=rule) == (True, True)
    assert judged((100, 200), (100, 200), rule=rule) == (False, False)


def test_the_same_hours_of_other_days_excuse_a_change() -> None:
    day_and_night: Pair = (3_000, 10_000)
    assert judged((190, 200), day_and_night)[0]
    assert not judged((190, 200), day_and_night, near=(950, 1_000))[0]
    assert judged((190, 200), day_and_night, near=(50, 1_000))[0]
    assert judged((190, 200), day_and_night, near=(50, 60))[0]  # too little to excuse anything


def test_it_stays_until_half_of_the_change_is_gone() -> None:
    assert judged((6, 100), (0, 1_000)) == (False, True)
    assert judged((4, 100), (0, 1_000)) == (False, False)
    assert judged((1, 5), (0, 1_000))[1]  # too few to say that it is over
    assert not judged((0, 0), (0, 1_000))[1]  # nobody sends: nothing is missing


@given(st.integers(0, 400), st.integers(1, 400), st.integers(0, 400), st.integers(1, 400))
def test_the_deviate_is_finite_and_antisymmetric(a: int, b: int, c: int, d: int) -> None:
    one, other = hits((min(a, b), b)), hits((min(c, d), d))
    there, back = signed_root(one, other)[0], signed_root(other, one)[0]
    assert np.isfinite(there)
    assert there == pytest.approx(-back)


def test_minutes_pass_from_now_over_recent_into_the_reference() -> None:
    slots = Slots(2, 2)
    slots.used = 2
    slots.roll(1_000)
    slots.now[1] += np.array([4, 1], np.uint32)
    slots.roll(1_001)
    assert slots.recent[1].tolist() == [4, 1]
    assert slots.whole[1].tolist() == [0, 0]
    slots.roll(1_000 + SLOTS)
    assert slots.recent[1].tolist() == [4, 1]
    slots.roll(1_001 + SLOTS)
    assert slots.recent[1].tolist() == [0, 0]
    assert slots.whole[1].tolist() == [4, 1]
    assert slots.near(1_000)[1][1].tolist() == [4, 1]
    assert slots.near(1_000 + 60)[0][1].tolist() == [4, 1]
    assert slots.near(1_000 + 60)[1][1].tolist() == [0, 0]
    slots.roll(900)  # a clock that goes back
    assert slots.whole[1].tolist() == [4, 1]


def test_the_reference_fades_by_half_in_a_week_and_a_row_is_forgotten() -> None:
    slots = Slots(2, 1)
    slots.used = 2
    for day in range(8):
        slots.roll(day * DAY_MINUTES + 600)
        slots.now[1, 0] += 100 if day == 0 else 0
        slots.now[0, 0] += 1
        slots.roll(day * DAY_MINUTES + 620)
    assert slots.whole[1, 0] == pytest.approx(50, rel=1e-4)
    assert slots.whole[0, 0] == pytest.approx(sum(FADE**age for age in range(8)), rel=1e-4)
    assert slots.near(600)[1][1, 0] == pytest.approx(slots.whole[1, 0], rel=1e-4)
    slots.clear(1)
    assert slots.whole[1, 0] == slots.near(600)[1][1, 0] == slots.recent[1, 0] == 0


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 50)), max_size=40))
def test_nothing_counted_is_lost_within_a_day(steps: list[tuple[int, int]]) -> None:
    slots, minute, total = Slots(1, 1), 0, 0
    slots.roll(minute)
    for passed, count in steps:
        slots.now[0, 0] += count
        total += count
        minute += passed if minute + passed < DAY_MINUTES else 0
        slots.roll(minute)
    kept = slots.now[0, 0] + slots.recent[0, 0] + slots.whole[0, 0]
    assert kept == pytest.approx(total)
