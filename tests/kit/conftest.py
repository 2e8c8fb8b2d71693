"""Databases for tests: migrated once per session, then copied (about 2 ms each)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paywarden.core.scope import Environment, Scope
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.participant import Participant
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.writer import Writer
from paywarden.kit.stores.sqlite_journal import SqliteJournal


@pytest.fixture(scope="session")
def database_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "paywarden.sqlite"
    migrate(path, [KIT])
    return path


@pytest.fixture
def database(database_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(database_template, tmp_path / "paywarden.sqlite"))


@pytest.fixture
def scope() -> Scope:
    return Scope("acme", Environment.TEST)


@pytest.fixture
def open_log(database: Path) -> Iterator[Callable[..., tuple[Writer, SqliteJournal, Reader]]]:
    """Factory of started (writer, journal, reader); closes what the test leaves open."""
    opened: list[tuple[Writer, Reader]] = []

    def start(
        path: Path = database, *others: Participant, **limits: int
    ) -> tuple[Writer, SqliteJournal, Reader]:
        reader = Reader(path)
        journal = SqliteJournal(reader)
        writer = Writer(path, [KIT], [journal, *others], **limits)
        opened.append((writer, reader))
        writer.start()
        return writer, journal, reader

    yield start
    for writer, reader in opened:
        writer.close()
        reader.close()
