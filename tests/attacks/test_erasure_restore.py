"""After an erasure nothing brings the person back: not the files, not an old key database.

The attacker has every file of the home, the master key among them, and our own program.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "decision"))
from decision_room import Room, copy_home, make_home, opened

from paywarden.core.errors import Corrupt
from paywarden.decision.sealing import Gone, Sealer
from paywarden.identity.approvals.catalogue import SUBJECT_ERASE
from paywarden.identity.approvals.execution import Maker
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.crypto.master import load_master_key
from paywarden.kit.crypto.subjects import SubjectKeyRing
from paywarden.kit.stores.sqlite_subject_keys import SqliteWrappedKeys
from paywarden.privacy.erasure.model import ErasurePayload

MAKER = Maker("key_tester", frozenset({"operator"}))
NAME, EMAIL = "Zebulon Quagmire", "zebulon.quagmire@mail.example"
PERSON = {"payer": {"id": "cus_quag_77", "name": NAME, "email": EMAIL}}
TEXTS = (NAME.encode(), EMAIL.encode(), b"cus_quag_77")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("restoring"))


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    return copy_home(template, tmp_path / "home")


def files(home: Path) -> dict[Path, bytes]:
    return {one: one.read_bytes() for one in home.rglob("*") if one.is_file()}


def holding(home: Path, octets: bytes) -> list[str]:
    return sorted(one.name for one, content in files(home).items() if octets in content)


def wrapped_keys(home: Path) -> dict[bytes, bytes]:
    """(key id, wrapped key) of the key database, read by plain SQLite."""
    with closing(sqlite3.connect(home / "data" / "subject_keys.sqlite")) as found:
        return dict(found.execute("SELECT key_id, wrapped FROM subject_keys"))


def stolen(home: Path, to: Path, decided: Any) -> tuple[dict[str, Any], tuple[Gone, ...]]:
    """What somebody with a copy of all files reads of an entry."""
    copy = Path(shutil.copytree(home, to))
    keys = SqliteWrappedKeys(copy / "data" / "subject_keys.sqlite")
    keys.reopen()
    try:
        master = load_master_key(copy / "keys" / "master.key")
        sealer = Sealer(SubjectKeyRing(master, keys, SystemRandomness()))
        entry = decided.entry
        return sealer.open(decided.scope, decided.seq, entry.clear, entry.sealed)
    finally:
        keys.close()


async def erase(room: Room, **given: str) -> None:
    payload = ErasurePayload(room.installation.subject_names(room.test, given)).payload()
    await room.installation.approvals.perform(room.test, SUBJECT_ERASE, payload, MAKER, "asked")


@pytest.fixture
async def erased(home: Path, tmp_path: Path) -> AsyncIterator[tuple[Any, Any, bytes]]:
    """(the erased person's payment, another one's, the wrapped key); the server is gone after."""
    async with opened(home) as room:
        mine = await room.decide(**PERSON, scope=room.test)
        other = await room.decide(scope=room.test)
        read, gone = stolen(home, tmp_path / "stolen-before", mine)
        assert read["payer.name"] == NAME and gone == (), "control: before, the files tell all"
        (subject,) = room.installation.subject_names(room.test, {"payer_id": "cus_quag_77"})
        key_id = room.installation.key_ring.key_of(room.test, subject)
        wrapped = wrapped_keys(home)[key_id or b""]
        assert holding(home, wrapped), "control: the key's octets can be found"
    shutil.copy(home / "data" / "subject_keys.sqlite", tmp_path / "old_keys.sqlite")
    async with opened(home) as room:
        await erase(room, payer_id="cus_quag_77")
        assert holding(home, wrapped) == [], "while it runs: write-ahead logs too"
    yield mine, other, wrapped


async def test_no_file_holds_the_person_or_the_key(
    erased: tuple[Any, Any, bytes], home: Path, tmp_path: Path
) -> None:
    mine, other, wrapped = erased
    assert holding(home, wrapped) == []
    assert [holding(home, text) for text in TEXTS] == [[], [], []]
    read, gone = stolen(home, tmp_path / "stolen", mine)
    assert [one.person for one in gone] == ["payer"] and not read.keys() & {"payer.name"}
    assert stolen(home, tmp_path / "stolen-too", other)[0]["payer.name"] == "Ann Example"


async def test_an_old_key_database_is_purged_at_the_start(
    erased: tuple[Any, Any, bytes], home: Path, tmp_path: Path
) -> None:
    mine, other, wrapped = erased
    put_back = home / "data" / "subject_keys.sqlite"
    for rest in put_back.parent.glob(put_back.name + "-*"):
        os.unlink(rest)
    shutil.copy(tmp_path / "old_keys.sqlite", put_back)
    assert holding(home, wrapped) == ["subject_keys.sqlite"], "control: the key is back"
    assert stolen(home, tmp_path / "between", mine)[0]["payer.name"] == NAME
    async with opened(home) as room:
        assert "payer.name" not in room.fields(mine)
        assert room.fields(other)["payer.name"] == "Ann Example"
        acts = [e.action for _, e in room.installation.audit.read(room.test, 0, 1_000)]
        assert acts.count("privacy:subject:erase_again") == 1
        assert holding(home, wrapped) == []
        assert all(not one.differences for one in room.replay())
    assert holding(home, wrapped) == []


async def test_a_key_database_from_before_the_person_knows_of_the_end(
    erased: tuple[Any, Any, bytes], home: Path, template: Path
) -> None:
    """Neither key nor note of its end is there: it reads as erased, not as damaged."""
    mine, other, _wrapped = erased
    shutil.copy(template / "data" / "subject_keys.sqlite", home / "data" / "subject_keys.sqlite")
    async with opened(home) as room:
        entry = mine.entry
        _fields, gone = room.installation.sealer.open(
            mine.scope, mine.seq, entry.clear, entry.sealed
        )
        assert [one.person for one in gone] == ["payer"]
        with pytest.raises(Corrupt, match="subject_key_missing"):
            room.fields(other)
