"""The compiled store equals the plain twin, and the twin equals brute force over raw events."""

from __future__ import annotations

import math
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "risk" / "features"))

from windows_kit import DAY, FILTERS, OF, SECOND, aggregate, stream

from paywarden.risk.features.arena import Windows
from paywarden.risk.features.catalogue import KEY_KINDS, OBSERVED_INDEX
from paywarden.risk.features.columns import from_observations
from paywarden.risk.features.digests import mix
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.plain import PlainWindows
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.features.program import EXTRA, compile_program

BYS = (("card",), ("merchant", "card"), ("device", "card", "ip"))
SPANS = ((5 * SECOND, False), (DAY, False), (90 * DAY, False), (3 * DAY, True), (None, False))
QUIET = settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _policy(rnd: random.Random, share: float) -> list[Aggregate]:
    every = [
        aggregate(f, by, window, of=of, daily=daily, where=where, exclude=rnd.random() < 0.4)
        for f, fields in OF.items()
        for of in fields
        for by in BYS
        for window, daily in SPANS
        for where in (None, *FILTERS)
    ]
    return rnd.sample(every, max(1, int(len(every) * share)))


def _differences(plan: WindowPlan, one: list[Any], two: list[Any]) -> list[Any]:
    return [row for row in zip(plan.names, one, two, strict=True) if row[1] != row[2]]


@QUIET
@given(seed=st.integers(0, 2**32), keys=st.sampled_from([1, 2, 40]), jump=st.booleans())
def test_arena_equals_plain_twin(seed: int, keys: int, jump: bool) -> None:
    rnd = random.Random(seed)
    plan = WindowPlan(_policy(rnd, 0.05), FILTERS)
    plain, arena = PlainWindows(plan, 0), Windows(plan, 0)
    log = stream(250, rnd, keys=keys, merchants=rnd.choice([2, 60]), jump=40 * DAY if jump else 0)
    for position, each in enumerate(log):
        if rnd.random() < 0.2:
            plain.add(each)
            arena.add(each)
        else:
            assert not _differences(plan, plain.observe(each), arena.observe(each))
        if position % 5 == 0:
            earlier = rnd.choice(log[max(0, position - 20) : position + 1])
            at = each.t_us + rnd.choice([-SECOND, 0, SECOND, DAY])
            asked = (earlier.keys, at, earlier.seq)
            assert not _differences(plan, plain.read(*asked), arena.read(*asked))


@QUIET
@given(seed=st.integers(0, 2**32), cut=st.integers(0, 200))
def test_columns_equal_one_by_one(seed: int, cut: int) -> None:
    rnd = random.Random(seed)
    plan = WindowPlan(_policy(rnd, 0.05), FILTERS)
    log = stream(200, rnd, keys=2)
    online, batch = Windows(plan, 0), Windows(plan, 0)
    expected = [online.observe(each) for each in log]
    found: list[list[Any]] = []
    for part in (from_observations(log[:cut]), from_observations(log[cut:])):
        features = batch.observe_columns(part, np.ones(len(part), np.bool_))
        found += [features.row(i) for i in range(len(part))]
    assert found == expected
    assert {**online.memory(), "bytes_reserved": 0} == {**batch.memory(), "bytes_reserved": 0}


@pytest.mark.parametrize("seed", range(2))
def test_few_keys_with_many_events(seed: int) -> None:
    """Pages, directories, groups of pages, late splits, withdrawals, expiry and re-entry."""
    rnd = random.Random(seed)
    policy = [
        aggregate(f, ("card",), window, of=of, where=where, exclude=exclude)
        for f, of in (
            ("count", None),
            ("sum", "payment.amount_minor"),
            ("max", "payment.amount_minor"),
            ("stddev", "payment.amount_minor"),
            ("distinct", "merchant.id"),
            ("first", "payment.amount_minor"),
            ("since_last", None),
        )
        for window in (600 * SECOND, DAY, None)
        for where in (None, "is fraud")
        for exclude in (False, True)
    ]
    plan = WindowPlan(policy, FILTERS)
    plain, arena = PlainWindows(plan, 0), Windows(plan, 0)
    log = stream(5_000, rnd, keys=1, merchants=700, steps=(0, SECOND, 2 * SECOND), jump=0)
    late = Observation(5_001, log[-1].t_us + 3 * DAY, log[-1].t_us, log[-1].keys, log[-1].values)
    for position, each in enumerate([*log, late]):
        if position % 200 and each.retracts == 0:
            plain.add(each)
            arena.add(each)
            continue
        assert not _differences(plan, plain.observe(each), arena.observe(each))
        back = log[max(0, position - rnd.randrange(300))]
        asked = (back.keys, each.t_us, back.seq)
        assert not _differences(plan, plain.read(*asked), arena.read(*asked))


@pytest.mark.parametrize("keys", [1, 3])
def test_more_lanes_than_one_word_holds(keys: int) -> None:
    """Every function, field and filter at once: bits at and beyond the end of the first word."""
    policy = [
        aggregate(f, ("card",), window, of=of, where=where, exclude=f in ("last", "distinct"))
        for window in (5 * SECOND, DAY, None)
        for where in (None, *FILTERS)
        for f, fields in OF.items()
        for of in fields
    ]
    plan = WindowPlan(policy, FILTERS)
    assert max(compile_program(plan).table[1:, EXTRA]) > 0
    plain, arena = PlainWindows(plan, 0), Windows(plan, 0)
    log = stream(220, random.Random(keys), keys=keys)
    for each in log:
        assert not _differences(plan, plain.observe(each), arena.observe(each))
        asked = (each.keys, each.t_us + SECOND, each.seq)
        assert not _differences(plan, plain.read(*asked), arena.read(*asked))


def _alike(count: int) -> list[int]:
    """Keys whose mixed words differ in their middle alone: same partition, same place, same tag."""
    wide = 1 << 64
    back = pow(0xD6E8FEB86659FD93, -1, wide)
    found = []
    for number in range(count):
        word = (0xABCDEF01 << 32) | (number << 8) | 7
        for _ in range(2):
            word ^= word >> 32
            word = word * back % wide
        found.append(word ^ (word >> 32))
    return found


def test_keys_that_look_alike_in_the_table() -> None:
    """Growth, moves, removal by the sweep and closing of gaps where every place collides."""
    alike = _alike(60)
    assert {(mix(key) >> 32, mix(key) & 255) for key in alike} == {(0xABCDEF01, 7)}
    rnd = random.Random(5)
    policy = [
        aggregate(f, ("card",), window, of=of)
        for f, of in (("count", None), ("sum", "payment.amount_minor"), ("distinct", "merchant.id"))
        for window in (90 * SECOND, None)
    ]
    plan = WindowPlan(policy[::2], FILTERS)
    every = WindowPlan(policy, FILTERS)
    stores = [(PlainWindows(p, 0), Windows(p, 0)) for p in (plan, every)]
    log = stream(3_000, rnd, keys=1, steps=(0, SECOND))
    card = KEY_KINDS.index("card")
    for each in log:
        keys = [*each.keys]
        # Few keys at a time, so that others fall silent and are swept.
        keys[card] = alike[(each.seq // 100 * 7 + rnd.randrange(12)) % 60]
        moved = Observation(each.seq, each.t_us, each.s_us, tuple(keys), each.values)
        for plain, arena in stores:
            assert plain.observe(moved) == arena.observe(moved)
    assert stores[0][1].memory()["keys"] < 60


def _brute(a: Aggregate, log: list[Observation], upto: int, keys: Any, t: int, skip: int) -> Any:
    """From the words of RULES: filter every raw event, then compute."""
    kinds = [KEY_KINDS.index(kind) for kind in a.by]
    if not all(keys[kind] for kind in kinds):
        return None
    gone = {o.retracts for o in log[:upto]}
    chosen = []
    for o in log[:upto]:
        if o.seq in gone and o.values[OBSERVED_INDEX["event.kind"]] == "label":
            continue
        if any(o.keys[kind] != keys[kind] for kind in kinds):
            continue
        if a.where is not None and not FILTERS[a.where].test(o):
            continue
        value = o.values[OBSERVED_INDEX[a.of]] if a.of else 0
        if value is None or (a.of == "merchant.id" and value == 0):
            continue
        if a.window_us is not None:
            days = t // DAY - o.s_us // DAY
            inside = days < a.window_us // DAY if a.daily else t - a.window_us < o.s_us
            if not inside:
                continue
        if a.exclude_current and o.seq == skip:
            continue
        chosen.append((o.s_us, o.seq, value))
    chosen.sort(key=lambda row: row[:2])
    values: list[Any] = [row[2] for row in chosen]
    if a.function == "count":
        return len(values)
    if a.function == "sum":
        return sum(values) if -(2**63) <= sum(values) < 2**63 else None
    if not values:
        return None
    if a.function == "stddev":
        mean_n = sum(values)
        return math.sqrt(float(sum(len(values) * v * v for v in values) - mean_n**2)) / len(values)
    simple = {
        "avg": lambda: float(sum(values)) / len(values),
        "min": lambda: min(values),
        "max": lambda: max(values),
        "distinct": lambda: len(set(values)),
        "first": lambda: values[0],
        "last": lambda: values[-1],
        "since_first": lambda: (t - chosen[0][0]) // SECOND,
        "since_last": lambda: (t - chosen[-1][0]) // SECOND,
    }
    return simple[a.function]()


@QUIET
@given(seed=st.integers(0, 2**32), jump=st.booleans())
def test_plain_twin_equals_brute_force(seed: int, jump: bool) -> None:
    rnd = random.Random(seed)
    policy = _policy(rnd, 0.05)
    plan = WindowPlan(policy, FILTERS)
    plain = PlainWindows(plan, 0)
    log = stream(80, rnd, keys=2, jump=40 * DAY if jump else 0)
    for position, each in enumerate(log):
        found = plain.observe(each)
        if position % 8 == 0:
            expected = [
                _brute(a, log, position + 1, each.keys, each.t_us, each.seq) for a in policy
            ]
            assert not _differences(plan, found, expected)
