"""Checkpoints: the log is written again from its start although commits never pause."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from paywarden.kit.db import checkpoints, connection
from paywarden.kit.db.checkpoints import Checkpoints


@pytest.fixture
def writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    monkeypatch.setattr(connection, "CHECKPOINT_PAGES", 0)
    monkeypatch.setattr(checkpoints, "INTERVAL_SECONDS", 0.005)
    with closing(connection.open_writing(tmp_path / "some.sqlite", create=True)) as held:
        held.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")
        yield held


def add(held: sqlite3.Connection) -> None:
    held.execute("INSERT INTO notes (text) VALUES ('x')")


def frames(held: sqlite3.Connection) -> int:
    """Frames of the log."""
    return int(held.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])


def wait_for_a_rest(folder: Checkpoints) -> None:
    for _ in range(2_000):
        if folder._rest_waits:
            return
        folder._stopping.wait(0.005)
    raise AssertionError("no pass left a rest in ten seconds")


def test_the_writer_folds_the_rest_that_a_pass_could_not(
    writing: sqlite3.Connection, tmp_path: Path
) -> None:
    folder = Checkpoints(tmp_path / "some.sqlite")
    folder.start()
    try:
        with closing(connection.open_reading(tmp_path / "some.sqlite")) as reading:
            add(writing)
            reading.execute("BEGIN")
            assert reading.execute("SELECT count(*) FROM notes").fetchone() == (1,)
            for _ in range(20):
                add(writing)  # behind the reader's back: a pass may not fold these
            folder.committed(writing)
            wait_for_a_rest(folder)
            reading.execute("COMMIT")
        before = frames_of(tmp_path)
        add(writing)
        folder.committed(writing)  # folds the rest ...
        assert folder._rest_waits is False
        add(writing)  # ... so that the log begins anew
        assert frames(writing) <= 2 < before
    finally:
        folder.stop()
    assert writing.execute("SELECT count(*) FROM notes").fetchone() == (23,)


def frames_of(folder: Path) -> int:
    """Frames that the log's file has room for."""
    return (folder / "some.sqlite-wal").stat().st_size // connection.PAGE_OCTETS


def test_a_pass_that_finds_no_disk_is_reported_and_not_the_end(
    writing: sqlite3.Connection, tmp_path: Path
) -> None:
    folder = Checkpoints(tmp_path / "some.sqlite")
    with closing(connection.open_writing(tmp_path / "some.sqlite")) as other:
        pass
    with capture_logs() as told:
        folder._pass(Failing(other))  # type: ignore[arg-type]
    assert [one["event"] for one in told] == ["checkpoint_failed"]
    assert folder._rest_waits is False


class Failing:
    """A connection whose disk is gone."""

    def __init__(self, held: sqlite3.Connection) -> None:
        self._held = held

    def execute(self, _text: str) -> sqlite3.Cursor:
        raise sqlite3.OperationalError("disk I/O error")
