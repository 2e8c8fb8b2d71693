"""Connection: one kept-alive HTTP/1.1 connection to our own server on loopback.

Guards: the client shares two cores with the server it measures, hence this small reader and no
library; it accepts only what that server sends (a status line, headers, Content-Length) and takes
anything else for a fault. Head and body are bounded, every request has a time limit. A request that
met a closed connection is sent once more on a new one: payments and events are idempotent.
Source: RFC 9112 (sections 4, 5, 6.2 and 9.3). Not done here: TLS, redirects, chunked answers.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import msgspec

from paywarden.core.errors import Unavailable

HEAD_LIMIT = 16 * 1024
BODY_LIMIT = 4 * 1024 * 1024
TIME_LIMIT_SECONDS = 30.0
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Reply(NamedTuple):
    """Status, lower-case headers, decoded JSON body."""

    status: int
    headers: dict[str, str]
    body: Any


class Connection:
    """Sends one request at a time. Errors: Unavailable `demo_server_silent`."""

    def __init__(self, host: str, port: int, api_key: str) -> None:
        self._host, self._port = host, port
        self._fixed = (
            f"Host: {host}:{port}\r\nAuthorization: Bearer {api_key}\r\n"
            "Content-Type: application/json\r\nAccept: application/json\r\n"
        )
        self._streams: _Streams | None = None

    async def post(self, path: str, body: Any) -> Reply:
        """POST a JSON document."""
        return await self._ask("POST", path, msgspec.json.encode(body))

    async def get(self, path: str) -> Reply:
        """GET a JSON document."""
        return await self._ask("GET", path, b"")

    async def close(self) -> None:
        """Close the connection; it opens again by itself."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            try:
                await streams[1].wait_closed()
            except OSError:
                pass  # the other side was faster

    async def _ask(self, method: str, path: str, octets: bytes) -> Reply:
        head = f"{method} {path} HTTP/1.1\r\n{self._fixed}Content-Length: {len(octets)}\r\n\r\n"
        request = head.encode("ascii") + octets
        for attempt in (1, 2):
            fresh = self._streams is None
            try:
                async with asyncio.timeout(TIME_LIMIT_SECONDS):
                    return await self._exchange(request)
            except (OSError, EOFError, asyncio.LimitOverrunError, ValueError) as fault:
                await self.close()
                if fresh or attempt == 2:
                    raise Unavailable(
                        "demo_server_silent", "the server does not answer as it should"
                    ) from fault
            except BaseException:
                await self._drop()
                raise
        raise AssertionError("unreachable")

    async def _exchange(self, request: bytes) -> Reply:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=HEAD_LIMIT)
        reader, writer = self._streams
        writer.write(request)
        await writer.drain()
        status, headers = _head(await reader.readuntil(b"\r\n\r\n"))
        octets = await reader.readexactly(_length(headers))
        if headers.get("connection", "").lower() == "close":
            await self.close()
        return Reply(status, headers, msgspec.json.decode(octets) if octets else None)

    async def _drop(self) -> None:
        # half an exchange lies on the line: the connection is of no use any more
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()


def _head(octets: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = octets.decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
        raise ValueError("no status line")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return int(parts[1]), headers


def _length(headers: dict[str, str]) -> int:
    text = headers.get("content-length", "")
    if not text.isdigit() or len(text) > 8 or int(text) > BODY_LIMIT:
        raise ValueError("no usable Content-Length")
    return int(text)
