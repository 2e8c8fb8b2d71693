"""Sealed segments: a start from them equals a start from the log, whatever happens to the files."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from decision_room import Room, opened, snapshot
from test_replay import traffic

from paywarden.decision import history
from paywarden.entrypoints.home import Home
from paywarden.risk.features import segments as sealing


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "SEGMENT_EVENTS", 40)
    monkeypatch.setattr(sealing, "PART_EVENTS", 7)
    monkeypatch.setattr(history, "CHUNK", 16)


@pytest.fixture
async def lived(home: Path, small: None) -> dict[str, object]:
    """A home with a few hundred observations in segments and tail, and what it knew."""
    async with opened(home) as room:
        await traffic(room, 320, seed=9)
        return snapshot(room) | {"home": home}


def segments(home: Path) -> list[Path]:
    return sorted(Home(home).segments.glob("*/live/*.seg"))


async def seen_by(home: Path) -> tuple[dict[str, object], int]:
    async with opened(home) as room:
        return snapshot(room) | {"home": home}, len(room.observations())


async def test_segments_are_sealed_while_payments_are_decided(lived: dict[str, object]) -> None:
    home = lived["home"]
    assert isinstance(home, Path)
    assert len(segments(home)) >= 8
    found, count = await seen_by(home)
    assert found == lived and count > 320


async def test_a_start_without_any_segment_is_the_same(lived: dict[str, object]) -> None:
    home = lived["home"]
    assert isinstance(home, Path)
    for path in segments(home):
        path.unlink()
    assert (await seen_by(home))[0] == lived
    assert len(segments(home)) >= 8  # made again from the log


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    octets = bytearray(path.read_bytes())
    octets[random.Random(path.name).randrange(len(octets))] ^= 0x10
    path.write_bytes(octets)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


DAMAGES: list[Callable[[Path], None]] = [_truncate, _flip, _empty, _append, Path.unlink]


@pytest.mark.parametrize("which", [0, 3, -1])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__)
async def test_a_damaged_segment_costs_time_and_nothing_else(
    lived: dict[str, object], damage: Callable[[Path], None], which: int,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    home = lived["home"]
    assert isinstance(home, Path)
    damage(segments(home)[which])
    capsys.readouterr()
    async with opened(home) as room:
        assert snapshot(room) | {"home": home} == lived
        shown = capsys.readouterr()
        gone_from_the_end = damage is Path.unlink and which == -1
        assert ("segment_corrupt" in shown.out + shown.err) is not gone_from_the_end
        assert all(one.identical for one in room.replay())


async def test_swapped_segments_are_noticed(lived: dict[str, object]) -> None:
    home = lived["home"]
    assert isinstance(home, Path)
    first, second = segments(home)[1:3]
    held = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(held)
    assert (await seen_by(home))[0] == lived


async def test_a_segment_that_cannot_be_read_is_passed_over(lived: dict[str, object]) -> None:
    home = lived["home"]
    assert isinstance(home, Path)
    path = segments(home)[2]
    path.unlink()
    path.mkdir()
    assert (await seen_by(home))[0] == lived


async def test_a_disk_too_full_for_segments_stops_only_them(
    room: Room, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sealing, "SEGMENT_EVENTS", 5)

    def full(*_given: object) -> Path:
        raise OSError(28, "no space")

    monkeypatch.setattr(sealing, "write_segment", full)
    for _ in range(12):
        await room.decide()
    room.installation.keeper.close()
    shown = capsys.readouterr()
    assert (shown.out + shown.err).count("segments_stopped") == 1
    assert room.features(await room.decide())["card_1h"] == 13
