"""A real card is tokenised and paid with by token and facts: outside, nothing knows its number.

Searched: every file of the home (the vault's own among them, where numbers lie encrypted), the logs
of both servers, pages, and the memory of the processes outside the card data environment. What the
processes inside hold while they work is theirs.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from paywarden.cde.discovery.leak_forms import Marker
from paywarden.cde.discovery.leak_search import search
from paywarden.cde.discovery.process_memory import family
from paywarden.reference.card_numbers import luhn_check_digit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "journeys"))

from test_cde_serve_journey import MAIN, START_SECONDS, Serving, command, free_port
from test_support_api import now_text

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="process memory is read from /proc")

BODY = "453957641203858"
CANARY = BODY + luhn_check_digit(BODY)
ORDER = "canary-kept-order-51b7e0d4"


class Both:
    """The card data environment and the API over one home."""

    def __init__(self, home: Path) -> None:
        self.cards = Serving(home)
        self.operator = command(home, "keys", "--name", "till", "--role", "operator")["api_key"]
        self.port, self.log = free_port(), home / "api.log"
        with self.log.open("wb") as log:
            self.api = subprocess.Popen(
                [*MAIN, "--home", str(home), "serve", "--port", str(self.port)],
                stdout=log, stderr=log,
            )  # fmt: skip
        ends = time.monotonic() + START_SECONDS
        while not self.ready():
            assert self.api.poll() is None and time.monotonic() < ends, self.log.read_text()
            time.sleep(0.2)

    def ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def tokenise(self) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.cards.key}"}
        body = {"card": {"number": CANARY, "expiry": "2031-07", "cvv": "737"}}
        url = self.cards.url + "/v1/tokens"
        made = httpx.post(url, json=body, headers=headers, timeout=60)
        assert made.status_code == 201, made.text
        told: dict[str, Any] = made.json()
        return told

    def pay(self, card: dict[str, Any]) -> httpx.Response:
        payment = {
            "id": ORDER, "type": "card_payment", "occurred_at": now_text(), "amount_minor": 1_250,
            "currency": "EUR", "channel": "ecommerce", "merchant": {"id": "shop-1"},
            "payer": {"id": "cus-1"},
            "instrument": {"kind": "card", "token": card["token"], "facts": card["facts"]},
        }  # fmt: skip
        headers = {"authorization": f"Bearer {self.operator}"}
        url = f"http://127.0.0.1:{self.port}/v1/decisions"
        return httpx.post(url, json={"payment": payment}, headers=headers, timeout=60)

    def end(self) -> None:
        if self.api.poll() is None:
            self.api.send_signal(signal.SIGTERM)
        self.api.wait(60)
        self.cards.end()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    made = Both(tmp_path_factory.mktemp("tokenised") / "home")
    yield made
    made.end()


def test_outside_nothing_knows_the_number(both: Both) -> None:
    card = both.tokenise()
    token = card["token"]
    paid = both.pay(card)
    assert paid.status_code == 200, paid.text
    url = f"http://127.0.0.1:{both.port}"
    pages = {name: httpx.get(url + name, timeout=30).content for name in ("/metrics", "/readyz")}
    pages |= {"edge /metrics": httpx.get(both.cards.url + "/metrics", timeout=30).content}
    pages |= {"decision": paid.content}
    markers = [
        Marker("canary", CANARY),
        Marker("token", token, must_be_found=True),
        Marker("order", ORDER, must_be_found=True),
    ]
    report = search(markers, [both.cards.home], list(family(both.api.pid)), pages)
    assert report.unread == ()
    assert report.controls_missed == ()
    assert report.hits == ()
    assert report.clean and report.files > 20 and report.processes >= 2
    assert any(one.place.startswith("process") for one in report.controls)
