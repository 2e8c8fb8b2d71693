"""The writer: durability, order, refusals, isolation of bad units, waking of tasks."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from paywarden.core.errors import Conflict, InvalidRequest, LimitExceeded, TooLarge, Unavailable
from paywarden.core.scope import Scope
from paywarden.kit.db import unit as unit_module
from paywarden.kit.db.participant import Participant
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.journal.model import Entry

NOTES = Insert("notes", ("id", "text"))
PARTS = Insert("note_parts", ("id", "note_id"))
RENAME = Change("rename_note", "UPDATE notes SET text = ? WHERE id = ?")
DROP = Change("drop_note", "DELETE FROM notes WHERE id = ?")


@pytest.fixture
def notes(database: Path) -> Path:
    held = sqlite3.connect(database)
    held.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")
    held.execute(
        "CREATE TABLE note_parts (id INTEGER PRIMARY KEY, note_id INTEGER REFERENCES notes (id))"
    )
    held.commit()
    held.close()
    return database


class Gate:
    """A participant that holds the writer's thread until told to go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()

    def reset(self, connection: sqlite3.Connection) -> None:
        self.go.clear()

    def before(self) -> None:
        self.entered.set()
        assert self.go.wait(10)

    def committed(self) -> None:
        pass

    def rolled_back(self) -> None:
        pass


def note(key: int, text: Any = "x") -> UnitOfWork:
    unit = UnitOfWork()
    unit.add(NOTES, (key, text))
    return unit


def start(path: Path, *participants: Participant, **limits: int) -> Writer:
    writer = Writer(path, [KIT], participants, **limits)
    writer.start()
    return writer


def held_back(path: Path, **limits: int) -> tuple[Writer, Gate, Future[None]]:
    """A writer whose thread is busy with a first unit, so that what follows forms one batch."""
    gate = Gate()
    writer = start(path, gate, **limits)
    first = writer.submit(note(1_000))
    assert gate.entered.wait(10)
    return writer, gate, first


def texts(path: Path) -> dict[int, str]:
    reader = Reader(path)
    found = dict(reader.rows("SELECT id, text FROM notes"))
    reader.close()
    return found


def test_a_done_future_is_visible_to_readers(notes: Path) -> None:
    writer = start(notes)
    writer.submit(note(1, "one")).result(10)
    assert texts(notes) == {1: "one"}
    writer.close()


def test_many_rows_of_one_batch_all_arrive(notes: Path) -> None:
    writer, gate, _ = held_back(notes)
    futures = [writer.submit(note(key, str(key))) for key in range(150)]
    gate.go.set()
    for future in futures:
        future.result(10)
    assert texts(notes) == {1_000: "x", **{key: str(key) for key in range(150)}}
    writer.close()


def test_changes_keep_their_place_among_rows(notes: Path) -> None:
    writer, gate, _ = held_back(notes)
    rename, drop, again = UnitOfWork(), UnitOfWork(), note(7, "third")
    rename.add(RENAME, ("second", 7))
    drop.add(DROP, (7,))
    futures = [writer.submit(unit) for unit in (note(7, "first"), rename, drop, again)]
    gate.go.set()
    for future in futures:
        future.result(10)
    assert texts(notes)[7] == "third"
    writer.close()


def test_child_rows_may_be_gathered_before_their_parents(notes: Path) -> None:
    writer, gate, first = held_back(notes)
    child, both = UnitOfWork(), UnitOfWork()
    child.add(PARTS, (1, 1_000))
    both.add(NOTES, (5, "parent"))
    both.add(PARTS, (2, 5))
    futures = [first, writer.submit(child), writer.submit(both)]
    gate.go.set()
    for future in futures:
        future.result(10)
    writer.close()


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ((1_000, "twice"), Conflict),
        ((3, None), Conflict),
        ((3, object()), InvalidRequest),
        ((2**70, "x"), InvalidRequest),
        ((3, "\ud800"), InvalidRequest),
    ],
)
def test_a_bad_unit_fails_alone(notes: Path, bad: tuple[Any, Any], error: type) -> None:
    writer, gate, _ = held_back(notes)
    before, wrong, after = (writer.submit(unit) for unit in (note(1), note(*bad), note(2)))
    gate.go.set()
    before.result(10)
    with pytest.raises(error) as caught:
        wrong.result(10)
    assert "twice" not in str(caught.value)
    after.result(10)
    assert writer.state == "open"
    assert set(texts(notes)) == {1, 2, 1_000}
    writer.close()


def test_a_dangling_reference_fails_alone(notes: Path) -> None:
    writer, gate, _ = held_back(notes)
    dangling = UnitOfWork()
    dangling.add(PARTS, (1, 77))
    wrong, right = writer.submit(dangling), writer.submit(note(2))
    gate.go.set()
    with pytest.raises(Conflict):
        wrong.result(10)
    right.result(10)
    writer.close()


def test_a_bad_unit_with_a_log_entry_fails_all_after_it(
    notes: Path, open_log: Callable[..., Any], scope: Scope
) -> None:
    writer, journal, _ = open_log(notes)
    writer.submit(note(1)).result(10)
    bad, good = note(1), note(2)
    journal.append(bad, [Entry(1, scope, "decision", 0, b"a")])
    journal.append(good, [Entry(2, scope, "decision", 0, b"b")])
    futures = [writer.submit(bad)]
    try:
        futures.append(writer.submit(good))
    except Unavailable:
        pass
    for future in futures:
        with pytest.raises(Unavailable):
            future.result(10)
    assert writer.state == "failed"
    with pytest.raises(Unavailable, match="writer_failed"):
        writer.submit(note(3))
    writer.recover()
    assert journal.staged_head == journal.head() == 0
    writer.submit(note(3)).result(10)
    assert set(texts(notes)) == {1, 3}


def test_a_full_queue_refuses_at_once(notes: Path) -> None:
    writer, gate, first = held_back(notes, queue_limit=2)
    futures = [first, writer.submit(note(1)), writer.submit(note(2))]
    with pytest.raises(LimitExceeded):
        writer.submit(note(3))
    gate.go.set()
    for future in futures:
        future.result(10)
    assert 3 not in texts(notes)
    writer.close()


def test_close_commits_what_is_queued_and_then_refuses(notes: Path) -> None:
    writer, gate, first = held_back(notes)
    second = writer.submit(note(1))
    gate.go.set()
    writer.close()
    assert first.done() and second.done()
    with pytest.raises(Unavailable, match="writer_closed"):
        writer.submit(note(2))
    writer.start()
    gate.go.set()
    writer.submit(note(2)).result(10)
    writer.close()
    assert set(texts(notes)) == {1, 2, 1_000}


def test_a_second_writer_of_the_same_file_is_refused(notes: Path) -> None:
    writer = start(notes)
    with pytest.raises(Conflict, match="writer_already_running"):
        start(notes)
    writer.close()
    start(notes).close()


def test_a_unit_is_submitted_once(notes: Path) -> None:
    writer = start(notes)
    unit = note(1)
    writer.submit(unit).result(10)
    with pytest.raises(ValueError, match="once"):
        writer.submit(unit)
    writer.close()


def test_units_check_width_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = UnitOfWork()
    with pytest.raises(ValueError, match="2 values"):
        unit.add(NOTES, (1,))
    monkeypatch.setattr(unit_module, "WRITES_LIMIT", 1)
    unit.add(NOTES, (1, "x"))
    with pytest.raises(TooLarge):
        unit.add(NOTES, (2, "x"))


def test_names_never_become_sql() -> None:
    with pytest.raises(ValueError, match="snake_case"):
        Insert("notes; DROP TABLE notes", ("id",))
    with pytest.raises(ValueError, match="snake_case"):
        Insert("notes", ("id) --",))
    with pytest.raises(ValueError, match="snake_case"):
        Change("Drop It", "DELETE FROM notes")


async def test_tasks_of_one_batch_are_woken_by_one_call(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, gate, _ = held_back(notes)
    loop, calls = asyncio.get_running_loop(), []
    real = loop.call_soon_threadsafe

    def counted(*args: Any, **names: Any) -> Any:
        calls.append(args)
        return real(*args, **names)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    tasks = [asyncio.create_task(writer.commit(note(key))) for key in range(20)]
    cancelled = asyncio.create_task(writer.commit(note(99)))
    await asyncio.sleep(0)
    cancelled.cancel()
    gate.go.set()
    await asyncio.gather(*tasks)
    assert len(calls) == 1
    assert cancelled.cancelled()
    assert 99 in texts(notes)
    writer.close()


async def test_a_task_gets_the_error_of_its_own_unit(notes: Path) -> None:
    writer = start(notes)
    await writer.commit(note(1))
    results = await asyncio.gather(
        writer.commit(note(1)), writer.commit(note(2)), return_exceptions=True
    )
    assert isinstance(results[0], Conflict) and results[0].code == "constraint_violated"
    assert results[1] is None
    writer.close()


def test_a_closed_loop_does_not_stop_the_writer(notes: Path) -> None:
    writer, gate, _ = held_back(notes)

    async def leave() -> None:
        task = asyncio.ensure_future(writer.commit(note(1)))
        await asyncio.sleep(0)
        task.cancel()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    loop.close()
    gate.go.set()
    writer.submit(note(2)).result(10)
    assert set(texts(notes)) == {1, 2, 1_000}
    writer.close()


def test_start_and_recover_only_in_their_states(notes: Path) -> None:
    writer = start(notes)
    with pytest.raises(Unavailable, match="writer_started"):
        writer.start()
    with pytest.raises(Unavailable, match="writer_not_failed"):
        writer.recover()
    writer.close()
