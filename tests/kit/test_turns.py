"""Turns: others run after work, and longer when they have much to do."""

from __future__ import annotations

import asyncio

import pytest

from paywarden.kit.turns import LATE_SECONDS, MOST_PAUSES, PAUSE_SECONDS, WORK_SECONDS, Turns


class Loop:
    """The loop's clock, and how long each pause takes on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.slept, self.takes = 10.0, list[float](), [PAUSE_SECONDS]
        monkeypatch.setattr("paywarden.kit.turns.asyncio.sleep", self.sleep)
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += self.takes[min(len(self.slept), len(self.takes)) - 1]


async def test_turns_are_given_only_after_work(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(monkeypatch)
    turns = Turns()
    await turns.give()
    assert loop.slept == []
    loop.now += 2 * WORK_SECONDS
    await turns.give()
    await turns.give()
    assert loop.slept == [PAUSE_SECONDS]


async def test_a_busy_loop_gets_more_pauses_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = Loop(monkeypatch)
    turns = Turns()
    loop.takes = [2 * LATE_SECONDS, 2 * LATE_SECONDS, PAUSE_SECONDS]
    loop.now += 2 * WORK_SECONDS
    await turns.give()
    assert len(loop.slept) == 3
    loop.takes = [1.0]
    loop.slept.clear()
    loop.now += 2 * WORK_SECONDS
    await turns.give()
    assert len(loop.slept) == MOST_PAUSES
