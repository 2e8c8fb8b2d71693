"""One request to a destination: to a checked address, over TLS that proves name, chain and key.

Guards, in order: the name is resolved once and every address checked; the socket goes to a checked
address (no second look-up to rebind); TLS 1.2 or newer, chain and host name verified; then the
SHA-256 of the server's public key is one of the pins, before a single octet of the request.
Redirects are answers like others, proxies of the environment are not used, answers are asked for
unencoded and read up to their limit. Nothing is ever sent twice: what failed after the first octet
is reported as `sent`. Connections are kept for reuse, one pool a destination. Source: RFC 7469, 2.6
(pin validation); OWASP, "Server-Side Request Forgery Prevention".
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpcore
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from paywarden.cde.egress.answers import Received
from paywarden.cde.egress.destinations import host_of, port_of, spki_pin
from paywarden.cde.egress.kept_connections import KeptConnections
from paywarden.cde_client.card_acts import Destination
from paywarden.kit.tls.faults import failed_in_tls
from paywarden.kit.webhooks.addresses import Allowed
from paywarden.kit.webhooks.sending import AddressRefused, CheckedBackend, Resolve, resolved

CONNECT_SECONDS: Final = 5.0
CONNECTIONS: Final = 64
KEEP_SECONDS: Final = 30.0
USER_AGENT: Final = "Paywarden-Egress/1"
Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer: a stable code, and whether any octet of the request may have arrived."""

    code: str
    sent: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it goes out."""

    method: str
    path: str
    headers: Mapping[str, str]
    content_type: str
    body: bytearray


class PinRefused(httpcore.ConnectError):
    """The server's key is none of the pinned ones."""


class PinnedStream(httpcore.AsyncNetworkStream):
    """A stream that checks the server's key when TLS stands, and notes the first octet sent."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, pins: frozenset[str]) -> None:
        self._inner = inner
        self._pins = pins

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As the stream inside."""
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """As the stream inside."""
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """As the stream inside."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """TLS, then the pin. Errors: PinRefused."""
        secured = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        if not self._pinned(secured.get_extra_info("ssl_object")):
            await secured.aclose()
            raise PinRefused("the server's key is not pinned")
        return secured

    def get_extra_info(self, info: str) -> Any:
        """As the stream inside."""
        return self._inner.get_extra_info(info)

    def _pinned(self, session: ssl.SSLObject | None) -> bool:
        der = session.getpeercert(binary_form=True) if session is not None else None
        if der is None:
            return False
        key = x509.load_der_x509_certificate(der).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return spki_pin(spki) in self._pins


class PinnedBackend(CheckedBackend):
    """Connects to checked addresses only, with streams that check pins."""

    def __init__(self, allowed: Allowed, resolve: Resolve, pins: frozenset[str]) -> None:
        super().__init__(allowed, resolve)
        self._pins = pins

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve once, check, connect."""
        plain = await super().connect_tcp(host, port, timeout, local_address, socket_options)
        return PinnedStream(plain, self._pins)


class Transport:
    """Pools by destination; use as an async context."""

    def __init__(
        self, *, resolve: Resolve | None = None, trust: ssl.SSLContext | None = None
    ) -> None:
        """`trust` is the context of a root of one's own; the system's roots otherwise."""
        self._resolve = resolve or resolved
        self._trust = trust or ssl.create_default_context()
        self._trust.minimum_version = ssl.TLSVersion.TLSv1_2
        self._pools: dict[tuple[str, str], tuple[Destination, KeptConnections]] = {}

    async def __aenter__(self) -> Transport:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        for _, kept in self._pools.values():
            await kept.aclose()
        self._pools.clear()

    async def send(self, destination: Destination, sent: Sent) -> Received | Failed:
        """The answer, or why there is none. Never raises for what the other side does."""
        kept = await self._kept(destination)
        progress = _Progress()
        try:
            async with asyncio.timeout(destination.seconds):
                return await self._exchange(kept, destination, sent, progress)
        except (TimeoutError, httpcore.TimeoutException):
            return Failed("destination_timed_out", progress.sent)
        except AddressRefused:
            return Failed("destination_address_refused", False)
        except PinRefused:
            return Failed("destination_pin_mismatch", False)
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as fault:
            return Failed(_code_of(fault), progress.sent)

    async def _exchange(
        self,
        kept: KeptConnections,
        destination: Destination,
        sent: Sent,
        progress: _Progress,
    ) -> Received | Failed:
        own = {
            "user-agent": USER_AGENT, "accept-encoding": "identity", "content-type":
            sent.content_type, "content-length": str(len(sent.body)),
        }  # fmt: skip
        limits = {"connect": CONNECT_SECONDS, "read": destination.seconds,
                  "write": destination.seconds, "pool": destination.seconds}  # fmt: skip
        async with (
            kept.one() as connection,
            connection.stream(
                sent.method,
                destination.base_url + sent.path,
                headers=[*own.items(), *sent.headers.items()],
                content=bytes(sent.body),
                extensions={"timeout": limits, "trace": progress.note},
            ) as answer,
        ):
            told = {name.lower(): value for name, value in answer.headers}
            if told.get(b"content-encoding", b"identity").lower() != b"identity":
                return Failed("answer_encoded", True)
            octets = await _within(answer, destination.answer_limit_octets)
            kind = told.get(b"content-type", b"").decode("latin-1")
            return Received(answer.status, kind, octets)

    async def _kept(self, destination: Destination) -> KeptConnections:
        """Connections of exactly this approved value; a changed destination gets fresh ones."""
        name = (destination.scope, destination.name)
        held = self._pools.get(name)
        if held is not None and (held[0] is destination or held[0] == destination):
            return held[1]
        backend = PinnedBackend(
            Allowed(destination.opened_networks), self._resolve, frozenset(destination.pins)
        )
        origin = httpcore.Origin(b"https", host_of(destination).encode(), port_of(destination))

        def make() -> httpcore.AsyncHTTPConnection:
            return httpcore.AsyncHTTPConnection(
                origin,
                ssl_context=self._trust,
                keepalive_expiry=KEEP_SECONDS,
                retries=0,
                network_backend=backend,
            )

        made = KeptConnections(make, CONNECTIONS)
        self._pools[name] = (destination, made)
        if held is not None:
            await held[1].aclose()
        return made


class _Progress:
    """Whether a request began to leave."""

    def __init__(self) -> None:
        self.sent = False

    async def note(self, event: str, _info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            self.sent = True


async def _within(answer: httpcore.Response, limit: int) -> bytes | None:
    parts, total = [], 0
    async for part in answer.aiter_stream():
        total += len(part)
        if total > limit:
            return None
        parts.append(part)
    return b"".join(parts)


def _code_of(fault: BaseException) -> str:
    """A code; the text of a fault may hold what the other side sent."""
    if failed_in_tls(fault):
        return "destination_certificate_refused"
    if isinstance(fault, httpcore.ProtocolError):
        return "answer_malformed"
    return "destination_unreachable"
