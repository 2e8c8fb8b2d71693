"""Traffic: all worlds at once, and the records of a few stopped payments.

Guards: a fixed number of connections, one request each; the look into records has a connection and
a pace of its own and takes the newest, so that it never falls behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from paywarden.cli.demo.cards import Cards, CardUse
from paywarden.cli.demo.connection import Connection
from paywarden.cli.demo.driver import Driver, Life
from paywarden.cli.demo.pacing import Pace
from paywarden.cli.demo.snapshot import Pacing
from paywarden.cli.demo.watch import Watch
from paywarden.core.clock import Clock

EXPLAIN_PAUSE_SECONDS = 0.1
ALERTS_PAUSE_SECONDS = 1.0
ALERTS_PATH = "/v1/aml/alerts?limit=200"
Connect = Callable[[], Connection]


class Traffic:
    """The worlds of a run. `lives`: for each, its first world and those that follow it."""

    def __init__(
        self,
        run: str,
        connect: Connect,
        watch: Watch,
        clock: Clock,
        speed: float,
        connect_edge: Connect | None = None,
    ) -> None:
        self._run, self._connect = run, connect
        self._connect_edge = connect_edge
        self._cards: list[Cards] = []
        self._watch, self._clock, self._speed = watch, clock, speed
        self._paces: list[Pace] = []
        self._worlds = 0

    async def flow(self, lives: Sequence[Iterator[Life]]) -> None:
        """Send everything until cancelled. Errors: Unavailable."""
        self._worlds = len(lives)
        async with asyncio.TaskGroup() as group:
            for number, own in enumerate(lives):
                group.create_task(self._live(number, own))
            group.create_task(self._explain())
            group.create_task(self._read_alerts())

    def pacing(self) -> Pacing:
        """Speed asked for and reached, as a mean over the worlds."""
        passed = sum(pace.simulated_seconds for pace in self._paces)
        spent = self._watch.seconds * max(1, self._worlds)
        reached = passed / spent if spent > 0 else 0.0
        given_up = sum(pace.given_up_seconds for pace in self._paces)
        return Pacing(self._worlds, self._speed, reached, given_up)

    def card_use(self) -> CardUse:
        """How cards were named so far, over all worlds."""
        uses = [cards.use for cards in self._cards]
        return CardUse(
            sum(use.tokens for use in uses),
            sum(use.by_token for use in uses),
            sum(use.by_reference for use in uses),
        )

    async def _live(self, number: int, lives: Iterator[Life]) -> None:
        connection = self._connect()
        cards = None if self._connect_edge is None else Cards(self._connect_edge())
        if cards is not None:
            self._cards.append(cards)
        try:
            for generation in range(1_000_000):
                life = await asyncio.to_thread(next, lives)
                pace = Pace(self._clock, self._speed)
                self._paces.append(pace)
                name = f"{chr(97 + number % 26)}{generation}"
                driver = Driver(name, self._run, connection, self._watch, self._clock, cards)
                await driver.drive(life, pace)
        finally:
            await connection.close()
            if cards is not None:
                await cards.close()

    async def _read_alerts(self) -> None:
        """What the second engine found, as an officer would ask for it."""
        connection = self._connect()
        try:
            while True:
                await asyncio.sleep(ALERTS_PAUSE_SECONDS)
                reply = await connection.get(ALERTS_PATH)
                if reply.status == 200:
                    self._watch.laundering.alerted(reply.body["alerts"])
        finally:
            await connection.close()

    async def _explain(self) -> None:
        connection = self._connect()
        try:
            while True:
                await asyncio.sleep(EXPLAIN_PAUSE_SECONDS)
                if not self._watch.to_explain:
                    continue
                reply = await connection.get(f"/v1/decisions/{self._watch.to_explain.pop()}")
                if reply.status == 200 and reply.body.get("record"):
                    self._watch.explained(reply.body["record"])
        finally:
            await connection.close()
