"""Canary numbers and long markers go in by every door; files, log, pages and memory are searched.

The tokenised path (a payment with a token for its card) leaves no number anywhere. A number that
is refused is in no file, log, page or answer; what the worker's memory still holds is told by the
report, and is gone when the worker has been started again. Controls must be found, or the search
proves nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from paywarden.cde.discovery.leak_forms import Marker
from paywarden.cde.discovery.leak_search import Report, search
from paywarden.cde.discovery.process_memory import family
from paywarden.reference.card_numbers import luhn_check_digit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "journeys"))

from test_support_api import Server, own_server, problem

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="process memory is read from /proc")

CONTROL = Marker("kept reference", "canary-kept-order-7f3a91c2", must_be_found=True)
TOKEN = "tk_test_4fJq9ZkT2mXw7BvYc1LdRs"


def canary(number: int) -> str:
    body = f"453957{number:09d}"
    return body + luhn_check_digit(body)


REFUSED = canary(862_148_017)
NEVER_SENT = canary(771_530_926)


def pages(server: Server) -> dict[str, bytes]:
    client = server.client("")
    told = {name: client.get(name).content for name in ("/metrics", "/readyz", "/openapi.json")}
    return {**told, "/v1/decisions": server.client().get("/v1/decisions").content}


def looked(server: Server, *markers: Marker, memory: bool = True) -> Report:
    pids = list(family(server.process.pid)) if memory else []
    return search([CONTROL, *markers], [server.home, server.log], pids, pages(server))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server("granian", "leak-search") as running:
        tokenised(running)
        yield running


def tokenised(server: Server) -> None:
    payment = server.payment(id=CONTROL.text)
    payment["payment"]["instrument"] = {"kind": "card", "reference": TOKEN, "bin": "453957"}
    answer = server.client().post("/v1/decisions", json=payment)
    assert answer.status_code == 200, answer.text


def test_the_tokenised_path_leaves_no_number(server: Server) -> None:
    token = Marker("token", TOKEN, must_be_found=True)
    report = looked(server, Marker("canary", NEVER_SENT), token)
    assert report.unread == ()
    assert report.controls_missed == ()
    assert report.hits == ()
    assert report.clean and report.files > 5 and report.processes >= 2 and report.pages == 4
    assert any(one.place.startswith("process") for one in report.controls)


def test_a_refused_number_is_in_no_file_log_or_page(server: Server) -> None:
    for field in ("wallet", "surprise"):
        body = server.payment(**{field: REFUSED})
        problem(server.client().post("/v1/decisions", json=body), 422, "card_number_not_accepted")
    report = looked(server, Marker("refused", REFUSED), memory=False)
    assert report.hits == () and report.clean


def worker_of(server: Server) -> int:
    """The process that answers: the one that has the most memory."""

    def resident(pid: int) -> int:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])

    return max((pid for pid in family(server.process.pid) if pid != server.process.pid),
               key=resident)  # fmt: skip


def test_a_restarted_worker_holds_no_refused_number(server: Server) -> None:
    """A refused number may lie in freed memory; a worker started again does not hold it."""
    body = server.payment(wallet=REFUSED)
    problem(server.client().post("/v1/decisions", json=body), 422, "card_number_not_accepted")
    before = looked(server, Marker("refused", REFUSED))
    assert all(one.place.startswith("process") for one in before.hits)
    gone = worker_of(server)
    os.kill(gone, signal.SIGKILL)
    while Path(f"/proc/{gone}").exists() or not ready(server):
        time.sleep(0.1)
    assert looked(server, Marker("refused", REFUSED)).hits == ()


def ready(server: Server) -> bool:
    assert server.process.poll() is None, server.log.read_text()[-4000:]
    try:
        return httpx.get(server.url + "/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
