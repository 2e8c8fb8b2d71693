"""Budgets: never over a limit in a window, never refilled by a restart, few syncs."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.cde.frame_format import Refused
from paywarden.cde.keys.budgets import GLOBAL, LENGTHS_US, DecryptBudgets, Limits
from paywarden.cde.keys.state_journal import StateJournal, create_journal
from paywarden.core.clock import FixedClock

KEY, ID = b"k" * 32, b"i" * 16
NOON_US = 20_000 * LENGTHS_US[2]
ROOMY = Limits(10_000, 100_000, 1_000_000)


class Till:
    """Budgets over a journal that can be killed and opened again."""

    def __init__(self, folder: Path, limits: dict[str, Limits]) -> None:
        self.path, self.limits, self.clock = folder / "state.journal", limits, FixedClock(NOON_US)
        self.beside = ThreadPoolExecutor(1)
        create_journal(self.path, KEY, ID)
        self.open()

    def open(self) -> None:
        self.journal = StateJournal(self.path, KEY, ID, self.beside)
        self.budgets = DecryptBudgets(self.limits, self.clock, self.journal)
        self.journal.snapshot = self.budgets.records

    def kill(self) -> None:
        self.journal.abandon()
        self.open()

    async def restart(self) -> None:
        await self.budgets.settle()
        await self.journal.close()
        self.open()

    def close(self) -> None:
        self.journal.abandon()
        self.beside.shutdown()

    def spent(self, account: str, window: str = "minute") -> int:
        [found] = [
            one.spent
            for one in self.budgets.spent()
            if (one.account, one.window) == (account, window)
        ]
        return found


async def test_a_limit_is_exact_and_a_refusal_spends_nothing(tmp_path: Path) -> None:
    till = Till(tmp_path, {"egress": Limits(10, 100, 1_000), GLOBAL: ROOMY})
    assert await till.budgets.spend("egress", 7) is None
    refused = await till.budgets.spend("egress", 4)
    assert isinstance(refused, Refused) and refused.code == "decrypt_budget_exceeded"
    assert await till.budgets.spend("egress", 3) is None
    assert (till.spent("egress"), till.spent(GLOBAL)) == (10, 10)
    till.close()


@pytest.mark.parametrize("caller", ["edge", "operator", ""])
async def test_without_an_account_nothing_is_opened(tmp_path: Path, caller: str) -> None:
    till = Till(tmp_path, {"egress": ROOMY, GLOBAL: ROOMY})
    assert isinstance(await till.budgets.spend(caller, 1), Refused)
    till.close()


async def test_the_global_budget_binds_all_callers_together(tmp_path: Path) -> None:
    till = Till(tmp_path, {"egress": ROOMY, "vault": ROOMY, GLOBAL: Limits(5, 50, 500)})
    assert await till.budgets.spend("egress", 3) is None
    assert isinstance(await till.budgets.spend("vault", 3), Refused)
    assert till.spent("vault") == 0
    till.close()


async def test_windows_open_again_each_in_its_time(tmp_path: Path) -> None:
    till = Till(tmp_path, {"egress": Limits(10, 15, 20), GLOBAL: ROOMY})
    assert await till.budgets.spend("egress", 10) is None
    till.clock.advance(60)
    assert isinstance(await till.budgets.spend("egress", 6), Refused)  # the hour has 5 left
    assert await till.budgets.spend("egress", 5) is None
    till.clock.advance(3_600)
    assert isinstance(await till.budgets.spend("egress", 6), Refused)  # the day has 5 left
    till.clock.advance(86_400)
    assert await till.budgets.spend("egress", 10) is None
    till.close()


async def test_a_clock_set_back_opens_no_window_again(tmp_path: Path) -> None:
    till = Till(tmp_path, {"egress": Limits(10, 100, 1_000), GLOBAL: ROOMY})
    till.clock.advance(120)
    assert await till.budgets.spend("egress", 10) is None
    for seconds in (-60, -3_600, -90_000):
        till.clock.advance(seconds)
        assert isinstance(await till.budgets.spend("egress", 1), Refused)
        till.kill()
        assert isinstance(await till.budgets.spend("egress", 1), Refused)
    till.close()


async def test_a_kill_never_refills_and_costs_at_most_a_block(tmp_path: Path) -> None:
    limits = Limits(1_000, 10_000, 100_000)
    till = Till(tmp_path, {"egress": limits, GLOBAL: ROOMY})
    for _ in range(30):
        assert await till.budgets.spend("egress", 1) is None
    till.kill()
    assert 30 <= till.spent("egress") <= 30 + limits.block
    till.close()


async def test_an_orderly_restart_costs_nothing(tmp_path: Path) -> None:
    till = Till(tmp_path, {"egress": Limits(1_000, 10_000, 100_000), GLOBAL: ROOMY})
    for _ in range(30):
        assert await till.budgets.spend("egress", 1) is None
    await till.restart()
    assert till.spent("egress") == 30
    till.close()


async def test_hundreds_of_openings_need_few_syncs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda handle: (syncs.append(handle), real(handle)))
    till = Till(tmp_path, {"egress": Limits(24_000, 10**6, 10**7), GLOBAL: ROOMY})
    for _ in range(300):  # one after the other: no grouping helps
        assert await till.budgets.spend("egress", 1) is None
    assert len(syncs) <= 20
    till.close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("spend"), st.integers(1, 9)),
        st.tuples(st.just("wait"), st.sampled_from([1, 30, 61, 1_800, 3_700, 90_000])),
        st.tuples(st.just("kill"), st.just(0)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("crowd"), st.integers(2, 12)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, minute=st.integers(0, 40), hour=st.integers(0, 90), day=st.integers(0, 150))
def test_no_history_lets_more_out_than_its_windows_allow(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, int]],
    minute: int,
    hour: int,
    day: int,
) -> None:
    asyncio.run(history(tmp_path_factory.mktemp("till"), steps, Limits(minute, hour, day)))


async def history(folder: Path, steps: list[tuple[str, int]], limits: Limits) -> None:
    """Count what was let out per window beside the budgets, slowly and exactly."""
    till = Till(folder, {"egress": limits, GLOBAL: ROOMY})
    out: dict[tuple[int, int], int] = {}

    async def spend(count: int) -> None:
        now_us = till.clock.now_us()
        if await till.budgets.spend("egress", count) is None:
            for place, length in enumerate(LENGTHS_US):
                key = (place, now_us // length)
                out[key] = out.get(key, 0) + count

    for step, amount in steps:
        match step:
            case "spend":
                await spend(amount)
            case "crowd":
                await asyncio.gather(*(spend(1) for _ in range(amount)))
            case "wait":
                till.clock.advance(amount)
            case "kill":
                till.kill()
            case "restart":
                await till.restart()
    till.close()
    for (place, _number), count in out.items():
        assert count <= limits.by_window[place]
