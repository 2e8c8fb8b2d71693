"""A stand-in for the program and its server: the contract of two operations, and ways to fail.

Run as a command it plays `init`, `screening lists take-in`, `serve` and the edge of `cde serve`;
FAKE_DEMO in the environment chooses a failure:
`die_after=N` decisions, `busy_every=N`, `never_ready`, `init_fails`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

REASON = {"code": "CARD_TESTING", "text": "Too many declined payments"}


ALERT = {"id": "al_1", "kind": "typology", "subject": "mule-herd", "interdicted": True}


class FakeServer:
    """Answers like the API: small amounts are challenged, large ones blocked."""

    def __init__(self, behaviour: dict[str, int] | None = None) -> None:
        self.behaviour = behaviour or {}
        self.requests: list[tuple[str, str, Any]] = []
        self.decisions = 0
        self.turns = 0

    def outcome(self, payment: dict[str, Any]) -> str:
        amount = payment.get("amount_minor", 0)
        return "challenge" if amount < 600 else "block" if amount > 200_000 else "allow"

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        self.requests.append((method, path, body))
        if path == "/readyz":
            return (503 if "never_ready" in self.behaviour else 200), {"ready": True}
        if path == "/v1/tokens":
            number = len(self.requests)
            return 200, {"token": f"tk_test_{number}", "facts": f"pwf1.{number}"}
        self.turns += 1
        every = self.behaviour.get("busy_every", 0)
        if every and self.turns % every == 0:
            return 429, {"code": "too_many_requests"}
        if path == "/v1/events":
            results = [{"id": event["id"], "status": "recorded"} for event in body["events"]]
            return 200, {"results": results}
        if path.startswith("/v1/aml/alerts"):
            return 200, {"alerts": [ALERT], "has_more": False, "next": None}
        if method == "GET":
            rules = [{"id": "burst", "scenario": "card_testing"}]
            return 200, {"record": {"rules": rules}}
        if path.endswith("/continue"):
            passed = body["result"] == "authenticated"
            return 200, self.decision("x", "1", "allow" if passed else "block")
        payment = body["payment"]
        return 200, self.decision(payment["id"], payment["attempt"], self.outcome(payment))

    def decision(self, payment_id: str, attempt: str, outcome: str) -> dict[str, Any]:
        self.decisions += 1
        if self.decisions == self.behaviour.get("die_after"):
            print("fake server: dying", file=sys.stderr, flush=True)
            os._exit(3)
        reasons = [] if outcome == "allow" else [REASON]
        return {
            "id": f"dec_{self.decisions}", "payment_id": payment_id, "attempt": attempt,
            "outcome": outcome, "points": 7, "reasons": reasons, "required_action": None,
            "advice": [], "ruleset": "rs_x", "model": None, "degraded": [], "latency_ms": 0.1,
        }  # fmt: skip

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = head.split("\r\n")
                method, path, _ = lines[0].split(" ")
                lengths = [v for n, _, v in (line.partition(":") for line in lines)
                           if n.lower() == "content-length"]  # fmt: skip
                octets = await reader.readexactly(int(lengths[0]))
                status, answer = self.answer(method, path, json.loads(octets) if octets else None)
                payload = json.dumps(answer).encode()
                writer.write(
                    f"HTTP/1.1 {status} X\r\nContent-Length: {len(payload)}\r\n\r\n".encode()
                    + payload
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def behaviour_of(text: str) -> dict[str, int]:
    pairs = [part.partition("=") for part in text.split(",") if part]
    return {name: int(value or 1) for name, _, value in pairs}


def watch_parent() -> None:
    import threading

    def wait() -> None:
        while os.read(0, 1):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


async def serve(port: int, behaviour: dict[str, int]) -> None:
    server = await asyncio.start_server(FakeServer(behaviour).handle, "127.0.0.1", port)
    async with server:
        print(f"listening at http://127.0.0.1:{port}", flush=True)
        await server.serve_forever()


def main(words: list[str]) -> int:
    behaviour = behaviour_of(os.environ.get("FAKE_DEMO", ""))
    pids = os.environ.get("FAKE_DEMO_PIDS")
    if pids:
        with open(pids, "a") as file:
            file.write(f"{os.getpid()}\n")
    if "init" in words:
        if "init_fails" in behaviour:
            print("fake init: no", file=sys.stderr)
            print(json.dumps({"error": {"code": "disk_full", "detail": "no room"}}))
            return 4
        home = words[words.index("--home") + 1]
        os.makedirs(os.path.join(home, "data"), exist_ok=True)
        with open(os.path.join(home, "paywarden.toml"), "a"):
            pass
        print(json.dumps({"home": home, "api_key": "pw_test_fake", "changed": []}))
        return 0
    if "take-in" in words:
        print(json.dumps({"outcome": "unchanged"}))
        return 0
    watch_parent()
    asyncio.run(serve(int(words[words.index("--port") + 1]), behaviour))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
