"""A card's whole way: kept by the vault, opened under the agent's budget, sent by egress over TLS.

Three processes of their own, real sockets, a real destination; then what their folders hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

TESTS = Path(__file__).resolve().parents[1]
for folder in ("identity", "kit", "cde/egress"):
    sys.path.insert(0, str(TESTS / folder))

from egress_kit import ANN, BOB, KEYS, MAKER, pin_of, roster  # noqa: E402
from tls_kit import Authority, Made  # noqa: E402

from paywarden.cde.egress.destinations import ACTION, payload_of  # noqa: E402
from paywarden.cde.egress.revealing import ACTION as REVEAL  # noqa: E402
from paywarden.cde.frame_client import FrameClient  # noqa: E402
from paywarden.cde.places import Places, places_of  # noqa: E402
from paywarden.cde.proofs import load_proof  # noqa: E402
from paywarden.cde.roster_form import octets_of  # noqa: E402
from paywarden.cde.vault.client import Vault  # noqa: E402
from paywarden.cde.vault.wire import CardGiven, TokenMade  # noqa: E402
from paywarden.cde_client.card_acts import Destination, Reveal, payload  # noqa: E402
from paywarden.cde_client.challenge import Subject, hash_payload  # noqa: E402
from paywarden.cde_client.messages import ApprovalGrant  # noqa: E402
from paywarden.core.scope import Scope  # noqa: E402

PROGRAM = [sys.executable, "-m", "paywarden.entrypoints.main"]
NUMBER, CVV = "5555341244441115", "737"
MERCHANT = "shop-1"


def command(home: Path, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [*PROGRAM, "--home", str(home), *words, "--json"], capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@contextlib.contextmanager
def process(home: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    log = (home / f"{words[0]}.log").open("ab")
    started = subprocess.Popen([*PROGRAM, "--home", str(home), "cde", *words], stderr=log)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(timeout=60)
        log.close()


def wait_for(there: Any, what: str) -> None:
    deadline = time.monotonic() + 60
    while not there():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Shop:
    """A destination in a thread: keeps what came, answers with an echo in one field."""

    def __init__(self, made: Made) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.certificate, made.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.bodies: list[bytes] = []
        self._context = context
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(plain,), daemon=True).start()

    def _talk(self, plain: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            self._context.wrap_socket(plain, server_side=True) as one,
        ):
            held = b""
            while octets := one.recv(65_536):
                held += octets
                head, _, body = held.partition(b"\r\n\r\n")
                if b"\r\n\r\n" not in held:
                    continue
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                if len(body) < length:
                    continue
                self.bodies.append(body)
                told = json.dumps({"id": "p_1", "message": f"card {NUMBER} ok"}).encode()
                one.sendall(
                    b"HTTP/1.1 201 X\r\ncontent-type: application/json\r\n"
                    b"content-length: %d\r\n\r\n" % len(told) + told
                )
                held = b""

    def close(self) -> None:
        self._listener.close()


async def token_of(places: Places, scope: str) -> str:
    """As the edge does it."""
    vault = Vault(FrameClient(places.vault_socket, "edge", load_proof(places.run, "edge")))
    card = CardGiven(NUMBER.encode(), "2031-04", CVV.encode())
    answer = await vault.tokenise(scope, MERCHANT, "key_edge", [card])
    await vault.close()
    assert isinstance(answer, list)
    assert isinstance(answer[0], TokenMade), answer
    return answer[0].token


def granted(action: str, payload: bytes, scope: Scope, letter: str, until_us: int) -> Any:
    subject = Subject(
        scope, "apr_" + letter * 26, action, hash_payload(action, payload), until_us, MAKER
    )
    grant = ApprovalGrant(
        subject.approval_id, scope.tenant, scope.environment.value, action, subject.payload_hash,
        until_us, MAKER, [KEYS[one].approve(subject, one) for one in (ANN, BOB)],
    )  # fmt: skip
    return json.loads(msgspec.json.encode(grant))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    command(home, "init")
    command(home, "cde", "init")
    return home


def test_a_card_goes_where_two_people_said_and_nowhere_else(home: Path, tmp_path: Path) -> None:
    places, authority = places_of(home), Authority(tmp_path / "ca")
    made, backup = authority.issue("localhost"), authority.issue("backup.test")
    (places.egress / "roots.pem").write_bytes(authority.pem.read_bytes())
    (places.egress / "egress.toml").write_text(
        '[egress]\nmode = "development"\ntrust_file = "roots.pem"\n'
    )
    (places.egress / "roster.json").write_bytes(octets_of(roster()))
    (places.egress / "roster.json").chmod(0o600)
    shop_key = command(home, "keys", "--role", "merchant", "--merchant", MERCHANT)["api_key"]
    desk_key = command(home, "keys", "--role", "operator")["api_key"]
    command(home, "cde", "callers", "publish")
    shop = Shop(made)
    port = free_port()
    with process(home, "key-agent"), process(home, "vault"):
        wait_for(places.vault_socket.exists, "no vault")
        with (
            process(home, "egress", "--port", str(port)),
            httpx.Client(
                base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False
            ) as client,
        ):
            wait_for(lambda: alive(client), (home / "egress.log").read_text())
            scope = Scope.parse("default/test")
            token = asyncio.run(token_of(places, scope.text))
            until = time.time_ns() // 1_000 + 3_600_000_000
            destination = Destination(
                "psp", scope.text, 1, f"https://localhost:{shop.port}", ["/pay"], ["POST"],
                {"/number": "number", "/cvv": "cvv"}, [pin_of(made), pin_of(backup)],
                ["/id", "/message"], opened_networks=["127.0.0.0/8", "::1/128"],
            )  # fmt: skip
            asked = {
                "destination": json.loads(msgspec.json.encode(destination)),
                "grant": granted(ACTION, payload_of(destination), scope, "d", until),
            }
            shops = {"authorization": f"Bearer {shop_key}"}
            forward = {
                "destination": "psp", "method": "POST", "path": "/pay",
                "card": {"token": token, "fields": {"/number": "number", "/cvv": "cvv"}},
                "body": {"number": token, "cvv": None, "note": token},
            }  # fmt: skip
            assert client.post("/v1/forwards", json=forward).status_code == 401
            answer = client.post("/v1/forwards", json=forward, headers=shops)
            assert answer.json()["code"] == "destination_unknown"
            claimed = {**asked, "approved": True}
            told = client.post(
                "/v1/destinations", json=claimed, headers={"authorization": f"Bearer {desk_key}"}
            )
            assert told.status_code == 422
            # A shop that may forward may not say where to, not even with two signatures.
            answer = client.post("/v1/destinations", json=asked, headers=shops)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
            desk = {"authorization": f"Bearer {desk_key}"}
            answer = client.post("/v1/destinations", json=asked, headers=desk)
            assert answer.status_code == 200, answer.text
            answer = client.post("/v1/forwards", json=forward, headers=shops)
            assert answer.json() == {
                "sent": "yes", "status": 201, "body": {"id": "p_1"}, "failure": None,
                "withheld": None, "scrubbed": ["/message"],
            }, answer.text  # fmt: skip
            assert json.loads(shop.bodies[0]) == {"number": NUMBER, "cvv": CVV, "note": token}
            answer = client.post("/v1/forwards", json=forward, headers=shops)
            assert answer.json()["code"] == "cvv_gone"
            foreign = {**forward, "card": {**forward["card"], "token": "tk_test_" + "z" * 22}}
            foreign["body"] = {"number": None, "cvv": None}
            answer = client.post("/v1/forwards", json=foreign, headers=shops)
            assert (answer.status_code, answer.json()["code"]) == (404, "card_not_found")
            reveal_once(client, shop_key, desk_key, token, scope, until)
            text = client.get("/metrics").text
            assert (
                'paywarden_cde_events_total{kind="echo_scrubbed",severity="critical"} 1.0' in text
            )
            assert NUMBER not in text
    shop.close()
    assert command(home, "cde", "events")["events"] == 6
    for file in home.rglob("*"):
        if file.is_file():
            assert NUMBER.encode() not in file.read_bytes(), file


def reveal_once(
    client: httpx.Client, shop_key: str, desk_key: str, token: str, scope: Scope, until: int
) -> None:
    """Under two signatures, once, by a key that may ask."""
    octets = payload(Reveal(MERCHANT, "chargeback", scope.text, "T-7", token))
    wish = {
        "token": token, "purpose": "chargeback", "ticket": "T-7", "merchant": MERCHANT,
        "grant": granted(REVEAL, octets, scope, "r", until),
    }  # fmt: skip
    headers = {"authorization": f"Bearer {desk_key}"}
    not_allowed = client.post(
        "/v1/reveals", json=wish, headers={"authorization": f"Bearer {shop_key}"}
    )
    assert not_allowed.status_code == 403
    other = {**wish, "ticket": "T-8"}
    assert client.post("/v1/reveals", json=other, headers=headers).json()["code"] == "grant_refused"
    answer = client.post("/v1/reveals", json=wish, headers=headers)
    assert answer.json() == {"number": NUMBER, "expiry": "2031-04", "approvers": [ANN, BOB]}
    assert answer.headers["cache-control"] == "no-store"
    assert client.post("/v1/reveals", json=wish, headers=headers).json()["code"] == "grant_used"


def alive(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
