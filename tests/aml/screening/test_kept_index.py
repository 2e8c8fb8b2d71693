"""An index that is kept: built once, believed by signature alone, built anew for any doubt."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from paywarden.aml.screening import index_file
from paywarden.aml.screening.index import ScreeningIndex
from paywarden.aml.screening.model import ListedEntity, ListedName
from paywarden.aml.screening.party import Party
from paywarden.aml.screening.serving import kept_index
from paywarden.aml.screening.serving.child import warm_up
from paywarden.aml.screening.serving.kept_index import Held, KeptIndexes
from paywarden.aml.screening.serving.messages import Wanted
from paywarden.core.secret import Secret
from paywarden.evidence.note import SigningKey

KEY = SigningKey("lists.example", Secret(bytes(32)))
WANTED = Wanted((("own", "a" * 64),))
OTHER = Wanted((("own", "b" * 64),))


class Building:
    """Counts how often the lists are read."""

    def __init__(self, name: str = "Zoltan Quarzenberg") -> None:
        self.name = name
        self.count = 0

    def __call__(self) -> ScreeningIndex:
        self.count += 1
        entity = ListedEntity("q1", "own", "Person", (ListedName(self.name),))
        return ScreeningIndex.build([entity])


def asked(folder: Path, building: Building, wanted: Wanted = WANTED, **changes: object) -> Held:
    key, program = changes.get("key", KEY), changes.get("program", b"p")
    assert isinstance(key, SigningKey) and isinstance(program, bytes)
    return KeptIndexes(folder, key, program).index(wanted, building)


def finds(held: Held, name: str = "Zoltan Quarzenberg") -> bool:
    return bool(held.index.search(Party(name, "")))


def test_it_is_built_once_and_mapped_afterwards(tmp_path: Path) -> None:
    folder, building = tmp_path / "index", Building()
    first, second = asked(folder, building), asked(folder, building)
    assert (first.mapped, second.mapped, building.count) == (False, True, 1)
    assert finds(first) and finds(second) and not first.fault
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_other_lists_and_other_programs_take_the_place(tmp_path: Path) -> None:
    building = Building()
    first = asked(tmp_path, building)
    (tmp_path / f".{'c' * 64}.index.4711").write_bytes(b"left by whoever was killed")
    assert not asked(tmp_path, building, OTHER).mapped
    assert len(list(tmp_path.iterdir())) == 3
    assert not asked(tmp_path, building, OTHER, program=b"q").mapped
    assert len(list(tmp_path.iterdir())) == 3
    assert finds(first), "who maps a removed file keeps it"
    assert building.count == 3


def cut(folder: Path) -> None:
    (path,) = folder.glob("*.index")
    path.write_bytes(path.read_bytes()[:-40])


def turned(folder: Path) -> None:
    (path,) = folder.glob("*.index")
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2] ^= 1
    path.write_bytes(octets)


def emptied(folder: Path) -> None:
    (path,) = folder.glob("*.index")
    path.write_bytes(b"")


def without_note(folder: Path) -> None:
    (path,) = folder.glob("*.note")
    path.unlink()


def forged(folder: Path) -> None:
    """A whole and valid index of nobody, put there without the key."""
    (path,) = folder.glob("*.index")
    index_file.write_index(ScreeningIndex.build([]), path)


def signed_by_another(folder: Path) -> None:
    forged(folder)
    (path,) = folder.glob("*.note")
    key = SigningKey("lists.example", Secret(bytes([1] * 32)))
    (index,) = folder.glob("*.index")
    kept = kept_index.Kept(index.stem, kept_index._closing(index))
    path.write_bytes(kept_index.sealed(key, kept_index.KEPT, kept))


@pytest.mark.parametrize(
    "damage", [cut, turned, emptied, without_note, forged, signed_by_another]
)  # fmt: skip
def test_what_cannot_be_believed_is_built_anew(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    building = Building()
    asked(tmp_path, building)
    damage(tmp_path)
    again = asked(tmp_path, building)
    assert (again.mapped, building.count, finds(again)) == (False, 2, True)
    assert asked(tmp_path, building).mapped


def test_a_note_of_other_lists_is_not_taken_for_these(tmp_path: Path) -> None:
    asked(tmp_path, Building("Somebody Else"), OTHER)
    wanted = KeptIndexes(tmp_path, KEY, b"p").name_of(WANTED)
    for path in list(tmp_path.glob("*.*")):
        path.rename(tmp_path / (wanted + path.suffix))
    building = Building()
    assert finds(asked(tmp_path, building)) and building.count == 1


def test_a_full_disk_costs_the_file_and_not_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept_index, "write_index", full)
    held = asked(tmp_path, Building())
    assert finds(held) and (held.mapped, held.fault) == (False, "OSError")
    (tmp_path / "file").write_bytes(b"")
    blocked = asked(tmp_path / "file", Building())
    assert finds(blocked) and blocked.fault == "FileExistsError"


def test_warming_runs_over_any_index() -> None:
    warm_up(ScreeningIndex.build([]))
    warm_up(Building("A")())
    warm_up(Building("محمد")())
