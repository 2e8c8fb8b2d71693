"""The agent's journal: durable before told, group by group, and never quietly another one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from paywarden.cde.keys import state_journal
from paywarden.cde.keys.state_journal import (
    MAGIC,
    AnchorRecord,
    CeilingRecord,
    OnceRecord,
    Record,
    StateJournal,
    create_journal,
)
from paywarden.core.errors import Conflict, Corrupt, Unavailable

KEY, ID = b"k" * 32, b"i" * 16


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "state.journal"
    create_journal(made, KEY, ID)
    return made


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


def anchor(revision: int, name: str = "vault") -> AnchorRecord:
    return AnchorRecord(name, revision, revision.to_bytes(32, "big"))


async def written(path: Path, beside: ThreadPoolExecutor, records: list[Record]) -> None:
    """Each in a group of its own, then let go as a killed process does."""
    journal = StateJournal(path, KEY, ID, beside)
    for record in records:
        await journal.commit(record)
    journal.abandon()


def found(path: Path, beside: ThreadPoolExecutor, key: bytes = KEY, of: bytes = ID) -> list[Record]:
    journal = StateJournal(path, key, of, beside)
    journal.abandon()
    return journal.records


async def test_what_was_told_is_there_after_a_kill(path: Path, beside: ThreadPoolExecutor) -> None:
    records: list[Record] = [
        anchor(1),
        CeilingRecord("global", ((1, 2), (3, 4), (5, 6))),
        OnceRecord(b"o" * 32),
        anchor(2),
    ]
    await written(path, beside, records)
    assert found(path, beside) == records
    assert anchor(1) not in found(path, beside)  # opened once more: compacted


async def test_many_commits_share_one_sync(
    path: Path, beside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda handle: (syncs.append(handle), real(handle)))
    journal = StateJournal(path, KEY, ID, beside)
    await asyncio.gather(*(journal.commit(anchor(n, f"n{n}")) for n in range(1, 501)))
    await journal.close()
    assert 1 <= len(syncs) <= 3
    assert len(found(path, beside)) == 500


async def test_every_cut_of_the_end_keeps_what_stood_before(
    path: Path, beside: ThreadPoolExecutor
) -> None:
    await written(path, beside, [anchor(1)])
    kept = path.read_bytes()
    await written(path, beside, [anchor(2)])
    whole = path.read_bytes()
    for cut in range(len(kept), len(whole)):
        path.write_bytes(whole[:cut])
        assert found(path, beside) == [anchor(1)]
    for zeros in (5, 60, 4_000):
        path.write_bytes(kept + bytes(zeros))
        assert found(path, beside) == [anchor(1)]


async def test_a_change_before_the_end_is_refused(path: Path, beside: ThreadPoolExecutor) -> None:
    await written(path, beside, [anchor(1), anchor(2), anchor(3)])
    whole = path.read_bytes()
    first_group = len(MAGIC) + 4
    for place in range(first_group, len(whole) - 120):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(Corrupt):
            found(path, beside)


@pytest.mark.parametrize("octets", [b"", MAGIC, b"garbage of some length", MAGIC + bytes(40)])
def test_an_emptied_file_is_not_a_fresh_one(
    path: Path, beside: ThreadPoolExecutor, octets: bytes
) -> None:
    path.write_bytes(octets)
    with pytest.raises(Corrupt):
        found(path, beside)


def test_another_rings_journal_and_a_missing_one_are_refused(
    path: Path, beside: ThreadPoolExecutor
) -> None:
    for key, of in ((b"x" * 32, ID), (KEY, b"x" * 16)):
        with pytest.raises(Corrupt):
            found(path, beside, key, of)
    path.unlink()
    with pytest.raises(Unavailable) as missing:
        found(path, beside)
    assert missing.value.code == "agent_state_missing"


def test_two_agents_never_share_a_journal(path: Path, beside: ThreadPoolExecutor) -> None:
    first = StateJournal(path, KEY, ID, beside)
    with pytest.raises(Conflict) as running:
        StateJournal(path, KEY, ID, beside)
    assert running.value.code == "agent_running"
    first.abandon()
    assert found(path, beside) == []


async def test_after_a_failed_write_nothing_more_is_promised(
    path: Path, beside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = StateJournal(path, KEY, ID, beside)

    def full(_handle: int) -> None:
        raise OSError(28, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        with pytest.raises(Unavailable):
            await journal.commit(anchor(1))
    with pytest.raises(Unavailable) as broken:
        await journal.commit(anchor(2))
    assert broken.value.code == "agent_state_unwritable"
    journal.abandon()


async def test_a_grown_journal_is_compacted_while_others_write(
    path: Path, beside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_journal, "GROWN_OCTETS", 4_000)
    journal = StateJournal(path, KEY, ID, beside)
    newest: dict[str, AnchorRecord] = {}
    journal.snapshot = lambda: list(newest.values())
    for revision in range(1, 200):
        record = anchor(revision, f"n{revision % 3}")
        newest[record.name] = record
        await journal.commit(record)
    await journal.close()
    assert path.stat().st_size < 5_000
    kept = {one.name: one for one in found(path, beside) if isinstance(one, AnchorRecord)}
    assert kept == newest
