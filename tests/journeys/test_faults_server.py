"""The real server dies, fills its disk, finds damage: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from test_support_api import Server, fleet, free_port, start, wait_ready

KIND = "granian"


def again(server: Server, name: str, **environ: str) -> Server:
    """A new process over the same home."""
    return start(KIND, server.home, server.keys, fleet().root / f"{name}.log", **environ)


def payment_of(number: int, at: str) -> dict[str, Any]:
    return {
        "id": f"fault-{number}",
        "type": "card_payment",
        "occurred_at": at,
        "amount_minor": 100 + number,
        "currency": "EUR",
        "merchant": {"id": f"m_{number % 7}", "mcc": "5732", "country": "DE"},
        "payer": {"id": f"fault-payer-{number % 5}"},
        "instrument": {"kind": "card", "reference": f"fault-card-{number % 6}"},
    }


class Load:
    """Threads that send payments and remember what was acknowledged."""

    def __init__(self, server: Server, first: int, at: str, width: int = 6) -> None:
        self.acknowledged: dict[int, dict[str, Any]] = {}
        self.sent: set[int] = set()
        self._next = first
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._server, self._at = server, at
        self._threads = [threading.Thread(target=self._run) for _ in range(width)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        headers = {"authorization": f"Bearer {self._server.keys['operator']}"}
        with httpx.Client(base_url=self._server.url, headers=headers, timeout=30) as client:
            while not self._stop.is_set():
                with self._lock:
                    number, self._next = self._next, self._next + 1
                    self.sent.add(number)
                try:
                    answer = client.post(
                        "/v1/decisions", json={"payment": payment_of(number, self._at)}
                    )
                except httpx.HTTPError:
                    return
                if answer.status_code == 200:
                    with self._lock:
                        self.acknowledged[number] = answer.json()
                elif answer.status_code != 503:
                    raise AssertionError(answer.text)

    def wait_for(self, count: int) -> None:
        ends = time.monotonic() + 60
        while len(self.acknowledged) < count and time.monotonic() < ends:
            time.sleep(0.002)
        assert len(self.acknowledged) >= count

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


def kill(server: Server) -> None:
    """The whole process group, at once and without a word."""
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait(30)
    server.stop()


def now() -> str:
    from test_support_api import now_text

    return now_text()


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer but for its promise: a repeat is promised anew, alone."""
    return {name: value for name, value in answer.items() if name != "receipt"}


def check_after(server: Server, loads: list[Load], chance: random.Random) -> None:
    """Recorded decisions stand, lost ones are decided once, and windows count each exactly once."""
    client = server.client()
    for load in loads:
        for number in sorted(load.sent - set(load.acknowledged)):
            answer = client.post("/v1/decisions", json={"payment": payment_of(number, load._at)})
            assert answer.status_code == 200, answer.text
            load.acknowledged[number] = answer.json()
        for number in chance.sample(sorted(load.acknowledged), 15):
            answer = client.post("/v1/decisions", json={"payment": payment_of(number, load._at)})
            assert answer.headers["decision-repeated"] == "true"
            assert told(answer.json()) == told(load.acknowledged[number])
    every = {n: one for load in loads for n, one in load.acknowledged.items()}
    assert len({one["id"] for one in every.values()}) == len(every)
    for card in range(6):
        probe = server.decide(
            id=f"probe-{card}-{PROBES[server.home][card]}",
            instrument={"kind": "card", "reference": f"fault-card-{card}"},
            merchant={"id": "m_probe"},
        )
        record = client.get(f"/v1/decisions/{probe['id']}").json()["record"]
        mine = [number for number in every if number % 6 == card]
        probes = PROBES[server.home][card]
        assert record["features"]["card_payments_1h"] == len(mine) + probes + 1
        merchants = {number % 7 for number in mine}
        assert record["features"]["merchants_per_card_1d"] == len(merchants) + 1
        PROBES[server.home][card] += 1


PROBES: dict[Path, Counter[int]] = {}


def recorded_once(home: Path) -> None:
    """No attempt stands twice in the records."""
    with sqlite3.connect(home / "data" / "paywarden.sqlite") as held:
        doubled = held.execute(
            "SELECT payment_id FROM decisions GROUP BY scope, payment_id HAVING count(*) > 1"
        ).fetchall()
    held.close()
    assert doubled == []


def replay_of(home: Path) -> dict[str, Any]:
    import json

    made = subprocess.run(
        [sys.executable, "-m", "paywarden.entrypoints.main", "--home", str(home), "replay",
         "--json"],
        capture_output=True, timeout=300, check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("PAYWARDEN_")},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-2000:] + made.stdout[-2000:]
    answer: dict[str, Any] = json.loads(made.stdout)
    return answer


def killed(rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    server = fleet().launch(KIND, f"killed-{seed}")
    PROBES[server.home] = Counter()
    loads: list[Load] = []
    at, first = now(), 0
    try:
        for number in range(rounds):
            load = Load(server, first, at)
            load.wait_for(chance.randint(15, 150))
            time.sleep(chance.random() * 0.05)
            kill(server)
            load.end()
            loads.append(load)
            first = max(load.sent) + 1
            server = again(server, f"killed-{seed}-{number}")
            check_after(server, loads, chance)
        recorded_once(server.home)
    finally:
        server.stop()
    again_made = replay_of(server.home)
    assert again_made["differences"] == 0 and again_made["decisions"] >= first // 2


def test_killed_servers_lose_nothing_and_decide_nothing_twice() -> None:
    killed(4, seed=1)


@pytest.mark.full
def test_twenty_killed_servers_lose_nothing_and_decide_nothing_twice() -> None:
    killed(20, seed=2)


def test_sigterm_answers_what_is_in_flight_and_ends() -> None:
    server = fleet().launch(KIND, "drained")
    try:
        load = Load(server, 0, now())
        load.wait_for(30)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(60)
        load.end()
        assert server.process.returncode == 0
        PROBES[server.home] = Counter()
        server.stop()
        server = again(server, "drained-2")
        check_after(server, [load], random.Random(3))
    finally:
        server.stop()


def test_a_full_disk_is_503_and_nothing_acknowledged_is_lost() -> None:
    """The kernel refuses to let files of the server grow, then lets them again."""
    server = fleet().launch(KIND, "full-disk")
    PROBES[server.home] = Counter()
    client = server.client()
    at, kept, refused = now(), {}, None
    try:
        workers = [int(pid) for pid in _children(server.process.pid)] + [server.process.pid]
        largest = max(one.stat().st_size for one in (server.home / "data").glob("*"))
        for pid in workers:
            resource.prlimit(
                pid, resource.RLIMIT_FSIZE, (largest + 200_000, resource.RLIM_INFINITY)
            )
        for number in range(3_000):
            answer = client.post("/v1/decisions", json={"payment": payment_of(number, at)})
            if answer.status_code != 200:
                refused = (number, answer)
                break
            kept[number] = answer.json()
        assert refused is not None and kept
        assert refused[1].status_code == 503 and refused[1].json()["code"] == "recovering"
        assert refused[1].headers["retry-after"] == "1"
        assert server.process.poll() is None
        for pid in workers:
            resource.prlimit(
                pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            )
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            answer = client.post("/v1/decisions", json={"payment": payment_of(refused[0], at)})
            if answer.status_code == 200:
                break
            assert answer.status_code == 503, answer.text
            time.sleep(0.1)
        assert answer.status_code == 200
        for number, first in kept.items():
            answer = client.post("/v1/decisions", json={"payment": payment_of(number, at)})
            assert answer.json() == first and answer.headers["decision-repeated"] == "true"
        last = refused[0] + 6 * (refused[0] // 6 + 1)
        probe = client.post("/v1/decisions", json={"payment": payment_of(last, at)}).json()
        record = client.get(f"/v1/decisions/{probe['id']}").json()["record"]
        mine = [number for number in (*kept, refused[0]) if number % 6 == last % 6]
        assert record["features"]["card_payments_1h"] == len(mine) + 1
        recorded_once(server.home)
    finally:
        server.stop()


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def refuses(home: Path, *words: str, seconds: float = 120) -> str:
    """The server ends by itself with an error that holds these words; its output."""
    run = subprocess.run(
        [sys.executable, "-m", "paywarden.entrypoints.main", "--home", str(home), "serve",
         "--port", str(free_port())],
        capture_output=True, text=True, timeout=seconds, check=False, start_new_session=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("PAYWARDEN_")},
    )  # fmt: skip
    output = run.stdout + run.stderr
    assert run.returncode != 0, output
    for word in words:
        assert word in output, output
    assert "Traceback" not in output, output
    return output


def copied(name: str) -> Path:
    home = fleet().root / name
    shutil.copytree(fleet().template, home)
    return home


def test_two_servers_on_one_home_do_not_meet(granian: Server) -> None:
    refuses(granian.home, "writer")
    assert granian.decide()["outcome"] == "allow"


def test_a_missing_master_key_is_named_with_its_remedy() -> None:
    home = copied("no-key")
    (home / "keys" / "master.key").unlink()
    refuses(home, "init")


def test_a_readable_master_key_is_refused() -> None:
    home = copied("open-key")
    (home / "keys" / "master.key").chmod(0o644)
    refuses(home, "master", "600")


@pytest.mark.full
def test_a_database_with_zeroed_pages_is_refused_or_whole() -> None:
    server = fleet().launch(KIND, "zeroed")
    try:
        for number in range(60):
            server.client().post("/v1/decisions", json={"payment": payment_of(number, now())})
    finally:
        server.stop()
    database = server.home / "data" / "paywarden.sqlite"
    octets = bytearray(database.read_bytes())
    page = int.from_bytes(octets[16:18], "big")
    octets[-page:] = bytes(page)
    octets[-3 * page : -2 * page] = bytes(page)
    database.write_bytes(octets)
    try:
        reopened = again(server, "zeroed-2")
    except AssertionError as ended:
        assert "the server ended" in str(ended) and "Traceback" not in str(ended)
        return
    try:
        assert replay_of(reopened.home)["differences"] == 0
    finally:
        reopened.stop()


def test_a_damaged_log_ends_the_server_soon_with_place_and_remedy() -> None:
    """Not a worker that is started again and again."""
    home = copied("damaged-log")
    with sqlite3.connect(home / "data" / "paywarden.sqlite") as held:
        for (name,) in held.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'journal'"
        ).fetchall():
            held.execute(f'DROP TRIGGER "{name}"')
        held.execute("UPDATE journal SET at_us = 1 WHERE seq = 2")
    held.close()
    output = refuses(home, "entry 2 of the log is damaged", "backup", "journal_corrupt")
    assert output.count("Spawning worker") == 1, output


@pytest.mark.parametrize("place", ["head", "schema"])
def test_a_file_that_is_no_database_ends_the_server_soon_with_the_remedy(place: str) -> None:
    home = copied(f"no-database-{place}")
    database = home / "data" / "paywarden.sqlite"
    octets = bytearray(database.read_bytes())
    start = 0 if place == "head" else 100
    octets[start : start + 2_000] = b"\x55" * 2_000
    database.write_bytes(octets)
    output = refuses(home, "database_corrupt", "backup")
    assert output.count("Spawning worker") == 1, output


def test_another_master_key_ends_the_server_with_its_error() -> None:
    home = copied("other-key")
    key = home / "keys" / "master.key"
    key.write_bytes(bytes(byte ^ 1 for byte in key.read_bytes()))
    output = refuses(home, "master_key_differs")
    assert output.count("Spawning worker") == 1, output


def test_a_worker_that_dies_is_started_again_over_the_same_log() -> None:
    server = fleet().launch(KIND, "worker-dies")
    PROBES[server.home] = Counter()
    try:
        load = Load(server, 0, now())
        load.wait_for(30)
        (worker,) = [int(pid) for pid in _children(server.process.pid) if _is_worker(int(pid))]
        os.kill(worker, signal.SIGKILL)
        load.end()
        wait_ready(server)
        check_after(server, [load], random.Random(4))
        assert server.process.poll() is None
    finally:
        server.stop()


def _is_worker(pid: int) -> bool:
    return "resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_text()


def frames_end(octets: bytes) -> int:
    """Where the frames of the log's present round end; behind them lie those of rounds before.

    Source: SQLite, "Database File Format", section 4 (the WAL format).
    """
    page = int.from_bytes(octets[8:12], "big")
    salts, end = octets[16:24], 32
    while octets[end + 8 : end + 16] == salts:
        end += 24 + page
    assert end > 32
    return end


def test_a_cut_write_ahead_log_gives_a_prefix() -> None:
    """What was not synced when the power went is gone; what remains decides rightly."""
    server = fleet().launch(KIND, "cut")
    at = now()
    try:
        answers = {
            number: server.client()
            .post("/v1/decisions", json={"payment": payment_of(number, at)})
            .json()
            for number in range(80)
        }
        kill(server)
    finally:
        server.stop()
    wal = server.home / "data" / "paywarden.sqlite-wal"
    octets = wal.read_bytes()
    wal.write_bytes(octets[: frames_end(octets) * 2 // 3 + 100])
    server = again(server, "cut-2")
    try:
        repeated = []
        for number in range(80):
            answer = server.client().post("/v1/decisions", json={"payment": payment_of(number, at)})
            assert answer.status_code == 200
            if answer.headers.get("decision-repeated") == "true":
                repeated.append(number)
                assert told(answer.json()) == told(answers[number])
        assert repeated == list(range(len(repeated))) and 0 < len(repeated) < 80
    finally:
        server.stop()
    assert replay_of(server.home)["differences"] == 0
