"""Segments: round trip, durability of naming, and every kind of damage."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from paywarden.core.errors import Corrupt
from paywarden.risk.features import segments
from paywarden.risk.features.catalogue import OBSERVED
from paywarden.risk.features.columns import concat, from_observations
from paywarden.risk.features.observation import KEY_COUNT, Observation
from paywarden.risk.features.segments import (
    SegmentWriter,
    load,
    ranges,
    read_segment,
    write_segment,
)

T0 = 1_700_000_000_000_000


def _value(storage: str | None, rnd: random.Random) -> object:
    if storage == "hash":
        return rnd.choice([0, 1, 2**64 - 1])
    choices = {
        "int": [None, -(2**63), 2**63 - 1, 7],
        "double": [None, 0.5],
        "bool": [None, True, False],
        "symbol": [None, "EUR", "Grüße", ""],
    }
    return rnd.choice(choices[str(storage)])


def _observations(count: int, first: int = 1) -> list[Observation]:
    rnd = random.Random(first)
    return [
        Observation(
            first + i,
            T0 + i,
            T0 + i - rnd.randrange(5),
            tuple(rnd.choice([0, 5, 2**64 - 1]) for _ in range(KEY_COUNT)),
            tuple(_value(field.storage, rnd) for field in OBSERVED),
            rnd.randrange(2**64),
            rnd.choice([0, 1]),
        )
        for i in range(count)
    ]


def test_round_trip_across_segments(tmp_path: Path) -> None:
    given = _observations(25)
    writer = SegmentWriter(tmp_path, events=10)
    sealed = [writer.append(o) for o in given]
    assert [bool(path) for path in sealed].count(True) == 2
    assert writer.pending == 5
    writer.seal()
    assert writer.seal() is None
    assert ranges(tmp_path) == [(1, 10), (11, 20), (21, 25)]
    back = [o for part in load(tmp_path, 0) for o in part.to_observations()]
    assert back == given
    assert [o for part in load(tmp_path, 14) for o in part.to_observations()] == given[13:]
    assert concat(load(tmp_path, 0)).to_observations() == given


@pytest.mark.parametrize("cut", [1, 9, 10, 13, 24])
def test_columns_and_single_observations_seal_alike(
    tmp_path: Path, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "PART_EVENTS", 4)
    given = _observations(37)
    writer = SegmentWriter(tmp_path, events=10)
    for each in given[:3]:
        writer.append(each)
    writer.extend(from_observations(given[3 : 3 + cut]))
    for each in given[3 + cut :]:
        writer.append(each)
    assert ranges(tmp_path) == [(1, 10), (11, 20), (21, 30)] and writer.pending == 7
    assert concat(load(tmp_path, 0)).to_observations() == given[:30]


def test_columns_slices_and_joins() -> None:
    given = _observations(9)
    columns = from_observations(given)
    assert columns.slice(2, 5).to_observations() == given[2:5]
    parts = [from_observations(given[:4]), from_observations(given[4:])]
    assert concat(parts).to_observations() == given
    assert concat([]).to_observations() == []


def test_absent_directory_holds_nothing(tmp_path: Path) -> None:
    assert list(load(tmp_path / "none", 0)) == []


def test_every_damaged_byte_is_noticed(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, events=3)
    path = [writer.append(o) for o in _observations(3)][-1]
    assert path is not None
    content = path.read_bytes()
    for at in [*range(60), *range(60, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(Corrupt, match="sequences 1 to 3") as caught:
            list(load(tmp_path, 0))
        assert caught.value.pointer == path.name


@pytest.mark.parametrize("cut", [0, 7, 30, 300, -1])
def test_truncated_segment_is_corrupt(tmp_path: Path, cut: int) -> None:
    writer = SegmentWriter(tmp_path, events=3)
    path = [writer.append(o) for o in _observations(3)][-1]
    assert path is not None
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(Corrupt):
        list(load(tmp_path, 0))


def test_renamed_longer_and_missing_segments_are_corrupt(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, events=3)
    path = [writer.append(o) for o in _observations(3)][-1]
    assert path is not None
    content = path.read_bytes()
    path.write_bytes(content + b"x")
    with pytest.raises(Corrupt, match="after its end"):
        list(load(tmp_path, 0))
    path.write_bytes(content)
    path.rename(tmp_path / f"{2:020d}-{3:020d}.seg")
    with pytest.raises(Corrupt, match="other sequences"):
        list(load(tmp_path, 0))
    with pytest.raises(Corrupt, match="missing"):
        read_segment(tmp_path, 1, 3)


def test_overlapping_segments_are_corrupt(tmp_path: Path) -> None:
    for first in (1, 3):
        writer = SegmentWriter(tmp_path, events=3)
        for each in _observations(3, first):
            writer.append(each)
    with pytest.raises(Corrupt, match="overlaps"):
        list(load(tmp_path, 0))


def test_missing_segment_is_noticed_and_rebuilt(tmp_path: Path) -> None:
    given = _observations(12)
    writer = SegmentWriter(tmp_path, events=3)
    paths = [path for path in map(writer.append, given) if path]
    for gone, first, last in ((paths[1], 4, 6), (paths[0], 1, 3)):
        gone.unlink()
        with pytest.raises(Corrupt, match=f"sequences {first} to {last} "):
            list(load(tmp_path, 0))
        assert sum(len(part) for part in load(tmp_path, last + 1)) == 12 - last
        write_segment(tmp_path, from_observations(given[first - 1 : last]))
        assert concat(load(tmp_path, 0)).to_observations() == given


def test_half_written_file_is_not_a_segment(tmp_path: Path) -> None:
    (tmp_path / f"{1:020d}-{3:020d}.part").write_bytes(b"half")
    assert ranges(tmp_path) == []
