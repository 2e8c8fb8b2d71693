"""Large things given up are freed a few pieces at a time, wherever the last reference went."""

from __future__ import annotations

import asyncio
import threading
import weakref
from typing import Any

import pytest

from paywarden.kit.dismantling import STEP, Dismantler, Heap, taken_apart


class Thing:
    """What is given up."""

    def __init__(self, count: int) -> None:
        self.parts = [Part() for _ in range(count)]

    def heaps(self) -> list[Heap]:
        return [list(self.parts)]


class Part:
    """Something that can be watched."""


def test_each_step_frees_few_and_from_the_end():
    heap: list[Any] = list(range(STEP * 2 + 1))
    table = {n: n for n in range(STEP + 1)}
    lengths = [(len(heap), len(table)) for _ in taken_apart([heap, table])]
    assert lengths == [(STEP + 1, STEP + 1), (1, STEP + 1), (0, STEP + 1), (0, 1), (0, 0)]


@pytest.mark.parametrize("in_a_thread", [False, True])
async def test_a_thing_given_up_is_taken_apart_between_other_tasks(
    in_a_thread: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("paywarden.kit.turns.WORK_SECONDS", 0.0)
    dismantler, thing = Dismantler(), Thing(STEP * 4)
    parts = [weakref.ref(part) for part in thing.parts]
    dismantler.watch(thing, thing.heaps())
    holder = [thing]
    del thing
    if in_a_thread:
        thread = threading.Thread(target=holder.clear)
        thread.start()
        thread.join()
    else:
        holder.clear()
    assert dismantler.waiting == 1
    assert all(part() is not None for part in parts), "giving up frees nothing at once"
    seen = set()
    while dismantler.waiting:
        seen.add(sum(part() is not None for part in parts))
        await asyncio.sleep(0)
    assert seen >= {STEP * 4, STEP * 3, STEP * 2, STEP}
    assert not any(part() for part in parts)
    await dismantler.close()


async def test_after_the_end_things_go_at_once():
    dismantler, thing = Dismantler(), Thing(STEP)
    part = weakref.ref(thing.parts[0])
    dismantler.watch(thing, thing.heaps())
    await dismantler.close()
    del thing
    assert part() is None and dismantler.waiting == 0
