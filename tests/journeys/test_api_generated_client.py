"""A client that another program generates from the document completes the journey."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_support_api import Server, fleet

PROGRAM = Path(sys.executable).with_name("openapi-python-client")

JOURNEY = """
import json, sys
from datetime import datetime, timezone
from paywarden_client import AuthenticatedClient
from paywarden_client.api.decisions import continue_decision, decide, get_decision
from paywarden_client.api.events import take_in_events
from paywarden_client.models import (
    ContinueRequest, DecisionRequest, Event, EventsRequest, Instrument, Merchant, Payment,
)

url, key, reference = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key, raise_on_unexpected_status=True)
now = datetime.now(timezone.utc)


def payment(name, amount):
    return Payment(
        id=name, type_="card_payment", occurred_at=now, amount_minor=amount, currency="EUR",
        merchant=Merchant(id="m_42"), instrument=Instrument(kind="card", reference=reference),
    )


def ask(name, amount):
    return decide.sync(client=client, body=DecisionRequest(payment=payment(name, amount)))


first = ask(reference + "-1", 600000)
result = ContinueRequest(result="authenticated")
goes_on = continue_decision.sync(first.id, client=client, body=result)
events = [
    Event(id=f"{reference}-{n}", kind="payment_result", occurred_at=now,
          payment_id=first.payment_id, status="declined", code="05")
    for n in range(5)
]
told = take_in_events.sync(client=client, body=EventsRequest(events=events))
last = ask(reference + "-2", 100)
read = get_decision.sync(last.id, client=client)
refused = decide.sync(client=client, body=DecisionRequest(payment=payment(reference + "-2", 101)))
print(json.dumps({
    "first": str(first.outcome), "continued": str(goes_on.outcome),
    "events": [str(one.status) for one in told.results], "last": str(last.outcome),
    "reasons": [one.code for one in read.reasons], "refused": refused.code,
}))
"""


@pytest.fixture(scope="module")
def granian_once() -> Server:
    return fleet().server("granian")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory, granian_once: Server) -> Path:
    if not PROGRAM.exists():
        pytest.skip("openapi-python-client is not installed")
    folder = tmp_path_factory.mktemp("generated")
    document = folder / "openapi.json"
    document.write_bytes(granian_once.client("").get("/openapi.json").content)
    config = folder / "config.json"
    names = {"project_name_override": "paywarden-client",
             "package_name_override": "paywarden_client", "post_hooks": []}  # fmt: skip
    # The tool knows no XML: to it a message is octets.
    octets = {"content_type_overrides": {"application/xml": "application/octet-stream"}}
    config.write_text(json.dumps({**names, **octets, "literal_enums": True}))
    made = subprocess.run(
        [str(PROGRAM), "generate", "--path", str(document), "--config", str(config),
         "--output-path", str(folder / "client"), "--fail-on-warning"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    return folder / "client"


def test_a_generated_client_completes_the_journey(generated: Path, granian_once: Server) -> None:
    server = granian_once
    done = subprocess.run(
        [sys.executable, "-c", JOURNEY, server.url, server.keys["operator"],
         server.name("generated")],
        env={**os.environ, "PYTHONPATH": str(generated)}, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "first": "challenge",
        "continued": "allow",
        "events": ["recorded"] * 5,
        "last": "block",
        "reasons": ["CARD_TESTING"],
        "refused": "attempt_conflict",
    }
