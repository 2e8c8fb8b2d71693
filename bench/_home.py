"""A real installation for benchmarks: home folder, server process, API calls, a past on disk.

The past is written as sealed segments, as the server's keeper writes them; the log entries that
they came from are left out (a start reads segments first and the log only behind them), with one
entry in their place so that the log goes on behind the past.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import _policy
import _report
import _traffic
from paywarden.core.scope import Environment, Scope
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import Installation
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.journal.chain import DIGEST_OCTETS
from paywarden.risk.features.segments import write_segment

SCOPE = Scope("default", Environment.LIVE)
MAIN = [sys.executable, "-m", "paywarden.entrypoints.main"]
START_SECONDS = 900.0
UNLIMITED = "[limits]\nkey_per_second = 0.0\nprincipal_per_second = 0.0\n"
"""The whole load comes with one key, as fast as the server answers."""


def command(home: Path, *words: str) -> dict[str, Any]:
    """Run one `paywarden` command; its JSON answer."""
    done = subprocess.run(
        [*MAIN, "--home", str(home), *words, "--json"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"paywarden {words[0]} failed: {done.stderr[-2_000:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def initialise(root: Path) -> str:
    """Make a home with the operator's own tables; a live operator key."""
    command(root, "init")
    settings = root / "paywarden.toml"
    tables = _policy.tables(root / "tables")
    text = settings.read_text().replace("[tables]\n", tables, 1)
    text = text.replace("[limits]\n", UNLIMITED, 1)
    settings.write_text(text.replace("# max_in_flight = 512", "max_in_flight = 4096"))
    made = command(root, "keys", "--environment", "live", "--role", "operator")
    return str(made["api_key"])


def give_past(root: Path, cards: int, count: int) -> dict[str, float]:
    """Write `count` observations of `cards` cards as segments; seconds and bytes."""
    home = Home(root)
    installation = Installation(home, home.settings({}), SystemClock(), SystemRandomness())
    try:
        digester = installation.digester(SCOPE)
        folder = installation.history.folder_of(SCOPE)
    finally:
        installation.reader.close()
        installation.wrapped_keys.close()
    with contextlib.closing(sqlite3.connect(home.database)) as base:
        head = int(base.execute("SELECT max(seq) FROM journal").fetchone()[0])
    started = time.perf_counter()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    world = _traffic.World(cards)
    end_us = time.time_ns() // 1_000 - 60 * _traffic.SECOND_US
    past = _traffic.Past(world, digester.digest, end_us, head + 1)
    for chunk in past.chunks(count):
        write_segment(folder, chunk)
    _bridge(home.database, head + count + 1, end_us)
    size = sum(path.stat().st_size for path in folder.iterdir())
    took = time.perf_counter() - started
    return {"seconds": round(took, 1), "MiB": round(size / (1 << 20)), "head": head}


def _bridge(database: Path, seq: int, at_us: int) -> None:
    """One log entry behind the past, of a scope of its own, so that nothing reads it."""
    with contextlib.closing(sqlite3.connect(database)) as base, base:
        row = (seq, "bridge/live", "bridge", at_us, b"", bytes(DIGEST_OCTETS))
        base.execute(
            "INSERT INTO journal (seq, scope, kind, at_us, body, digest) VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """`paywarden serve` in a process of its own."""

    def __init__(self, root: Path, key: str) -> None:
        self.root, self.key, self.port = root, key, free_port()
        self._log = open(root / "serve.log", "ab")  # noqa: SIM115
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [*MAIN, "--home", str(root), "serve", "--port", str(self.port)],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.perf_counter() - started

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                log = (self.root / "serve.log").read_text()[-2_000:]
                raise RuntimeError(f"the server ended while starting:\n{log}")
            try:
                with urllib.request.urlopen(self.url("/readyz"), timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.05)
        raise RuntimeError("the server was not ready in time")

    def url(self, path: str) -> str:
        """Address of an operation."""
        return f"http://127.0.0.1:{self.port}{path}"

    def text(self, path: str) -> str:
        """Body of an open operation."""
        with urllib.request.urlopen(self.url(path), timeout=30) as answer:
            return str(answer.read().decode())

    def call(self, method: str, path: str, body: Any = None, *, timeout: float = 900.0) -> Any:
        """One API call with the operator's key; the answer's JSON."""
        octets = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        request = urllib.request.Request(self.url(path), octets, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            text = refusal.read()[:2_000].decode()
            raise RuntimeError(f"{method} {path}: {refusal.code} {text}") from None

    def publish(self, files: dict[str, str]) -> dict[str, Any]:
        """Create and publish a policy; seconds of each and the ruleset."""
        started = time.perf_counter()
        made = self.call("POST", "/v1/rulesets", {"files": files})
        created = time.perf_counter()
        self.call("POST", f"/v1/rulesets/{made['hash']}/publish")
        ended = time.perf_counter()
        return {
            "ruleset": made["hash"],
            "create_s": round(created - started, 2),
            "publish_s": round(ended - created, 2),
            "live_after_s": round(ended - started, 2),
        }

    def processes(self) -> list[int]:
        """The server and its children."""
        found, todo = [], [self._process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    todo += [int(word) for word in task.read_text().split()]
        return found

    def cpu_seconds(self) -> float:
        """Processor seconds of all its processes."""
        return sum(_report.cpu_seconds(pid) for pid in self.processes())

    def resident_mib(self) -> float:
        """Resident memory of all its processes."""
        return round(sum(_report.resident_mib(pid) for pid in self.processes()), 1)

    def written_bytes(self) -> int:
        """Bytes that its processes sent to the disk."""
        total = 0
        for pid in self.processes():
            lines = Path(f"/proc/{pid}/io").read_text().splitlines()
            total += int(dict(line.split(": ") for line in lines)["write_bytes"])
        return total

    def kill(self) -> None:
        """End it without a word (SIGKILL), with all its processes."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it as a supervisor would, and wait."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._log.close()


@contextlib.contextmanager
def serving(root: Path, key: str) -> Iterator[Server]:
    """A server that is stopped at the end."""
    server = Server(root, key)
    try:
        yield server
    finally:
        server.stop()


def disk(folder: Path, rounds: int = 400) -> dict[str, float]:
    """Milliseconds of fdatasync after an 8 KiB append, on the disk of `folder`."""
    path, took, block = folder / "disk.probe", [], os.urandom(8_192)
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    try:
        for _ in range(rounds):
            os.write(handle, block)
            started = time.perf_counter_ns()
            os.fdatasync(handle)
            took.append(time.perf_counter_ns() - started)
    finally:
        os.close(handle)
        path.unlink()
    return _report.percentiles(took, 1e6)
