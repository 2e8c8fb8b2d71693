"""The worker's loop: takes messages over, sends what is due, records what came of it.

Guards: at most `IN_FLIGHT` attempts at once and `PER_ENDPOINT` to one endpoint, so that a slow
receiver delays its own events only; a delivery that was being sent when the process died is due
again at the next start (at least once). 410 stops the endpoint; so does a delivery that failed for
all of its 75 hours. One process does this: it holds the lock of the delivery database.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from functools import partial
from typing import Final

from paywarden.core.clock import Clock, Randomness
from paywarden.core.instants import DAY_US
from paywarden.kit.log import logger
from paywarden.kit.webhooks import schedule, signatures
from paywarden.kit.webhooks.model import Attempt, Delivery, DeliveryState, Endpoint
from paywarden.kit.webhooks.ports import Deliveries, Endpoints
from paywarden.kit.webhooks.sending import Sending
from paywarden.kit.webhooks.taking_over import TakingOver

IN_FLIGHT: Final = 64
PER_ENDPOINT: Final = 4
LOOKED_AT: Final = 500
POLL_SECONDS: Final = 0.25
PRUNE_EVERY: Final = 2_400
"""Idle rounds between two prunings: about ten minutes."""
KEPT_US: Final = 30 * DAY_US


class Deliverer:
    """Delivers until it is told to stop."""

    def __init__(
        self,
        taking_over: TakingOver,
        endpoints: Endpoints,
        deliveries: Deliveries,
        sender: Sending,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._taking_over = taking_over
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._sender = sender
        self._clock = clock
        self._randomness = randomness
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._load: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event, *, poll_seconds: float = POLL_SECONDS) -> None:
        """Work until `stop`; attempts that are under way are then finished and recorded."""
        rounds = 0
        while not stop.is_set():
            more = await asyncio.to_thread(self._taking_over.step)
            await self.send_due()
            rounds += 1
            if rounds % PRUNE_EVERY == 1:
                now = self._clock.now_us()
                await asyncio.to_thread(self._deliveries.prune, now - KEPT_US)
            if not more:
                await _paused(stop, poll_seconds)
        await self.settle()

    async def send_due(self) -> None:
        """Begin attempts for what is due, as far as the limits allow."""
        room = IN_FLIGHT - len(self._busy)
        if room <= 0:
            return
        busy = frozenset(self._busy)
        now = self._clock.now_us()
        for delivery in await asyncio.to_thread(self._deliveries.due, now, LOOKED_AT, busy):
            if len(self._busy) >= IN_FLIGHT:
                return
            if self._load[delivery.endpoint] >= PER_ENDPOINT:
                continue
            self._load[delivery.endpoint] += 1
            task = asyncio.create_task(self._attempt(delivery))
            self._busy[delivery.id] = task
            task.add_done_callback(partial(self._ended, delivery))

    async def settle(self) -> None:
        """Wait for attempts that are under way."""
        while self._busy:
            await asyncio.gather(*self._busy.values(), return_exceptions=True)
            await asyncio.sleep(0)

    def _ended(self, delivery: Delivery, task: asyncio.Task[None]) -> None:
        self._busy.pop(delivery.id, None)
        self._load[delivery.endpoint] -= 1
        if not self._load[delivery.endpoint]:
            del self._load[delivery.endpoint]
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            logger().error("webhook_attempt_fault", error_type=type(fault).__name__)

    async def _attempt(self, delivery: Delivery) -> None:
        endpoint = await asyncio.to_thread(self._endpoints.find, delivery.scope, delivery.endpoint)
        if endpoint is None or endpoint.disabled:
            reason = "removed" if endpoint is None else "disabled"
            await asyncio.to_thread(
                self._deliveries.disable, delivery.endpoint, reason, self._clock.now_us()
            )
            return
        attempt = await self._sender.send(
            endpoint.url, self._headers(endpoint, delivery), delivery.body
        )
        await asyncio.to_thread(self._record, delivery, attempt)

    def _headers(self, endpoint: Endpoint, delivery: Delivery) -> dict[str, str]:
        now = self._clock.now_us()
        live = [secret for secret in endpoint.secrets if secret.live(now)]
        return signatures.headers(delivery.message_id, now // 1_000_000, delivery.body, live)

    def _record(self, delivery: Delivery, attempt: Attempt) -> None:
        if attempt.succeeded:
            self._deliveries.record(delivery, attempt, DeliveryState.DELIVERED, None)
            return
        pause = None
        if not attempt.gone:
            chance = int.from_bytes(self._randomness.octets(4), "big") / 2**32
            tried = delivery.attempts + 1
            pause = schedule.pause_us(tried, chance, attempt.retry_after_seconds)
        if pause is not None:
            due = self._clock.now_us() + pause
            self._deliveries.record(delivery, attempt, DeliveryState.PENDING, due)
            return
        self._deliveries.record(delivery, attempt, DeliveryState.FAILED, None)
        reason = "gone" if attempt.gone else "failing"
        self._deliveries.disable(delivery.endpoint, reason, self._clock.now_us())
        logger().warning("webhook_endpoint_stopped", reason=reason)


async def _paused(stop: asyncio.Event, seconds: float) -> None:
    """Wait for `stop`, but not longer than `seconds`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
