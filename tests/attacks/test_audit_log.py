"""Attacks on the log where it lives: rows, tiles, checkpoints, backups, the clock."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "evidence"))
import evidence_room
from evidence_room import NAME, SCOPE, Room, empty_log, home, opened, room, verdict

from paywarden.core.clock import FixedClock
from paywarden.core.errors import Conflict, Corrupt, InvalidRequest, NotAuthenticated, Unavailable
from paywarden.evidence.checkpoint import Checkpoint
from paywarden.evidence.log import LogState
from paywarden.evidence.log_key import LogKey
from paywarden.evidence.screen import may_not_be_logged
from paywarden.evidence.tree import consistent, includes, leaf_hash
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.refusals import KINDS_LIMIT, Refusals

__all__ = ["empty_log", "home", "room"]


def tamper(database: Path, *statements: str) -> None:
    """What somebody with the file can do: drop the triggers, then anything."""
    with contextlib.closing(sqlite3.connect(database)) as held:
        for (name,) in held.execute(
            "SELECT name FROM sqlite_master WHERE type='trigger'"
        ).fetchall():
            held.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            held.execute(statement)
        held.commit()


@pytest.mark.parametrize(
    ("statement", "first_bad"),
    [
        ("UPDATE audit_log SET actor = 'key:key_evil' WHERE id = 42", 41),
        ("UPDATE audit_log SET detail = '{\"number\":7}' WHERE id = 301", 300),
        ("UPDATE audit_log SET at_us = at_us + 1 WHERE id = 1", 0),
        ("DELETE FROM audit_log WHERE id = 100", 99),
        ("DELETE FROM audit_log WHERE id > 500", 500),
        ("UPDATE audit_log SET id = 9999 WHERE id = 10", 9),
    ],
)
def test_rows_changed_in_the_database_are_named(
    home: Path, tmp_path: Path, capsys: Any, statement: str, first_bad: int
) -> None:
    with opened(home) as room:
        room.grow(300, 250)
        trust = room.trust()
        tamper(room.database, statement)
        export = room.export(tmp_path / "export")
    code, found = verdict(capsys, export, "--trust", trust)
    assert (code, found["first_bad_record"]) == (1, first_bad), found


def test_changed_rows_under_changed_tiles_stop_the_log(home: Path) -> None:
    with opened(home) as room:
        room.grow(300, 250)
    tamper(home / "log.sqlite", "UPDATE audit_log SET actor = 'key:key_evil' WHERE id = 42")
    shutil.rmtree(home / "tiles")
    with opened(home) as room:
        assert room.log.state is LogState.ALTERED
        room.add(5)
        assert room.sign() is None
        assert room.checkpoints.last(NAME).checkpoint.size == 550  # type: ignore[union-attr]


def test_a_missing_row_is_not_integrated_over(room: Room) -> None:
    room.grow(10)
    room.add(5)
    tamper(room.database, "DELETE FROM audit_log WHERE id = 12")
    with pytest.raises(Corrupt, match="audit event 12"):
        room.log.integrate(100)


def test_one_size_never_gets_two_roots(room: Room) -> None:
    room.grow(10)
    unit = UnitOfWork()
    room.checkpoints.add(unit, Checkpoint(NAME, 10, bytes(32), 1), "a fork\n")
    with pytest.raises(Conflict):
        room.writer.submit(unit).result(10)


@pytest.mark.parametrize("grown", [0, 3, 400])
def test_a_restored_backup_is_not_signed_over(
    home: Path, tmp_path: Path, capsys: Any, grown: int
) -> None:
    clock = FixedClock(evidence_room.T0)
    with opened(home, clock) as room:
        room.grow(120)
    shutil.copy(home / "log.sqlite", tmp_path / "backup.sqlite")
    with opened(home, clock) as room:
        room.grow(30)
        lost = room.log.latest
    shutil.copy(tmp_path / "backup.sqlite", home / "log.sqlite")
    with opened(home, clock) as room:
        assert room.log.state is LogState.RESTORED
        if grown:
            room.add(grown)
        assert room.sign() is None
    with opened(home, clock) as room:  # a restart, and more rows than were lost, heal nothing
        assert room.log.state is LogState.RESTORED
        assert room.log.acknowledge_restore("disk replaced").name == f"{NAME}/2"
        assert room.sign().size == 121 + grown
        room.grow(4)
        export = room.export(tmp_path / "export")
        code, found = verdict(capsys, export, "--trust", room.trust())
        assert (code, found["restored_at"]) == (0, [120 + grown]), found
        leaf = room.log.leaf(120 + grown)
        assert lost is not None and lost.root.hex().encode() in leaf and b"disk replaced" in leaf
    with opened(home, clock) as room:
        assert room.log.state is LogState.SIGNING
        with pytest.raises(Conflict, match="log_not_restored"):
            room.log.acknowledge_restore("again")


def test_a_name_that_changes_silently_is_named(home: Path, tmp_path: Path, capsys: Any) -> None:
    with opened(home) as room:
        room.grow(20)
        unit = UnitOfWork()
        room.checkpoints.add_origin(unit, f"{NAME}/2", 20)
        room.writer.submit(unit).result(10)
        room.log.open()
        room.grow(5)
        export = room.export(tmp_path / "export")
        code, found = verdict(capsys, export, "--trust", room.trust())
    assert (code, found["verdict"], found["first_bad_record"]) == (1, "origin_changed", 20)


def test_a_clock_that_stepped_back_stands_in_the_log(
    home: Path, tmp_path: Path, capsys: Any
) -> None:
    clock = FixedClock(evidence_room.T0)
    with opened(home, clock) as room:
        room.grow(5)
        clock.advance(-7_200)
        room.grow(5)
        room.grow(5)
        export = room.export(tmp_path / "export")
        code, found = verdict(capsys, export, "--trust", room.trust())
    assert (code, found["clock_stepped_back_at"]) == (0, [10]), found


def test_another_key_does_not_take_up_the_log(home: Path) -> None:
    with opened(home) as room:
        room.grow(5)
    other = LogKey("log.example/other", evidence_room.seed("other"))
    with pytest.raises(Unavailable, match="log_key_differs"), opened(home, key=other):
        pass
    forged = LogKey(NAME, evidence_room.seed("other"))
    with pytest.raises(InvalidRequest, match="checkpoint_unsigned"), opened(home, key=forged):
        pass


def test_a_killed_process_takes_up_where_it_signed(home: Path) -> None:
    with opened(home) as room:
        room.grow(300)
        room.add(50)
        room.log.integrate(1_000)
        room.log.tree.flush()  # tiles ahead of the last checkpoint
    with opened(home) as room:
        assert room.log.state is LogState.SIGNING and room.log.tree.size == 300
        assert room.sign().size == 350


def test_proofs_lead_to_signed_roots_only(room: Room) -> None:
    room.grow(300, 40)
    room.add(10)
    room.log.integrate(100)
    head = room.log.latest
    assert head is not None
    found = room.proofs.inclusion(17)
    assert includes(leaf_hash(found.leaf), 17, 340, found.proof, head.root)
    path = room.proofs.consistency(300, 340)
    assert consistent(300, room.log.tree.root(300), 340, head.root, path)
    for ask in (
        lambda: room.proofs.inclusion(340), lambda: room.proofs.path(0, 341),
        lambda: room.proofs.path(340, None), lambda: room.proofs.consistency(5, 341),
        lambda: room.proofs.consistency(6, 5),
    ):  # fmt: skip
        with pytest.raises(InvalidRequest):
            ask()


def test_an_attacker_cannot_fill_the_log_with_refusals(room: Room) -> None:
    refusals = Refusals(room.audit, room.writer, room.clock, SCOPE)
    for number in range(100_000):
        refusals.note(NotAuthenticated(f"code_{number % 500}", "x"), "decide", None)
        if number % 10_000 == 9_999:
            room.clock.advance(6)
    refusals.flush(last=True)
    room.writer.submit(UnitOfWork()).result(10)
    rows = room.audit.rows(0, 1_000)
    assert len(rows) <= 2 * (2 * KINDS_LIMIT + 1)  # what two minutes may hold
    assert b'"count":1,' in rows[0].detail  # the first is there at once
    assert sum(json.loads(row.detail)["count"] for row in rows) == 100_000


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        ("4111 1111 1111 1111", True), (4_111_111_111_111_111, True),
        ("pw_live_" + "a" * 46, True), ("-----BEGIN PRIVATE KEY-----", True),
        ("PRIVATE+KEY+a+b+c", True), ("Bearer " + "a1" * 12, True),
        ("rs_" + "4111111111111111" * 4, False), ("key_abc", False), (12, False), (None, False),
    ],
)  # fmt: skip
def test_card_numbers_and_secrets_are_screened(value: Any, refused: bool) -> None:
    assert may_not_be_logged(value) is refused
