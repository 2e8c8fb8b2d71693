"""After a refused card number the worker is replaced under load: no request lost, memory clean."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from paywarden.cde.discovery.leak_forms import Marker
from paywarden.cde.discovery.leak_search import search
from paywarden.cde.discovery.process_memory import family
from paywarden.entrypoints.recycling import PATIENCE_SECONDS, Recycling

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "journeys"))

from test_leak_search import REFUSED, canary, worker_of
from test_support_api import Server, own_server, problem

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="process memory is read from /proc")
HELD = canary(303_202_101)
SECONDS = 120.0


class Watch:
    """A clock, counts, and whether a successor was asked for."""

    def __init__(self, tmp_path: Path) -> None:
        self.now, self.refused, self.asked = 0.0, 0.0, 0
        self.around: Any = SimpleNamespace(in_flight=0, leaving=False)
        self.recycling = Recycling(
            tmp_path / "note", 900.0, lambda: self.refused, self.around,
            monotonic=lambda: self.now, ask=self._ask,
        )  # fmt: skip

    def _ask(self) -> None:
        self.asked += 1


def test_a_worker_is_replaced_once_it_is_old_enough_and_quiet(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.now = 10_000.0
    assert not watch.recycling.look()  # nothing was refused
    watch.refused, watch.around.in_flight = 1.0, 3
    assert not watch.recycling.look()
    watch.now += PATIENCE_SECONDS
    assert watch.recycling.look()  # busy for ever is no reason to wait for ever
    assert not watch.recycling.look()
    assert (watch.asked, watch.around.leaving) == (1, True)


def test_numbers_sent_without_end_replace_nothing_before_its_time(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    for second in range(900):
        watch.now, watch.refused = float(second), second * 1_000.0
        assert not watch.recycling.look()
    watch.now = 900.0
    assert watch.recycling.look()


@pytest.fixture
def server() -> Iterator[Server]:
    with own_server("granian", "recycled", PAYWARDEN_SERVER__RECYCLE_SECONDS="1") as running:
        yield running


class Load:
    """Payments one after the other from a few threads, until told to stop."""

    def __init__(self, server: Server, threads: int = 4) -> None:
        self.server, self.ended = server, threading.Event()
        self.told: Counter[str] = Counter()
        self.slowest_seconds, self.again = 0.0, 0
        self.threads = [threading.Thread(target=self._send, args=(n,)) for n in range(threads)]

    def _send(self, thread: int) -> None:
        count = 0
        while not self.ended.is_set():
            count += 1
            began = time.monotonic()
            payment = self.server.payment(id=f"load-{thread}-{count}")
            self.told[str(self._sent(payment))] += 1
            self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)

    def _sent(self, payment: dict[str, Any]) -> int:
        """The status; a connection that ended under a request is met as every client meets it."""
        for _ in range(2):
            try:
                answer = self.server.client().post("/v1/decisions", json=payment, timeout=90)
                return answer.status_code
            except httpx.TransportError:
                self.again += 1
        return 0

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()


def test_a_refused_number_leaves_with_its_worker_and_no_request_is_lost(server: Server) -> None:
    first = worker_of(server)
    kept = server.payment(id=HELD[:6] + "-kept-51b7e0d4")
    assert server.client().post("/v1/decisions", json=kept).status_code == 200
    with Load(server) as load:
        body = server.payment(wallet=REFUSED)
        problem(server.client().post("/v1/decisions", json=body), 422, "card_number_not_accepted")
        ends = time.monotonic() + SECONDS
        while Path(f"/proc/{first}").exists():
            assert time.monotonic() < ends, server.log.read_text()[-4000:]
            time.sleep(0.2)
        time.sleep(1.0)
    assert load.told["200"] == load.told.total() > 50, load.told
    assert load.again <= len(load.threads)
    print(f"{load.told.total()} payments, {load.again} again; {load.slowest_seconds:.1f} s at most")
    again = server.client().post("/v1/decisions", json=kept)
    assert again.status_code == 200  # the same answer from the rebuilt state
    markers = [Marker("refused", REFUSED), Marker("kept", kept["payment"]["id"], True)]
    report = search(markers, [server.home, server.log], list(family(server.process.pid)), {})
    assert report.unread == ()
    assert report.hits == ()
    assert report.controls_missed == ()
    assert any(one.place.startswith("process") for one in report.controls)
