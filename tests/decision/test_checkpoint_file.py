"""A file of sections is whole and ours, or refused."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from paywarden.core.errors import Corrupt
from paywarden.core.secret import Secret
from paywarden.decision import checkpoint_file
from paywarden.decision.checkpoint_file import SectionsFile, write_file

KEY = Secret(b"k" * 32)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_file, "CHUNK_BYTES", 64)
    monkeypatch.setattr(checkpoint_file, "STRIDE_BYTES", 200)


def arrays() -> dict[str, np.ndarray]:
    rnd = np.random.default_rng(3)
    return {
        "long": rnd.integers(0, 2**60, 101),
        "none": np.zeros((0, 13), np.uint64),
        "table": rnd.integers(0, 9, (8, 2)),
    }


def written(path: Path) -> Path:
    write_file(path, b"head", arrays().items(), KEY)
    return path


def back(path: Path, key: Secret[bytes] = KEY) -> dict[str, np.ndarray]:
    file = SectionsFile(path, key)
    try:
        assert file.head == b"head"
        found = {name: np.empty_like(array) for name, array in arrays().items()}
        file.read(list(found.items()))
        return found
    finally:
        file.close()


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    path = written(tmp_path / "one.ckpt")
    for name, array in back(path).items():
        assert np.array_equal(array, arrays()[name])
    assert [one.name for one in tmp_path.iterdir()] == ["one.ckpt"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_damaged_or_missing_byte_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "one.ckpt")
    octets = path.read_bytes()
    for at in range(len(checkpoint_file.MAGIC), len(octets), 5):
        path.write_bytes(octets[:at] + bytes([octets[at] ^ 4]) + octets[at + 1 :])
        with pytest.raises(Corrupt) as caught:
            back(path)
        assert caught.value.pointer == path.name
    for end in range(0, len(octets), 41):
        path.write_bytes(octets[:end])
        with pytest.raises(Corrupt):
            back(path)
    path.write_bytes(octets + b"x")
    with pytest.raises(Corrupt):
        back(path)


def test_a_file_of_another_key_is_refused_though_it_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "one.ckpt")
    with pytest.raises(Corrupt, match="another key"):
        back(path, Secret(b"K" * 32))


def test_chunks_may_not_change_places(tmp_path: Path) -> None:
    path = written(tmp_path / "one.ckpt")
    octets, at = path.read_bytes(), len(checkpoint_file.MAGIC)
    path.write_bytes(
        octets[:at] + octets[at + 64 : at + 128] + octets[at : at + 64] + octets[at + 128 :]
    )
    with pytest.raises(Corrupt, match="damaged section"):
        back(path)


def test_a_wrong_length_or_name_is_refused(tmp_path: Path) -> None:
    file = SectionsFile(written(tmp_path / "one.ckpt"), KEY)
    try:
        with pytest.raises(Corrupt, match="another length"):
            file.read([("long", np.zeros(100, np.int64))])
        with pytest.raises(Corrupt, match="lacks"):
            file.length("other")
    finally:
        file.close()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = written(tmp_path / "one.ckpt")
    (tmp_path / "two.ckpt").symlink_to(target)
    with pytest.raises(OSError):
        SectionsFile(tmp_path / "two.ckpt", KEY)


def test_a_full_disk_leaves_the_file_that_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "one.ckpt")

    def full(*_given: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    for name in ("posix_fallocate", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(OSError, match="no space"):
                write_file(path, b"other", arrays().items(), KEY)
        assert [one.name for one in tmp_path.iterdir()] == ["one.ckpt"]
        back(path)
