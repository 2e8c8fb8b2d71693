"""Named cases of the compiled store, each beside the plain twin."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from windows_kit import (
    AMOUNT,
    DAY,
    FILTERS,
    MERCHANT,
    SECOND,
    T0,
    aggregate,
    key_row,
    observation,
    one_of_each,
    payment,
)

from paywarden.core.errors import InvalidRequest
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.columns import from_observations
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.plain import PlainWindows
from paywarden.risk.features.plan import WindowPlan


class Pair:
    """Both stores; every answer is compared."""

    def __init__(self, *aggregates: object) -> None:
        plan = WindowPlan(list(aggregates), FILTERS)  # type: ignore[arg-type]
        self.plain, self.arena = PlainWindows(plan, 0), Windows(plan, 0)

    def observe(self, each: Observation) -> list[object]:
        expected = self.plain.observe(each)
        assert self.arena.observe(each) == expected
        return list(expected)

    def read(self, t_us: int, excluding: int = 0, **keys: int) -> list[object]:
        row = key_row(keys or None)
        expected = self.plain.read(row, t_us, excluding)
        assert self.arena.read(row, t_us, excluding) == expected
        return list(expected)


def test_the_edge_of_ninety_days() -> None:
    pair = Pair(aggregate("count", window=90 * DAY), aggregate("max", window=90 * DAY, of=AMOUNT))
    pair.observe(payment(1, T0, 9))
    assert pair.observe(payment(2, T0 + 90 * DAY - 1, 4)) == [2, 9]
    assert pair.observe(payment(3, T0 + 90 * DAY, 3)) == [2, 4]
    assert pair.read(T0 + 180 * DAY - 1) == [1, 3]
    assert pair.read(T0 + 180 * DAY) == [0, None]


def test_days_start_at_midnight_utc() -> None:
    midnight = T0 - T0 % DAY
    pair = Pair(aggregate("count", window=2 * DAY, daily=True))
    pair.observe(payment(1, midnight - 1))
    assert pair.observe(payment(2, midnight)) == [2]
    assert pair.read(midnight + DAY - 1) == [2]
    assert pair.read(midnight + DAY) == [1]
    assert pair.read(midnight + 2 * DAY) == [0]


def test_absent_and_unknown_keys() -> None:
    pair = Pair(
        aggregate("count"),
        aggregate("count", ("card", "merchant")),
        aggregate("sum", of=AMOUNT, window=None),
        aggregate("distinct", of=MERCHANT),
    )
    assert pair.read(T0, card=5) == [0, None, 0, None]
    assert pair.observe(payment(1, T0, 3, keys={"merchant": 2})) == [None, None, None, None]
    assert pair.observe(payment(2, T0, 3, keys={"card": 2**64 - 1, "merchant": 1}))[:3] == [1, 1, 3]


def test_sums_beyond_64_bits_are_absent_and_come_back() -> None:
    pair = Pair(
        aggregate("sum", window=10 * SECOND, of=AMOUNT),
        aggregate("avg", window=10 * SECOND, of=AMOUNT),
        aggregate("stddev", window=10 * SECOND, of=AMOUNT),
        aggregate("min", window=10 * SECOND, of=AMOUNT),
        aggregate("max", window=10 * SECOND, of=AMOUNT),
    )
    top, bottom = 2**63 - 1, -(2**63)
    pair.observe(payment(1, T0, top))
    assert pair.observe(payment(2, T0, top)) == [None, 2.0**63, 0.0, top, top]
    assert pair.observe(payment(3, T0, bottom))[0] == top - 1
    assert pair.observe(payment(4, T0 + 10 * SECOND, bottom)) == [
        bottom, float(bottom), 0.0, bottom, bottom,
    ]  # fmt: skip


def test_present_payment_and_continuation() -> None:
    pair = Pair(
        aggregate("count"),
        aggregate("count", exclude=True),
        aggregate("distinct", of=MERCHANT, exclude=True),
        aggregate("distinct", of=MERCHANT, window=None, exclude=True),
        aggregate("since_last", exclude=True),
    )
    assert pair.observe(payment(1, T0, merchant__id=7)) == [1, 0, None, None, None]
    assert pair.observe(payment(2, T0 + SECOND, merchant__id=8)) == [2, 1, 1, 1, 1]
    assert pair.read(T0 + 5 * SECOND, 2) == [2, 1, 1, 1, 5]
    assert pair.observe(payment(3, T0 + 6 * SECOND, merchant__id=8)) == [3, 2, 2, 2, 5]
    assert pair.read(T0 + 6 * SECOND, 2) == [3, 2, 2, 2, 0]
    assert pair.read(T0 + 6 * SECOND, 99) == [3, 3, 2, 2, 0]


def test_labels_move_counts_at_once_and_go_back_at_any_age() -> None:
    by = ("card", "device", "ip", "bin", "email_domain", "merchant", "payee")
    keys = dict.fromkeys(by, 3)
    pair = Pair(
        *(aggregate("count", (kind,), 30 * DAY, where="is fraud") for kind in by),
        *(aggregate("count", (kind,), None, where="is fraud") for kind in by),
        aggregate("max", window=None, of=AMOUNT),
    )
    label = {"event__kind": "label", "event__verdict": "fraud", "payment__amount_minor": 50}
    pair.observe(payment(1, T0, 5, keys=keys))
    assert pair.observe(observation(2, T0, keys=keys, **label)) == [1] * 14 + [50]
    assert pair.read(T0, **keys)[:14] == [1] * 14
    for seq in range(3, 200):
        pair.observe(payment(seq, T0 + seq * DAY, 5, keys=keys))
    assert pair.read(T0 + 200 * DAY, **keys) == [0] * 7 + [1] * 7 + [50]
    pair.observe(observation(200, T0 + 200 * DAY, keys={}, event__kind="label", retracts=2))
    assert pair.read(T0 + 200 * DAY, **keys) == [0] * 14 + [5]


def test_only_labels_can_be_withdrawn() -> None:
    pair = Pair(aggregate("count"))
    pair.observe(payment(1, T0))
    assert pair.observe(payment(2, T0, retracts=1)) == [2]
    assert pair.observe(payment(3, T0, retracts=77)) == [3]


def test_late_events_take_their_place_among_ties() -> None:
    pair = Pair(*one_of_each(window=10 * SECOND), *one_of_each(window=None))
    pair.observe(payment(1, T0, 1, merchant__id=1))
    pair.observe(payment(2, T0 + 8 * SECOND, 2, merchant__id=2, payment__currency="EUR"))
    pair.observe(payment(3, T0 + 8 * SECOND, 3, s_us=T0, merchant__id=1, payment__currency="USD"))
    pair.observe(payment(4, T0 + 9 * SECOND, 4, s_us=T0 - DAY, merchant__id=2))
    for t_us in range(T0 + 9 * SECOND, T0 + 20 * SECOND, SECOND // 2):
        pair.read(t_us)


def test_hot_key_with_many_late_events_and_falling_amounts() -> None:
    plan = WindowPlan(
        [
            aggregate("count", window=3600 * SECOND),
            aggregate("max", window=3600 * SECOND, of=AMOUNT),
            aggregate("min", window=3600 * SECOND, of=AMOUNT),
            aggregate("distinct", window=3600 * SECOND, of=MERCHANT),
            aggregate("since_first", window=3600 * SECOND),
        ],
        {},
    )
    arena, count = Windows(plan, 0), 200_000
    rng = np.random.default_rng(3)
    t_us = T0 + np.arange(count) * 40_000
    s_us = np.maximum(
        T0, t_us - np.where(rng.random(count) < 0.05, rng.integers(0, 10**8, count), 0)
    )
    merchant = rng.integers(1, 5_000, count)
    log = [
        payment(i + 1, int(t_us[i]), count - i, s_us=int(s_us[i]), merchant__id=int(merchant[i]))
        for i in range(count)
    ]
    columns = from_observations(log)
    want = np.zeros(count, np.bool_)
    want[::9_973] = True
    features = arena.observe_columns(columns, want)
    for place, row in enumerate(features.rows.tolist()):
        inside = np.flatnonzero(s_us[: row + 1] > t_us[row] - 3600 * SECOND)
        expected = [
            len(inside),
            count - int(inside.min()),
            count - int(inside.max()),
            len(set(merchant[inside].tolist())),
            int(t_us[row] - s_us[inside].min()) // SECOND,
        ]
        assert features.row(place) == expected
    assert arena.memory()["events"] < 100_000


def test_dormant_keys_are_forgotten_and_come_back() -> None:
    plan = WindowPlan([aggregate("count", window=DAY), aggregate("sum", window=DAY, of=AMOUNT)], {})
    arena = Windows(plan, 0)
    for seq in range(1, 3_001):
        arena.add(payment(seq, T0, seq, keys={"card": seq}))
    full = arena.memory()
    assert (full["events"], full["keys"]) == (3_000, 3_000)
    for seq in range(3_001, 14_001):
        arena.add(payment(seq, T0 + 2 * DAY, 1, keys={"card": 5_000}))
    held = arena.memory()
    assert (held["events"], held["keys"]) == (11_000, 1)
    assert arena.observe(payment(14_001, T0 + 2 * DAY, 7, keys={"card": 12})) == [1, 7]
    assert held["bytes_reserved"] >= held["bytes_taken"] >= held["bytes_used"]


def test_memory_stays_when_months_pass() -> None:
    plan = WindowPlan(one_of_each(window=DAY), {})
    arena, seq, taken = Windows(plan, 0), 0, []
    for month in range(12):
        for i in range(2_000):
            seq += 1
            t_us = T0 + month * 30 * DAY + i * 60 * SECOND
            arena.add(payment(seq, t_us, i, keys={"card": i % 50 + 1}, merchant__id=i + 1))
        taken.append(arena.memory()["bytes_taken"])
    assert taken[-1] < 1.05 * taken[3]


def test_what_no_key_holds_is_given_back() -> None:
    """Keys of different reach share an event; its memory returns with the last of them."""
    plan = WindowPlan(
        [
            aggregate("count", ("card",), 60 * SECOND),
            aggregate("sum", ("device",), DAY, of=AMOUNT),
            aggregate("distinct", ("merchant",), 3 * DAY, of="card.fingerprint"),
            aggregate("last", ("card",), None, of=AMOUNT, where="is fraud"),
            aggregate("stddev", ("card", "device"), 90 * DAY, of=AMOUNT, where="is five"),
        ],
        FILTERS,
    )
    arena, seq, used = Windows(plan, 0), 0, []
    for month in range(4):
        start = T0 + month * 300 * DAY
        for i in range(1_200):
            seq += 1
            label = {"event__kind": "label", "event__verdict": "fraud"}
            kind = label if i % 10 == 0 else {"event__kind": "payment"}
            arena.add(
                observation(
                    seq,
                    start + i * SECOND,
                    keys={"card": i % 7 + 1, "device": i % 11 + 1, "merchant": 1},
                    retracts=seq - 5 if i % 10 == 5 else 0,
                    payment__amount_minor=5 if i % 3 else 8,
                    card__fingerprint=i % 500 + 1,
                    **kind,
                )
            )
        held = arena.memory()
        assert held["events"] > 1_000
        for _ in range(3_000):
            seq += 1
            arena.add(payment(seq, start + 200 * DAY, keys={"phone": 1}))
        left = arena.memory()
        used.append((left["events"], left["keys"], left["pairs"], left["bytes_used"]))
        assert left["bytes_used"] < held["bytes_used"] - 1_000 * 16
    assert used == [(0, 7, 0, used[0][3])] * 4


def test_order_of_the_log_is_kept() -> None:
    plan = WindowPlan([aggregate("count"), aggregate("sum", of=AMOUNT)], {})
    arena = Windows(plan, 0)
    arena.observe(payment(5, T0))
    broken = [
        payment(5, T0),
        payment(6, T0 - 1),
        payment(6, T0, s_us=T0 + 1),
        payment(2**39, T0),
        payment(6, T0, 2**63),
        Observation(6, T0, T0, (1,), (), 0, 0),
    ]
    for each in broken:
        with pytest.raises(InvalidRequest):
            arena.observe(each)
    with pytest.raises(InvalidRequest):
        arena.observe_columns(from_observations([payment(6, T0 - 1)]), np.ones(1, np.bool_))
    with pytest.raises(InvalidRequest):
        arena.observe_columns(from_observations([payment(6, T0)]), np.ones(2, np.bool_))
    assert arena.observe(payment(6, T0)) == [2, 2]


def test_empty_plan_and_empty_columns() -> None:
    arena = Windows(WindowPlan([], {}), 0)
    assert arena.observe(payment(1, T0)) == []
    assert arena.read(key_row(), T0) == []
    features = arena.observe_columns(from_observations([]), np.ones(0, np.bool_))
    assert len(features.rows) == 0


def test_columns_of_each_kind() -> None:
    plan = WindowPlan(
        [aggregate("count"), aggregate("avg", of=AMOUNT), aggregate("last", of="payment.currency")],
        {},
    )
    log = [payment(1, T0, 3, payment__currency="EUR"), payment(2, T0, 4), payment(3, T0, None)]
    features = Windows(plan, 0).observe_columns(
        from_observations(log), np.array([True, False, True])
    )
    assert features.rows.tolist() == [0, 2]
    assert features.column(0)[0].tolist() == [1, 3]
    assert features.column(1)[0].tolist() == [3.0, 3.5]
    texts, valid = features.column(2)
    assert valid.all() and [features.symbols[i] for i in texts] == ["EUR", "EUR"]


def test_windows_that_nobody_holds_are_given_back_at_once() -> None:
    """Gigabytes must not wait for the collector of cycles, least of all behind `gc.freeze`."""
    arena = Windows(WindowPlan(one_of_each(), {}), 0)
    arena.observe(payment(1, T0))
    arena.observe_columns(from_observations([payment(2, T0)]), np.ones(1, np.bool_))
    held = weakref.ref(arena)
    gc.disable()
    try:
        del arena
        assert held() is None
    finally:
        gc.enable()


def test_a_pair_takes_sixteen_bytes_however_full_its_table() -> None:
    """Whatever the filling of tables stands at, from 50,000 pairs on."""
    plan = WindowPlan([aggregate("distinct", window=None, of=MERCHANT)], {})
    arena, empty = Windows(plan, 0), Windows(plan, 0).memory()
    log = [
        payment(n, T0 + n, merchant__id=(n * 0x9E3779B97F4A7C15) % 2**64, keys={"card": 1 + n % 9})
        for n in range(1, 60_001)
    ]
    columns = from_observations(log)
    for start in range(0, 60_000, 5_000):
        part = columns.slice(start, start + 5_000)
        arena.observe_columns(part, np.zeros(5_000, np.bool_))
        held = arena.memory()
        used = held["bytes_used"] - empty["bytes_used"]
        assert held["pairs"] == start + 5_000
        if start >= 45_000:
            assert used / held["pairs"] <= 16
