"""A start from a checkpoint equals a start from the log, whatever happens to the checkpoint."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from decision_room import DAY, WIDER, Room, opened, snapshot
from test_replay import traffic
from test_start import ACTS, Life

from paywarden.core.errors import Conflict
from paywarden.decision import checkpointing, history
from paywarden.decision.checkpointing import Job, Made, job_of, make
from paywarden.entrypoints import checkpoint_schedule
from paywarden.entrypoints.checkpoint_child import reported
from paywarden.entrypoints.checkpoint_schedule import run_child
from paywarden.entrypoints.home import Home
from paywarden.risk.features import segments

SEALED = 40


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT_EVENTS", SEALED)
    monkeypatch.setattr(history, "CHUNK", 16)


@pytest.fixture
async def lived(home: Path) -> dict[str, object]:
    """A home with a few hundred observations in segments and tail, and what it knew."""
    async with opened(home) as room:
        await traffic(room, 320, seed=9)
        return snapshot(room)


async def more(room: Room, seed: int, acts: int = 150) -> None:
    """Random acts of every kind but a change of policy."""
    life, chance = Life(room, seed), random.Random(seed)
    kinds = [name for name in ACTS if name != "policy"]
    for name in chance.choices(kinds, k=acts):
        await life.act(name)


def job(room: Room, to_seq: int | None = None) -> Job:
    own, state = room.installation, room.state()
    assert state.runtime is not None
    found = job_of(
        own.history, own.checkpoints, room.live, state.runtime.compiled.aggregates,
        state.history_start_us, to_seq,
    )  # fmt: skip
    assert found is not None
    return found


async def checkpointed(home: Path, to_seq: int | None = None) -> Made:
    """Have a checkpoint made beside an open room."""
    async with opened(home) as room:
        return await asyncio.to_thread(make, job(room, to_seq))


def files(home: Path) -> list[Path]:
    return sorted(Home(home).checkpoints.glob("*/live/*.ckpt"))


async def replayed(home: Path, lived: dict[str, object], capsys: pytest.CaptureFixture[str]) -> int:
    """Start again, compare everything; the sequence from which observations were replayed."""
    capsys.readouterr()
    async with opened(home) as room:
        assert snapshot(room) == lived
        assert all(one.identical for one in room.replay())
        shown = capsys.readouterr().out
        lines = [
            one
            for one in shown.splitlines()
            if "scope_ready" in one and f"environment={room.live.environment.value}" in one
        ]
        return int(lines[-1].split("from_seq=")[1].split()[0])


async def test_only_what_came_behind_a_checkpoint_is_replayed(
    home: Path, lived: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    made = await checkpointed(home)
    assert made.from_seq == 0 and made.seq > 280 and made.bytes == files(home)[0].stat().st_size
    assert await replayed(home, lived, capsys) == made.seq
    async with opened(home) as room:
        await more(room, 4)
        later = snapshot(room)
    assert await replayed(home, later, capsys) == made.seq
    again = await checkpointed(home)
    assert again.from_seq == made.seq < again.seq
    assert await replayed(home, later, capsys) == again.seq


async def test_the_two_newest_stay(home: Path, lived: dict[str, object]) -> None:
    async with opened(home) as room:
        ends = [end for _first, end in room.installation.history.sealed_ranges(room.live)]
    made = [await checkpointed(home, end) for end in ends[1:5]]
    assert [one.from_seq for one in made] == [0, *ends[1:4]]
    assert [int(path.name[:20]) for path in files(home)] == ends[3:5]
    repeated = await checkpointed(home, ends[4])
    assert repeated == Made(ends[4], ends[4], 0)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    octets = bytearray(path.read_bytes())
    octets[random.Random(path.name).randrange(8, len(octets))] ^= 0x10
    path.write_bytes(octets)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


DAMAGES: list[Callable[[Path], None]] = [_truncate, _flip, _empty, _folder, _link]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__)
async def test_a_damaged_checkpoint_costs_time_and_nothing_else(
    home: Path, lived: dict[str, object], damage: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    async with opened(home) as room:
        ends = [end for _first, end in room.installation.history.sealed_ranges(room.live)]
    older, newer = await checkpointed(home, ends[2]), await checkpointed(home)
    assert newer.from_seq == older.seq
    damage(files(home)[1])
    assert await replayed(home, lived, capsys) == older.seq
    damage(files(home)[0])
    assert await replayed(home, lived, capsys) == 0


async def test_a_refused_checkpoint_is_named_and_removed(
    home: Path, lived: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    await checkpointed(home)
    _flip(files(home)[0])
    name = files(home)[0].name
    capsys.readouterr()
    async with opened(home):
        shown = capsys.readouterr().out
    assert "checkpoint_refused" in shown and name in shown
    assert files(home) == []


async def test_a_checkpoint_under_another_name_or_scope_is_refused(
    home: Path, lived: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    made = await checkpointed(home)
    path = files(home)[0]
    path.rename(path.with_name(f"{made.seq - 1:020d}{path.name[20:]}"))
    assert await replayed(home, lived, capsys) == 0


async def test_windows_of_another_policy_are_never_taken_up(
    home: Path, lived: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    made = await checkpointed(home)
    async with opened(home) as room:
        await room.publish(WIDER)
        wider = snapshot(room)
        assert wider["probes"] != lived["probes"]
    assert await replayed(home, wider, capsys) == 0
    other = await checkpointed(home)
    assert other.from_seq == 0 and other.seq == made.seq and len(files(home)) == 2
    assert await replayed(home, wider, capsys) == other.seq


async def test_a_log_from_a_backup_does_not_take_up_what_it_never_knew(
    home: Path, tmp_path: Path, lived: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """The same sequences, other payments: the chain's digest tells them apart."""
    backup = tmp_path / "backup"
    shutil.copytree(home, backup)
    async with opened(home, now_us=int(str(lived["clock"])) + DAY) as room:
        await more(room, 4)
    made = await checkpointed(home)
    async with opened(backup, now_us=int(str(lived["clock"])) + DAY, seed=3) as room:
        await more(room, 5)
        other = snapshot(room)
    shutil.copytree(Home(home).checkpoints, Home(backup).checkpoints, dirs_exist_ok=True)
    assert len(files(backup)) == 1
    assert await replayed(backup, other, capsys) == 0
    assert (await checkpointed(backup)).from_seq == 0 < made.seq


async def test_recovery_takes_up_a_checkpoint_too(home: Path, lived: dict[str, object]) -> None:
    await checkpointed(home)
    async with opened(home) as room:
        await more(room, 2)
        before = snapshot(room)
        room.ledger.fail()
        while room.ledger.failed:
            await asyncio.sleep(0.01)
        assert snapshot(room) == before
        await more(room, 3)
        assert all(one.identical for one in room.replay())
    async with opened(home) as room:  # what was sealed around the recovery has neither gap nor twin
        kept = room.installation.history
        assert all(end - first >= SEALED - 1 for first, end in kept.sealed_ranges(room.live))
        parts = list(kept.columns(room.live, 0, room.ledger.next_seq))
        seqs = [one.seq for part in parts for one in part.to_observations()]
        assert seqs == [one.seq for one in room.observations()]


async def test_a_process_of_its_own_makes_it(
    home: Path, lived: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(home) as room:
        wanted = job(room)
        report = await run_child(wanted)
        assert report.made == Made(wanted.seq, 0, files(home)[0].stat().st_size), report
    assert await replayed(home, lived, capsys) == wanted.seq


async def test_two_do_not_write_at_once(home: Path, lived: dict[str, object]) -> None:
    async with opened(home) as room:
        with room.installation.checkpoints.writing(room.live):
            with pytest.raises(Conflict, match="checkpoint_running"):
                make(job(room))
            assert (await run_child(job(room))).code == "checkpoint_running"
        left = room.installation.checkpoints.folder_of(room.live) / "x.part"
        left.write_bytes(b"half")
        assert make(job(room)).seq and not left.exists()


async def test_another_program_does_not_do_the_job(
    home: Path, lived: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(home) as room:
        wanted = job(room)
        monkeypatch.setattr(checkpointing, "binding_of", lambda *_given: "f" * 24)
        assert reported(wanted).code == "checkpoint_other_program"
    assert files(home) == []


async def test_a_damaged_segment_ends_the_attempt_and_leaves_the_old(
    home: Path, lived: dict[str, object]
) -> None:
    async with opened(home) as room:
        ends = [end for _first, end in room.installation.history.sealed_ranges(room.live)]
        make(job(room, ends[1]))
        held = files(home)
        _flip(sorted(Home(home).segments.glob("*/live/*.seg"))[4])
        assert reported(job(room)).code == "segment_corrupt"
        assert files(home) == held


async def test_the_schedule_makes_what_is_due_and_counts(
    home: Path, lived: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    code = ""

    async def child(wanted: Job) -> checkpoint_schedule.Report:
        asked.append(wanted.seq)
        return checkpoint_schedule.Report(code=code) if code else reported(wanted)

    monkeypatch.setattr(checkpoint_schedule, "run_child", child)
    async with opened(home) as room:
        schedule, metrics = room.installation.schedule, room.installation.metrics
        assert await schedule.look() and asked == []  # a million are not reached
        schedule._every = 4 * SEALED
        code = "checkpoint_not_written"
        assert not await schedule.look() and len(asked) == 1
        code = ""
        assert await schedule.look() and await schedule.look() and len(asked) == 2
        assert metrics.checkpoints.labels("failed")._value.get() == 1
        assert metrics.checkpoints.labels("written")._value.get() == 1
        assert metrics.checkpoint_seq.labels("live")._value.get() == asked[-1]
        await more(room, 6)
        assert await schedule.look() and len(asked) == 2
