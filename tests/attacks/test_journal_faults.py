"""What the log survives: killed processes, syncs that never happened, full disks, bad bytes.

The measure is always the same: what was acknowledged is there, in order, with its companions of the
same unit; what is there is a prefix of what was written; anything else is reported as Corrupt.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from paywarden.core.errors import Corrupt, PaywardenError, Unavailable
from paywarden.core.scope import Environment, Scope
from paywarden.kit.db import checkpoints, connection
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.journal.model import Entry
from paywarden.kit.outbox import enqueue
from paywarden.kit.stores.sqlite_journal import SqliteJournal

LOAD = Path(__file__).with_name("journal_load.py")
SCOPE = Scope("acme", Environment.LIVE)
OTHER = Scope("other", Environment.LIVE)


def body_of(seq: int) -> bytes:
    return seq.to_bytes(8, "big") * (1 + seq * 37 % 400)


class Log:
    """Writer, journal and reader of one file."""

    def __init__(self, path: Path, *, start: bool = True) -> None:
        self.path = path
        self.reader = Reader(path)
        self.journal = SqliteJournal(self.reader)
        self.writer = Writer(path, [KIT], [self.journal], batch_limit=8)
        if start:
            self.writer.start()

    def unit(self) -> UnitOfWork:
        seq, unit = self.journal.staged_head + 1, UnitOfWork()
        scope = OTHER if seq % 5 == 0 else SCOPE
        self.journal.append(unit, [Entry(seq, scope, "decision", 0, body_of(seq))])
        enqueue(unit, SCOPE, "decision.recorded", b"%d" % seq, 0)
        return unit

    def put(self, count: int) -> None:
        for _ in range(count):
            self.writer.submit(self.unit()).result(10)

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    migrate(tmp_path / "log.sqlite", [KIT])
    return tmp_path / "log.sqlite"


@pytest.fixture
def log(path: Path) -> Iterator[Log]:
    opened = Log(path)
    yield opened
    opened.close()


def recovered(path: Path) -> int:
    """Head after reopening; checks chain, contents, companions, and that the log goes on."""
    log = Log(path)
    try:
        head = log.journal.verify()
        assert head == log.journal.head() == log.journal.staged_head
        for entry in log.journal.read(None, 1, head + 1):
            assert entry.body == body_of(entry.seq)
        topics = log.reader.rows("SELECT body FROM outbox ORDER BY id", limit=10**6)
        assert [int(body) for (body,) in topics] == list(range(1, head + 1))
        log.put(1)
        assert log.journal.verify() == head + 1
        return head
    finally:
        log.close()


def kill_under_load(path: Path, after: int) -> int:
    """Highest acknowledged seq of a process killed once `after` acknowledgements were seen."""
    command = [sys.executable, str(LOAD), str(path), "kill"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        seen = [int(process.stdout.readline()) for _ in range(after)]
        process.kill()
        rest = process.stdout.read()
        seen += [int(line) for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]
    assert len(set(seen)) == len(seen)
    return max(seen)


def kill_rounds(path: Path, rounds: int, seed: int) -> None:
    chance, last = random.Random(seed), 0
    for _ in range(rounds):
        acknowledged = kill_under_load(path, chance.randint(1, 1_500))
        head = recovered(path)
        assert head >= acknowledged > last
        last = head + 1  # `recovered` wrote one more


def test_a_killed_process_loses_nothing_acknowledged(path: Path) -> None:
    kill_rounds(path, 4, seed=1)


@pytest.mark.full
def test_twenty_killed_processes_lose_nothing_acknowledged(path: Path) -> None:
    kill_rounds(path, 20, seed=2)


class Snapshot:
    """The files as a power cut would find them: database and write-ahead log, no shared memory."""

    def __init__(self, log: Log) -> None:
        self.database = log.path.read_bytes()
        self.wal = log.path.with_name(log.path.name + "-wal").read_bytes()

    def restore(self, folder: Path, wal: bytes | None, database: bytes | None = None) -> Path:
        folder.mkdir()
        path = folder / "log.sqlite"
        path.write_bytes(self.database if database is None else database)
        if wal is not None:
            path.with_name("log.sqlite-wal").write_bytes(wal)
        return path


def wal_size(log: Log) -> int:
    return log.path.with_name(log.path.name + "-wal").stat().st_size


def test_a_log_cut_at_any_octet_recovers_to_the_last_whole_commit(log: Log, tmp_path: Path) -> None:
    """Each unit alone in its commit: the end of its frames says which cuts may lose it."""
    ends = [(wal_size(log), 0)]
    for seq in range(1, 13):
        log.put(1)
        ends.append((wal_size(log), seq))
    snapshot, chance = Snapshot(log), random.Random(3)
    cuts = [end + shift for end, _ in ends for shift in (-1, 0, 1)]
    cuts += [chance.randrange(len(snapshot.wal)) for _ in range(25)]
    for number, cut in enumerate(sorted({max(0, cut) for cut in cuts})):
        expected = max((seq for end, seq in ends if end <= cut), default=0)
        copy = snapshot.restore(tmp_path / f"cut{number}", snapshot.wal[:cut])
        assert recovered(copy) == expected, cut


@pytest.mark.parametrize("lost", ["zeros", "garbage", "older"])
def test_a_lost_block_of_the_log_ends_it_there(log: Log, tmp_path: Path, lost: str) -> None:
    """Blocks that never reached the disk although later ones did."""
    ends = [(wal_size(log), 0)]
    for seq in range(1, 11):
        log.put(1)
        ends.append((wal_size(log), seq))
    snapshot, chance = Snapshot(log), random.Random(4)
    for number in range(15):
        start = chance.randrange(0, len(snapshot.wal) // 512) * 512
        block = {
            "zeros": bytes(512),
            "garbage": chance.randbytes(512),
            "older": snapshot.wal[max(0, start - 16_408) :][:512],
        }[lost]
        wal = bytearray(snapshot.wal)
        wal[start : start + 512] = block
        if wal[: len(snapshot.wal)] == snapshot.wal:
            continue
        first = next(at for at in range(len(wal)) if wal[at] != snapshot.wal[at])
        expected = max((seq for end, seq in ends if end <= first), default=0)
        copy = snapshot.restore(tmp_path / f"lost{number}", bytes(wal))
        assert recovered(copy) == expected, (start, first)


def test_old_frames_behind_a_restarted_log_never_come_back(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a checkpoint the file is written over from its start; its stale rest must not count.

    Cut inside what was synced before a checkpoint, no store can be whole (the disk lied twice):
    then a prefix or a report is asked for, and never a wrong entry.
    """
    monkeypatch.setattr(connection, "CHECKPOINT_PAGES", 30)
    monkeypatch.setattr(checkpoints, "INTERVAL_SECONDS", 3_600)  # no file moves while it is copied
    log, chance, restarts, size = Log(path), random.Random(5), 0, 0
    for number in range(25):
        log.put(chance.randint(1, 4))
        snapshot = Snapshot(log)
        restarts += len(snapshot.wal) == size
        size = len(snapshot.wal)
        whole = snapshot.restore(tmp_path / f"all{number}", snapshot.wal)
        assert recovered(whole) == log.journal.head()
        for name in ("cut", "none"):
            wal = snapshot.wal[: chance.randrange(len(snapshot.wal) + 1)] if name == "cut" else None
            damaged_or_prefix(snapshot.restore(tmp_path / f"{name}{number}", wal))
        for name in ("all", "cut", "none"):
            shutil.rmtree(tmp_path / f"{name}{number}")
    assert restarts > 3
    log.close()


def test_lost_pages_of_the_database_give_a_prefix_or_are_reported(
    path: Path, tmp_path: Path
) -> None:
    """A disk that lied about a checkpoint: some pages are older than the rest."""
    log = Log(path)
    log.put(40)
    log.close()
    older, log = path.read_bytes(), Log(path)
    log.put(60)
    log.close()
    newer, page = path.read_bytes(), connection.PAGE_OCTETS
    chance, reported = random.Random(6), 0
    for number in range(40):
        mixed = bytearray(newer)
        for index in chance.sample(range(len(newer) // page), chance.randint(1, 3)):
            old = older[index * page : (index + 1) * page]
            mixed[index * page : (index + 1) * page] = old.ljust(page, b"\0")
        folder = tmp_path / f"mixed{number}"
        folder.mkdir()
        (folder / "log.sqlite").write_bytes(mixed)
        reported += damaged_or_prefix(folder / "log.sqlite")
    assert reported > 0


def damaged_or_prefix(path: Path) -> bool:
    """True when the damage was reported; False when an intact prefix was read."""
    log = Log(path, start=False)
    seen: list[Entry] = []
    try:
        for entry in log.journal.read(None, 1, 1_000):
            seen.append(entry)
        return False
    except (Corrupt, Unavailable):
        return True
    finally:
        assert [one.seq for one in seen] == list(range(1, len(seen) + 1))
        assert all(one.body == body_of(one.seq) for one in seen)
        log.close()


def test_a_full_disk_fails_clearly_and_recovers(log: Log) -> None:
    log.put(5)
    held = log.writer._connection
    assert held is not None
    pages = held.execute("PRAGMA page_count").fetchone()[0]
    held.execute(f"PRAGMA max_page_count={pages + 4}")
    outcomes, refused = [], 0
    for _ in range(300):
        try:
            outcomes.append(log.writer.submit(log.unit()))
        except Unavailable as refusal:
            assert refusal.code == "writer_failed"
            refused += 1
    errors = [future.exception(10) for future in outcomes]
    done = errors.index(next(one for one in errors if one is not None))
    assert errors[:done] == [None] * done
    for error in errors[done:]:
        assert isinstance(error, Unavailable) and "SQLITE_FULL" in error.detail
    assert log.writer.state == "failed" and len(outcomes) + refused == 300
    assert log.journal.head() == 5 + done
    log.writer.recover()
    assert log.journal.staged_head == 5 + done
    log.put(20)
    assert log.journal.verify() == 25 + done


def test_a_failing_disk_under_load_fails_clearly_and_recovers(path: Path) -> None:
    """The kernel refuses to let files grow: a real error from the real write call."""
    command = [sys.executable, str(LOAD), str(path), "limit", str(400_000)]
    run = subprocess.run(command, capture_output=True, timeout=60, check=True)
    lines = run.stdout.decode().splitlines()
    failed = lines.index("failed storage_failed")
    assert lines[failed + 1] == "refused writer_failed" and lines[-1] == "closed"
    before = [int(line) for line in lines[:failed]]
    after = [int(line) for line in lines[failed + 2 : -1]]
    assert len(before) > 5 and len(after) == 32
    assert min(after) > max(before)
    assert recovered(path) == max(after)


def flip(path: Path, needle: bytes) -> None:
    octets = bytearray(path.read_bytes())
    at = octets.find(needle)
    assert at >= 0
    octets[at + 3] ^= 0x40
    path.write_bytes(octets)


def test_a_flipped_bit_names_the_entry(path: Path) -> None:
    log = Log(path)
    log.put(30)
    digest = log.reader.one("SELECT digest FROM journal WHERE seq = 21")
    log.close()
    flip(path, body_of(17)[:16] + body_of(17)[:8])
    log = Log(path, start=False)
    for scope in (None, SCOPE):
        with pytest.raises(Corrupt, match="entry 17 "):
            list(log.journal.read(scope, 1, 1_000))
    assert next(iter(log.journal.read(None, 18, 1))).seq == 18
    assert digest is not None
    log.close()
    flip(path, digest[0])
    log = Log(path, start=False)
    with pytest.raises(Corrupt, match=r"entry (21|22) "):
        list(log.journal.read(None, 18, 1_000))
    log.close()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("DELETE FROM journal WHERE seq = 9", "entry 9 is missing"),
        ("DELETE FROM journal WHERE seq < 9", "entry 1 is missing"),
        ("UPDATE journal SET at_us = 1 WHERE seq = 9", "entry 9 of the log is damaged"),
        ("UPDATE journal SET scope = 'thief/live' WHERE seq = 9", "entry 9 of the log is damaged"),
        ("UPDATE journal SET kind = 'refund' WHERE seq = 9", "entry 9 of the log is damaged"),
        ("UPDATE journal SET body = 'text' WHERE seq = 9", "entry 9 of the log is damaged"),
        ("UPDATE journal SET body = 7, scope = x'ff' WHERE seq = 9", "entry 9 of the log"),
        ("UPDATE journal SET seq = 99 WHERE seq = 9", "entry 9 is missing"),
        (
            "UPDATE journal SET body = (SELECT body FROM journal WHERE seq = 8) WHERE seq = 9",
            "entry 9 of the log is damaged",
        ),
    ],
)
def test_rows_changed_behind_our_back_are_named(path: Path, change: str, named: str) -> None:
    log = Log(path)
    log.put(20)
    log.close()
    held = sqlite3.connect(path)
    for kind in ("update", "delete"):
        held.execute(f"DROP TRIGGER journal_no_{kind}")
    held.execute(change)
    held.commit()
    held.close()
    log = Log(path, start=False)
    with pytest.raises(Corrupt, match=named):
        log.journal.verify()
    log.close()


def test_a_replaced_row_is_named(path: Path) -> None:
    """REPLACE by another program passes the triggers; the chain still shows it."""
    log = Log(path)
    log.put(20)
    log.close()
    held = sqlite3.connect(path)
    held.execute(
        "REPLACE INTO journal SELECT seq, scope, kind, at_us, x'00', digest FROM journal"
        " WHERE seq = 9"
    )
    held.commit()
    held.close()
    log = Log(path, start=False)
    with pytest.raises(Corrupt, match="entry 9 of the log is damaged"):
        log.journal.verify()
    log.close()


def test_errors_of_the_store_hold_no_payload(path: Path) -> None:
    log = Log(path)
    log.put(3)
    log.close()
    flip(path, body_of(2)[:24])
    log = Log(path, start=False)
    with pytest.raises(PaywardenError) as caught:
        log.journal.verify()
    assert body_of(2).hex() not in str(caught.value) and "\\x00" not in str(caught.value)
    log.close()
