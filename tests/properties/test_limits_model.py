"""GCRA against a plain token bucket, and the bounded table against a dictionary."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.kit.http.limits.gcra import SECOND_NS, Policy
from paywarden.kit.http.limits.table import WAYS, TatTable

GAPS = st.lists(st.integers(0, 3 * SECOND_NS), min_size=1, max_size=60)
RATES = st.sampled_from([0.5, 1.0, 2.0, 4.0, 10.0, 1000.0])
BURSTS = st.integers(1, 12)


class Bucket:
    """Tokens, one of them gained each interval, in exact numbers."""

    def __init__(self, interval_ns: int, burst: int) -> None:
        self.interval, self.burst = interval_ns, burst
        self.tokens, self.at = Fraction(burst), 0

    def take(self, now: int, weight: int = 1) -> bool:
        gained = Fraction(now - self.at, self.interval)
        self.tokens, self.at = min(Fraction(self.burst), self.tokens + gained), now
        if self.tokens < weight:
            return False
        self.tokens -= weight
        return True


@settings(max_examples=300, deadline=None)
@given(GAPS, RATES, BURSTS, st.lists(st.integers(1, 20), min_size=60, max_size=60))
def test_gcra_is_a_token_bucket(
    gaps: list[int], rate: float, burst: int, weights: list[int]
) -> None:
    policy = Policy("key", rate, burst)
    bucket, now, tat = Bucket(policy.interval_ns, burst), 0, 0
    for gap, weight in zip(gaps, weights, strict=False):
        now += gap
        step = policy.step(tat, now, weight)
        assert step.conforms == bucket.take(now, min(weight, burst))
        assert step.left == (int(bucket.tokens) if step.conforms else 0)
        assert step.reset_ns >= 0
        tat = step.tat_ns
        if not step.conforms:
            assert not policy.step(tat, now + step.retry_ns - 1, weight).conforms
            assert policy.step(tat, now + step.retry_ns, weight).conforms


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, SECOND_NS)), max_size=200), BURSTS)
def test_the_table_forgives_nothing(turns: list[tuple[int, int]], burst: int) -> None:
    """With one row and five times as many senders, nobody gets more than with unlimited memory."""
    policy, table = Policy("address", 2.0, burst), TatTable(WAYS, b"k" * 16)
    exact: dict[int, int] = {}
    now = 0
    for sender, gap in turns:
        now += gap
        place, tat = table.place(b"%d" % sender, now)
        step = policy.step(tat, now)
        alone = policy.step(exact.get(sender, 0), now)
        if step.conforms:
            assert alone.conforms
            table.put(place, step.tat_ns)
            exact[sender] = alone.tat_ns


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, WAYS - 1), st.integers(0, SECOND_NS)), max_size=100))
def test_with_room_for_all_the_table_is_exact(turns: list[tuple[int, int]]) -> None:
    policy, table = Policy("address", 2.0, 3), TatTable(WAYS, b"k" * 16)
    exact: dict[int, int] = {}
    now = 0
    for sender, gap in turns:
        now += gap
        place, tat = table.place(b"%d" % sender, now)
        step, alone = policy.step(tat, now), policy.step(exact.get(sender, 0), now)
        assert step.conforms == alone.conforms
        if step.conforms:
            table.put(place, step.tat_ns)
            exact[sender] = alone.tat_ns
