"""Posteriors in live decisions, companions in checkpoints, and what a full store does."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from decision_room import DAY, POLICY, Room, opened, runtime_of, snapshot
from test_linking import differing, member
from test_linking import traffic as mixed

from paywarden.core.outcome import Outcome
from paywarden.decision import history
from paywarden.decision.checkpointing import job_of, make
from paywarden.decision.companions import Companions, companion_fields_of
from paywarden.decision.trial import companions_read
from paywarden.risk.features import segments
from paywarden.risk.links.store import Links
from paywarden.risk.posteriors.store import Posteriors

RULES = b"""\
- id: bad-device
  title: The device's own past
  scenario: known
  when: posterior.device.lower > 0.01
  then: {outcome: challenge, reason: KNOWN}
  examples:
    - {given: {posterior: {device: {lower: 0.4}}}, fires: true}
    - {given: {}, fires: false}
- id: ring
  title: Many cards that belong together
  scenario: known
  when: link.cards >= 4
  then: {outcome: challenge, reason: KNOWN}
"""
READING = {**POLICY, "rules/companions.yaml": RULES}


@pytest.fixture
def sealing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT_EVENTS", 40)
    monkeypatch.setattr(history, "CHUNK", 16)


def knew(room: Room, decided: Any, kind: str) -> tuple[float, float]:
    found = companion_fields_of(room.fields(decided))
    return found[f"posterior.{kind}.mean"], found[f"posterior.{kind}.lower"]


async def test_a_label_moves_the_posterior_of_its_entities_at_once(room: Room) -> None:
    await room.publish(READING)
    first = await member(room, 1)
    mean, lower = knew(room, first, "device")
    assert 0 < lower < mean < 0.01
    assert first.entry.result.answer is Outcome.ALLOW
    await room.label(first.entry.payment_id, "fraud")
    marked = await member(room, 2)
    risen, bound = knew(room, marked, "device")
    assert bound > 0.01 and risen > 10 * mean
    assert marked.entry.result.answer is Outcome.CHALLENGE
    assert knew(room, marked, "card")[0] < 2 * mean  # another card; only the base rate rose
    other = await member(room, 3, device="d-2")
    assert knew(room, other, "device")[0] < risen / 5
    await room.label(first.entry.payment_id, "withdrawn")
    again = await member(room, 4)
    back, _bound = knew(room, again, "device")
    assert back < mean  # exposure has grown and nothing stands against it
    record = room.installation.views.record(marked, runtime_of(READING))
    assert record["posteriors"]["device.lower"] == bound
    assert differing(room) == []


async def test_a_contradicted_label_counts_no_more(room: Room) -> None:
    await room.publish(READING)
    first = await member(room, 1)
    before = knew(room, await member(room, 2), "device")[0]
    await room.label(first.entry.payment_id, "fraud", source="customer")
    await room.label(first.entry.payment_id, "genuine", source="analyst")
    assert knew(room, await member(room, 3), "device")[0] < before
    assert differing(room) == []


async def test_evidence_decays_to_the_base_rate(room: Room) -> None:
    await room.publish(READING)
    first = await member(room, 1)
    await room.label(first.entry.payment_id, "fraud")
    near = knew(room, await member(room, 2), "device")[0]
    room.clock.advance(60 * DAY / 1e6)
    later = knew(room, await member(room, 3), "device")[0]
    assert 0.4 * near < later < 0.7 * near


async def test_checkpoints_hold_companions(
    home: Path, sealing: None, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(home, files=READING) as room:
        await room.publish(READING)
        await mixed(room, 1_000, 150)
        lived, now = snapshot(room), room.clock.now_us()
        assert set(lived["companions"]) == {"links", "posteriors"}
        own, state = room.installation, room.state()
        assert state.runtime is not None
        reads = companions_read(state.runtime, state.trial)
        job = job_of(own.history, own.checkpoints, room.live, state.runtime.aggregates,
                     state.history_start_us, companions=reads)  # fmt: skip
        assert job is not None
        bare = msgspec.structs.replace(job, companions=())
        assert (await asyncio.to_thread(make, bare)).bytes
        # One without companions stands at this very place: it is made again with them.
        made = await asyncio.to_thread(make, job)
        assert made.bytes and made.from_seq == job.seq
        assert (await asyncio.to_thread(make, job)).bytes == 0
    read: list[tuple[int, int]] = []
    columns = history.History.columns
    with pytest.MonkeyPatch.context() as patched:

        def noted(self: Any, scope: Any, after: int, up_to: int) -> Any:
            if scope == room.live and after < up_to:
                read.append((after, up_to))
            yield from columns(self, scope, after, up_to)

        patched.setattr(history.History, "columns", noted)
        async with opened(home, files=READING, now_us=now) as room:
            assert snapshot(room) == lived
    assert read and min(after for after, _up_to in read) >= job.seq


async def test_a_checkpoint_without_companions_spares_the_windows(
    home: Path, sealing: None
) -> None:
    async with opened(home, files=READING) as room:
        await mixed(room, 1_000, 120)
        own, state = room.installation, room.state()
        assert state.runtime is not None
        job = job_of(own.history, own.checkpoints, room.live, state.runtime.aggregates,
                     state.history_start_us)  # fmt: skip
        assert job is not None
        await asyncio.to_thread(make, job)
        await room.publish(READING)
        lived, now = snapshot(room), room.clock.now_us()
    async with opened(Path(shutil.copytree(home, home.parent / "again")), now_us=now,
                      files=READING) as room:  # fmt: skip
        assert snapshot(room) == lived


async def test_a_full_store_forgets_and_the_decision_says_so(room: Room) -> None:
    await room.publish(READING)
    room.state().companions = Companions(Links(most_nodes=40), Posteriors(64, 64))
    made = [await member(room, number, device=f"d-{number}") for number in range(60)]
    assert all(one.entry.result.answer is Outcome.ALLOW for one in made)
    assert made[0].entry.degraded == ()
    said = made[-1].entry.degraded
    assert said == ("links_shortened", "posteriors_shortened")
    shown = room.installation.metrics.text().decode()
    assert 'paywarden_degraded_total{reason="links_shortened"}' in shown
    room.clock.advance(100 * DAY / 1e6)
    assert (await member(room, 99)).entry.degraded == ()


async def test_who_reads_no_posterior_keeps_none(room: Room) -> None:
    made = await member(room, 1)
    assert room.state().companions.names == frozenset()
    assert room.installation.views.record(made, runtime_of(POLICY))["posteriors"] is None
    assert companion_fields_of(room.fields(made)) == {}
