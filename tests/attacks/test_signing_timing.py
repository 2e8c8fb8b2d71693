"""Verification tells nothing by its time: Welch's t-test over interleaved classes.

Two classes of wrong HMAC signatures are verified in random turns: one differs from the right one in
its first octet, one in its last. A comparison that stops at the first difference (the planted leak)
must be found by the same measurement, else the measurement says nothing. Statistics are compared
with each other, never with a time; the slowest tenth of each class is cut off (interrupts).
Source: J. Reparaz, J. Balasch, I. Verbauwhede, "Dude, is my code constant time?", DATE 2017.
"""

from __future__ import annotations

import hmac
import random
import statistics
import time
from collections.abc import Callable

import pytest

from paywarden.core.secret import Secret
from paywarden.kit.http.signing.keys import HmacKey

SECRET = Secret(b"\x01" * 32)
BASE = b'"@method": POST\n"@authority": risk.example' * 8
ROUNDS = 12_000
LEAK_LEAST = 20.0


def planted(signature: bytes, base: bytes) -> bool:
    """What a naive comparison does, octet by octet."""
    right = hmac.digest(SECRET.expose(), base, "sha256")
    for mine, theirs in zip(right, signature, strict=True):  # noqa: SIM110
        if mine != theirs:
            return False
    return True


def welch(verify: Callable[[bytes, bytes], bool], seed: int) -> float:
    """|t| between wrong-at-the-start and wrong-at-the-end."""
    right = HmacKey(SECRET).sign(BASE)
    wrong = (bytes([right[0] ^ 1]) + right[1:], right[:-1] + bytes([right[-1] ^ 1]))
    turns = random.Random(seed)
    took: tuple[list[int], list[int]] = ([], [])
    for _ in range(ROUNDS):
        kind = turns.getrandbits(1)
        started = time.perf_counter_ns()
        verify(wrong[kind], BASE)
        took[kind].append(time.perf_counter_ns() - started)
    kept = [sorted(one)[: len(one) * 9 // 10] for one in took]
    spread = sum(statistics.variance(one) / len(one) for one in kept)
    difference = statistics.fmean(kept[0]) - statistics.fmean(kept[1])
    return float(abs(difference) / spread**0.5)


@pytest.mark.full
def test_a_wrong_signature_takes_the_same_time_wherever_it_is_wrong() -> None:
    leak = statistics.median(welch(planted, seed) for seed in range(3))
    assert leak > LEAK_LEAST, "the planted leak is not seen: this measurement is worth nothing"
    ours = statistics.median(welch(HmacKey(SECRET).verify, seed) for seed in range(5))
    assert ours < leak / 5
