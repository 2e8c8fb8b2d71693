"""From the outbox to deliveries: each message is taken over exactly once.

Guards: the deliveries of a batch and the cursor behind it are one commit. A message becomes one
delivery for each endpoint that wants its type, scope and merchant; its id is the same for all of
them and for every retry. Not done here: sending (`delivering.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from paywarden.core.clock import Clock
from paywarden.core.identifiers import encode_128
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.kit.crypto.digest import KeyedDigest
from paywarden.kit.outbox import READ_LIMIT, Message, Outbox
from paywarden.kit.webhooks import requests
from paywarden.kit.webhooks.catalogue import PING, Catalogue, Ping, envelope
from paywarden.kit.webhooks.model import Delivery, Endpoint
from paywarden.kit.webhooks.ports import Deliveries, Endpoints

ENDPOINTS_LIMIT: Final = 100
"""Endpoints that one scope may have."""


class _Bound(msgspec.Struct):
    """What decides which merchant an event belongs to."""

    merchant_id: str | None = None


class TakingOver:
    """Reads the outbox behind a stored cursor."""

    def __init__(
        self,
        outbox: Outbox,
        endpoints: Endpoints,
        deliveries: Deliveries,
        catalogue: Catalogue,
        id_key: Secret[bytes],
        clock: Clock,
    ) -> None:
        self._outbox = outbox
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._catalogue = catalogue
        self._ids = KeyedDigest(id_key)
        self._clock = clock

    def step(self) -> bool:
        """Take over one batch; whether there may be more. Blocking."""
        messages = self._outbox.after(self._deliveries.cursor())
        if not messages:
            return False
        known: dict[Scope, Sequence[Endpoint]] = {}
        made: list[Delivery] = []
        for message in messages:
            if message.scope not in known:
                known[message.scope] = self._endpoints.of_scope(message.scope, "", ENDPOINTS_LIMIT)
            made.extend(self._made(message, known[message.scope]))
        self._deliveries.take_over(messages[-1].id, made)
        return len(messages) == READ_LIMIT

    def _made(self, message: Message, endpoints: Sequence[Endpoint]) -> Iterator[Delivery]:
        if message.topic in self._catalogue:
            yield from self._events(message, endpoints)
            return
        if message.topic not in _REQUESTS:
            return
        wanted = msgspec.json.decode(message.body, type=requests.EndpointNamed)
        if message.topic == requests.ENABLED:
            self._deliveries.enable(wanted.endpoint)
        elif message.topic == requests.REMOVED:
            self._deliveries.disable(wanted.endpoint, "removed", self._clock.now_us())
        elif message.topic == requests.PING_WANTED:
            body = msgspec.json.encode(Ping(wanted.endpoint))
            yield self._delivery(message, wanted.endpoint, PING, body)
        else:
            yield from self._again(message, wanted)

    def _events(self, message: Message, endpoints: Sequence[Endpoint]) -> Iterator[Delivery]:
        merchant = msgspec.json.decode(message.body, type=_Bound).merchant_id
        stopped = self._deliveries.disabled()
        confined = bool(self._catalogue.confined((message.topic,)))
        for one in endpoints:
            if one.id in stopped or one.created_at_us > message.at_us:
                continue
            if confined and (one.merchant is not None or message.topic not in one.events):
                continue
            if one.wants(message.scope, message.topic, merchant):
                yield self._delivery(message, one.id, message.topic, message.body)

    def _again(self, message: Message, wanted: requests.EndpointNamed) -> Iterator[Delivery]:
        found = self._deliveries.find(message.scope, wanted.endpoint, wanted.delivery)
        if found is not None:
            yield Delivery(
                0, found.message_id, found.endpoint, found.scope, found.event_type, found.body,
                message.at_us, due_at_us=self._clock.now_us(),
            )  # fmt: skip

    def _delivery(self, message: Message, endpoint: str, event_type: str, data: bytes) -> Delivery:
        digest = self._ids.of(message.scope, f"{message.id}:{message.at_us}".encode())
        return Delivery(
            0,
            "msg_" + encode_128(digest[:16]),
            endpoint,
            message.scope,
            event_type,
            envelope(event_type, message.at_us, data),
            message.at_us,
            due_at_us=self._clock.now_us(),
        )


_REQUESTS = frozenset(
    {requests.PING_WANTED, requests.REPLAY_WANTED, requests.ENABLED, requests.REMOVED}
)
