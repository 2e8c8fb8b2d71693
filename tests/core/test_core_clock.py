"""The fixed clock: it stands still, moves when told, and never runs backwards monotonically."""

from __future__ import annotations

from paywarden.core.clock import FixedClock


def test_it_stands_still() -> None:
    clock = FixedClock(now_us=42)
    assert clock.now_us() == clock.now_us() == 42
    assert clock.monotonic_ns() == 0


def test_it_moves_both_times() -> None:
    clock = FixedClock()
    clock.advance(1.5)
    assert clock.now_us() == 1_500_000
    assert clock.monotonic_ns() == 1_500_000_000


def test_the_wall_may_go_back_but_durations_do_not() -> None:
    clock = FixedClock(now_us=5_000_000)
    clock.advance(-2)
    assert clock.now_us() == 3_000_000
    assert clock.monotonic_ns() == 0
