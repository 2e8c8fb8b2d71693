"""Forward a request with the number in place of its token: the use case.

Guards, in this order: the destination is approved for this scope; method, path and headers are its;
fields are listed and stand in the body; its rate; canaries; only then the card is taken and opened.
The use is logged durably before the first octet leaves. The code is taken with the card, once, and
whatever fails is not tried again. What came back is filtered while the card is still known, then it
is wiped. Not done here: whether the caller may forward (HTTP), connecting (`transport`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from paywarden.cde.egress import insertion, request_lines
from paywarden.cde.egress.answers import Passed, passed
from paywarden.cde.egress.book import DestinationBook
from paywarden.cde.egress.canaries import Canaries
from paywarden.cde.egress.echoes import Echoes
from paywarden.cde.egress.metering import EgressMetrics
from paywarden.cde.egress.opening import NOT_FOUND_TEXT, Asked, CardInUse, Opening
from paywarden.cde.egress.transport import Failed, Sent, Transport
from paywarden.cde.events import EventLog, Scalar, Severity
from paywarden.cde_client.card_acts import Destination
from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest, LimitExceeded, NotFound, NotPermitted, Unavailable
from paywarden.core.scope import Scope
from paywarden.kit.http.limits.gcra import Policy
from paywarden.kit.log import logger

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
BURST_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Order:
    """One request to forward: `body` is JSON text, or None when `form` is given."""

    scope: Scope
    merchant: str
    key_id: str
    request_id: str
    destination: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None
    form: Mapping[str, str] | None
    token: str = field(repr=False)
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Touch:
    """Who touched a token, for the event log."""

    scope: Scope
    merchant: str
    key_id: str
    request_id: str
    token: str

    @property
    def detail(self) -> dict[str, Scalar]:
        """What an event tells of it; a token that may be a number is not repeated."""
        shown = self.token if self.token.startswith(("tk_", "ot_")) else "numeric"
        return {"merchant": self.merchant, "key": self.key_id, "request": self.request_id,
                "token": shown}  # fmt: skip


class Watch:
    """Canaries and the event log, together."""

    def __init__(self, canaries: Canaries, events: EventLog) -> None:
        self._canaries = canaries
        self._events = events

    async def token(self, touch: Touch) -> None:
        """Errors: NotFound as for an unknown token, after a durable alarm."""
        if touch.token in self._canaries.tokens:
            await self._alarm(touch)

    async def card(self, touch: Touch, card: CardInUse) -> None:
        """The same for a card, by its fingerprint."""
        if card.fingerprint in self._canaries.fingerprints:
            await self._alarm(touch)

    async def _alarm(self, touch: Touch) -> None:
        done = self._events.append("canary_touched", "critical", touch.scope.text, touch.detail)
        await asyncio.wrap_future(done)
        raise NotFound("card_not_found", NOT_FOUND_TEXT)


class Rates:
    """Forwards a minute of each destination."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next: dict[tuple[str, str, int], int] = {}

    def take(self, one: Destination) -> None:
        """Errors: LimitExceeded `destination_busy`."""
        per_second = one.forwards_per_minute / 60
        policy = Policy("forwards", per_second, max(1, round(per_second * BURST_SECONDS)))
        name = (one.scope, one.name, one.revision)
        step = policy.step(self._next.get(name, 0), self._clock.monotonic_ns())
        if not step.conforms:
            raise LimitExceeded("destination_busy", "this destination's rate is used up")
        self._next[name] = step.tat_ns


class Forwarding:
    """The use case."""

    def __init__(
        self,
        book: DestinationBook,
        opening: Opening,
        transport: Transport,
        watch: Watch,
        events: EventLog,
        rates: Rates,
        metrics: EgressMetrics,
    ) -> None:
        self._book = book
        self._opening = opening
        self._transport = transport
        self._watch = watch
        self._events = events
        self._rates = rates
        self._metrics = metrics

    async def forward(self, order: Order) -> Passed | Failed:
        """What may be told of the answer. Errors: refusals before anything is sent."""
        destination = self._book.of(order.scope, order.destination)
        places = _checked(order, destination)
        self._rates.take(destination)
        touch = Touch(order.scope, order.merchant, order.key_id, order.request_id, order.token)
        await self._watch.token(touch)
        asked = Asked(
            order.scope, order.merchant, order.token, "forward", order.request_id,
            insertion.wants_cvv(order.fields),
        )  # fmt: skip
        async with self._opening.card(asked) as card:
            await self._watch.card(touch, card)
            return await self._send(order, destination, places, touch, card)

    async def _send(
        self,
        order: Order,
        destination: Destination,
        places: list[tuple[int, int, str]],
        touch: Touch,
        card: CardInUse,
    ) -> Passed | Failed:
        about = {**touch.detail, "destination": destination.name}
        try:
            body = _filled(order, places, card)
        except InvalidRequest as error:  # the card was opened: that is told, sent or not
            await self._after(order.scope, "forward_failed", about | {"code": error.code})
            raise
        try:
            await asyncio.wrap_future(
                self._events.append("card_forwarded", "info", order.scope.text, about)
            )
            kind = JSON if order.form is None else FORM
            sent = Sent(order.method, order.path, order.headers, kind, body)
            received = await self._transport.send(destination, sent)
        finally:
            body[:] = bytes(len(body))
        if isinstance(received, Failed):
            await self._after(order.scope, "forward_failed", about | {"code": received.code})
            self._metrics.forwards.labels("failed").inc()
            return received
        found = passed(received, destination, Echoes(card))
        self._metrics.forwards.labels("answered").inc()
        for place, what in found.echoes:
            await self._after(order.scope, "echo_scrubbed", about | {"place": place, "held": what})
        return found

    async def _after(self, scope: Scope, kind: str, detail: dict[str, Scalar]) -> None:
        """An event of what has happened: a disk that refuses it now must not look like a refusal
        of the request, which its caller would send again. Nothing is forwarded after that anyway.
        """
        severity: Severity = "critical" if kind == "echo_scrubbed" else "warning"
        try:
            await asyncio.wrap_future(self._events.append(kind, severity, scope.text, detail))
        except (Unavailable, LimitExceeded) as fault:
            logger().error("event_lost", reason=kind, code=fault.code)


def _checked(order: Order, destination: Destination) -> list[tuple[int, int, str]]:
    if order.method not in destination.methods:
        raise NotPermitted("destination_method_forbidden", "not a method of this destination")
    fault = request_lines.path_fault(order.path)
    if fault is not None:
        raise InvalidRequest("forward_path_invalid", fault, pointer="/path")
    if not request_lines.within(order.path, destination.path_prefixes):
        raise NotPermitted("destination_path_forbidden", "no path of this destination")
    fault = request_lines.headers_fault(order.headers, destination.headers)
    if fault is not None:
        raise InvalidRequest("forward_header_refused", fault, pointer="/headers")
    insertion.check_fields(order.fields, destination)
    if (order.body is None) == (order.form is None):
        raise InvalidRequest("forward_body_missing", "send body or form, one of them")
    if order.form is not None:
        insertion.check_form(order.form, order.fields, order.token)
        return []
    return insertion.json_places(order.body or b"", order.fields, order.token)


def _filled(order: Order, places: list[tuple[int, int, str]], card: CardInUse) -> bytearray:
    if order.form is not None:
        return insertion.fill_form(order.form, order.fields, card)
    return insertion.fill_json(order.body or b"", places, card)
