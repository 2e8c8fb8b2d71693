"""Images on disk: only what this program made here for this ruleset is read."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from paywarden.core.secret import Secret
from paywarden.decision.stores import image_files
from paywarden.decision.stores.image_files import KEPT, ImageFiles

NAME, OTHER = "rs_" + "a" * 64, "rs_" + "b" * 64
PARTS = [b"one", b"", b"three" * 1000]


def files(folder: Path, key: bytes = b"k" * 32, program: bytes = b"p" * 32) -> ImageFiles:
    return ImageFiles(folder / "images", Secret(key), program)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert files(tmp_path).read(NAME) is None
    files(tmp_path).write(NAME, PARTS)
    assert files(tmp_path).read(NAME) == PARTS
    (path,) = (tmp_path / "images").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    files(tmp_path).write(NAME, PARTS[:1])
    assert files(tmp_path).read(NAME) == PARTS[:1]


def test_another_key_program_or_ruleset_is_no_image(tmp_path: Path) -> None:
    files(tmp_path).write(NAME, PARTS)
    (path,) = (tmp_path / "images").iterdir()
    assert files(tmp_path, key=b"x" * 32).read(NAME) is None
    assert files(tmp_path, program=b"q" * 32).read(NAME) is None
    # Under the name that it would have there, too.
    path.rename(path.with_name(path.name.replace(NAME, OTHER)))
    assert files(tmp_path).read(OTHER) is None
    path.with_name(path.name.replace(NAME, OTHER)).rename(
        path.with_name(f"{NAME}.{(b'q' * 32).hex()[:16]}.image")
    )
    assert files(tmp_path, program=b"q" * 32).read(NAME) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda held: held[:-1],
        lambda held: held + b"\0",
        lambda held: held[:-1] + bytes([held[-1] ^ 1]),
        lambda held: held[:10] + bytes([held[10] ^ 1]) + held[11:],
        lambda held: b"PWIMAGE0" + held[8:],
        lambda held: held[:40],
        lambda held: b"",
    ],
)
def test_a_changed_file_is_no_image(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    files(tmp_path).write(NAME, PARTS)
    (path,) = (tmp_path / "images").iterdir()
    path.write_bytes(change(path.read_bytes()))
    assert files(tmp_path).read(NAME) is None


def test_links_are_not_followed_and_names_are_hashes(tmp_path: Path) -> None:
    files(tmp_path).write(NAME, PARTS)
    (path,) = (tmp_path / "images").iterdir()
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert files(tmp_path).read(NAME) is None
    with pytest.raises(ValueError, match="content hash"):
        files(tmp_path).read("../" + NAME)


def test_few_are_kept_and_none_of_other_programs(tmp_path: Path) -> None:
    files(tmp_path, program=b"q" * 32).write(NAME, PARTS)
    names = [f"rs_{n:064x}" for n in range(KEPT + 3)]
    for name in names:
        files(tmp_path).write(name, PARTS)
    held = sorted(path.name[:67] for path in (tmp_path / "images").iterdir())
    assert held == names[3:]


def test_a_disk_that_refuses_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: object) -> int:
        raise OSError(28, "no space")

    files(tmp_path).write(NAME, PARTS)
    monkeypatch.setattr(image_files.os, "open", full)
    files(tmp_path).write(OTHER, PARTS)
    monkeypatch.undo()
    assert files(tmp_path).read(OTHER) is None
    assert files(tmp_path).read(NAME) == PARTS
    assert len(list((tmp_path / "images").iterdir())) == 1
