"""Driver: one world's people and attackers against the API, strictly in their order.

Guards: a world takes its next item only after the answer to the last one, as the simulator asks
(decision, reaction, result, label); several worlds run side by side and share nothing but the
watch. A payment that was stopped after its challenge has no result and no chargeback: the world
does not know of that second answer, so such events are left out here. Overload (429, 503) is waited
out and stated, with the same bytes again. Not done here: time (`pacing`), counting (`watch`).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from paywarden.cli.demo.cards import Cards
from paywarden.cli.demo.connection import Connection, Reply
from paywarden.cli.demo.pacing import Pace
from paywarden.cli.demo.rebasing import rebase
from paywarden.cli.demo.watch import Seen, Watch
from paywarden.core.clock import Clock
from paywarden.core.errors import Unavailable
from paywarden.simulator.bodies import Target
from paywarden.simulator.stream import Truth

_OPEN_KEPT = 20_000
_PATIENCE = 40
"""How often a busy server is asked again: with pauses of at most a second, half a minute."""

Key = tuple[str, str]


class Life(Protocol):
    """What the driver needs of a simulated world."""

    def timed(self) -> Iterator[tuple[int, Target, dict[str, Any]]]:
        """Items in time order, each with its instant in microseconds."""
        ...

    def react(self, payment_id: str, outcome: str, attempt: str = "1") -> None:
        """Tell what was decided."""
        ...

    def truth(self, payment_id: str, attempt: str = "1") -> Truth:
        """What is behind a payment that was sent."""
        ...


@dataclass(frozen=True, slots=True)
class _Challenged:
    """A payment that waits for its payer's answer."""

    decision: str
    truth: Truth
    value_minor: int


class Driver:
    """Sends one world. `name` tells its campaigns and ids from those of other worlds."""

    def __init__(
        self,
        name: str,
        run: str,
        connection: Connection,
        watch: Watch,
        clock: Clock,
        cards: Cards | None = None,
    ) -> None:
        self._name = name
        self._run = f"{run}{name}"
        self._connection = connection
        self._watch = watch
        self._clock = clock
        self._cards = cards
        self._challenged: OrderedDict[Key, _Challenged] = OrderedDict()
        self._ended: OrderedDict[Key, None] = OrderedDict()

    async def drive(self, life: Life, pace: Pace) -> None:
        """Send the whole world; ends with it, or when the task is cancelled."""
        for at_us, target, body in life.timed():
            # sleeping for nothing still lets the view and the other worlds have their turn
            await asyncio.sleep(pace.wait_seconds(at_us))
            if target == "payment":
                await self._pay(life, at_us, body["payment"])
            else:
                await self._happen(at_us, body)

    async def _pay(self, life: Life, at_us: int, payment: dict[str, Any]) -> None:
        key = (payment["id"], payment["attempt"])
        truth = life.truth(*key)
        rebase(payment, self._run, at_us, self._clock.now_us())
        if self._cards is not None:
            await self._cards.name(payment)
        began_ns = self._clock.monotonic_ns()
        reply, waited = await self._insist("/v1/decisions", {"payment": payment})
        took_ms = (self._clock.monotonic_ns() - began_ns) / 1e6
        if reply.status != 200:
            self._watch.refused("decision", _code(reply))
            return
        outcome = reply.body["outcome"]
        life.react(key[0], outcome, key[1])
        campaign = f"{self._name}/{truth.campaign_id}" if truth.campaign_id else None
        seen = Seen(
            payment, reply.body, truth.fraud, truth.campaign_type, campaign, truth.laundering,
            truth.innocent,
        )  # fmt: skip
        value_minor = self._watch.decided(seen, None if waited else took_ms)
        if outcome == "challenge":
            _keep(self._challenged, key, _Challenged(reply.body["id"], truth, value_minor))

    async def _happen(self, at_us: int, event: dict[str, Any]) -> None:
        key = (event.get("payment_id", ""), event.get("attempt", "1"))
        if key in self._ended:
            return
        if event["kind"] == "challenge_result":
            challenged = self._challenged.pop(key, None)
            if challenged is not None:
                await self._continue(key, challenged, event["result"])
                return
        rebase(event, self._run, at_us, self._clock.now_us())
        reply, _waited = await self._insist("/v1/events", {"events": [event]})
        if reply.status != 200:
            self._watch.refused("event", _code(reply))
            return
        result = reply.body["results"][0]
        if result["status"] == "refused":
            self._watch.refused("event", result.get("code", "unknown"))
        else:
            self._watch.happened(event["kind"])

    async def _continue(self, key: Key, challenged: _Challenged, result: str) -> None:
        path = f"/v1/decisions/{challenged.decision}/continue"
        reply, _waited = await self._insist(path, {"result": result})
        if reply.status != 200:
            self._watch.refused("continue", _code(reply))
            return
        outcome, truth = reply.body["outcome"], challenged.truth
        if not truth.laundering:
            self._watch.continued(truth.fraud, truth.campaign_type, challenged.value_minor, outcome)
        if outcome != "allow":
            _keep(self._ended, key, None)

    async def _insist(self, path: str, body: dict[str, Any]) -> tuple[Reply, bool]:
        """The answer, and whether it was waited for behind an overload."""
        for turn in range(_PATIENCE):
            reply = await self._connection.post(path, body)
            if reply.status not in (429, 503):
                return reply, turn > 0
            self._watch.held_back(_code(reply))
            await asyncio.sleep(min(1.0, 0.05 * 2**turn))
        raise Unavailable("demo_server_busy", "the server has been refusing work for too long")


def _code(reply: Reply) -> str:
    body = reply.body
    code = body.get("code") if isinstance(body, dict) else None
    return str(code or f"http_{reply.status}")[:60]


def _keep(kept: OrderedDict[Key, Any], key: Key, value: object) -> None:
    kept[key] = value
    if len(kept) > _OPEN_KEPT:
        kept.popitem(last=False)
