"""A signed log over a small database, with a clock that stands still and a witness beside it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from paywarden.core.clock import FixedClock
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.evidence import verify
from paywarden.evidence.export import Export
from paywarden.evidence.log import LogStores, SignedLog
from paywarden.evidence.log_key import LogKey
from paywarden.evidence.note import COSIGNATURE
from paywarden.evidence.proofs import Proofs
from paywarden.evidence.stores.last_signed_file import LastSignedFile
from paywarden.evidence.stores.sqlite_checkpoints import SCHEMA, SqliteCheckpoints
from paywarden.evidence.stores.tile_files import TileFiles
from paywarden.evidence.tiles import TileTree
from paywarden.kit.audit import AuditEvent, AuditOutcome, SqliteAuditLog
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer

SCOPE = Scope("acme", Environment.TEST)
PARTS = (KIT, SCHEMA)
T0 = 1_795_309_323_000_000
NAME = "log.example/audit"


def seed(word: str) -> Secret[bytes]:
    return Secret(hashlib.sha256(word.encode()).digest())


LOG_KEY = LogKey(NAME, seed("log"))
WITNESS_KEY = LogKey("witness.example", seed("witness"), COSIGNATURE)


class Room:
    """One log, open; `folder` holds its database, tiles and last checkpoint."""

    def __init__(self, folder: Path, clock: FixedClock, key: LogKey = LOG_KEY) -> None:
        self.folder, self.clock, self.key = folder, clock, key
        self.database = folder / "log.sqlite"
        if not self.database.exists():
            migrate(self.database, PARTS)
        self.reader = Reader(self.database)
        self.audit = SqliteAuditLog(self.reader)
        self.writer = Writer(self.database, PARTS, [self.audit])
        self.checkpoints = SqliteCheckpoints(self.reader)
        self.tiles = TileFiles(folder / "tiles")
        self.last_signed = LastSignedFile(folder / "last.checkpoint")
        stores = LogStores(
            self.audit, self.audit, self.writer, self.checkpoints, TileTree(self.tiles),
            self.last_signed,
        )  # fmt: skip
        self.log = SignedLog(key, stores, clock, SCOPE)
        self.proofs = Proofs(self.log, self.checkpoints)
        self.writer.start()

    def add(self, count: int, **more: Any) -> None:
        unit = UnitOfWork()
        for number in range(count):
            given: dict[str, Any] = {"actor": "key:key_a", "detail": {"number": number}, **more}
            now, done = self.clock.now_us(), AuditOutcome.DONE
            event = AuditEvent(SCOPE, "lists:entries:add", outcome=done, at_us=now, **given)
            self.audit.record(unit, event)
        self.writer.submit(unit).result(10)

    def sign(self) -> Any:
        while self.log.integrate(1_000):
            pass
        made = self.log.checkpoint()
        self.clock.advance(60)
        return made

    def grow(self, *counts: int) -> None:
        for count in counts:
            self.add(count)
            self.sign()

    def export(self, folder: Path) -> Path:
        Export(self.log, self.audit, self.checkpoints, self.tiles).write(folder)
        return folder

    def trust(self, *more: str) -> Path:
        path = self.folder / "trust"
        path.write_text("\n".join([*(f"log {key.text}" for key in self.log.verifiers()), *more]))
        return path

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


@contextmanager
def opened(folder: Path, clock: FixedClock | None = None, key: LogKey = LOG_KEY) -> Iterator[Room]:
    room = Room(folder, clock or FixedClock(T0), key)
    try:
        room.log.open()
        yield room
    finally:
        room.close()


def verdict(capsys: Any, *words: object) -> tuple[int, dict[str, Any]]:
    """Exit code and document of the verifier, run in this process."""
    capsys.readouterr()
    code = verify.main([*map(str, words), "--json", "--processes", "0"])
    return code, json.loads(capsys.readouterr().out)


def copied(export: Path, to: Path) -> Path:
    shutil.copytree(export, to)
    return to


@pytest.fixture(scope="session")
def empty_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "log.sqlite"
    migrate(path, PARTS)
    return path


@pytest.fixture
def home(empty_log: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(empty_log, folder / "log.sqlite")
    return folder


@pytest.fixture
def room(home: Path) -> Iterator[Room]:
    with opened(home) as made:
        yield made
