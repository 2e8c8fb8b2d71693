"""Keys, requests and a verifier for tests of signatures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from paywarden.core.clock import FixedClock
from paywarden.core.errors import Unavailable
from paywarden.core.message_signature import (
    RequestParts,
    content_digest,
    request_parameters,
    signature_field,
)
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.identity.client_key_registry import ClientKeyRegistry
from paywarden.identity.client_keys import ClientKeyDesk, KeySealer, Owner
from paywarden.identity.stores.memory_client_keys import MemoryClientKeys, MemoryNonces
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.signing.guard import GuardedSignatures
from paywarden.kit.http.signing.keys import Algorithm, HmacKey, SigningKey, load_private
from paywarden.kit.http.signing.nonces import Nonces
from paywarden.kit.metrics import Metrics

SCOPE = Scope("acme", Environment.TEST)
TENANT = Owner()
PRINCIPAL = Principal("key_x", SCOPE, frozenset({"things:do"}))
NOW = 1_700_000_000
BODY_OF = b'{"name": "a"}'
NONCE = "bm9uY2Utb2YtMTI4LWJpdHMtb2s"
DER, PKCS8, SPKI = (
    serialization.Encoding.DER,
    serialization.PrivateFormat.PKCS8,
    serialization.PublicFormat.SubjectPublicKeyInfo,
)


class Counting:
    """Randomness that gives other bytes each time."""

    def __init__(self) -> None:
        self._next = 0

    def octets(self, count: int) -> bytes:
        self._next += 1
        return self._next.to_bytes(8, "big").rjust(count, b"\x07")[-count:]


@dataclass
class Waiting:
    """`Pending` over a future."""

    future: asyncio.Future[None]

    async def durable(self) -> None:
        await self.future


def private_key(algorithm: Algorithm) -> Any:
    if algorithm is Algorithm.ED25519:
        return ed25519.Ed25519PrivateKey.from_private_bytes(b"\x05" * 32)
    if algorithm is Algorithm.ECDSA_P256:
        return ec.derive_private_key(0x1234567, ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def private_octets(key: Any) -> bytes:
    octets: bytes = key.private_bytes(DER, PKCS8, serialization.NoEncryption())
    return octets


def public_octets_of(key: Any) -> bytes:
    octets: bytes = key.public_key().public_bytes(DER, SPKI)
    return octets


@dataclass
class House:
    """A verifier over stores in memory, with one client key per algorithm that is asked for."""

    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW * 1_000_000))
    failing: bool = False

    def __post_init__(self) -> None:
        self.store, self.nonce_store = MemoryClientKeys(), MemoryNonces()
        self.chance = Counting()
        self.sealer = KeySealer(Secret(b"\x01" * 32), self.chance)
        self.desk = ClientKeyDesk(self.store, self.sealer, self.clock, self.chance)
        self.metrics = Metrics()
        self.restart()

    def restart(self) -> None:
        """Forget all that is in memory."""
        self.registry = ClientKeyRegistry(self.store, self.sealer, self.clock)
        self.nonces = Nonces(self.nonce_store, self.board, self.clock)
        self.nonces.load()
        self.guard = GuardedSignatures(self.registry, self.nonces, self.metrics)

    def board(self, unit: UnitOfWork) -> Waiting:
        return Waiting(self.enqueue(unit))

    def enqueue(self, _unit: UnitOfWork) -> asyncio.Future[None]:
        if self.failing:
            raise Unavailable("storage_failed", "no disk")
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def client(self, algorithm: Algorithm, owner: Owner = TENANT, scope: Scope = SCOPE) -> Sender:
        """A registered key, ready to sign."""
        if algorithm is Algorithm.HMAC:
            secret, record = self.desk.add_secret(scope, owner)
            return Sender(record.key_id, algorithm, HmacKey(secret))
        key = private_key(algorithm)
        record = self.desk.add_public(scope, owner, algorithm, public_octets_of(key))
        return Sender(record.key_id, algorithm, load_private(algorithm, private_octets(key)))

    def verify(
        self, request: Mapping[str, Any], body: bytes, principal: Principal = PRINCIPAL
    ) -> Any:
        names = {
            name.decode().lower(): value.decode("latin-1") for name, value in request["headers"]
        }
        return self.guard.verify(principal, request, names, body)


@dataclass
class Sender:
    """Signs requests as a client does, with every part open to change."""

    key_id: str
    algorithm: Algorithm
    key: SigningKey

    def request(
        self,
        body: bytes = BODY_OF,
        *,
        method: str = "POST",
        path: str = "/things",
        query: str = "",
        created: int = NOW,
        expires: int = NOW + 60,
        nonce: str = NONCE,
        idempotency: str | None = None,
        host: str = "risk.example",
        **changes: str,
    ) -> dict[str, Any]:
        """An ASGI scope; `changes` set header values (`__` for -), and remove with an empty one."""
        digest = content_digest(body) if body else ""
        kind = "application/json" if body else ""
        parts = RequestParts(method, "risk.example", path, "?" + query, digest, kind, idempotency)
        parameters = request_parameters(
            parts, created, self.key_id, self.algorithm.value, expires, nonce
        )
        headers = {
            "host": host,
            "content-digest": digest,
            "content-type": kind,
            "idempotency-key": idempotency or "",
            "signature-input": f"sig1={parameters}",
            "signature": signature_field(self.key.sign(parts.base(parameters))),
        } | {name.replace("_", "-"): value for name, value in changes.items()}
        return asgi(headers, method, path, query)


def asgi(headers: Mapping[str, str], method: str, path: str, query: str) -> dict[str, Any]:
    return {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "scheme": "http",
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items() if v],
    }  # fmt: skip
