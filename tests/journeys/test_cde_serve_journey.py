"""`paywarden cde serve` over a real home: a card becomes a token; all end together."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

MAIN = [sys.executable, "-m", "paywarden.entrypoints.main"]
START_SECONDS = 120.0
NUMBER = "4111111111111111"


def command(home: Path, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [*MAIN, "--home", str(home), *words, "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Serving:
    """The command, its home, and a shop's key."""

    def __init__(self, home: Path) -> None:
        command(home, "init")
        command(home, "cde", "init")
        self.key = command(home, "keys", "--merchant", "shop-1", "--name", "shop")["api_key"]
        self.home, self.port, self.log = home, free_port(), home / "serve.log"
        ports = ["--port", str(self.port), "--egress-port", str(free_port())]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*MAIN, "--home", str(home), "cde", "serve", *ports], stderr=log, stdout=log
            )
        ends = time.monotonic() + START_SECONDS
        while "ready" not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < ends, self.text
            time.sleep(0.1)
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def text(self) -> str:
        return self.log.read_text()

    def children(self) -> dict[str, int]:
        """Process ids by name of the command."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        found = {}
        for pid in listed.split():
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            found[words[words.index("cde") + 1]] = int(pid)
        return found

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(60)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    made = Serving(tmp_path / "home")
    yield made
    made.end()


def gone(pids: dict[str, int]) -> bool:
    ends = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in pids.values()):
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def test_a_card_becomes_a_token_and_all_end_cleanly(serving: Serving) -> None:
    headers = {"authorization": f"Bearer {serving.key}"}
    with httpx.Client(base_url=serving.url, headers=headers, timeout=30) as shop:
        body = {"card": {"number": NUMBER, "expiry": "2031-07", "cvv": "737"}}
        made = shop.post("/v1/tokens", json=body)
        assert made.status_code == 201, made.text
        token = made.json()["token"]
        assert made.json()["facts"].startswith("pwf1.")
        again = shop.post("/v1/tokens", json=body).json()
        assert (again["token"], again["existing"]) == (token, True)
        assert shop.get(f"/v1/tokens/{token}").json()["fingerprint"] == made.json()["fingerprint"]
        session = shop.post("/v1/field-sessions", json={"origin": "https://shop.example"}).json()
        sent = httpx.post(
            session["url"] + "/card", json=body, timeout=30,
            headers={"paywarden-request": "1", "origin": serving.url},
        )  # fmt: skip
        assert sent.json()["token"] == token
        assert shop.delete(f"/v1/tokens/{token}").status_code == 200
        assert shop.get(f"/v1/tokens/{token}").json()["code"] == "token_unknown"
        told = shop.get("/metrics").text + serving.text
    children = serving.children()
    assert children.keys() == {"key-agent", "vault", "callers", "edge", "egress"}
    serving.end()
    assert serving.process.returncode == 0, serving.text
    assert gone(children)
    assert NUMBER not in told + serving.text
    for path in serving.home.rglob("*"):
        if path.is_file():
            assert NUMBER.encode() not in path.read_bytes(), path


def test_a_key_made_or_revoked_in_the_house_counts_at_the_edge(serving: Serving) -> None:
    card = {"card": {"number": NUMBER, "expiry": "2031-07"}}

    def asked(key: str) -> int:
        headers = {"authorization": f"Bearer {key}"}
        return httpx.post(serving.url + "/v1/tokens", json=card, headers=headers).status_code

    made = command(serving.home, "keys", "--merchant", "shop-2", "--name", "two")
    assert within(lambda: asked(made["api_key"]) == 201)
    command(serving.home, "keys", "revoke", "--key", made["key_id"])
    assert within(lambda: asked(made["api_key"]) == 401)
    assert asked(serving.key) == 201
    ready = httpx.get(serving.url + "/readyz").json()["dependencies"]
    assert {"name": "callers", "state": "fresh", "ready": True} in ready


def within(holds: Callable[[], bool]) -> bool:
    ends = time.monotonic() + 30
    while not holds():
        if time.monotonic() > ends:
            return False
        time.sleep(0.1)
    return True


def test_one_that_dies_ends_all(serving: Serving) -> None:
    children = serving.children()
    os.kill(children["vault"], signal.SIGKILL)
    serving.process.wait(60)
    assert serving.process.returncode == 4
    assert "vault ended with -9, so all were ended" in serving.text
    assert gone(children)


def test_children_end_with_a_parent_that_was_killed(serving: Serving) -> None:
    children = serving.children()
    serving.process.kill()
    assert gone(children)
