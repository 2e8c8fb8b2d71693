"""Real servers for journeys and attacks: one home each, free loopback ports, ended for certain.

`fleet()` starts each kind at its first use and keeps it for the whole run; a session fixture would
do the same, but attacks live in another folder. Everything ends at exit, by process group.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from declared_headers import only_declared

SERVERS = ("granian", "uvicorn")
START_SECONDS = 300.0
STOP_SECONDS = 30.0

POLICY = {
    "policy.yaml": """\
name: journey
base_currency: EUR
thresholds:
  points: {challenge: 40, review: 70, block: 100}
segments:
  - name: money_out
    when: payment.type in ["transfer", "payout", "withdrawal"]
    challenge_unavailable: block
  - name: other
    when: "true"
    challenge_unavailable: review
scenarios:
  card_testing: Stolen numbers are tried out
  known_fraud: Something took part in reported fraud
  amounts: Unusual amounts
  speed: Payments follow each other too fast
  trusted: Payers whom the operator trusts
reasons:
  CARD_TESTING: Too many declined payments on this card
  LINKED_TO_FRAUD: Linked to reported fraud
  CARD_REPORTED: This card cannot be used
  LARGE_AMOUNT: The amount is large
  TOO_FAST: Too many payments in a short time
lists:
  stolen_cards: card
  trusted_payers: payer
  blocked_ips: ip
  blocked_domains: email_domain
""",
    "aggregates.yaml": """\
- name: card_declines_10m
  function: count
  by: [card]
  window: 10m
  where: event.status == "declined"
- {name: card_payments_1h, function: count, by: [card], window: 1h}
- {name: payer_sum_1d, function: sum, of: payment.amount_base_minor, by: [payer], window: 1d}
- {name: card_fraud_7d, function: count, by: [card], window: 7d, where: event.verdict == "fraud"}
- name: payer_logins_failed_1h
  function: count
  by: [payer]
  window: 1h
  where: event.kind == "login_failed"
- {name: merchants_per_card_1d, function: distinct, of: merchant.id, by: [card], window: 1d}
""",
    "rules/all.yaml": """\
- id: declines-burst
  title: Many refusals on one card within ten minutes
  scenario: card_testing
  when: agg.card_declines_10m >= 5
  then: {outcome: block, reason: CARD_TESTING}
- id: fraud-card
  title: A card with a fraud report
  scenario: known_fraud
  when: agg.card_fraud_7d >= 1
  then: {points: 75, reason: LINKED_TO_FRAUD}
- id: listed-card
  title: A card on the list of stolen cards
  scenario: known_fraud
  hard: true
  when: card.fingerprint in lists.stolen_cards
  then: {outcome: block, reason: CARD_REPORTED}
- id: listed-network
  title: An address on the list of blocked addresses
  scenario: known_fraud
  when: ip.address in lists.blocked_ips
  then: {outcome: block, reason: CARD_REPORTED}
- id: listed-domain
  title: A mail domain on the list of blocked domains
  scenario: known_fraud
  when: email.domain in lists.blocked_domains
  then: {outcome: review, reason: CARD_REPORTED}
- id: large-amount
  title: A large amount
  scenario: amounts
  when: payment.amount_base_minor >= 500000
  then: {points: 45, reason: LARGE_AMOUNT}
- id: too-fast
  title: A card pays very often
  scenario: speed
  when: agg.card_payments_1h >= 50
  then: {points: 70, reason: TOO_FAST}
- id: guessed-passwords
  title: Passwords were guessed just before
  scenario: known_fraud
  when: agg.payer_logins_failed_1h >= 3
  then: {points: 70, reason: LINKED_TO_FRAUD}
- id: many-merchants
  title: One card at many merchants within a day
  scenario: card_testing
  when: agg.merchants_per_card_1d >= 20
  then: {points: 50, reason: CARD_TESTING}
- id: trusted-payer
  title: The payer is trusted
  scenario: trusted
  when: payer.id in lists.trusted_payers
  then: {outcome: allow, allow_scenarios: [amounts]}
""",
    "lists/stolen_cards.csv": "value,reason,expires_at\ncard-on-file-list,reported,\n",
}
"""A policy small enough to compile in a moment, with one rule for each journey."""

CLIENT_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x0b" * 32)
CLIENT_PUBLIC = CLIENT_KEY.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)
PUBLIC_KEYS = frozenset({"hmac_id", "ed25519_id", "server_key"})
"""Names among a server's keys that are no secrets."""
_MAKE_HOME = """
import asyncio, json, sys
from pathlib import Path
from paywarden.core.instants import DAY_US
from paywarden.core.scope import Environment, Scope
from paywarden.entrypoints import init
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import PARTS
from paywarden.identity import api_keys
from paywarden.identity.client_keys import ClientKeyDesk, KeySealer, Owner
from paywarden.identity.stores.client_keys import SqliteClientKeys
from paywarden.identity.stores.sqlite import SqliteKeys
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.master import load_master_key
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.http.signing.keys import Algorithm
from paywarden.kit.stores.sqlite_journal import SqliteJournal
import dataclasses
home, policy = Home(Path(sys.argv[1])), Path(sys.argv[2])
init.policy_folder = lambda: policy
keys = {"operator": asyncio.run(init.initialise(home)).api_key}
reader = Reader(home.database)
writer = Writer(home.database, PARTS, (SqliteJournal(reader),))
writer.start()
store, clock, chance = SqliteKeys(reader, writer), SystemClock(), SystemRandomness()
pepper = derive(load_master_key(home.master_key), Purpose.API_KEYS)
def make(name, tenant, environment, role, merchant=None, **changes):
    scope = Scope(tenant, Environment(environment))
    secret, record = api_keys.new_key(scope, role, pepper, clock, chance, merchant)
    store.save(dataclasses.replace(record, **changes))
    keys[name] = secret.expose()
make("live", "default", "live", "operator")
make("merchant", "default", "test", "merchant", "m_42")
make("other_merchant", "default", "test", "merchant", "m_7")
make("any_merchant", "default", "test", "merchant")
make("other_tenant", "elsewhere", "test", "operator")
make("expired", "default", "test", "operator", expires_at_us=clock.now_us() - DAY_US)
make("revoked", "default", "test", "operator", revoked_at_us=clock.now_us())
make("signing", "default", "test", "operator")
scope, store = Scope("default", Environment("test")), SqliteClientKeys(reader, writer)
sealer = KeySealer(load_master_key(home.master_key), chance)
desk = ClientKeyDesk(store, sealer, clock, chance)
secret, record = desk.add_secret(scope, Owner())
keys |= {"hmac_id": record.key_id, "hmac_secret": secret.expose().hex()}
public = bytes.fromhex(sys.argv[3])
record = desk.add_public(scope, Owner("key_" + keys["signing"][8:16]), Algorithm.ED25519, public)
keys |= {"ed25519_id": record.key_id, "server_key": sealer.answer_public.hex()}
store.set_must_sign(scope, "key_" + keys["signing"][8:16], True)
writer.close()
reader.close()
print(json.dumps(keys))
"""


_MORTAL = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: end with the test run
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclass(slots=True)
class Server:
    """One running server over a home of its own."""

    kind: str
    home: Path
    port: int
    keys: dict[str, str]
    process: subprocess.Popen[bytes]
    log: Path
    _clients: dict[str, httpx.Client] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, key: str = "operator") -> httpx.Client:
        """A kept connection with the key of that name ('' for none)."""
        if key not in self._clients:
            headers = {"authorization": f"Bearer {self.keys[key]}"} if key else {}
            self._clients[key] = httpx.Client(
                base_url=self.url, headers=headers, timeout=60,
                event_hooks={"response": [only_declared]},
            )  # fmt: skip
        return self._clients[key]

    def name(self, prefix: str) -> str:
        """A name that no other test has used on this server."""
        return f"{prefix}-{next(self._numbers)}"

    def payment(self, **changes: Any) -> dict[str, Any]:
        """A plain payment that the journey policy allows, as `{"payment": ...}`."""
        return {"payment": self.bare_payment(**changes)}

    def bare_payment(self, **changes: Any) -> dict[str, Any]:
        number = next(self._numbers)
        payment: dict[str, Any] = {
            "id": f"order-{number}",
            "type": "card_payment",
            "occurred_at": now_text(),
            "amount_minor": 12_345,
            "currency": "EUR",
            "channel": "ecommerce",
            "merchant": {"id": "m_42", "mcc": "5732", "country": "DE"},
            "payer": {"id": f"cus-{number}", "country": "DE"},
            "instrument": {"kind": "card", "reference": f"card-{number}", "bin": "411111"},
            "device": {"id": f"dev-{number}", "ip": "203.0.113.9"},
        }
        for name, value in changes.items():
            if value is None:
                payment.pop(name, None)
            else:
                payment[name] = value
        return payment

    def decide(self, key: str = "operator", **changes: Any) -> dict[str, Any]:
        """Decide a plain payment; the answer."""
        answer = self.client(key).post("/v1/decisions", json=self.payment(**changes))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def event(self, kind: str, **fields: Any) -> dict[str, Any]:
        """One event with an id of its own."""
        return {"id": self.name("ev"), "kind": kind, "occurred_at": now_text(), **fields}

    def send_events(self, *events: dict[str, Any], key: str = "operator") -> list[dict[str, Any]]:
        """Results of events."""
        answer = self.client(key).post("/v1/events", json={"events": list(events)})
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results

    def metric(self, name: str) -> float:
        """Value of the metric line that begins so; 0 when it is not there."""
        for line in self.client("").get("/metrics").text.splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def stop(self) -> None:
        """End the process group: politely, then for certain."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        _end(self.process)


def now_text(seconds: float = 0.0) -> str:
    """An RFC 3339 time, `seconds` from now."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign, wait in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            pass
        try:
            process.wait(wait)
            break
        except subprocess.TimeoutExpired:
            continue
    # A worker whose parent died first would stay: the group is asked once more.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Fleet:
    """Template home and servers of one test run."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="paywarden-api-"))
        self._servers: dict[str, Server] = {}
        self._keys: dict[str, str] | None = None
        self._numbers = count(1)
        atexit.register(self.stop)

    @property
    def template(self) -> Path:
        """A home with the journey policy published and a key of every kind."""
        home = self.root / "template"
        if self._keys is None:
            policy = self.root / "policy"
            for path, text in POLICY.items():
                (policy / path).parent.mkdir(parents=True, exist_ok=True)
                (policy / path).write_text(text)
            made = subprocess.run(
                [sys.executable, "-c", _MAKE_HOME, str(home), str(policy), CLIENT_PUBLIC.hex()],
                capture_output=True, text=True, timeout=START_SECONDS, env=_environment(),
            )  # fmt: skip
            assert made.returncode == 0, made.stderr
            self._keys = json.loads(made.stdout.splitlines()[-1])
        return home

    def server(self, kind: str) -> Server:
        """The server of that kind, started at its first use."""
        if kind not in self._servers:
            self._servers[kind] = self.launch(kind, f"{kind}-{next(self._numbers)}")
        server = self._servers[kind]
        assert server.process.poll() is None, server.log.read_text()[-4000:]
        return server

    def launch(self, kind: str, name: str, **environ: str) -> Server:
        """A server over a fresh copy of the template."""
        home = self.root / name
        shutil.copytree(self.template, home)
        assert self._keys is not None
        return start(kind, home, dict(self._keys), self.root / f"{name}.log", **environ)

    def stop(self) -> None:
        """End every server and remove the homes."""
        for server in self._servers.values():
            server.stop()
        self._servers.clear()
        shutil.rmtree(self.root, ignore_errors=True)


def _environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PAYWARDEN_")}
    return {**kept, **more}


def start(kind: str, home: Path, keys: dict[str, str], log: Path, **environ: str) -> Server:
    """Start a server over `home` and wait until it is ready."""
    port = free_port()
    command = {
        "granian": [sys.executable, "-m", "paywarden.entrypoints.main", "--home", str(home),
                    "serve", "--port", str(port)],
        "uvicorn": [sys.executable, "-m", "uvicorn", "--factory",
                    "paywarden.entrypoints.api:create_app", "--host", "127.0.0.1",
                    "--port", str(port), "--no-access-log"],
    }[kind]  # fmt: skip
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-c", _MORTAL, *command], stdout=sink, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, start_new_session=True,
            env=_environment(PAYWARDEN_HOME=str(home), **environ),
        )  # fmt: skip
    server = Server(kind, home, port, keys, process, log)
    try:
        wait_ready(server)
    except BaseException:
        server.stop()
        raise
    return server


def wait_ready(server: Server) -> None:
    """Return when `/readyz` says so."""
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if server.process.poll() is not None:
            raise AssertionError("the server ended:\n" + server.log.read_text()[-4000:])
        try:
            if httpx.get(server.url + "/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the server did not become ready:\n" + server.log.read_text()[-4000:])


@functools.cache
def fleet() -> Fleet:
    """The fleet of this test run."""
    return Fleet()


@contextmanager
def own_server(kind: str, name: str, **environ: str) -> Iterator[Server]:
    """A server of one test alone, with settings by environment."""
    server = fleet().launch(kind, name, **environ)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Server:
    """Each server in turn."""
    return fleet().server(request.param)


@pytest.fixture
def granian() -> Server:
    """The shipped server, where the answer does not depend on the server."""
    return fleet().server("granian")


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem body, checked for its form (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["code"] == code, body
    assert body["type"].endswith("#" + code)
    assert body["title"] and body["detail"]
    assert body["request_id"] == answer.headers["request-id"]
    return body
