"""Operations of webhooks: endpoints, rotation of secrets, test ping, delivery log, replay.

Guards: a key that is bound to a merchant sees and makes endpoints of that merchant only; a secret
is shown once, in the answer that made it; every change is an audit event in the same commit. A new
address, or more events to an old one, go through the gate and may wait for others' word. The worker
is asked by messages (`requests.py`); its records are read, never written, here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from msgspec import UNSET

from paywarden.core.errors import NotFound, NotPermitted
from paywarden.core.instants import MICROSECONDS, format_rfc3339
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.kit.webhooks import requests, signatures
from paywarden.kit.webhooks.desk import Desk
from paywarden.kit.webhooks.destinations import (
    DestinationAsked,
    Destinations,
    event_confined,
    view,
    webhook_not_found,
    widens,
)
from paywarden.kit.webhooks.gate import Gate
from paywarden.kit.webhooks.messages import (
    Asked,
    AttemptView,
    DeliveriesQuery,
    DeliveryPage,
    DeliveryView,
    EndpointChange,
    EndpointPage,
    EndpointRequest,
    EndpointsQuery,
    EndpointView,
    EventTypes,
    EventTypeView,
    Rotation,
)
from paywarden.kit.webhooks.model import (
    SECRETS_LIMIT,
    Delivery,
    DeliveryState,
    Endpoint,
    SecretKind,
    SigningSecret,
)
from paywarden.kit.webhooks.taking_over import ENDPOINTS_LIMIT

READ, WRITE = "webhooks:read", "webhooks:write"
_PATHS = {"id": "Endpoint id, `we_...`", "delivery": "Number of the delivery"}


class WebhookOperations:
    """The operations, over the stores of webhooks."""

    def __init__(self, desk: Desk, destinations: Destinations, gate: Gate) -> None:
        self._desk = desk
        self._destinations = destinations
        self._gate = gate

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        tag: dict[str, Any] = {"tag": "webhooks"}
        one: dict[str, Any] = {
            **tag,
            "path_texts": _PATHS,
            "path_patterns": {"id": "^we_[a-z2-7]{26}$", "delivery": "^[0-9]{1,18}$"},
        }
        root, item = "/v1/webhooks", "/v1/webhooks/{id}"
        log, delivery = item + "/deliveries", item + "/deliveries/{delivery}"
        return [
            Operation("POST", root, "create_webhook", "Add an endpoint", self.create,
                      EndpointView, EndpointRequest, permission=WRITE, status=201,
                      also_answers=self._gate.also_answers, **tag),
            Operation("GET", root, "list_webhooks", "List endpoints", self.page,
                      EndpointPage, query=EndpointsQuery, permission=READ, **tag),
            Operation("GET", item, "get_webhook", "Read an endpoint", self.read,
                      EndpointView, permission=READ, **one),
            Operation("POST", item, "change_webhook", "Change an endpoint, stop or resume it",
                      self.change, EndpointView, EndpointChange, permission=WRITE,
                      also_answers=self._gate.also_answers, **one),
            Operation("DELETE", item, "remove_webhook", "Remove an endpoint and its secrets",
                      self.remove, EndpointView, permission=WRITE, **one),
            Operation("POST", item + "/rotate", "rotate_webhook_secret",
                      "Make a new secret; the old ones sign beside it for a while",
                      self.rotate, EndpointView, Rotation, permission=WRITE, body_optional=True,
                      **one),
            Operation("POST", item + "/ping", "ping_webhook", "Have a test message sent",
                      self.ping, Asked, permission=WRITE, **one),
            Operation("GET", log, "list_webhook_deliveries", "The delivery log, newest first",
                      self.deliveries, DeliveryPage, query=DeliveriesQuery, permission=READ,
                      **one),
            Operation("GET", delivery, "get_webhook_delivery", "A delivery with its attempts",
                      self.delivery, DeliveryView, permission=READ, **one),
            Operation("POST", delivery + "/replay", "replay_webhook_delivery",
                      "Have a message delivered again", self.replay, Asked, permission=WRITE,
                      **one),
            Operation("GET", "/v1/webhook-event-types", "list_webhook_event_types",
                      "Every event type with the JSON Schema of its message", self.types,
                      EventTypes, permission=READ, **tag),
        ]  # fmt: skip

    async def create(self, call: Call) -> Answer:
        """POST /v1/webhooks."""
        body: EndpointRequest = call.body
        asker = call.asker
        if asker.merchant is not None and body.merchant_id not in (None, asker.merchant):
            raise NotPermitted("webhook_merchant", "this key makes endpoints of its merchant only")
        self._may_send(asker, body.events)
        wanted = DestinationAsked(
            body.url, body.events, body.description, merchant=asker.merchant or body.merchant_id,
            kind=body.kind, secret=body.secret,
        )  # fmt: skip
        return await self._send_to(asker, wanted, 201)

    async def page(self, call: Call) -> Answer:
        """GET /v1/webhooks."""
        query: EndpointsQuery = call.query
        asker = call.asker
        found = [
            one
            for one in self._desk.endpoints.of_scope(asker.scope, query.after, ENDPOINTS_LIMIT)
            if asker.merchant in (None, one.merchant)
        ]
        stopped = self._desk.deliveries.disabled()
        shown = [view(one, stopped.get(one.id)) for one in found[: query.limit]]
        more = len(found) > query.limit
        return Answer(EndpointPage(shown, more, shown[-1].id if more else None))

    async def read(self, call: Call) -> Answer:
        """GET /v1/webhooks/{id}."""
        return Answer(self._shown(self._found(call)))

    async def change(self, call: Call) -> Answer:
        """POST /v1/webhooks/{id}."""
        body: EndpointChange = call.body
        before = self._found(call)
        wanted = _changed(before, body)
        self._may_send(call.asker, set(wanted.events) - set(before.events))
        if widens(before, wanted.url, wanted.events):
            return await self._send_to(call.asker, wanted, 200)
        unit = UnitOfWork()
        after = replace(before, events=tuple(wanted.events), description=wanted.description)
        if wanted.enabled is not None:
            after = replace(after, disabled=not wanted.enabled)
            if wanted.enabled:
                now = self._desk.clock.now_us()
                requests.ask(unit, before.scope, requests.ENABLED, before.id, now)
        self._desk.endpoints.change(unit, after)
        await self._commit(unit, call.asker, "change", after.id)
        return Answer(view(after, None if wanted.enabled else self._desk.stopped(after)))

    async def remove(self, call: Call) -> Answer:
        """DELETE /v1/webhooks/{id}."""
        found, unit = self._found(call), UnitOfWork()
        self._desk.endpoints.remove(unit, found.scope, found.id)
        requests.ask(unit, found.scope, requests.REMOVED, found.id, self._desk.clock.now_us())
        await self._commit(unit, call.asker, "remove", found.id)
        return Answer(view(replace(found, disabled=True), None))

    async def rotate(self, call: Call) -> Answer:
        """POST /v1/webhooks/{id}/rotate."""
        body: Rotation = call.body
        found, now = self._found(call), self._desk.clock.now_us()
        kind = SecretKind(body.kind) if body.kind is not None else found.secrets[0].kind
        fresh = signatures.new_secret(kind, self._desk.randomness, now)
        until = now + body.overlap_hours * 3_600 * MICROSECONDS
        kept = (_ending(one, until) for one in found.secrets if one.live(now))
        secrets = (fresh, *(one for one in kept if one.live(now)))[:SECRETS_LIMIT]
        unit, after = UnitOfWork(), replace(found, secrets=secrets)
        self._desk.endpoints.change(unit, after)
        await self._commit(unit, call.asker, "rotate", after.id)
        return Answer(view(after, None, signatures.shown_once(fresh)))

    async def ping(self, call: Call) -> Answer:
        """POST /v1/webhooks/{id}/ping."""
        found, unit = self._found(call), UnitOfWork()
        requests.ask(unit, found.scope, requests.PING_WANTED, found.id, self._desk.clock.now_us())
        await self._commit(unit, call.asker, "ping", found.id)
        return Answer(Asked())

    async def deliveries(self, call: Call) -> Answer:
        """GET /v1/webhooks/{id}/deliveries."""
        query: DeliveriesQuery = call.query
        found = self._found(call)
        state = None if query.state is None else DeliveryState(query.state)
        limit = query.limit + 1
        rows = self._desk.deliveries.page(found.scope, found.id, query.after, state, limit)
        shown = [_delivery_view(one) for one in rows[: query.limit]]
        more = len(rows) > query.limit
        return Answer(DeliveryPage(shown, more, shown[-1].id if more else None))

    async def delivery(self, call: Call) -> Answer:
        """GET /v1/webhooks/{id}/deliveries/{delivery}."""
        one = self._delivery_of(call)
        log = [
            AttemptView(format_rfc3339(each.at_us), each.took_ms, each.status, each.fault)
            for each in self._desk.deliveries.attempts(one.id)
        ]
        return Answer(_delivery_view(one, log))

    async def replay(self, call: Call) -> Answer:
        """POST /v1/webhooks/{id}/deliveries/{delivery}/replay."""
        one, unit = self._delivery_of(call), UnitOfWork()
        now = self._desk.clock.now_us()
        requests.ask(unit, one.scope, requests.REPLAY_WANTED, one.endpoint, now, one.id)
        await self._commit(unit, call.asker, "replay", one.endpoint)
        return Answer(Asked())

    async def types(self, call: Call) -> Answer:
        """GET /v1/webhook-event-types."""
        held = call.asker.permissions if call.asker.merchant is None else frozenset()
        listed = [
            one
            for one in self._desk.catalogue.types.values()
            if not one.confined_to or one.confined_to in held
        ]
        return Answer(EventTypes([EventTypeView(t.name, t.text, t.schema()) for t in listed]))

    def _may_send(self, asker: Principal, events: Iterable[str]) -> None:
        """Errors: NotPermitted for a confined event type, unless the asker may read its matter."""
        for one in self._desk.catalogue.confined(events):
            if asker.merchant is not None or one.confined_to not in asker.permissions:
                raise event_confined()

    def _found(self, call: Call) -> Endpoint:
        asker = call.asker
        found = self._desk.endpoints.find(asker.scope, call.path["id"])
        if found is None or asker.merchant not in (None, found.merchant):
            raise webhook_not_found()
        return found

    def _delivery_of(self, call: Call) -> Delivery:
        found, text = self._found(call), call.path["delivery"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
        one = self._desk.deliveries.find(found.scope, found.id, number)
        if one is None:
            raise NotFound("webhook_delivery_not_found", "no such delivery of this endpoint")
        return one

    def _shown(self, one: Endpoint) -> EndpointView:
        return view(one, self._desk.stopped(one))

    async def _send_to(self, asker: Principal, wanted: DestinationAsked, status: int) -> Answer:
        done = await self._gate.perform(
            asker, wanted.payload(), f"send events to {wanted.url}"[:500]
        )
        return done if isinstance(done, Answer) else Answer(done, status)

    async def _commit(self, unit: UnitOfWork, asker: Principal, act: str, endpoint: str) -> None:
        await self._desk.commit(unit, asker.scope, asker.actor, act, endpoint)


def _ending(secret: SigningSecret, until_us: int) -> SigningSecret:
    ends = until_us if secret.expires_at_us is None else min(secret.expires_at_us, until_us)
    return replace(secret, expires_at_us=ends)


def _changed(before: Endpoint, body: EndpointChange) -> DestinationAsked:
    """The endpoint as it shall be: what is given, and the rest as it is."""
    return DestinationAsked(
        before.url if body.url is UNSET else body.url,
        list(before.events) if body.events is UNSET else body.events,
        before.description if body.description is UNSET else body.description,
        before.id,
        before.merchant,
        enabled=None if body.enabled is UNSET else body.enabled,
    )


def _delivery_view(one: Delivery, log: list[AttemptView] | None = None) -> DeliveryView:
    due = None if one.due_at_us is None else format_rfc3339(one.due_at_us)
    return DeliveryView(
        one.id, one.message_id, one.event_type, format_rfc3339(one.created_at_us),
        one.state.value, one.attempts, due, log,
    )  # fmt: skip
