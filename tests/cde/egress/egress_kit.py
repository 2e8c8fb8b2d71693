"""A whole egress over twins of vault and agent, and a TLS destination that answers as told."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from passkey_kit import PARTY, Authenticator
from tls_kit import Authority, Made

from paywarden.cde.egress.book import DestinationBook
from paywarden.cde.egress.canaries import Canaries
from paywarden.cde.egress.destinations import ACTION, payload_of, spki_pin
from paywarden.cde.egress.forwarding import Forwarding, Order, Rates, Watch
from paywarden.cde.egress.metering import EgressMetrics
from paywarden.cde.egress.opening import Opening
from paywarden.cde.egress.revealing import Revealing
from paywarden.cde.egress.stores.memory_ledger import MemoryLedger
from paywarden.cde.egress.transport import Transport
from paywarden.cde.events import EventLog
from paywarden.cde.frame_format import Refused
from paywarden.cde.keys.wire import WrappedItem
from paywarden.cde.vault.wire import Taken
from paywarden.cde_client.card_acts import Destination
from paywarden.cde_client.challenge import Subject, hash_payload
from paywarden.cde_client.messages import ApprovalGrant
from paywarden.cde_client.roster import Member, PinnedRoster, RoleHeld
from paywarden.core.clock import FixedClock
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.kit.crypto.framing import framed
from paywarden.kit.metrics import Metrics

TEST = Scope("acme", Environment.TEST)
NUMBER, CVV, EXPIRY = b"5555341244441115", b"737", "2031-04"
TOKEN = "tk_test_" + "a" * 22
MERCHANT = "shop-1"
NOW_US = 1_795_566_137_000_000
HOUR_US = 3_600_000_000
MAKER, ANN, BOB, EVE = ("psn_" + letter * 26 for letter in "mabe")
KEYS = {person: Authenticator.new(person) for person in (MAKER, ANN, BOB, EVE)}


class TwinVault:
    """The vault's side of taking: sealed records under data keys that only `agent` opens."""

    def __init__(self) -> None:
        self.agent = TwinAgent()
        self.records: dict[tuple[str, str, str], Taken] = {}
        self.codes: dict[str, bytes] = {}
        self.taken: list[tuple[str, bool]] = []

    def keep(
        self,
        token: str = TOKEN,
        number: bytes = NUMBER,
        *,
        scope: Scope = TEST,
        merchant: str = MERCHANT,
        cvv: bytes | None = CVV,
        single_use: bool = False,
        fingerprint: str = "fp_" + "f" * 22,
    ) -> None:
        """Seal a card as the vault does."""
        record = "rec_" + token[-8:]
        key, nonce = AESGCM.generate_key(256), os.urandom(12)
        parts = ("pw.card.1", scope.environment.value, scope.tenant, merchant, record, "pan", "1")
        aad = framed(*(one.encode() for one in parts))
        wrapped = os.urandom(60)
        self.agent.keys[wrapped] = key
        self.records[scope.text, merchant, token] = Taken(
            record, "2026-11", 1, wrapped, nonce + AESGCM(key).encrypt(nonce, number, aad), aad,
            EXPIRY, None, fingerprint, single_use,
        )  # fmt: skip
        if cvv is not None:
            self.codes[token] = cvv

    async def take_for_use(
        self, scope: str, merchant: str, token: str, *, want_cvv: bool, use: str
    ) -> Taken | Refused:
        """As the port."""
        found = self.records.get((scope, merchant, token))
        if found is None:
            return Refused("token_unknown", "no such token")
        self.taken.append((use, want_cvv))
        if found.single_use:
            del self.records[scope, merchant, token]
        code = self.codes.pop(token, None) if want_cvv else None
        return msgspec.structs.replace(found, cvv=code)


class TwinAgent:
    """The key agent's side of opening, with a budget."""

    def __init__(self) -> None:
        self.keys: dict[bytes, bytes] = {}
        self.left = 1_000_000
        self.fault: Exception | None = None
        self.asked: list[tuple[str, str]] = []

    async def open_data_keys(
        self, scope: str, purpose: str, period: str, items: Sequence[WrappedItem], reason: str,
        ticket: str = "",
    ) -> list[Secret[bytes]] | Refused:  # fmt: skip
        """As the port."""
        if self.fault is not None:
            raise self.fault
        if self.left < len(items):
            return Refused("decrypt_budget_exceeded", "spent")
        self.left -= len(items)
        self.asked.append((reason, ticket))
        return [Secret(self.keys[item.wrapped]) for item in items]


@dataclass
class Arrived:
    """One request as a destination saw it."""

    head: bytes
    body: bytes


@dataclass
class Server:
    """A destination: its port, what came, and how it answers."""

    port: int = 0
    arrived: list[Arrived] = field(default_factory=list)
    connections: int = 0
    answer: Callable[[Arrived], bytes] = lambda _arrived: ok(b"{}")


def ok(body: bytes, status: str = "200 OK", *more: str) -> bytes:
    """An HTTP answer with a JSON body."""
    head = [f"HTTP/1.1 {status}", "content-type: application/json", *more]
    return "\r\n".join([*head, f"content-length: {len(body)}", "", ""]).encode() + body


@asynccontextmanager
async def serving(made: Made, address: str = "127.0.0.1") -> AsyncIterator[Server]:
    """A TLS server that keeps connections and answers each request with `server.answer`."""
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                arrived = Arrived(head, await reader.readexactly(length))
                server.arrived.append(arrived)
                told = server.answer(arrived)
                if not told:
                    break
                writer.write(told)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    listening = await asyncio.start_server(serve, address, 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await asyncio.sleep(0)


def pin_of(made: Made) -> str:
    """The pin of a certificate's key."""
    key = x509.load_der_x509_certificate(made.der).public_key()
    return spki_pin(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def roster() -> PinnedRoster:
    """Three enrolled people who may approve anything here."""
    people = {}
    for person in (MAKER, ANN, BOB):
        roles = (RoleHeld("approver", "bootstrap", 0),)
        people[person] = Member(
            person, {KEYS[person].credential_id: KEYS[person].public_key}, roles
        )
    return PinnedRoster(PARTY, people)


def grant_for(
    action: str,
    payload: bytes,
    *people: str,
    scope: Scope = TEST,
    number: str = "a",
    expires_at_us: int = NOW_US + HOUR_US,
) -> ApprovalGrant:
    """A grant that people signed with their passkeys."""
    subject = Subject(
        scope, "apr_" + number * 26, action, hash_payload(action, payload), expires_at_us, MAKER
    )
    return ApprovalGrant(
        subject.approval_id, scope.tenant, scope.environment.value, action, subject.payload_hash,
        expires_at_us, MAKER, [KEYS[one].approve(subject, one) for one in people],
    )  # fmt: skip


@dataclass
class Egress:
    """Everything that one test needs."""

    folder: Path
    vault: TwinVault = field(default_factory=TwinVault)
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW_US))
    canaries: Canaries = field(default_factory=Canaries)
    ledger: Any = field(default_factory=MemoryLedger)
    resolve: Any = None
    per_day: int = 20

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.authority = Authority(self.folder / "ca")
        self.made = self.authority.issue("psp.test")
        self.backup = self.authority.issue("backup.test")
        self.metrics = EgressMetrics(Metrics())
        self.events = EventLog(self.folder / "events.jsonl", self.clock, self.metrics.observe)
        self.book = DestinationBook(self.ledger, roster(), self.clock)
        self.trust = ssl.create_default_context(cafile=self.authority.pem)
        self.transport = Transport(resolve=self.resolve or _loopback, trust=self.trust)
        opening, watch = Opening(self.vault, self.vault.agent), Watch(self.canaries, self.events)
        self.forwarding = Forwarding(
            self.book, opening, self.transport, watch, self.events, Rates(self.clock), self.metrics
        )
        self.revealing = Revealing(
            opening, roster(), self.ledger, watch, self.events, self.clock, self.per_day
        )

    async def __aenter__(self) -> Egress:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.transport.__aexit__()
        self.events.close()

    def destination(self, port: int, **changed: Any) -> Destination:
        """A destination for a local server."""
        wanted: dict[str, Any] = {
            "name": "psp", "scope": TEST.text, "revision": 1,
            "base_url": f"https://psp.test:{port}", "path_prefixes": ["/v1/payments"],
            "methods": ["POST"], "pins": [pin_of(self.made), pin_of(self.backup)],
            "fields": {"/card/number": "number", "/card/exp": "expiry", "/cvv": "cvv",
                       "number": "number", "exp": "expiry", "cvc": "cvv"},
            "answer_fields": ["/id", "/status", "/card/last4", "/items/*/id"],
            "headers": ["authorization", "idempotency-key"],
            "opened_networks": ["127.0.0.0/8"], "seconds": 5,
        }  # fmt: skip
        return Destination(**{**wanted, **changed})

    def approve(self, destination: Destination, number: str = "d") -> None:
        """Have two people approve it."""
        scope = Scope.parse(destination.scope)
        grant = grant_for(ACTION, payload_of(destination), ANN, BOB, scope=scope, number=number)
        self.book.change(scope, destination, grant)

    def logged(self) -> list[dict[str, Any]]:
        """Every event so far."""
        lines = (self.folder / "events.jsonl").read_bytes().splitlines()
        return [msgspec.json.decode(line) for line in lines]


async def _loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


FIELDS = {"/card/number": "number", "/card/exp": "expiry:MM/YY", "/cvv": "cvv"}
BODY = b'{"amount": 10.10, "card": {"number": "%s", "exp": null}, "cvv": "", "note": "%s"}'


def order(**changed: Any) -> Order:
    """A request that an honest shop sends."""
    wanted: dict[str, Any] = {
        "scope": TEST, "merchant": MERCHANT, "key_id": "key_shop", "request_id": "req_1",
        "destination": "psp", "method": "POST", "path": "/v1/payments", "headers": {},
        "body": BODY.replace(b"%s", TOKEN.encode()), "form": None, "token": TOKEN,
        "fields": FIELDS,
    }  # fmt: skip
    return Order(**{**wanted, **changed})
