"""Rates, percentiles and counts of a run."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.cli.demo.statistics import Latencies, Rate, Tally, percentiles


def exact(values: list[float], share: float) -> float:
    ordered = sorted(values)
    wanted = max(1, -(-share * len(values) // 1))
    return ordered[int(wanted) - 1]


@given(st.lists(st.floats(0.001, 1e5), min_size=1, max_size=300))
@settings(max_examples=60, deadline=None)
def test_percentiles_are_within_two_per_cent_above_the_exact_ones(values: list[float]) -> None:
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    for share in (0.5, 0.95, 0.99, 1.0):
        true, given_ = exact(values, share), latencies.percentile(share)
        assert true * 0.999 <= given_ <= true * 1.021
    assert latencies.largest == max(values)
    assert latencies.count == len(values)


def test_percentiles_of_nothing_are_zero() -> None:
    found = percentiles(Latencies())
    assert (found.p50, found.p95, found.p99, found.largest) == (0.0, 0.0, 0.0, 0.0)


def test_absurd_durations_are_held_and_memory_does_not_grow() -> None:
    latencies = Latencies()
    for value in (0.0, -1.0, 1e12):
        latencies.add(value)
    assert latencies.count == 3
    assert latencies.percentile(0.5) <= 0.001
    assert latencies.percentile(1.0) > 1e6


def test_percentiles_do_not_depend_on_order() -> None:
    values = [random.Random(3).expovariate(0.2) for _ in range(500)]
    forward, backward = Latencies(), Latencies()
    for value in values:
        forward.add(value)
    for value in reversed(values):
        backward.add(value)
    assert percentiles(forward) == percentiles(backward)


def test_rate_counts_finished_seconds_and_their_gaps() -> None:
    rate = Rate()
    for at in (0.1, 0.2, 0.9, 1.5, 3.0, 3.9, 4.2):
        rate.add(at)
    assert rate.course(4.5) == [3, 1, 0, 2]
    assert rate.lately(4.5) == pytest.approx(6 / 4)
    assert rate.lately(4.5, over=2) == pytest.approx(1.0)


def test_rate_in_the_first_second_is_the_count() -> None:
    rate = Rate()
    assert rate.lately(0.4) == 0.0
    rate.add(0.1)
    rate.add(0.3)
    assert rate.lately(0.5) == 2.0


def test_rate_keeps_a_minute() -> None:
    rate = Rate()
    for second in range(500):
        rate.add(float(second))
    course = rate.course(500.0)
    assert course == [1] * 60


def test_tally_ranks_by_count_then_name() -> None:
    tally = Tally()
    for name in ("b", "a", "c", "c"):
        tally.add(name)
    assert tally.most(2) == [("c", 2), ("a", 1)]
    assert tally.total == 4
    assert tally["missing"] == 0


def test_tally_of_endless_names_stays_bounded() -> None:
    tally = Tally()
    for number in range(10_000):
        tally.add(f"name-{number}")
    assert tally.total == 10_000
    assert len(tally.most(100_000)) == 501
    assert tally["other"] == 9_500
