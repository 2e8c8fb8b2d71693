"""The leak search: every form found wherever it stands, controls, what could not be read."""

from __future__ import annotations

import base64
import gzip
import io
import os
import random
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.cde.discovery.leak_forms import Marker, forms_of
from paywarden.cde.discovery.leak_search import search
from paywarden.cde.discovery.patterns import BLOCK_OCTETS, Patterns
from paywarden.core.errors import InvalidRequest

NUMBER = "4539578763621486"
PAN = Marker("canary", NUMBER)
KEPT = Marker("kept", "canary-kept-0001", must_be_found=True)


def written() -> dict[str, bytes]:
    """What a careless program may write, made otherwise than by the search."""
    number = int(NUMBER)
    return {
        "text": b"x" + NUMBER.encode(),
        "utf-16-le": ("x" + NUMBER).encode("utf-16-le"),
        "utf-16-be": ("x" + NUMBER).encode("utf-16-be"),
        "hex": ("x" + NUMBER).encode().hex().encode(),
        "packed": b"\xaa" + bytes.fromhex(NUMBER),
        "integer le": number.to_bytes(8, "little"),
        "integer be": number.to_bytes(8, "big"),
        "double": struct.pack("<d", number),
        "text reversed": NUMBER[::-1].encode(),
        "text in groups": b"4539 5787 6362 1486",
        **{f"base64 at {n}": base64.b64encode(b"abc"[:n] + NUMBER.encode() + b"tail")
           for n in range(3)},
    }  # fmt: skip


@pytest.mark.parametrize("form", written())
def test_every_form_is_found_in_a_page(form: str) -> None:
    report = search([PAN], pages={"metrics": b"noise " * 99 + written()[form] + b" noise"})
    assert form in {one.form for one in report.hits}
    assert {one.place for one in report.hits} == {"page metrics"} and not report.clean


def test_reports_hold_no_text() -> None:
    report = search([PAN], pages={"p": NUMBER.encode()})
    assert NUMBER not in repr(report) and NUMBER not in str(report.document())
    assert NUMBER not in repr(PAN)


def test_controls_must_be_found() -> None:
    assert search([PAN, KEPT], pages={"p": b"nothing"}).controls_missed == ("kept",)
    report = search([PAN, KEPT], pages={"p": KEPT.text.encode()})
    assert report.clean and len(report.controls) == 1


def test_files_archives_and_databases(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(f"x {NUMBER}")
    (tmp_path / "b.gz").write_bytes(gzip.compress(NUMBER.encode()))
    database = sqlite3.connect(tmp_path / "c.db")
    database.execute("create table t (v text)")
    long = "".join(random.Random(1).choices("abcdef", k=4_070)) + NUMBER * 400
    database.execute("insert into t values (?)", (long,))
    database.commit()
    database.close()
    report = search([PAN], [tmp_path])
    names = {Path(one.place).name for one in report.hits}
    assert {"a.log", "b.gz!", "c.db", "c.db#t:0"} <= names
    cell = [one for one in report.hits if one.place.endswith("#t:0") and one.form == "text"]
    assert len(cell) == 400, "cut over pages, and found whole"


def test_what_is_unread_spoils_the_report(tmp_path: Path) -> None:
    assert search([PAN], [tmp_path / "absent"]).unread[0].reason == "absent"
    (tmp_path / "cut.gz").write_bytes(gzip.compress(os.urandom(5_000))[:900])
    assert search([PAN], [tmp_path]).unread[0].reason == "archive_broken"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert search([PAN], pids=[gone.pid]).unread[0].reason == "unreadable"


def test_doubtful_markers_are_refused() -> None:
    for markers in ([], [Marker("a", "short")], [PAN, PAN]):
        with pytest.raises(InvalidRequest):
            search(markers)
    with pytest.raises(InvalidRequest):
        search([PAN], pids=[os.getpid()])


@pytest.mark.skipif(sys.platform != "linux", reason="process memory is read from /proc")
def test_memory_of_a_process() -> None:
    program = (
        "import sys; a = sys.stdin.readline(); b = int(a.split()[0]); c = a.encode('utf-16-le');"
        "print('there', flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(f"{NUMBER} {KEPT.text}\n".encode())
        child.stdin.flush()
        child.stdout.readline()
        report = search([PAN, KEPT, Marker("other", "5105105105105100")], pids=[child.pid])
        child.kill()
    assert report.unread == () and report.controls_missed == ()
    assert {one.marker for one in report.hits} == {"canary"}
    assert {"text", "python integer", "utf-16-le"} <= {one.form for one in report.hits}


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.lists(st.integers(0, 400), min_size=1, max_size=4, unique=True))
def test_a_stream_is_searched_whole_however_it_is_cut(cut: int, gaps: list[int]) -> None:
    patterns = Patterns({"a": b"needle", "b": b"needless-things"})
    text = b"".join(b"." * gap + b"needless-things" for gap in gaps)
    source = io.BytesIO(text)
    found = sorted(patterns.in_stream(lambda _octets: source.read(cut)))
    strings = (("a", b"needle"), ("b", b"needless-things"))
    expected = [
        (at, name)
        for at in range(len(text))
        for name, octets in strings
        if text.startswith(octets, at)
    ]
    assert found == expected


def test_a_string_over_two_blocks() -> None:
    text = b"." * (BLOCK_OCTETS - 3) + b"needle" + b"." * 10
    patterns = Patterns({"a": b"needle"})
    assert list(patterns.in_stream(io.BytesIO(text).read)) == [(BLOCK_OCTETS - 3, "a")]


def test_forms_are_long_enough_and_all_different() -> None:
    for text in (NUMBER, "canary-kept-0001", "4222222222222"):
        assert all(len(octets) >= 6 for octets in forms_of(text).values())
