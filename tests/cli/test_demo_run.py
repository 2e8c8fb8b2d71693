"""Whole runs of the command against a stand-in program: how they start, end and fail."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from paywarden.entrypoints.main import main

FAKE = Path(__file__).with_name("demo_fake.py")
RUNNER = """
import sys
from paywarden.cli.demo import worlds
from paywarden.entrypoints import demo
demo.CHILD = (sys.argv.pop(1),)
worlds.WORLDS, worlds.SPEED = 1, 300.0
from paywarden.entrypoints.main import main
sys.exit(main(sys.argv[1:]))
"""
LIMIT_SECONDS = 60


class Run:
    """One run of the command in a process of its own."""

    def __init__(self, tmp_path: Path, *words: str, behaviour: str = "", **more: Any) -> None:
        self.home = tmp_path / "home"
        self.pids = tmp_path / "pids"
        with socket.socket() as probe:  # runs of others beside us must not meet ours
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        environment = {
            "PAYWARDEN_SERVER__PORT": port,
            **os.environ,
            "FAKE_DEMO": behaviour,
            "FAKE_DEMO_PIDS": str(self.pids),
        }
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                   "stderr": subprocess.PIPE, **more}  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUNNER, str(FAKE), "--home", str(self.home), "demo", *words],
            env=environment, text=True, **streams,
        )  # fmt: skip

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=LIMIT_SECONDS)
        return self.process.returncode, out, err

    def until_serving(self) -> None:
        """Wait until the fourth child (the server, after home and card vault) has been started."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while len(self.children()) < 4:
            assert time.monotonic() < deadline
            assert self.process.poll() is None, self.ended()
            time.sleep(0.02)

    def until_line(self) -> str:
        """Wait for the first line of traffic."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def children(self) -> list[int]:
        return [int(pid) for pid in self.pids.read_text().split()] if self.pids.exists() else []

    def leaves_nobody(self) -> bool:
        """Whether every child is gone, now or within a while."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while any(map(alive, self.children())):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return bool(self.children())


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_json_is_one_document_and_nobody_is_left(tmp_path: Path) -> None:
    run = Run(tmp_path, "--seconds", "1.5", "--json")
    code, out, err = run.ended()
    assert code == 0, err
    document = json.loads(out)
    assert document["decisions"] > 10
    assert document["seconds"] >= 1.5
    assert document["cards"]["tokens"] > 0 and document["cards"]["by_reference"] == 0
    assert sum(document["outcomes"].values()) == document["decisions"]
    labelled = document["labelled"]
    assert labelled["fraud"] + labelled["genuine"] == document["decisions"]
    assert "sending payments" in err
    assert run.leaves_nobody()


def test_without_a_terminal_there_are_lines_and_a_summary(tmp_path: Path) -> None:
    run = Run(tmp_path, "--seconds", "2.3")
    code, out, err = run.ended()
    assert code == 0, err
    lines = out.splitlines()
    assert sum("fraud caught" in text and "/s  allow" in text for text in lines) == 2
    assert any(text.startswith("latency as the client saw it") for text in lines)
    assert "\x1b" not in out + err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    run = Run(tmp_path)
    assert "fraud caught" in run.until_line()
    run.process.send_signal(number)
    code, out, err = run.ended()
    assert code == 0, err
    assert "decisions in" in out
    assert run.leaves_nobody()


def test_a_signal_before_the_first_payment_leaves_nobody_either(tmp_path: Path) -> None:
    run = Run(tmp_path, "--json", behaviour="never_ready")
    run.until_serving()
    run.process.send_signal(signal.SIGINT)
    code, out, _err = run.ended()
    assert code == 4
    assert json.loads(out)["error"]["code"] == "demo_interrupted"
    assert run.leaves_nobody()


def test_being_killed_leaves_nobody(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.until_line()
    run.process.kill()
    run.ended()
    assert run.leaves_nobody()


def test_a_closed_pipe_ends_it_quietly(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.until_line()
    assert run.process.stdout is not None and run.process.stderr is not None
    run.process.stdout.close()
    err = run.process.stderr.read()
    assert run.process.wait(LIMIT_SECONDS) == 0, err
    assert "Traceback" not in err and "BrokenPipe" not in err
    run.process.stderr.close()
    assert run.leaves_nobody()


def test_a_taken_port_gives_a_free_one(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        os.environ["PAYWARDEN_SERVER__PORT"] = str(port)
        try:
            code, out, err = Run(tmp_path, "--seconds", "0.5", "--json").ended()
        finally:
            del os.environ["PAYWARDEN_SERVER__PORT"]
    assert code == 0, err
    assert f"port {port} is taken" in err
    assert json.loads(out)["api"] != f"http://127.0.0.1:{port}"


def test_twice_with_the_same_home_are_two_different_runs(tmp_path: Path) -> None:
    documents = []
    for _ in range(2):
        code, out, err = Run(tmp_path, "--seconds", "1", "--json").ended()
        assert code == 0, err
        documents.append(json.loads(out))
    first, second = ({one["payment_id"] for one in d["latest"]} for d in documents)
    assert not first & second
    assert (tmp_path / "home" / "data" / "demo_runs").read_text() == "2\n"


def test_a_server_that_dies_is_named(tmp_path: Path) -> None:
    run = Run(tmp_path, "--json", behaviour="die_after=20")
    code, out, err = run.ended()
    assert code == 4
    assert json.loads(out)["error"]["code"] == "demo_server_ended"
    assert "fake server: dying" in err
    assert "Traceback" not in err


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    code, out, err = Run(tmp_path, "--json", behaviour="init_fails").ended()
    assert code == 4
    assert json.loads(out)["error"] == {"code": "disk_full", "detail": "no room", "pointer": None}
    assert "fake init: no" in err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--seconds", "0"], "demo_seconds_invalid"),
        (["--seconds", "nan"], "demo_seconds_invalid"),
        (["--seconds", "-3"], "demo_seconds_invalid"),
        (["--speed", "inf"], "demo_speed_invalid"),
        (["--speed", "0.1"], "demo_speed_invalid"),
        (["--seed", "-1"], "demo_seed_invalid"),
    ],
)
def test_bad_options_are_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: str
) -> None:
    home = tmp_path / "home"
    assert main(["--home", str(home), "demo", "--json", *words]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code
    assert not home.exists()


def test_a_key_ends_the_live_view_and_the_terminal_is_put_back(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    os.environ["TERM"] = "xterm"
    run = Run(tmp_path, stdin=theirs, stdout=theirs)
    seen = b""
    deadline = time.monotonic() + LIMIT_SECONDS
    while b"latest stopped" not in seen and time.monotonic() < deadline:
        if select.select([ours], [], [], 0.2)[0]:
            seen += os.read(ours, 65536)
    assert b"latest stopped" in seen
    assert termios.tcgetattr(theirs) != before, "keys are read one by one"
    os.write(ours, b"q")
    while run.process.poll() is None and time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            seen += os.read(ours, 65536)
    assert run.process.wait(1) == 0
    while select.select([ours], [], [], 0.1)[0]:
        seen += os.read(ours, 65536)
    assert b"\x1b[?1049h" in seen and b"\x1b[?1049l" in seen, "the alternate screen, and back"
    assert seen.rindex(b"decisions in") > seen.rindex(b"\x1b[?1049l")
    after = termios.tcgetattr(theirs)
    assert after[3] == before[3]
    for end in (ours, theirs):
        os.close(end)
    assert run.process.stderr is not None
    run.process.stderr.close()
    assert run.leaves_nobody()
