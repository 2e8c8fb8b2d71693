"""Tokenising and look-ups over HTTP: the whole way, durable, with real agent, vault and edge.

Each tokenised card is new. The load is this process: raw sockets, one request under way on each,
bodies made before. Vault's caps are raised, since all comes with one key.

    python bench/tokenise.py [--cards 4000] [--callers 32] [--lookups 8000] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import _report
from _home import MAIN, UNLIMITED, command
from _report import cpu_seconds, percentiles, resident_mib
from vault import COLUMNS, Processes, card

START_SECONDS = 60


class Edge(Processes):
    """Agent, vault and edge over one home."""

    def __init__(self, home: Path, port: int) -> None:
        command(home, "init")
        self.key = command(home, "keys", "--merchant", "shop-1", "--name", "shop")["api_key"]
        super().__init__(home)
        with (self.places.edge / "edge.toml").open("a", encoding="utf-8") as settings:
            settings.write(UNLIMITED)
        command(home, "cde", "callers", "publish")
        self.port, self.edge, self.worker = port, None, 0

    def start(self) -> None:
        super().start()
        words = [*MAIN, "--home", str(self.home), "cde", "edge", "--port", str(self.port)]
        self.edge = subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        ends = time.monotonic() + START_SECONDS
        while not self.worker:
            if time.monotonic() > ends or self.edge.poll() is not None:
                raise SystemExit("the edge did not start")
            time.sleep(0.1)
            children = Path(f"/proc/{self.edge.pid}/task/{self.edge.pid}/children").read_text()
            self.worker = int((children.split() or ["0"])[-1])
        time.sleep(2)

    def stop(self) -> None:
        self.edge.terminate()
        self.edge.wait(30)
        super().stop()

    def cpu(self) -> float:
        return super().cpu() + cpu_seconds(self.worker)


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    size = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
    return int(head[9:12]), await reader.readexactly(size)


async def load(requests: list[bytes], callers: int, edge: Edge, wanted: int) -> Any:
    """Every request once, by connections that wait for each answer; (figures, bodies)."""
    numbers, taken, bodies = iter(range(len(requests))), [], []

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        for n in numbers:
            begun = time.perf_counter_ns()
            writer.write(requests[n])
            status, body = await answer(reader)
            taken.append(time.perf_counter_ns() - begun)
            if status != wanted:
                raise SystemExit(f"answered {status}: {body[:200]!r}")
            bodies.append(body)
        writer.close()

    cpu, begun = edge.cpu(), time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    seconds, used = time.perf_counter() - begun, edge.cpu() - cpu
    return {
        "acts": len(requests), "per_second": round(len(requests) / seconds), "callers": callers,
        "cpu_us_per_act": round(used / len(requests) * 1e6), **percentiles(taken, 1e6),
    }, bodies  # fmt: skip


def post(key: str, n: int, form: str) -> bytes:
    """One request to tokenise the n-th card."""
    body = f'{{"card":{{"number":"{card(n).decode()}","expiry":"2031-07"}},"form":"{form}"}}'
    head = (
        f"POST /v1/tokens HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


def get(key: str, body: bytes) -> bytes:
    """One look-up of the token in an answer."""
    token = body.split(b'"token":"')[1].split(b'"')[0].decode()
    head = f"GET /v1/tokens/{token} HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {key}"
    return f"{head}\r\n\r\n".encode()


async def measure(arguments: argparse.Namespace, edge: Edge) -> dict[str, Any]:
    cards, callers, runs = arguments.cards, arguments.callers, {}
    runs["tokenise"], bodies = await load(
        [post(edge.key, n, "multi_use") for n in range(cards)], callers, edge, 201
    )
    asked = [get(edge.key, bodies[n % cards]) for n in range(arguments.lookups)]
    runs["look up"], _ = await load(asked, callers, edge, 200)
    runs["look up, 8 callers"], _ = await load(asked[: arguments.lookups // 2], 8, edge, 200)
    again = [post(edge.key, n, "multi_use") for n in range(cards)]
    runs["tokenise, held already"], _ = await load(again, callers, edge, 201)
    sizes = {"edge_mib": edge.worker, "vault_mib": edge.vault.pid, "agent_mib": edge.agent.pid}
    return {"runs": runs, **{name: resident_mib(pid) for name, pid in sizes.items()}}


def main() -> None:
    parser = _report.arguments(__doc__)
    parser.add_argument("--cards", type=int, default=4_000)
    parser.add_argument("--lookups", type=int, default=8_000)
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--port", type=int, default=18_690)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.cards, arguments.lookups = 1_000, 2_000
    with tempfile.TemporaryDirectory(prefix="pwe") as folder:
        edge = Edge(Path(folder) / "home", arguments.port)
        edge.start()
        try:
            found = asyncio.run(measure(arguments, edge))
        finally:
            edge.stop()
    _report.finish_runs(found, COLUMNS, arguments.json)


if __name__ == "__main__":
    main()
