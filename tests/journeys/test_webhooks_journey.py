"""From a decision to a receiver that verifies: API, worker and receiver over real sockets."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook
from test_support_api import Server, own_server, problem

WAIT_SECONDS = 60.0
OPENED = {"PAYWARDEN_WEBHOOKS__ALLOWED_NETWORKS": '["127.0.0.0/8"]'}


class Receiver(ThreadingHTTPServer):
    """Keeps every message; answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.messages: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/in"

    def next(self) -> tuple[dict[str, str], bytes]:
        return self.messages.get(timeout=WAIT_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.messages.put((headers, body))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def hooked() -> Iterator[Server]:
    with own_server("granian", "webhooks", **OPENED) as server:
        yield server


@contextmanager
def worker(server: Server) -> Iterator[subprocess.Popen[bytes]]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PAYWARDEN_")}
    with (server.home / "worker.log").open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "paywarden.entrypoints.main", "--home", str(server.home),
             "worker"],
            env={**environ, **OPENED}, stdout=sink, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0, (server.home / "worker.log").read_text()


def endpoint(server: Server, receiver: Receiver, key: str = "operator", **more: Any) -> Any:
    given = {"url": receiver.url, "events": ["decision.recorded"], **more}
    made = server.client(key).post("/v1/webhooks", json=given)
    assert made.status_code == 201, made.text
    return made.json()


def test_a_decision_reaches_the_receiver_who_verifies_it(
    hooked: Server, receiver: Receiver
) -> None:
    made = endpoint(hooked, receiver)
    shown = hooked.client().get(f"/v1/webhooks/{made['id']}").json()
    assert "secret" not in shown
    with worker(hooked):
        decided = hooked.decide(amount_minor=900_000)
        hooked.decide()
        headers, body = receiver.next()
        message = Webhook(made["secret"]).verify(body, headers)
        assert message["type"] == "decision.recorded"
        assert message["data"] == {
            "id": decided["id"],
            "payment_id": decided["payment_id"],
            "attempt": "1",
            "outcome": "challenge",
            "points": 45,
            "reasons": ["LARGE_AMOUNT"],
            "log_sequence": message["data"]["log_sequence"],
            "merchant_id": "m_42",
        }
        assert hooked.client().post(f"/v1/webhooks/{made['id']}/ping").json() == {"asked": True}
        headers, body = receiver.next()
        assert Webhook(made["secret"]).verify(body, headers)["type"] == "webhook.ping"
    assert receiver.messages.empty()
    log = hooked.client().get(f"/v1/webhooks/{made['id']}/deliveries").json()
    assert [one["state"] for one in log["items"]] == ["delivered", "delivered"]
    first = log["items"][-1]["id"]
    path = f"/v1/webhooks/{made['id']}/deliveries/{first}"
    assert hooked.client().get(path).json()["log"][0]["status"] == 200
    assert hooked.client().post(path + "/replay").json() == {"asked": True}
    with worker(hooked):
        replayed, again = receiver.next()
    assert replayed["webhook-id"] == message_id(log["items"][-1])
    assert json.loads(again)["data"]["id"] == decided["id"]
    hooked.client().delete(f"/v1/webhooks/{made['id']}")


def message_id(delivery: dict[str, Any]) -> str:
    return str(delivery["message_id"])


def test_gone_stops_an_endpoint_until_it_is_enabled(hooked: Server, receiver: Receiver) -> None:
    made = endpoint(hooked, receiver)
    path = f"/v1/webhooks/{made['id']}"
    receiver.status = 410
    with worker(hooked):
        hooked.decide(amount_minor=900_000)
        receiver.next()
        view = _until(lambda: hooked.client().get(path).json(), lambda v: not v["enabled"])
        assert view["stopped"] == "gone"
        receiver.status = 200
        assert hooked.client().post(path, json={"enabled": True}).json()["enabled"] is True
        _until(lambda: hooked.client().get(path).json(), lambda v: v["enabled"])
        hooked.decide(amount_minor=900_000)
        assert json.loads(receiver.next()[1])["type"] == "decision.recorded"
    hooked.client().delete(path)
    problem(hooked.client().get(path), 404, "webhook_not_found")


def _until(look: Any, wanted: Any) -> Any:
    ends = threading.Event()
    for _ in range(600):
        seen = look()
        if wanted(seen):
            return seen
        ends.wait(0.1)
    raise AssertionError(seen)


def test_a_merchant_sees_and_gets_only_its_own(hooked: Server, receiver: Receiver) -> None:
    own = endpoint(hooked, receiver, "merchant")
    others = endpoint(hooked, receiver, "other_merchant")
    assert own["merchant_id"] == "m_42"
    merchant = hooked.client("merchant")
    assert [one["id"] for one in merchant.get("/v1/webhooks").json()["items"]] == [own["id"]]
    for key in ("merchant", "other_tenant", "live"):
        for method, path in (
            ("GET", ""), ("POST", "/ping"), ("DELETE", ""), ("GET", "/deliveries"),
            ("POST", "/rotate"), ("GET", "/deliveries/1"), ("POST", "/deliveries/1/replay"),
        ):  # fmt: skip
            answer = hooked.client(key).request(method, f"/v1/webhooks/{others['id']}{path}")
            problem(answer, 404, "webhook_not_found")
    with worker(hooked):
        hooked.decide(amount_minor=900_000)
        headers, body = receiver.next()
        assert Webhook(own["secret"]).verify(body, headers)["data"]["merchant_id"] == "m_42"
    assert receiver.messages.empty()
    for one in (own, others):
        assert hooked.client().delete(f"/v1/webhooks/{one['id']}").status_code == 200


def test_rotation_keeps_the_old_secret_for_a_while(hooked: Server, receiver: Receiver) -> None:
    made = endpoint(hooked, receiver, events=["*"])
    path = f"/v1/webhooks/{made['id']}"
    fresh = hooked.client().post(path + "/rotate", json={"overlap_hours": 1}).json()
    last = hooked.client().post(path + "/rotate", json={"overlap_hours": 0, "kind": "ed25519"})
    assert last.json()["secret"].startswith("whpk_")
    with worker(hooked):
        hooked.client().post(path + "/ping")
        headers, body = receiver.next()
    assert [text[:3] for text in headers["webhook-signature"].split()] == ["v1a"]
    for secret in (made["secret"], fresh["secret"]):
        with pytest.raises(Exception, match="signature"):
            Webhook(secret).verify(body, headers)
    hooked.client().delete(path)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "ftp://a.example", "events": ["*"]}, "field_invalid"),
        ({"url": "https://10.0.0.1/", "events": ["*"]}, "webhook_url_refused"),
        ({"url": "https://169.254.169.254/", "events": ["*"]}, "webhook_url_refused"),
        ({"url": "https://u:p@a.example/", "events": ["*"]}, "field_invalid"),
        ({"url": "https://a.example/", "events": ["no.such"]}, "webhook_event_unknown"),
        ({"url": "https://a.example/", "events": ["*"], "secret": "whsec_AAAA"},
         "webhook_secret_invalid"),
        ({"url": "https://a.example/", "events": []}, "field_invalid"),
        ({"url": "https://a.example/"}, "field_missing"),
    ],
)  # fmt: skip
def test_bad_endpoints_are_refused(hooked: Server, body: dict[str, Any], code: str) -> None:
    problem(hooked.client().post("/v1/webhooks", json=body), 422, code)


def test_event_types_have_schemas(hooked: Server) -> None:
    items = hooked.client().get("/v1/webhook-event-types").json()["items"]
    assert {one["name"] for one in items} == {
        "decision.recorded", "ruleset.published", "rollout.moved", "list.changed",
        "labels.flooded", "labels.held", "access_review.overdue", "drift.alarm", "webhook.ping",
        "aml.alert.raised", "customer_risk.level_changed", "customer_risk.review_overdue",
    }  # fmt: skip
    for one in items:
        assert one["schema"]["properties"]["type"] == {"const": one["name"]}


def test_a_second_worker_is_refused(hooked: Server) -> None:
    with worker(hooked) as first:
        _until(lambda: (hooked.home / "worker.log").read_text(), lambda t: str(first.pid) in t)
        second = subprocess.run(
            [sys.executable, "-m", "paywarden.entrypoints.main", "--home", str(hooked.home),
             "worker"],
            capture_output=True, text=True, timeout=WAIT_SECONDS, check=False,
        )  # fmt: skip
    assert second.returncode != 0
    assert "writer_already_running" in second.stderr
