"""The demonstration as a newcomer meets it: the real program, server, policy and log."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

LIMIT_SECONDS = 600
COUNTED = re.compile(r"allow (\d+) challenge (\d+) review (\d+) block (\d+) .*fraud caught (\d+)/")
"""What a run without a terminal tells each second."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "home"


def start(home: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "paywarden.entrypoints.main", "--home", str(home), "demo"]
    return subprocess.Popen(
        [*command, "--json", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, **variables},
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    out, err = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0, err
    document: dict[str, Any] = json.loads(out)
    return document, err


def end_after(process: subprocess.Popen[str], decisions: int, caught: int) -> str:
    """Read what a run tells until it has decided and caught so much, then end it by a signal."""
    assert process.stderr is not None
    told, counts = "", [0] * 5
    while sum(counts[:4]) < decisions or counts[4] < caught:
        line = process.stderr.readline()
        assert line, told
        told += line
        if found := COUNTED.search(line):
            counts = [int(number) for number in found.groups()]
    process.send_signal(signal.SIGINT)
    return told


def left_of(home: Path) -> list[str]:
    """Command lines of processes that still name this home."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(home).encode() in words:
            found.append(b" ".join(words).decode("utf-8", "replace"))
    return found


def test_a_first_run_decides_catches_and_explains(home: Path) -> None:
    process = start(home)
    end_after(process, decisions=1_000, caught=20)
    document, _err = finish(process)
    assert document["refused"] == [], "every payment and event of the simulator is accepted"
    # Beside other work a stage may come too late once; that is stated, and nothing else is.
    assert {one["reason"] for one in document["degraded"]} <= {"fraud_skipped", "screening_skipped"}
    labelled = document["labelled"]
    aml = document["aml"]
    parts = labelled["fraud"] + labelled["genuine"] + aml["laundering"]
    assert parts == document["decisions"]
    assert aml["alerts"] > 0
    assert aml["to_listed_parties_held"] > 0, "payments to the made-up list are held"
    assert aml["look_alikes"] > 0
    assert labelled["caught"] > 0
    assert labelled["genuine_hurt"] < labelled["genuine"] / 10
    assert document["campaigns"]["card_testing"]["caught"] > 0
    assert document["reasons"] and document["rules"] and document["latest"]
    assert 0 < document["latency_ms"]["p50"] <= document["latency_ms"]["p99"]
    assert not left_of(home)


def test_what_the_view_counted_is_what_the_log_holds(home: Path) -> None:
    import sqlite3

    document, _err = finish(start(home, "--seconds", "2"))
    with sqlite3.connect(f"file:{home / 'data' / 'paywarden.sqlite'}?mode=ro", uri=True) as log:
        tables = [row[0] for row in log.execute("select name from sqlite_master")]
        assert "decisions" in tables
        held = log.execute("select count(*) from decisions").fetchone()[0]
    log.close()
    assert held >= document["decisions"]


def test_a_second_run_of_the_home_on_a_taken_port_ends_at_a_signal(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = start(home, PAYWARDEN_SERVER__PORT=port)
        told = end_after(process, decisions=1, caught=0)
        document, _err = finish(process)
    assert document["decisions"] > 0
    assert document["refused"] == []
    assert f"port {port} is taken" in told
    assert not left_of(home)


def test_a_killed_run_leaves_no_server(home: Path) -> None:
    process = start(home)
    assert process.stderr is not None
    while "fraud caught" not in (line := process.stderr.readline()):
        assert line
    process.kill()
    process.communicate()
    deadline = time.monotonic() + LIMIT_SECONDS
    while left_of(home) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left_of(home)
