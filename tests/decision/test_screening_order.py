"""Which question the process of lists gets next, when more wait than it can answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from decision_room import Room
from screening_room import screened

from paywarden.aml.screening.serving.messages import AskedParty
from paywarden.aml.screening.serving.process import MOST_WITH_CHILD
from paywarden.core.errors import Unavailable


async def test_what_nobody_waits_for_comes_last_and_goes_with_the_erased(
    room: Room, home: Path
) -> None:
    await screened(room, home)
    process = room.installation.aml.screening.process
    assert process is not None
    names = [AskedParty(f"Somebody Number {number}") for number in range(MOST_WITH_CHILD + 8)]
    answers = [process.send([name]) for name in names]
    given_up = answers[MOST_WITH_CHILD]
    with pytest.raises(Unavailable, match="in time"):
        await process.answered(given_up, 0.0)
    await process.answered(answers[-1], 60.0)
    await process.drained(60.0)
    assert all(one.done() for one in answers if one is not given_up)
    assert await process.answered(given_up, 60.0) == ((),)
    many = [process.send([name]) for name in names]
    with pytest.raises(Unavailable):
        await process.answered(many[-1], 0.0)
    await process.answered(process.send(()), 60.0)
    assert many[-1].cancelled()
    await process.drained(60.0)
    assert all(one.done() for one in many)


async def test_whoever_waits_is_told_when_the_process_ends(room: Room, home: Path) -> None:
    await screened(room, home)
    process = room.installation.aml.screening.process
    assert process is not None
    answers = [process.send([AskedParty(f"Nobody {n}")]) for n in range(MOST_WITH_CHILD * 4)]
    await process.close()
    assert [one.exception() for one in answers][-1] is not None
    assert all(one.done() for one in answers)
