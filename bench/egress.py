"""Forwards: the card's whole way through key agent, vault and egress to a TLS server on loopback.

    python bench/egress.py [--seconds 6] [--connections 16] [--rate 300] [--quick] [--json [FILE]]

Four processes beside this one (agent, vault, egress, destination); their processor time is told, as
they and the load generator share the machine's cores. First closed loop (as fast as it goes), then
open loop at `--rate` a second, where time counts from the due instant. Every forward spends of the
agent's budget and is in the event log, fsynced, before it leaves. Multi-use tokens, without code.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

import _home
import _report
from paywarden.cde.egress.destinations import spki_pin
from paywarden.cde.frame_client import FrameClient
from paywarden.cde.places import Places, places_of
from paywarden.cde.proofs import load_proof
from paywarden.cde.vault.client import Vault
from paywarden.cde.vault.wire import CardGiven
from paywarden.cde_client.card_acts import Destination

MERCHANT, SCOPE = "shop-1", "default/test"
ASKED_PER_SECOND, ASKED_P99_MS = 300, 30.0
CARDS = 64
ANSWER = b'{"id":"p_1","status":"authorised","card":{"last4":"1115"}}'


def certificate(folder: Path) -> tuple[Path, Path, str]:
    """(certificate, key, pin) of a self-signed server on localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )  # fmt: skip
    paths = folder / "server.pem", folder / "server.key"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return *paths, spki_pin(spki)


async def destination(certificate_file: str, key_file: str) -> None:
    """The server of a child process; prints its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(ANSWER)}\r\n"
    told = head.encode() + b"\r\n" + ANSWER

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                asked = await reader.readuntil(b"\r\n\r\n")
                length = int(asked.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                assert b"5555" in body
                writer.write(told)
                await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def running(words: list[str], log: Path, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A child process, ended at the end."""
    with log.open("ab") as file:
        child = subprocess.Popen(words, stderr=file, **more)
        try:
            yield child
        finally:
            child.terminate()
            child.wait(timeout=60)


def cards() -> list[CardGiven]:
    """Numbers of a test range that pass their checks."""
    made = []
    for number in range(CARDS):
        body = f"55553412{number:07d}"
        total = sum(
            sum(divmod(int(digit) * (2 - at % 2), 10)) for at, digit in enumerate(reversed(body))
        )
        made.append(CardGiven(f"{body}{-total % 10}".encode(), "2031-04"))
    return made


async def tokens_of(places: Places) -> list[str]:
    """Tokens of the cards, made as the edge makes them."""
    vault = Vault(FrameClient(places.vault_socket, "edge", load_proof(places.run, "edge")))
    answers = await vault.tokenise(SCOPE, MERCHANT, "key_bench", cards())
    await vault.close()
    assert isinstance(answers, list), answers
    return [one.token for one in answers]  # type: ignore[union-attr]


class Load:
    """Requests over kept connections; latencies in nanoseconds."""

    def __init__(self, port: int, key: str, tokens: list[str]) -> None:
        self._port = port
        self._requests = [self._request(key, token) for token in tokens]
        self.took: list[int] = []
        self.bad = 0
        self._asked = 0

    def _request(self, key: str, token: str) -> bytes:
        body = json.dumps({
            "destination": "psp", "method": "POST", "path": "/pay",
            "card": {"token": token, "fields": {"/card/number": "number",
                                                "/card/exp": "expiry:MM/YY"}},
            "body": {"amount": 12.50, "card": {"number": token, "exp": ""}, "note": "x" * 200},
        }).encode()  # fmt: skip
        head = (
            f"POST /v1/forwards HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\nauthorization: Bearer "
            f"{key}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def run(self, connections: int, due: Callable[[], Awaitable[int | None]]) -> None:
        """Ask until `due` gives None; it gives the instant from which time counts."""
        await asyncio.gather(*(self._connection(due) for _ in range(connections)))

    async def _connection(self, due: Callable[[], Awaitable[int | None]]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while (since := await due()) is not None:
            self._asked += 1
            writer.write(self._requests[self._asked % len(self._requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            self.took.append(time.perf_counter_ns() - since)
            if not head.startswith(b"HTTP/1.1 200") or b'"authorised"' not in body:
                self.bad += 1
        writer.close()


def closed_loop(seconds: float) -> Callable[[], Awaitable[int | None]]:
    """Due at once, until the time is over."""
    end = time.perf_counter_ns() + round(seconds * 1e9)

    async def due() -> int | None:
        now = time.perf_counter_ns()
        return now if now < end else None

    return due


def open_loop(seconds: float, rate: int) -> Callable[[], Awaitable[int | None]]:
    """Due at a constant rate; a late connection counts from the due instant."""
    start, given = time.perf_counter_ns(), iter(range(round(seconds * rate)))

    async def due() -> int | None:
        number = next(given, None)
        if number is None:
            return None
        at = start + round(number * 1e9 / rate)
        await asyncio.sleep(max(0.0, (at - time.perf_counter_ns()) / 1e9))
        return at

    return due


def measured(name: str, load: Load, started: float, cpu: dict[str, float]) -> dict[str, Any]:
    """One row."""
    count, took = len(load.took), time.perf_counter() - started
    shown = {key: round(value, 2) for key, value in _report.percentiles(load.took, 1e6).items()}
    spent = {f"{who}_cpu_us": round(spent / count * 1e6) for who, spent in cpu.items()}
    row = {"load": name, "forwards": count, "bad": load.bad, "per_second": round(count / took)}
    return row | {f"{key}_ms": value for key, value in shown.items()} | spent


def prepare(home: Path, root: Path) -> tuple[str, Path, Path]:
    """Home, keys, and an unapproved destination of the development kind."""
    _home.command(home, "init")
    _home.command(home, "cde", "init")
    (places_of(home).egress / "egress.toml").write_text(
        '[egress]\nmode = "development"\ntrust_file = "roots.pem"\n'
        'development_destinations_file = "destinations.json"\n' + _home.UNLIMITED
    )
    made, key, pin = certificate(root)
    (places_of(home).egress / "roots.pem").write_bytes(made.read_bytes())
    (root / "pin").write_text(pin)
    merchant = _home.command(home, "keys", "--role", "merchant", "--merchant", MERCHANT)
    _home.command(home, "cde", "callers", "publish")
    return str(merchant["api_key"]), made, key


def write_destination(home: Path, root: Path, port: int) -> None:
    """The destination's file."""
    pins = [(root / "pin").read_text(), spki_pin(b"a backup key that nobody holds")]
    one = Destination(
        "psp", SCOPE, 1, f"https://localhost:{port}", ["/pay"], ["POST"],
        {"/card/number": "number", "/card/exp": "expiry"}, pins,
        ["/id", "/status", "/card/last4"], opened_networks=["127.0.0.0/8", "::1/128"],
    )  # fmt: skip
    (places_of(home).egress / "destinations.json").write_bytes(msgspec.json.encode([one]))


def wait_ready(port: int) -> None:
    """Until egress says that it is ready."""
    for _ in range(600):
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("egress does not get ready")


def workers(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def measure(options: Any, root: Path) -> dict[str, Any]:
    """Start everything, load it, tell."""
    home = root / "home"
    key, made, secret = prepare(home, root)
    places, log = places_of(home), root / "log"
    own = [sys.executable, __file__, "--destination", str(made), str(secret)]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running(own, log, stdout=subprocess.PIPE))
        assert server.stdout is not None
        write_destination(home, root, int(server.stdout.readline()))
        program = [*_home.MAIN, "--home", str(home), "cde"]
        agent = stack.enter_context(running([*program, "key-agent"], log))
        vault = stack.enter_context(running([*program, "vault"], log))
        while not places.vault_socket.exists():
            time.sleep(0.1)
        port = options.port
        egress = stack.enter_context(
            running([*program, "egress", "--port", str(port)], log, stdout=subprocess.DEVNULL)
        )
        wait_ready(port)
        tokens = asyncio.run(tokens_of(places))
        seen = {"egress": egress.pid, "vault": vault.pid, "agent": agent.pid}
        rows = [
            run_one("warm", Load(port, key, tokens), closed_loop, options, seen, 1.0),
            run_one("closed loop", Load(port, key, tokens), closed_loop, options, seen),
            run_one(f"open loop {options.rate}/s", Load(port, key, tokens),
                    lambda seconds: open_loop(seconds, options.rate), options, seen),
        ]  # fmt: skip
        memory = {who: _report.resident_mib(workers(pid)[-1]) for who, pid in seen.items()}
    asked = {"per_second": ASKED_PER_SECOND, "p99_ms": ASKED_P99_MS}
    return {"loads": rows[1:], "resident_mib": memory, "asked": asked}


def run_one(
    name: str, load: Load, loop: Any, options: Any, seen: dict[str, int], seconds: float = 0
) -> dict[str, Any]:
    """One load with the processor time of each process."""
    before = {who: sum(map(_report.cpu_seconds, workers(pid))) for who, pid in seen.items()}
    started = time.perf_counter()
    asyncio.run(load.run(options.connections, loop(seconds or options.seconds)))
    cpu = {
        who: sum(map(_report.cpu_seconds, workers(pid))) - before[who] for who, pid in seen.items()
    }
    return measured(name, load, started, cpu)


def main() -> None:
    """Measure and report."""
    if sys.argv[1:2] == ["--destination"]:
        asyncio.run(destination(*sys.argv[2:4]))
        return
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each load")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rate", type=int, default=ASKED_PER_SECOND, help="of the open loop")
    parser.add_argument("--port", type=int, default=18_091)
    options = parser.parse_args()
    options.seconds = 2.0 if options.quick else options.seconds
    report: dict[str, Any] = {"machine": _report.machine()}
    with tempfile.TemporaryDirectory(prefix="paywarden-bench-") as folder:
        report |= measure(options, Path(folder))
    shown = [_report.table(report["loads"]), _report.table([report["resident_mib"]])]
    _report.finish(report, "\n\n".join(shown), options.json)


if __name__ == "__main__":
    main()
