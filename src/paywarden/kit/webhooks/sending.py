"""One attempt over HTTP: to a checked address, within a time limit, reading next to nothing.

Guards: the name is resolved here and every address checked (`addresses.py`); the socket goes to a
checked address while TLS still proves the name; redirects are failures; proxies of the environment
are not used; the answer's body is not read. Faults are values: a code in `Attempt.fault`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import httpcore

from paywarden.core.clock import Clock
from paywarden.kit.tls.faults import failed_in_tls
from paywarden.kit.webhooks.addresses import Allowed, refused_addresses
from paywarden.kit.webhooks.model import Attempt

CONNECT_SECONDS: Final = 5.0
ATTEMPT_SECONDS: Final = 20.0
CONNECTIONS: Final = 64
USER_AGENT: Final = "Paywarden-Webhooks/1"
Resolve = Callable[[str, int], Awaitable[list[str]]]


class Sending(Protocol):
    """Port: makes one attempt; never raises for what the other side does."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        """POST `body` and say what came of it."""
        ...


class AddressRefused(httpcore.ConnectError):
    """The name resolves to an address that must not be reached."""


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, allowed: Allowed, resolve: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check all addresses, connect to the first."""
        addresses = await self._resolve(host, port)
        if refused_addresses(addresses, self._allowed):
            raise AddressRefused("the name resolves to an address that is not public")
        return await self._inner.connect_tcp(
            addresses[0], port, timeout, local_address, socket_options
        )

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never: a webhook goes to a network address."""
        raise AddressRefused("webhooks go to network addresses")

    async def sleep(self, seconds: float) -> None:
        """Wait; used by the pool between tries."""
        await asyncio.sleep(seconds)


class Sender:
    """`Sending` over a pool of connections; use as an async context."""

    def __init__(
        self,
        clock: Clock,
        allowed: Allowed,
        *,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
        attempt_seconds: float = ATTEMPT_SECONDS,
    ) -> None:
        self._clock = clock
        self._seconds = attempt_seconds
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust or ssl.create_default_context(),
            max_connections=CONNECTIONS,
            max_keepalive_connections=0,
            network_backend=CheckedBackend(allowed, resolve or resolved),
        )

    async def __aenter__(self) -> Sender:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._pool.aclose()

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        """POST `body`; the status, or the code of what went wrong."""
        at_us, started = self._clock.now_us(), self._clock.monotonic_ns()
        status, fault, wait = None, None, None
        try:
            async with asyncio.timeout(self._seconds):
                status, wait = await self._post(url, headers, body)
        except TimeoutError:
            fault = "timed_out"
        except AddressRefused:
            fault = "address_refused"
        except httpcore.TimeoutException:
            fault = "timed_out"
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            fault = _fault_of(error)
        took_ms = (self._clock.monotonic_ns() - started) // 1_000_000
        return Attempt(at_us, took_ms, status, fault, wait)

    async def _post(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, int | None]:
        fixed = [("user-agent", USER_AGENT), ("content-type", "application/json")]
        sent = [*fixed, *headers.items()]
        limits = {"connect": CONNECT_SECONDS, "read": self._seconds, "pool": self._seconds}
        async with self._pool.stream(
            "POST", url, headers=sent, content=body, extensions={"timeout": limits}
        ) as answer:
            return answer.status, _retry_after(answer.headers)


async def resolved(host: str, port: int) -> list[str]:
    """Addresses of a host, in the system's order; empty when it has none."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) <= 9:
            return int(value)
    return None


def _fault_of(error: BaseException) -> str:
    """A code for the delivery log; the text of a fault may hold what the receiver sent."""
    if failed_in_tls(error):
        return "tls_failed"
    if isinstance(error, httpcore.ProtocolError):
        return "answer_malformed"
    return "connection_failed"
