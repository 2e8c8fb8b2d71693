"""Load generator in a process of its own: raw sockets, bodies made before, little work a request.

    python bench/_load.py '{"port": 8080, "key": "...", "bodies": "FILE", ...}'

`rate` given: open loop. Requests are due at a constant rate and time counts from the due instant,
also while they wait for a free connection, so a stall of the server is seen by all that it delays.
`rate` 0: closed loop, each connection sends the next request when the answer is there.
`signing` given ([key id, algorithm, file]): requests are signed as `paywarden.client` signs them,
`ready` of them before the load begins (it ends within the 300 s that a signature may be old);
the same number is prepared for unsigned loads, so that both are compared alike.
Prints one JSON line; `laps` names a file for (due, took) pairs in microseconds, int64.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from array import array
from collections import deque
from pathlib import Path
from typing import Any

ID_MARK, TIME_MARK = b"<<--- payment id --->>", b"<<------ time ------------>>"[:27]


class Instants:
    """RFC 3339 instants of now, the second's text made once."""

    def __init__(self) -> None:
        self._second, self._text = -1, b""

    def now(self) -> bytes:
        second, rest = divmod(time.time_ns() // 1_000, 1_000_000)
        if second != self._second:
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second)).encode()
            self._second = second
        return self._text + b"%06dZ" % rest


class Bodies:
    """Requests from prepared bodies: three parts each, id and time between them."""

    def __init__(self, file: Path, port: int, key: str, signing: list[str] | None = None) -> None:
        self._parts = []
        for body in file.read_bytes().splitlines():
            before, rest = body.split(ID_MARK)
            middle, after = rest.split(TIME_MARK)
            size = len(before) + len(ID_MARK) + len(middle) + len(TIME_MARK) + len(after)
            head = (
                f"POST /v1/decisions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
                f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n"
                f"content-length: {size}\r\n\r\n"
            )
            self._parts.append((head.encode() + before, middle, after))
        self._port = port
        self._sign = _signer(signing) if signing else None
        self._run = os.urandom(5).hex().encode()
        self._next = 0
        self._instants = Instants()
        self._ready: deque[bytes] = deque()
        self.made_late = 0

    def prepare(self, count: int) -> None:
        """Make requests in advance, each with a nonce of its own."""
        self._ready.extend(self._make() for _ in range(count))

    def request(self) -> bytes:
        if self._ready:
            return self._ready.popleft()
        self.made_late += 1
        return self._make()

    def _make(self) -> bytes:
        number = self._next
        self._next = number + 1
        before, middle, after = self._parts[number % len(self._parts)]
        name = b"%s-%011d" % (self._run, number)
        whole = b"".join((before, name, middle, self._instants.now(), after))
        return whole if self._sign is None else self._signed(whole)

    def _signed(self, whole: bytes) -> bytes:
        """The request with the headers that sign it (see docs/reference/signatures.md)."""
        head, _, body = whole.partition(b"\r\n\r\n")
        sent = self._sign(f"127.0.0.1:{self._port}", body)
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        return b"".join((head, b"\r\n", lines.encode(), b"\r\n", body))


def _signer(signing: list[str]) -> Any:
    """Signs bodies of decisions as the client does; [key id, algorithm, file of the key]."""
    from paywarden.client.machine import SystemClock, SystemRandomness
    from paywarden.client.signing import Signing, SigningKey

    key_id, algorithm, file = signing
    octets = Path(file).read_bytes()
    if algorithm == "ed25519":
        key = SigningKey.ed25519(key_id, octets)
    else:
        key = SigningKey.hmac(key_id, octets.decode())
    with_key = Signing(key, None, SystemClock(), SystemRandomness())
    given = {"content-type": "application/json"}
    return lambda host, body: with_key.sign("POST", host, "/v1/decisions", given, body).headers


class Connection(asyncio.Protocol):
    """One kept connection with at most one request on its way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._held = b""
        self.due = 0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._load.free.append(self)

    def send(self, due: int) -> None:
        self.due = due
        self.transport.write(self._load.bodies.request())

    def data_received(self, data: bytes) -> None:
        held = self._held + data if self._held else data
        split = held.find(b"\r\n\r\n")
        if split < 0:
            self._held = held
            return
        head = held[:split].lower()
        place = head.find(b"content-length:")
        end = head.find(b"\r\n", place)
        size = int(head[place + 15 : end if end >= 0 else len(head)])
        if len(held) < split + 4 + size:
            self._held = held
            return
        self._held = b""
        self._load.answered(self, held[9:12], held[split + 4 :])

    def connection_lost(self, error: Exception | None) -> None:
        self._load.lost(self)


class Load:
    """A run: what is due, what waits, what came back."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.bodies = Bodies(
            Path(given["bodies"]), given["port"], given["key"], given.get("signing")
        )
        self.free: deque[Connection] = deque()
        self.waiting: deque[int] = deque()
        self.laps = array("q")
        self.late = array("q")
        self.statuses: dict[str, int] = {}
        self.first_fault = ""
        self.started = self.ends = 0
        self.sending, self.closing = True, False
        self.open_requests = 0
        self.broken = 0
        self.done = asyncio.Event()

    def answered(self, connection: Connection, status: bytes, body: bytes) -> None:
        now = time.perf_counter_ns()
        self.laps.append((connection.due - self.started) // 1_000)
        self.laps.append((now - connection.due) // 1_000)
        word = status.decode("latin-1")
        self.statuses[word] = self.statuses.get(word, 0) + 1
        if word != "200" and not self.first_fault:
            self.first_fault = body[:300].decode("utf-8", "replace")
        self.open_requests -= 1
        if self.waiting:
            self._send(connection, self.waiting.popleft())
        elif self.given["rate"] == 0 and now < self.ends:
            self._send(connection, now)
        else:
            self.free.append(connection)
            self._maybe_done()

    def lost(self, connection: Connection) -> None:
        if not self.closing:
            self.broken += 1
            self.first_fault = self.first_fault or "the server closed a connection"
            with contextlib.suppress(ValueError):
                self.free.remove(connection)

    def _send(self, connection: Connection, due: int) -> None:
        self.open_requests += 1
        connection.send(due)

    def _maybe_done(self) -> None:
        if not self.sending and self.open_requests <= self.broken and not self.waiting:
            self.done.set()

    async def run(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        given = self.given
        for _ in range(given["connections"]):
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", given["port"])
        self.bodies.prepare(given.get("ready", 0))
        cpu = time.process_time()
        self.started = time.perf_counter_ns()
        self.ends = self.started + int(given["seconds"] * 1e9)
        wall_start = time.time()
        if given["rate"]:
            await self._pace(given["rate"])
        else:
            for _ in range(len(self.free)):
                self._send(self.free.popleft(), time.perf_counter_ns())
            await asyncio.sleep(given["seconds"])
        self.sending = False
        self._maybe_done()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.done.wait(), 60)
        took = (time.perf_counter_ns() - self.started) / 1e9
        return self._report(took, time.process_time() - cpu, wall_start)

    async def _pace(self, rate: float) -> None:
        gap = 1e9 / rate
        sent = 0
        while True:
            now = time.perf_counter_ns()
            while (due := self.started + int(sent * gap)) <= now and due < self.ends:
                self.late.append(time.perf_counter_ns() - due)
                if self.free:
                    self._send(self.free.popleft(), due)
                else:
                    self.waiting.append(due)
                sent += 1
            if due >= self.ends:
                return
            await asyncio.sleep(max(0.0, (due - time.perf_counter_ns()) / 1e9))

    def _report(self, took: float, cpu: float, wall_start: float) -> dict[str, Any]:
        self.closing = True
        answers = len(self.laps) // 2
        if self.given.get("laps"):
            Path(self.given["laps"]).write_bytes(self.laps.tobytes())
        times = sorted(self.laps[1::2])
        last = len(times) - 1
        places = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999, "max_ms": 1.0}
        found: dict[str, Any] = {
            name: round(times[min(last, int(len(times) * share))] / 1e3, 3) if times else None
            for name, share in places.items()
        }
        return {
            "connections": self.given["connections"],
            "rate": self.given["rate"],
            "seconds": round(took, 2),
            "answers": answers,
            "per_second": round(answers / took, 1),
            **found,
            "statuses": self.statuses,
            "unanswered": self.open_requests + len(self.waiting),
            "first_fault": self.first_fault,
            "made_late": self.bodies.made_late if self.given.get("ready") else 0,
            "generator_cpu_s": round(sum(os.times()[:2]), 2),
            "generator_cpu_us": round(cpu / max(1, answers) * 1e6, 1),
            "wall_start": wall_start,
            **self._lag(),
        }

    def _lag(self) -> dict[str, float]:
        """How late this process itself came to each due request: a fault of the measurement."""
        ordered = sorted(self.late) or [0]
        late = ordered[int(len(ordered) * 0.99)]
        return {"lag_p99_ms": round(late / 1e6, 2), "lag_max_ms": round(ordered[-1] / 1e6, 2)}


async def _main(given: dict[str, Any]) -> None:
    print(json.dumps(await Load(given).run()), flush=True)


def run(given: dict[str, Any]) -> None:
    """Run in this process, on uvloop where it is installed (less work a request)."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(_main(given))
    else:
        uvloop.run(_main(given))


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
