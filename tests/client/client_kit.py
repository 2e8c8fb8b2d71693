"""A server that answers from a script, and a clock that moves only when somebody waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from paywarden.client import AsyncClient, Client
from paywarden.core.clock import FixedClock

KEY = "pw_test_secret-key-for-tests"
PAYMENT = {
    "id": "order-1",
    "type": "card_payment",
    "occurred_at": "2026-11-22T01:02:03Z",
    "amount_minor": 100,
    "currency": "EUR",
}
DECISION = {
    "id": "dec_1",
    "payment_id": "order-1",
    "attempt": "1",
    "outcome": "challenge",
    "points": 12,
    "reasons": [{"code": "CARD_TESTING", "text": "Too many"}],
    "required_action": {"kind": "challenge", "continue_path": "/v1/decisions/dec_1/continue"},
    "advice": [],
    "ruleset": "rs_1",
    "model": None,
    "degraded": [],
    "latency_ms": 1.5,
    "a_field_of_the_future": {"x": 1},
}
Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def ok(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=body, headers=named)


def problem(status: int, code: str, pointer: str | None = None, **headers: str) -> httpx.Response:
    body = {"code": code, "detail": f"about {code}", "request_id": "req_7", "pointer": pointer}
    return ok(body, status, **headers)


class Zeros:
    """Randomness without any: jitter is 0, keys count up."""

    def __init__(self, octet: int = 0) -> None:
        self._octet = octet
        self._keys = 0

    def octets(self, count: int) -> bytes:
        if count == 16:
            self._keys += 1
            return self._keys.to_bytes(16, "big")
        return bytes([self._octet]) * count


class Stage:
    """Clients of both kinds over the same script."""

    def __init__(self, *script: Answer, octet: int = 0, **options: Any) -> None:
        self.script: Iterator[Answer] = iter(script)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []
        self.clock = FixedClock(1_795_309_323_000_000)
        self.options = {**options, "clock": self.clock, "randomness": Zeros(octet)}

    def _play(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = next(self.script)
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer(request)
        # A fresh copy: an answer's stream is read once, and scripts repeat answers.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)

    async def _pause_async(self, seconds: float) -> None:
        self._pause(seconds)

    def sync(self) -> Client:
        return Client(
            "https://risk.example",
            KEY,
            transport=httpx.MockTransport(self._play),
            sleep=self._pause,
            **self.options,
        )

    def asynchronous(self) -> AsyncClient:
        return AsyncClient(
            "https://risk.example",
            KEY,
            transport=httpx.MockTransport(self._play),
            sleep=self._pause_async,
            **self.options,
        )

    def keys(self) -> list[str]:
        return [request.headers["idempotency-key"] for request in self.requests]

    def body(self, number: int = 0) -> Any:
        return json.loads(self.requests[number].content)


async def run(stage: Stage, kind: str, act: str, *given: Any, **named: Any) -> Any:
    """The result of one method, by either client; iterators as lists."""
    if kind == "sync":
        with stage.sync() as client:
            made = getattr(client, act)(*given, **named)
            return list(made) if hasattr(made, "__next__") else made
    async with stage.asynchronous() as client:
        made = getattr(client, act)(*given, **named)
        if hasattr(made, "__anext__"):
            return [item async for item in made]
        return await made
