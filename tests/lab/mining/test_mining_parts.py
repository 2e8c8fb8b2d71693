"""The parts of the miner alone: periods, thresholds, intervals, search against every pair."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from paywarden.core.instants import DAY_US
from paywarden.core.secret import Secret
from paywarden.lab.mining.conditions import Bound, Quantity, finer, holds
from paywarden.lab.mining.material import Material, Values
from paywarden.lab.mining.measuring import measure, wilson
from paywarden.lab.mining.periods import Part, _hours, periods_of
from paywarden.lab.mining.readable import literal, readable
from paywarden.lab.mining.request import MineRequest
from paywarden.lab.mining.search import Search
from paywarden.risk.rules.columns import Column

HOUR_US = DAY_US // 24
REQUEST = MineRequest(Path("f"), Path("m"), Path("p"), Secret(b"k" * 32))


def random() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(5))


def material(count: int = 4_000) -> Material:
    """Three numbers a payment; targets are those with two of them large, and some noise."""
    draw = random()
    data = {name: draw.integers(0, 20, count).astype(np.float64) for name in "abc"}
    target = (data["a"] >= 15) & (data["b"] >= 12)
    target ^= draw.random(count) < 0.01
    part = Part(np.arange(count), target, 2.0, 1.0, 0, 1)
    there = np.ones(count, np.bool_)
    value = draw.integers(100, 10_000, count)
    columns = {"payment.amount_base_minor": Column("int", value)}
    return Material(
        part,
        {name: Values(values, there) for name, values in data.items()},
        columns,
        value,
        np.zeros(count, np.bool_),
        np.arange(count) // 5,
    )


def bounds() -> list[Bound]:
    return [
        Bound(Quantity(name), least, float(step))
        for name in "abc"
        for step in range(1, 20)
        for least in (True, False)
    ]


def worth(search: Search, held: npt.NDArray[np.bool_]) -> float:
    return search._worth(held)


def test_the_search_is_as_good_as_trying_every_pair() -> None:
    rows, conditions = material(), bounds()
    search = Search(rows, conditions, 0.25, burst=False)
    best = max(
        worth(search, holds(pair, rows))
        for pair in combinations(conditions, 2)
        if pair[0].subject != pair[1].subject
    )
    found = Search(rows, conditions, 0.25, burst=False).run(1)[0]
    assert found.worth >= best * 0.999
    assert {one.text for one in found.conditions} >= {"a >= 15", "b >= 12"}


def test_the_second_draft_is_for_what_the_first_leaves() -> None:
    rows = material()
    found = Search(rows, bounds(), 0.0, burst=False).run(3)
    caught = [holds(one.conditions, rows) & rows.part.target for one in found]
    assert len({tuple(one.conditions) for one in found}) == len(found)
    for first, second in combinations(caught, 2):
        assert (second & ~first).any()


def test_figures_of_a_draft_are_plain_counts() -> None:
    rows = material()
    condition = (Bound(Quantity("a"), True, 15.0),)
    held = holds(condition, rows)
    figures = measure(condition, rows, burst=False, seed=1)
    target = rows.part.target
    assert figures.caught == (held & target).sum()
    assert figures.hurt == 2 * (held & ~target).sum()
    assert figures.caught_value_minor == rows.value[held & target].sum()
    assert figures.precision == pytest.approx(figures.caught / (figures.caught + figures.hurt))
    assert figures.precision_low < figures.precision < figures.precision_high
    assert figures.interval == "bootstrap by customer"


def test_in_a_burst_what_history_expects_counts_as_hurt() -> None:
    rows = material()
    condition = (Bound(Quantity("a"), True, 15.0),)
    held = holds(condition, rows)
    figures = measure(condition, rows, burst=True, seed=1)
    count, expected = (held & rows.part.target).sum(), 2 * (held & ~rows.part.target).sum()
    assert figures.caught + figures.hurt == pytest.approx(count)
    assert figures.caught == pytest.approx(max(count - expected, 0))


def test_periods_share_no_payment_and_wait_for_labels() -> None:
    time_us = np.sort(random().integers(0, 40 * DAY_US, 5_000))
    marks = (random().random(5_000) < 0.1).astype(np.int8)
    periods = periods_of(REQUEST, time_us, marks, 3 * DAY_US, random())
    mined, judged = time_us[periods.mined.rows], time_us[periods.judged.rows]
    assert mined.max() < judged.min() - 3 * DAY_US
    assert periods.longest_window_us <= mined.min() - time_us[0]
    assert (marks[periods.mined.rows] == periods.mined.target).all()


def test_history_stands_for_the_time_of_the_burst() -> None:
    time_us = np.arange(0, 40 * DAY_US, HOUR_US // 40)
    burst = (30 * DAY_US + 14 * HOUR_US, 30 * DAY_US + 16 * HOUR_US)
    request = replace(REQUEST, burst=burst)
    periods = periods_of(request, time_us, np.zeros(len(time_us), np.int8), 0, random())
    others = ~periods.mined.target
    hours = time_us[periods.mined.rows[others]] % DAY_US // HOUR_US
    assert set(hours.tolist()) == set(range(24))
    expected = others.sum() * periods.mined.weight
    assert expected == pytest.approx(periods.mined.target.sum(), rel=0.15)
    assert time_us[periods.judged.rows[periods.judged.target]].min() >= periods.mined.to_us


def test_hours_of_a_time_add_up() -> None:
    start, end = 5 * HOUR_US // 2, 2 * DAY_US + 7 * HOUR_US
    found = _hours(start, end)
    assert found.sum() == pytest.approx((end - start) / HOUR_US)
    assert found[2] == pytest.approx(2.5)


def test_thresholds_are_readable() -> None:
    assert readable(21_873.0, False) == (20_000.0, 25_000.0)
    assert readable(7.0, False) == (7.0, 7.0)
    assert readable(0.0, False) == (0.0, 0.0)
    assert readable(3.3, True) == (3.0, 4.0)
    assert literal(3.0, True) == "3.0"
    assert literal(25_000.0, False) == "25000"
    near = [one.threshold for one in finer(Bound(Quantity("a"), True, 20_000.0))]
    assert 22_000.0 in near
    assert all(float(f"{step:.2g}") == step for step in near)


def test_an_interval_of_nothing_found_is_honest() -> None:
    low, high = wilson(0, 3)
    assert low == 0.0
    assert high > 0.5
    assert wilson(10, 10)[0] < 0.75
