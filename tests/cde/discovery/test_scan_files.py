"""Files of every kind, hostile ones among them, through the command."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from paywarden.entrypoints.main import main

NUMBER = "4539578763621486"
MASKED = "453957******1486"


def scan(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = main(["--home", str(path.parent / "home"), "cde", "scan", str(path), "--json"])
    shown = capsys.readouterr()
    assert NUMBER not in shown.out + shown.err
    return code, json.loads(shown.out)


def places(document: dict[str, Any]) -> set[tuple[str, int]]:
    return {(Path(one["path"]).name, one["offset"]) for one in document["findings"]}


def reasons(document: dict[str, Any]) -> dict[str, str]:
    return {Path(one["path"]).name: one["reason"] for one in document["skipped"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    return made


def test_answer_and_exit_codes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty.txt").write_bytes(b"")
    code, document = scan(folder, capsys)
    assert code == 0 and document["findings"] == [] and document["bytes"] == 0
    (folder / "a.txt").write_text(f"hello {NUMBER}\n")
    code, document = scan(folder, capsys)
    assert code == 1
    assert document["findings"] == [
        {"path": str(folder / "a.txt"), "offset": 6, "kind": "pan", "masked": MASKED,
         "form": "text", "brand": "visa"}
    ]  # fmt: skip
    assert document["bytes"] == 23 and document["seconds"] >= 0
    assert main(["cde", "scan", str(folder / "absent"), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "path_unknown"


def test_sqlite_tables_and_free_space(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = sqlite3.connect(folder / "app.db")
    database.execute("pragma secure_delete = off")
    database.execute("create table payments (id integer primary key, note text, n int, b blob)")
    database.execute("create table keyed (k text primary key, v text) without rowid")
    rows = [
        (42, f"to {NUMBER}", None, None),
        (43, "x", int(NUMBER), None),
        (44, "y" * 9_000 + " " + NUMBER, None, None),
        (45, "z", None, NUMBER.encode("utf-16")),
    ]
    database.executemany("insert into payments values (?, ?, ?, ?)", rows)
    database.execute("insert into keyed values ('a', ?)", (NUMBER,))
    left = " gone 4916338506082832 "
    gone = [(n, f"{left}{n} " + "f" * 900, 0, None) for n in range(100, 200)]
    database.executemany("insert into payments values (?, ?, ?, ?)", gone)
    database.commit()
    database.execute("delete from payments where id >= 100")
    database.commit()
    database.close()
    code, document = scan(folder, capsys)
    found = places(document)
    assert code == 1
    assert {("app.db#payments.note:42", 3), ("app.db#payments.n:43", 0),
            ("app.db#payments.note:44", 9_001), ("app.db#payments.b:45", 2),
            ("app.db#keyed.v:1", 0)} <= found  # fmt: skip
    free = [one for one in document["findings"] if one["masked"] == "491633******2832"]
    assert len(free) > 50 and all(one["path"].endswith("app.db") for one in free)
    content = (folder / "app.db").read_bytes()
    assert all(content[one["offset"] :].startswith(b"4916338506082832") for one in free)


def test_sqlite_write_ahead_log(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = sqlite3.connect(folder / "live.db")
    database.execute("pragma journal_mode = wal")
    database.execute("pragma wal_autocheckpoint = 0")
    database.execute("create table t (note text)")
    database.execute("insert into t values (?)", (f" {NUMBER} ",))
    database.commit()
    _code, document = scan(folder, capsys)
    names = {name for name, _offset in places(document)}
    assert {"live.db#t.note:1", "live.db-wal"} <= names
    database.close()


def test_a_damaged_database_is_read_as_octets(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = b"SQLite format 3\x00" + b"\xff" * 200 + f" {NUMBER} ".encode()
    (folder / "bad.db").write_bytes(text)
    code, document = scan(folder, capsys)
    assert code == 1 and places(document) == {("bad.db", 217)}
    assert reasons(document) == {"bad.db": "database_unreadable_as_tables"}


def test_parquet_columns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pl.DataFrame(
        {"n": [1, int(NUMBER)], "s": ["x", f"to {NUMBER}"], "f": [0.5, float(NUMBER)],
         "l": [["x"], [NUMBER]], "b": [b"", NUMBER.encode()], "d": [7, 8]}
    ).write_parquet(folder / "p.parquet")  # fmt: skip
    (folder / "bad.parquet").write_bytes(b"PAR1" + b"\x07" * 400 + b"PAR1")
    _code, document = scan(folder, capsys)
    assert {name for name, _ in places(document)} == {
        f"p.parquet#{column}:1" for column in ("n", "s", "f", "l", "b")
    }
    assert reasons(document) == {"bad.parquet": "parquet_broken"}


def packed_in(name: str, octets: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, octets)
    return sink.getvalue()


def test_archives_in_archives(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"hello {NUMBER}".encode()
    inner = packed_in("in/note.txt", text)
    (folder / "a.gz").write_bytes(gzip.compress(text))
    (folder / "b.zip").write_bytes(packed_in("c.zip", inner))
    with tarfile.open(folder / "d.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("../../escape.txt")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    _code, document = scan(folder, capsys)
    assert {one["path"].removeprefix(str(folder) + "/") for one in document["findings"]} == {
        "a.gz", "b.zip!c.zip!in/note.txt", "d.tar.gz!../../escape.txt",
    }  # fmt: skip
    assert {one["offset"] for one in document["findings"]} == {6}


def test_bombs_and_broken_archives_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bomb.gz").write_bytes(gzip.compress(b"0" * (40 << 20), 9))
    (folder / "bomb.zip").write_bytes(packed_in("zeros", b"\0" * (40 << 20)))
    deep = b"end"
    for level in range(12):
        deep = packed_in(f"{level}.zip", deep)
    (folder / "deep.zip").write_bytes(deep)
    (folder / "cut.gz").write_bytes(gzip.compress(os.urandom(9_000))[:4_000])
    (folder / "cut.zip").write_bytes(packed_in("x", b"y" * 900)[:60] + NUMBER.encode())
    _code, document = scan(folder, capsys)
    told = {one["path"].split("!")[0].rsplit("/", 1)[1]: one["reason"]
            for one in document["skipped"]}  # fmt: skip
    assert told == {
        "bomb.gz": "archive_bomb", "bomb.zip": "archive_bomb", "deep.zip": "nested_too_deep",
        "cut.gz": "archive_broken", "cut.zip": "archive_broken",
    }  # fmt: skip
    assert {name for name, _ in places(document)} == {"cut.zip"}, "broken ones are read as octets"


def test_odd_entries_are_named_and_never_entered(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "loop").symlink_to(folder)
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as ear:
        ear.bind(str(folder / "ear"))
        with (folder / "sparse").open("wb") as file:
            file.seek(64 << 30)
            file.write(f" {NUMBER} ".encode())
        (folder / f"{NUMBER}.txt").write_text("x")
        (folder / os.fsdecode(b"odd\xff.txt")).write_text(NUMBER)
        code, document = scan(folder, capsys)
    assert code == 1
    assert reasons(document) == {
        "loop": "symbolic_link", "dangling": "symbolic_link", "pipe": "fifo", "ear": "socket",
        "sparse": "sparse_holes",
    }  # fmt: skip
    assert ("sparse", (64 << 30) + 1) in places(document)
    assert (f"{MASKED}.txt", 0) in places(document), "a number in a name is masked in the path"
    assert len(document["findings"]) == 3 and document["bytes"] < 1 << 20


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="setpriv is not installed"
)
def test_an_unreadable_file_is_named(folder: Path) -> None:
    """Without the powers of root, where the tests have them."""
    (folder / "secret.txt").write_text(NUMBER)
    (folder / "secret.txt").chmod(0o000)
    program = [sys.executable, "-m", "paywarden.entrypoints.main", "cde", "scan", str(folder),
               "--json"]  # fmt: skip
    if os.geteuid() == 0:
        program = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *program]
    ran = subprocess.run(program, capture_output=True, text=True, timeout=120)
    document = json.loads(ran.stdout)
    assert ran.returncode == 0 and reasons(document) == {"secret.txt": "unreadable"}
