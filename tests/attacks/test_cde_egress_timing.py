"""A token that is another merchant's takes as long to refuse as one that nobody has.

Welch's t-test over interleaved classes at the use case of forwarding: unknown tokens, and tokens of
another merchant. A vault twin that works for a foreign record before it refuses (the planted leak)
must be found by the same measurement. Statistics are compared with each other, never with a time;
the slowest tenth is cut off. Source: J. Reparaz, J. Balasch, I. Verbauwhede, "Dude, is my code
constant time?", DATE 2017.
"""

from __future__ import annotations

import hashlib
import random
import statistics
import time
from pathlib import Path

import cde_egress_place  # noqa: F401
import pytest
from egress_kit import TEST, Egress, TwinVault, order

from paywarden.cde.frame_format import Refused
from paywarden.cde.vault.wire import Taken
from paywarden.core.errors import NotFound

ROUNDS = 4_000
LEAK_LEAST = 20.0
FOREIGN, UNKNOWN = "tk_test_" + "f" * 22, "tk_test_" + "u" * 22


class LeakingVault(TwinVault):
    """Looks at a foreign record before it refuses."""

    async def take_for_use(
        self, scope: str, merchant: str, token: str, *, want_cvv: bool, use: str
    ) -> Taken | Refused:
        if any(held == token for _, _, held in self.records):
            hashlib.pbkdf2_hmac("sha256", token.encode(), b"", 60)
        return await super().take_for_use(scope, merchant, token, want_cvv=want_cvv, use=use)


async def welch(folder: Path, vault: TwinVault, seed: int) -> float:
    """|t| between refusals of foreign and of unknown tokens."""
    turns = random.Random(seed)
    took: tuple[list[int], list[int]] = ([], [])
    async with Egress(folder / f"{type(vault).__name__}{seed}", vault=vault) as egress:
        vault.keep(FOREIGN, merchant="shop-2")
        egress.approve(egress.destination(443))
        orders = [
            order(
                token=token, body=b'{"card": {"number": null}}', fields={"/card/number": "number"}
            )
            for token in (FOREIGN, UNKNOWN)
        ]
        for _ in range(ROUNDS):
            kind = turns.getrandbits(1)
            started = time.perf_counter_ns()
            try:
                await egress.forwarding.forward(orders[kind])
            except NotFound:
                took[kind].append(time.perf_counter_ns() - started)
            egress.clock.advance(1)
    assert len(took[0]) + len(took[1]) == ROUNDS
    kept = [sorted(one)[: len(one) * 9 // 10] for one in took]
    spread = sum(statistics.variance(one) / len(one) for one in kept)
    return float(abs(statistics.fmean(kept[0]) - statistics.fmean(kept[1])) / spread**0.5)


@pytest.mark.full
async def test_foreign_and_unknown_tokens_take_the_same_time(tmp_path: Path) -> None:
    leaks = [await welch(tmp_path, LeakingVault(), seed) for seed in range(3)]
    leak = statistics.median(leaks)
    assert leak > LEAK_LEAST, "the planted leak is not seen: this measurement is worth nothing"
    ours = statistics.median([await welch(tmp_path, TwinVault(), seed) for seed in range(5)])
    assert ours < leak / 5


async def test_refusals_say_the_same(tmp_path: Path) -> None:
    said = set()
    async with Egress(tmp_path) as egress:
        egress.vault.keep(FOREIGN, merchant="shop-2")
        egress.approve(egress.destination(443))
        for token in (FOREIGN, UNKNOWN):
            with pytest.raises(NotFound) as caught:
                await egress.forwarding.forward(
                    order(scope=TEST, token=token, body=b'{"card": {"number": ""}}',
                          fields={"/card/number": "number"})
                )  # fmt: skip
            said.add((caught.value.code, caught.value.detail, caught.value.pointer))
    assert len(said) == 1
