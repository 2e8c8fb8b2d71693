"""Migrations, schema checks, and the file's own defences."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from paywarden.core.errors import Conflict, Corrupt, Unavailable
from paywarden.kit import audit, idempotency, outbox
from paywarden.kit.crypto import tables as key_tables
from paywarden.kit.db import connection, tables
from paywarden.kit.db.migrate import migrate, script_directory
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT, VERSION_TABLE, SchemaPart, check_schema
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.db.writer import Writer
from paywarden.kit.stores.sqlite_journal import SqliteJournal
from paywarden.kit.stores.sqlite_subject_keys import SUBJECT_KEYS


@pytest.mark.parametrize(
    ("part", "metadata"), [(KIT, tables.metadata), (SUBJECT_KEYS, key_tables.metadata)]
)
def test_migrations_build_exactly_the_tables(
    tmp_path: Path, part: SchemaPart, metadata: sa.MetaData
) -> None:
    path = tmp_path / "new.sqlite"
    assert migrate(path, [part]) is True
    assert migrate(path, [part]) is False
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as opened:
        context = MigrationContext.configure(opened, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    engine.dispose()
    assert script_directory([part]).get_heads() == [part.head]


def test_parts_of_several_rooms_live_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "both.sqlite"
    assert migrate(path, [KIT]) and migrate(path, [KIT, SUBJECT_KEYS])
    writer = Writer(path, [KIT, SUBJECT_KEYS])
    writer.start()
    writer.close()


def test_the_file_is_private_and_durable(database: Path, tmp_path: Path) -> None:
    path = tmp_path / "private.sqlite"
    os.umask(0o022)
    migrate(path, [KIT])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    held = connection.open_writing(path)
    for name, wanted in (
        ("synchronous", 2),
        ("journal_mode", "wal"),
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("page_size", connection.PAGE_OCTETS),
        ("application_id", connection.APPLICATION_ID),
    ):
        assert held.execute(f"PRAGMA {name}").fetchone()[0] == wanted
    held.close()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE schema_version SET version_num = 'kit_9999'", "schema_newer"),
        ("DELETE FROM schema_version", "schema_half_migrated"),
        ("DROP TABLE schema_version", "schema_half_migrated"),
    ],
)
def test_a_schema_that_does_not_fit_is_refused(database: Path, change: str, code: str) -> None:
    held = sqlite3.connect(database)
    held.execute(change)
    held.commit()
    held.close()
    with pytest.raises(Unavailable, match=code):
        Writer(database, [KIT]).start()
    with pytest.raises(Unavailable, match=code):
        migrate(database, [KIT])


def test_an_older_schema_asks_for_migrate(database: Path) -> None:
    newer = SchemaPart("kit", "kit_9999", KIT.scripts, known=tuple(KIT.revisions))
    with pytest.raises(Unavailable, match=r"schema_older.*run migrate"):
        Writer(database, [newer]).start()


def test_an_empty_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="database_missing"):
        Writer(tmp_path / "none.sqlite", [KIT]).start()
    held = connection.open_writing(tmp_path / "empty.sqlite", create=True)
    with pytest.raises(Unavailable, match="schema_missing"):
        check_schema(held, [KIT])
    held.close()


def test_files_of_others_are_not_touched(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.sqlite"
    held = sqlite3.connect(foreign)
    held.execute("CREATE TABLE theirs (x)")
    held.commit()
    held.close()
    before = foreign.read_bytes()
    for attempt in (lambda: migrate(foreign, [KIT]), lambda: Reader(foreign).one("SELECT 1")):
        with pytest.raises(Corrupt, match="not_our_database"):
            attempt()
    assert foreign.read_bytes() == before
    garbage = tmp_path / "garbage.sqlite"
    garbage.write_bytes(b"not a database at all" * 100)
    with pytest.raises(Corrupt, match="database_corrupt"):
        migrate(garbage, [KIT])


def test_a_broken_migration_leaves_the_old_schema(tmp_path: Path) -> None:
    scripts = tmp_path / "room_with_fault" / "versions"
    scripts.mkdir(parents=True)
    (tmp_path / "room_with_fault" / "__init__.py").write_text("")
    (scripts / "bad_0001.py").write_text(
        "from alembic import op\n"
        "revision = 'bad_0001'\ndown_revision = None\nbranch_labels = ('bad',)\n"
        "depends_on = None\n"
        "def upgrade():\n"
        "    op.execute('CREATE TABLE half (x)')\n"
        "    raise RuntimeError('power is gone')\n"
    )
    path = tmp_path / "db.sqlite"
    migrate(path, [KIT])
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(RuntimeError, match="power"):
            migrate(path, [KIT, SchemaPart("bad", "bad_0001", "room_with_fault:versions")])
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("room_with_fault", None)
    reader = Reader(path)
    assert reader.one("SELECT count(*) FROM sqlite_master WHERE name = 'half'") == (0,)
    reader.close()
    writer = Writer(path, [KIT])
    writer.start()
    writer.close()


def test_migrating_beside_a_running_writer_is_refused(database: Path) -> None:
    writer = Writer(database, [KIT])
    writer.start()
    with pytest.raises(Conflict, match="writer_already_running"):
        migrate(database, [KIT])
    writer.close()


@pytest.mark.parametrize("table", tables.APPEND_ONLY)
@pytest.mark.parametrize(
    ("change", "ours"),
    [
        ("UPDATE {} SET at_us = 1", False),
        ("DELETE FROM {}", False),
        ("UPDATE {} SET at_us = 1", True),
        ("DELETE FROM {}", True),
        ("REPLACE INTO {0} SELECT * FROM {0}", True),
    ],
)
def test_append_only_tables_refuse_changes(
    database: Path, table: str, change: str, ours: bool
) -> None:
    held = connection.open_writing(database) if ours else sqlite3.connect(database)
    held.execute("INSERT INTO journal VALUES (1, 's', 'k', 0, x'', x'')")
    held.execute("INSERT INTO audit_log VALUES (1, 's', 'a', 'a', 'o', 0, x'', NULL, NULL)")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        held.execute(change.format(table))
    held.close()


def test_every_statement_fits_the_schema(database: Path) -> None:
    reader = Reader(database)
    held = connection.open_writing(database)
    found = [SqliteJournal(reader)._insert, audit.SqliteAuditLog(reader)._append]
    for module in (audit, idempotency, outbox):
        found += [one for one in vars(module).values() if isinstance(one, Insert | Change)]
    assert len(found) >= 7
    for statement in found:
        text = statement.text if isinstance(statement, Change) else statement.sql(1)
        held.execute(f"EXPLAIN {text}", [1] * text.count("?"))
    held.close()


def test_the_hot_process_loads_no_migration_tools() -> None:
    code = (
        "import sys, paywarden.kit.db.writer, paywarden.kit.stores.sqlite_journal,"
        " paywarden.kit.stores.sqlite_subject_keys, paywarden.kit.outbox, paywarden.kit.audit,"
        " paywarden.kit.idempotency, paywarden.kit.crypto.subjects\n"
        "assert not {'sqlalchemy', 'alembic'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_readers_cannot_write_and_limit_rows(database: Path) -> None:
    reader = Reader(database)
    with pytest.raises(Unavailable, match="SQLITE_READONLY"):
        reader.one("DELETE FROM outbox")
    many = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 50) SELECT x FROM n"
    )
    assert len(reader.rows(many, limit=7)) == 7
    assert reader.one("SELECT 1 WHERE 0") is None
    reader.close()
    with pytest.raises(Unavailable, match="reader_closed"):
        reader.one("SELECT 1")
