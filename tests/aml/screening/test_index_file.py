"""An index in a file: it answers as the one it was made of, and nothing else is taken for it."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.aml.screening import index_file
from paywarden.aml.screening.index import ScreeningIndex
from paywarden.aml.screening.index_file import read_index, write_index
from paywarden.aml.screening.model import Identifier, ListedEntity, ListedName, PartialDate
from paywarden.aml.screening.party import Party
from paywarden.core.errors import InvalidRequest

NAMES = ("Igor Ivanovich Sechin", "Muhammad Qasim", "Сергей Лавров", "Kim Jong Un", "Li Wei")
ASKED = ("igor sechin", "mohammed kasim", "lavrov, sergei", "kimjongun", "nobody at all", "")


def entries() -> list[ListedEntity]:
    made = [
        ListedEntity(f"p-{n}", "x", "Person", (ListedName(name),), (PartialDate(1960 + n),))
        for n, name in enumerate(NAMES)
    ]
    number = Identifier("imo", "9187629")
    ship = ListedEntity("v", "x", "Vessel", (ListedName("Lady Leila"),), identifiers=(number,))
    firm = ListedEntity("f", "x", "Company", (ListedName("Crystalord LLC"),))
    return [*made, ship, firm]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "lists.index"
    write_index(ScreeningIndex.build(entries()), path)
    return path


def test_it_answers_as_the_index_it_was_made_of(path: Path) -> None:
    built, read = ScreeningIndex.build(entries()), read_index(path)
    assert (read.names, read.entities) == (built.names, built.entities)
    for name in (*ASKED, "Lady Leila", "Crystalord Limited"):
        for schema in ("", "Person", "Company", "Vessel"):
            asked = Party(name, schema)
            assert read.search(asked, 0.05) == built.search(asked, 0.05)
    ship = Party("", "Vessel", identifiers=(Identifier("imo", "IMO 9187629"),))
    assert [hit.entity.id for hit in read.search(ship)] == ["v"]


def test_an_empty_index_comes_back_empty(tmp_path: Path) -> None:
    write_index(ScreeningIndex.build([]), tmp_path / "none")
    assert read_index(tmp_path / "none").search(Party("Igor Sechin", "")) == ()


def test_it_is_private_and_replaced_whole(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_index(ScreeningIndex.build(entries()[:1]), path)
    assert read_index(path).entities == 1
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_file_of_another_version_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_file, "fingerprint", lambda: "0" * 64)
    with pytest.raises(InvalidRequest, match="another version"):
        read_index(path)


def test_what_is_missing_or_foreign_is_refused(tmp_path: Path) -> None:
    for name, octets in (("empty", b""), ("foreign", b"PK\x03\x04" * 50), ("short", b"PWSCREEN")):
        (tmp_path / name).write_bytes(octets)
        with pytest.raises(InvalidRequest) as refused:
            read_index(tmp_path / name)
        assert refused.value.code == "screening_index_unusable"
    with pytest.raises(InvalidRequest):
        read_index(tmp_path / "missing")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_damage_goes_unseen(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damage") / "lists.index"
    write_index(ScreeningIndex.build(entries()), path)
    octets = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(octets) - 1))
    if data.draw(st.booleans()):
        octets[at] ^= data.draw(st.integers(1, 255))
    else:
        del octets[at:]
    path.write_bytes(octets)
    with pytest.raises(InvalidRequest):
        read_index(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("person/names", 10_000), ("person/gram_words", -1), ("person/entities", 99),
     ("person/cuts", 7_000), ("packed_ends", 1 << 40), ("identified", 55), ("person/kinds", 9)],
)  # fmt: skip
def test_offsets_that_point_outside_are_refused_though_the_digest_is_right(
    path: Path, name: str, value: int
) -> None:
    """A digest proves no good will: compiled loops would read wherever such a number points."""
    octets = bytearray(path.read_bytes())
    length = int.from_bytes(octets[8:16], "big")
    head = msgspec.msgpack.decode(octets[16 : 16 + length])
    told = next(one for one in head["arrays"] if one["name"] == name)
    start = index_file._start(length) + told["offset"]
    size = told["count"] * np.dtype(told["type"]).itemsize
    numbers = np.frombuffer(octets, told["type"], told["count"], start).copy()
    numbers[-1] = np.array(value).astype(told["type"])
    octets[start : start + size] = numbers.tobytes()
    octets[-32:] = hashlib.sha256(octets[:-32]).digest()
    path.write_bytes(octets)
    with pytest.raises(InvalidRequest, match="belong together"):
        read_index(path)
