"""The key agent as a process of its own: init, serve, rotate under load, kill, start again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from paywarden.cde.frame_client import FrameClient
from paywarden.cde.frame_format import Refused
from paywarden.cde.keys import wire
from paywarden.cde.keys.client import KeyAgent
from paywarden.cde.places import places_of
from paywarden.cde.proofs import load_proof
from paywarden.core.instants import format_rfc3339
from paywarden.kit.clock import SystemClock

PROGRAM = [sys.executable, "-m", "paywarden.entrypoints.main"]
SCOPE = "shop/test"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    answer = command(tmp_path, "init", "--json")
    assert json.loads(answer.stdout)["changed"][-1] == "callers"
    assert json.loads(command(tmp_path, "init", "--json").stdout)["changed"] == []
    return tmp_path


def command(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, "--home", str(home), "cde", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@contextlib.contextmanager
def process(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The agent, listening."""
    log = (home / "agent.log").open("ab")
    started = subprocess.Popen([*PROGRAM, "--home", str(home), "cde", "key-agent"], stderr=log)
    socket = places_of(home).keys_socket
    deadline = time.monotonic() + 30
    while not answers(home):
        assert started.poll() is None, (home / "agent.log").read_text()
        assert time.monotonic() < deadline, f"nothing at {socket}"
        time.sleep(0.05)
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        log.close()


def answers(home: Path) -> bool:
    return places_of(home).keys_socket.exists() and command(home, "keys", "ping").returncode == 0


@contextlib.asynccontextmanager
async def agent_of(home: Path, caller: str) -> AsyncIterator[KeyAgent]:
    places = places_of(home)
    proof = load_proof(places.run, caller)
    agent = KeyAgent(FrameClient(places.keys_socket, caller, proof, timeout_seconds=30))
    try:
        yield agent
    finally:
        await agent.close()


def this_month() -> str:
    return format_rfc3339(SystemClock().now_us())[:7]


async def wrapped_records(home: Path, count: int) -> dict[bytes, tuple[bytes, bytes, int]]:
    """Record id -> (data key, wrapped, version)."""
    ids = [b"record-%d" % number for number in range(count)]
    async with agent_of(home, "vault") as vault:
        keys = await vault.new_data_keys(SCOPE, "pan", this_month(), ids)
    assert not isinstance(keys, Refused)
    return {
        one: (key.key.expose(), key.wrapped, key.kek_version)
        for one, key in zip(ids, keys, strict=True)
    }


async def opened(agent: KeyAgent, items: list[wire.WrappedItem]) -> list[bytes] | Refused:
    answer = await agent.open_data_keys(SCOPE, "pan", this_month(), items, "forward")
    return answer if isinstance(answer, Refused) else [key.expose() for key in answer]


def test_the_process_guards_its_memory(home: Path) -> None:
    with process(home) as agent:
        status = Path(f"/proc/{agent.pid}/status").read_text()
        limits = Path(f"/proc/{agent.pid}/limits").read_text()
        resident_kib = int(status.split("VmRSS:")[1].split()[0])
        asyncio.run(wrapped_records(home, 10))
    assert "NoNewPrivs:\t1" in status
    [core] = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]
    assert resident_kib <= 150 << 10


def test_the_process_of_a_key_is_not_dumpable() -> None:
    code = (
        "import ctypes; from paywarden.cde.hardening import harden; harden(); "
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_sigterm_ends_it_in_order_and_nothing_is_lost(home: Path) -> None:
    with process(home) as agent:
        records = asyncio.run(wrapped_records(home, 3))
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(timeout=30) == 0
    assert not places_of(home).keys_socket.exists()
    with process(home):

        async def all_open() -> None:
            async with agent_of(home, "egress") as egress:
                for one, (key, wrapped, version) in records.items():
                    item = wire.WrappedItem(one, wrapped, version)
                    assert await opened(egress, [item]) == [key]

        asyncio.run(all_open())


def test_a_killed_agent_has_not_refilled_a_budget(home: Path) -> None:
    keys_toml = places_of(home).keys / "keys.toml"
    text = keys_toml.read_text().replace("egress_hour = 1200000", "egress_hour = 50")
    keys_toml.write_text(text)

    async def spend(items: list[wire.WrappedItem]) -> int:
        async with agent_of(home, "egress") as egress:
            tried = [await opened(egress, [item]) for item in items]
        return sum(not isinstance(one, Refused) for one in tried)

    let_out = 0
    records: dict[bytes, tuple[bytes, bytes, int]] = {}
    for _ in range(4):  # killed three times in the middle of spending
        with process(home) as agent:
            records = records or asyncio.run(wrapped_records(home, 30))
            items = [wire.WrappedItem(one, blob, v) for one, (_, blob, v) in records.items()]
            let_out += asyncio.run(spend(items))
            agent.kill()
    assert 30 <= let_out <= 50


def test_rotation_under_load_fails_no_request(home: Path) -> None:
    with process(home):
        records = asyncio.run(wrapped_records(home, 200))
        failed = asyncio.run(turned_under_load(home, records))
        assert failed == []
        assert {version for _, _, version in records.values()} == {2}
        assert "version 3 is active" in command(home, "keys", "rotate").stdout
        assert command(home, "keys", "destroy-version", "--version", "1").returncode == 0
        illegal = command(home, "keys", "destroy-version", "--version", "3")
        assert "key_transition_illegal" in illegal.stderr
        listed = json.loads(command(home, "keys", "states", "--json").stdout)["answer"]
    states = {one["name"]: one["state"] for one in listed if one["purpose"] == "pan"}
    assert states == {"1": "destroyed", "2": "deactivated", "3": "active", this_month(): "active"}


async def turned_under_load(
    home: Path, records: dict[bytes, tuple[bytes, bytes, int]]
) -> list[object]:
    """Rotate and rewrap every record while all are opened again and again; what went wrong."""
    failed: list[object] = []
    done = asyncio.Event()

    async def load(egress: KeyAgent) -> None:
        while not done.is_set():
            for one, (key, wrapped, version) in list(records.items()):
                answer = await opened(egress, [wire.WrappedItem(one, wrapped, version)])
                if answer != [key]:
                    failed.append(answer)

    async def turn(vault: KeyAgent, operator: KeyAgent) -> None:
        assert await operator.rotate("pan") == 2
        ids = list(records)
        for start in range(0, len(ids), 20):
            part = ids[start : start + 20]
            items = [
                wire.RewrapItem(this_month(), one, records[one][1], records[one][2]) for one in part
            ]
            blobs = await vault.rewrap(SCOPE, "pan", items)
            assert not isinstance(blobs, Refused)
            for one, blob in zip(part, blobs, strict=True):
                records[one] = (records[one][0], blob.wrapped, blob.kek_version)
        done.set()

    async with (
        agent_of(home, "vault") as vault,
        agent_of(home, "egress") as egress,
        agent_of(home, "operator") as operator,
    ):
        await asyncio.gather(load(egress), turn(vault, operator))
    return failed


def test_production_does_not_start_on_a_root_from_a_file(home: Path) -> None:
    keys_toml = places_of(home).keys / "keys.toml"
    keys_toml.write_text(keys_toml.read_text().replace('"development"', '"production"'))
    for words in (["key-agent"], ["init"]):
        answer = command(home, *words)
        assert answer.returncode == 3
        assert "root_unfit_for_production" in answer.stderr


def test_no_variable_turns_production_into_development(home: Path) -> None:
    keys_toml = places_of(home).keys / "keys.toml"
    keys_toml.write_text('[agent]\nmode = "production"\nroot = "file"\n')
    environ = {**os.environ, "PAYWARDEN_AGENT__MODE": "development"}
    answer = subprocess.run(
        [*PROGRAM, "--home", str(home), "cde", "key-agent"],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
        timeout=60,
    )
    assert "root_unfit_for_production" in answer.stderr


def test_without_init_or_root_it_says_what_is_missing(home: Path, tmp_path: Path) -> None:
    places_of(home).development_root.rename(tmp_path / "taken-away")
    answer = command(home, "key-agent")
    assert answer.returncode == 4
    assert "root.key" in answer.stderr
