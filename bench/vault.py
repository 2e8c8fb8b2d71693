"""The card vault over its real socket, with the real key agent, durable throughout.

Tokenising (one card a request, callers that wait for each answer), look-ups of facts, single-use
takes, and look-ups beside a rotation of every data key. Agent and vault are processes of their own;
this one is the load. Each tokenised card is new, so each costs an index, a data key, a signature, a
record and its share of two anchors.

    python bench/vault.py [--cards 4000] [--callers 64] [--lookups 8000] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import _report
from _report import cpu_seconds, percentiles, resident_mib
from paywarden.cde.frame_client import FrameClient
from paywarden.cde.frame_format import Refused
from paywarden.cde.keys.client import KeyAgent
from paywarden.cde.places import Places, places_of
from paywarden.cde.proofs import load_proof
from paywarden.cde.vault import wire
from paywarden.cde.vault.client import Vault
from paywarden.reference.card_numbers import luhn_check_digit

LOOKERS = 4
SCOPE, MERCHANT = "bench/test", "shop-1"
MAIN = [sys.executable, "-m", "paywarden.entrypoints.main"]
CAPS = "[caps]\nper_caller = 100000000\nper_look = 1000000\nper_look_scope = 1000000\n"


def card(n: int) -> bytes:
    """The n-th of numbers spread over last fours."""
    body = "411111" + f"{(n * 7_919_317) % 10**9:09d}"
    return (body + luhn_check_digit(body)).encode()


class Processes:
    """An agent and a vault over one home."""

    def __init__(self, home: Path) -> None:
        self.home, self.places = home, places_of(home)
        self.agent = self.vault = None

    def start(self) -> None:
        base = [*MAIN, "--home", str(self.home), "cde"]
        subprocess.run([*base, "init"], check=True, stdout=subprocess.DEVNULL)
        (self.places.vault / "vault.toml").write_text('[vault]\nmode = "development"\n' + CAPS)
        self.agent = subprocess.Popen([*base, "key-agent"], stderr=subprocess.DEVNULL)
        self.vault = subprocess.Popen([*base, "vault"], stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while not self.places.vault_socket.exists():
            if time.monotonic() > end or self.vault.poll() is not None:
                raise SystemExit("the vault did not start")
            time.sleep(0.05)

    def stop(self) -> None:
        for process in (self.vault, self.agent):
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    def cpu(self) -> float:
        return cpu_seconds(self.agent.pid) + cpu_seconds(self.vault.pid)


def client(places: Places, name: str) -> Vault:
    return Vault(FrameClient(places.vault_socket, name, load_proof(places.run, name)))


async def load(
    act: Callable[[int], Awaitable[object]], count: int, callers: int, processes: Processes
) -> dict[str, Any]:
    """`count` acts by `callers` that wait for each answer."""
    numbers, taken = iter(range(count)), []

    async def caller() -> None:
        for n in numbers:
            begun = time.perf_counter_ns()
            await act(n)
            taken.append(time.perf_counter_ns() - begun)

    cpu, begun = processes.cpu(), time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    seconds, used = time.perf_counter() - begun, processes.cpu() - cpu
    return {
        "acts": count, "per_second": round(count / seconds), "callers": callers,
        "cpu_us_per_act": round(used / count * 1e6), **percentiles(taken, 1e6),
    }  # fmt: skip


async def paced(
    describe: Callable[[int], Awaitable[object]], cards: int, until: Awaitable[object]
) -> dict[str, Any]:
    """Four callers that look up every 5 ms while `until` runs."""
    stop, latencies, begun = asyncio.Event(), [], time.perf_counter()

    async def looking(first: int) -> None:
        n = first
        while not stop.is_set():
            at = time.perf_counter_ns()
            await describe(n % cards)
            latencies.append(time.perf_counter_ns() - at)
            n += LOOKERS
            await asyncio.sleep(0.005)

    lookers = [asyncio.create_task(looking(n)) for n in range(LOOKERS)]
    await until
    seconds = time.perf_counter() - begun
    stop.set()
    await asyncio.gather(*lookers)
    return {"acts": len(latencies), "per_second": round(len(latencies) / seconds),
            "callers": LOOKERS, **percentiles(latencies, 1e6)}  # fmt: skip


async def rotated(places: Places) -> dict[str, Any]:
    """A whole rotation."""
    operator = client(places, "operator")
    keys = KeyAgent(FrameClient(places.keys_socket, "operator", load_proof(places.run, "operator")))
    begun = time.perf_counter()
    done(await keys.rotate("pan"))
    while (state := done(await operator.rotate_step(2_000))).remaining:
        pass
    seconds = time.perf_counter() - begun
    await operator.close()
    await keys.close()
    return {"acts": state.rewrapped, "per_second": round(state.rewrapped / seconds)}


def done(answer: Any) -> Any:
    """An answer that is no refusal."""
    if isinstance(answer, Refused | wire.TokenRefused):
        raise SystemExit(f"refused: {answer.code}")
    return answer


async def measure(arguments: argparse.Namespace, processes: Processes) -> dict[str, Any]:
    places = processes.places
    edge, egress = client(places, "edge"), client(places, "egress")
    tokens: dict[int, str] = {}
    singles: dict[int, str] = {}

    async def tokenise(n: int) -> None:
        given = wire.CardGiven(card(n), "2029-05")
        (made,) = done(await edge.tokenise(SCOPE, MERCHANT, "key_1", [given]))
        tokens[n] = done(made).token

    async def single(n: int) -> None:
        given = wire.CardGiven(card(n), "2029-05", b"123", "ot")
        (made,) = done(await edge.tokenise(SCOPE, MERCHANT, "key_1", [given]))
        singles[n] = done(made).token

    async def describe(n: int) -> None:
        (made,) = done(await edge.describe(SCOPE, MERCHANT, [tokens[n % len(tokens)]]))
        done(made)

    async def take(n: int) -> None:
        done(await egress.take_for_use(SCOPE, MERCHANT, singles[n], want_cvv=True, use="forward"))

    cards, lookups, callers = arguments.cards, arguments.lookups, arguments.callers
    runs = {"tokenise": await load(tokenise, cards, callers, processes)}
    runs["look up"] = await load(describe, lookups, 16, processes)
    few = min(cards, 1_000)
    runs["tokenise, single use with code"] = await load(single, few, callers, processes)
    runs["take, single use"] = await load(take, few, callers, processes)
    runs["tokenise, 8 callers"] = await load(lambda n: tokenise(n + cards), few, 8, processes)
    runs["look up, paced, alone"] = await paced(describe, cards, asyncio.sleep(3))
    rotation = asyncio.create_task(rotated(places))
    runs["look up, paced, beside a rotation"] = await paced(describe, cards, rotation)
    runs["rotation"] = rotation.result()
    standing = done(await edge.status())
    size = sum(path.stat().st_size for path in places.vault.glob("*.db"))
    await edge.close()
    await egress.close()
    return {
        "runs": runs, "records": standing.records,
        "octets_per_record": round(size / max(1, standing.records)),
        "vault_mib": resident_mib(processes.vault.pid),
        "agent_mib": resident_mib(processes.agent.pid),
    }  # fmt: skip


COLUMNS = ("acts", "per_second", "callers", "cpu_us_per_act", "p50", "p99", "p999", "max")


def main() -> None:
    parser = _report.arguments(__doc__)
    parser.add_argument("--cards", type=int, default=4_000)
    parser.add_argument("--lookups", type=int, default=8_000)
    parser.add_argument("--callers", type=int, default=64)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.cards, arguments.lookups = 1_000, 2_000
    with tempfile.TemporaryDirectory(prefix="pwv") as folder:
        processes = Processes(Path(folder))
        processes.start()
        try:
            found = asyncio.run(measure(arguments, processes))
        finally:
            processes.stop()
    _report.finish_runs(found, COLUMNS, arguments.json)


if __name__ == "__main__":
    main()
