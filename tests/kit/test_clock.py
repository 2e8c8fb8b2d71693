"""The system's clock and randomness keep their ports' promises."""

from __future__ import annotations

from paywarden.core.clock import Clock, Randomness
from paywarden.kit.clock import SystemClock, SystemRandomness


def test_time_is_in_the_stated_units() -> None:
    clock: Clock = SystemClock()
    assert 1_700_000_000_000_000 < clock.now_us() < 10_000_000_000_000_000
    first = clock.monotonic_ns()
    assert clock.monotonic_ns() >= first


def test_octets_have_the_asked_length_and_differ() -> None:
    randomness: Randomness = SystemRandomness()
    assert [len(randomness.octets(count)) for count in (0, 1, 32)] == [0, 1, 32]
    assert len({randomness.octets(16) for _ in range(100)}) == 100
