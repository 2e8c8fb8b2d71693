"""Operations of webhooks: endpoints, rotation of secrets, test ping, delivery log, replay.

Guards: a key that is bound to a merchant sees and makes endpoints of that merchant only; a secret
is shown once, in the answer that made it; every change is an audit event in the same commit. The
worker is asked by messages (`requests.py`); its records are read, never written, here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from msgspec import UNSET

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Conflict, InvalidRequest, NotFound
from paywarden.core.instants import MICROSECONDS, format_rfc3339
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.kit.webhooks import requests, signatures
from paywarden.kit.webhooks.addresses import Allowed, check_url
from paywarden.kit.webhooks.catalogue import Catalogue
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
    ANY,
    SECRETS_LIMIT,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointId,
    SecretKind,
    SigningSecret,
)
from paywarden.kit.webhooks.ports import Deliveries, Endpoints
from paywarden.kit.webhooks.taking_over import ENDPOINTS_LIMIT

READ, WRITE = "webhooks:read", "webhooks:write"
_PATHS = {"id": "Endpoint id, `we_...`", "delivery": "Number of the delivery"}


class WebhookOperations:
    """The operations, over the stores of webhooks."""

    def __init__(
        self,
        endpoints: Endpoints,
        deliveries: Deliveries,
        catalogue: Catalogue,
        allowed: Allowed,
        writer: Writer,
        audit: AuditLog,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._catalogue = catalogue
        self._allowed = allowed
        self._writer = writer
        self._audit = audit
        self._clock = clock
        self._randomness = randomness

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
                      EndpointView, EndpointRequest, permission=WRITE, status=201, **tag),
            Operation("GET", root, "list_webhooks", "List endpoints", self.page,
                      EndpointPage, query=EndpointsQuery, permission=READ, **tag),
            Operation("GET", item, "get_webhook", "Read an endpoint", self.read,
                      EndpointView, permission=READ, **one),
            Operation("POST", item, "change_webhook", "Change an endpoint, stop or resume it",
                      self.change, EndpointView, EndpointChange, permission=WRITE, **one),
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
        check_url(body.url, self._allowed)
        self._check_events(body.events)
        if self._endpoints.count(asker.scope) >= ENDPOINTS_LIMIT:
            raise Conflict("webhook_limit", f"at most {ENDPOINTS_LIMIT} endpoints; remove one")
        now = self._clock.now_us()
        if body.secret is not None:
            secret = signatures.given_secret(Secret(body.secret), now)
        else:
            secret = signatures.new_secret(SecretKind(body.kind), self._randomness, now)
        made = Endpoint(
            EndpointId.new(self._randomness).text, asker.scope, body.url, tuple(body.events),
            body.description, asker.merchant, (secret,), now, asker.key_id,
        )  # fmt: skip
        unit = UnitOfWork()
        self._endpoints.add(unit, made)
        await self._commit(unit, asker, "create", made.id)
        shown = signatures.shown_once(secret) if body.secret is None else None
        return Answer(_view(made, None, shown), status=201)

    async def page(self, call: Call) -> Answer:
        """GET /v1/webhooks."""
        query: EndpointsQuery = call.query
        asker = call.asker
        found = [
            one
            for one in self._endpoints.of_scope(asker.scope, query.after, ENDPOINTS_LIMIT)
            if asker.merchant in (None, one.merchant)
        ]
        stopped = self._deliveries.disabled()
        shown = [_view(one, stopped.get(one.id)) for one in found[: query.limit]]
        more = len(found) > query.limit
        return Answer(EndpointPage(shown, more, shown[-1].id if more else None))

    async def read(self, call: Call) -> Answer:
        """GET /v1/webhooks/{id}."""
        return Answer(self._shown(self._found(call)))

    async def change(self, call: Call) -> Answer:
        """POST /v1/webhooks/{id}."""
        body: EndpointChange = call.body
        before = self._found(call)
        given = {name: getattr(body, name) for name in ("url", "events", "description")}
        changed = {name: value for name, value in given.items() if value is not UNSET}
        if "url" in changed:
            check_url(changed["url"], self._allowed)
        if "events" in changed:
            self._check_events(changed["events"])
            changed["events"] = tuple(changed["events"])
        unit = UnitOfWork()
        if body.enabled is not UNSET:
            changed["disabled"] = not body.enabled
            if body.enabled:
                now = self._clock.now_us()
                requests.ask(unit, before.scope, requests.ENABLED, before.id, now)
        after = replace(before, **changed)
        self._endpoints.change(unit, after)
        await self._commit(unit, call.asker, "change", after.id)
        stopped = None if body.enabled is True else self._deliveries.disabled().get(after.id)
        return Answer(_view(after, stopped))

    async def remove(self, call: Call) -> Answer:
        """DELETE /v1/webhooks/{id}."""
        found, unit = self._found(call), UnitOfWork()
        self._endpoints.remove(unit, found.scope, found.id)
        requests.ask(unit, found.scope, requests.REMOVED, found.id, self._clock.now_us())
        await self._commit(unit, call.asker, "remove", found.id)
        return Answer(_view(replace(found, disabled=True), None))

    async def rotate(self, call: Call) -> Answer:
        """POST /v1/webhooks/{id}/rotate."""
        body: Rotation = call.body
        found, now = self._found(call), self._clock.now_us()
        kind = SecretKind(body.kind) if body.kind is not None else found.secrets[0].kind
        fresh = signatures.new_secret(kind, self._randomness, now)
        until = now + body.overlap_hours * 3_600 * MICROSECONDS
        kept = (_ending(one, until) for one in found.secrets if one.live(now))
        secrets = (fresh, *(one for one in kept if one.live(now)))[:SECRETS_LIMIT]
        unit, after = UnitOfWork(), replace(found, secrets=secrets)
        self._endpoints.change(unit, after)
        await self._commit(unit, call.asker, "rotate", after.id)
        return Answer(_view(after, None, signatures.shown_once(fresh)))

    async def ping(self, call: Call) -> Answer:
        """POST /v1/webhooks/{id}/ping."""
        found, unit = self._found(call), UnitOfWork()
        requests.ask(unit, found.scope, requests.PING_WANTED, found.id, self._clock.now_us())
        await self._commit(unit, call.asker, "ping", found.id)
        return Answer(Asked())

    async def deliveries(self, call: Call) -> Answer:
        """GET /v1/webhooks/{id}/deliveries."""
        query: DeliveriesQuery = call.query
        found = self._found(call)
        state = None if query.state is None else DeliveryState(query.state)
        limit = query.limit + 1
        rows = self._deliveries.page(found.scope, found.id, query.after, state, limit)
        shown = [_delivery_view(one) for one in rows[: query.limit]]
        more = len(rows) > query.limit
        return Answer(DeliveryPage(shown, more, shown[-1].id if more else None))

    async def delivery(self, call: Call) -> Answer:
        """GET /v1/webhooks/{id}/deliveries/{delivery}."""
        one = self._delivery_of(call)
        log = [
            AttemptView(format_rfc3339(each.at_us), each.took_ms, each.status, each.fault)
            for each in self._deliveries.attempts(one.id)
        ]
        return Answer(_delivery_view(one, log))

    async def replay(self, call: Call) -> Answer:
        """POST /v1/webhooks/{id}/deliveries/{delivery}/replay."""
        one, unit = self._delivery_of(call), UnitOfWork()
        now = self._clock.now_us()
        requests.ask(unit, one.scope, requests.REPLAY_WANTED, one.endpoint, now, one.id)
        await self._commit(unit, call.asker, "replay", one.endpoint)
        return Answer(Asked())

    async def types(self, _call: Call) -> Answer:
        """GET /v1/webhook-event-types."""
        listed = self._catalogue.types.values()
        return Answer(EventTypes([EventTypeView(t.name, t.text, t.schema()) for t in listed]))

    def _found(self, call: Call) -> Endpoint:
        asker = call.asker
        found = self._endpoints.find(asker.scope, call.path["id"])
        if found is None or asker.merchant not in (None, found.merchant):
            raise NotFound("webhook_not_found", "no such endpoint for this key")
        return found

    def _delivery_of(self, call: Call) -> Delivery:
        found, text = self._found(call), call.path["delivery"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
        one = self._deliveries.find(found.scope, found.id, number)
        if one is None:
            raise NotFound("webhook_delivery_not_found", "no such delivery of this endpoint")
        return one

    def _shown(self, one: Endpoint) -> EndpointView:
        return _view(one, self._deliveries.disabled().get(one.id))

    def _check_events(self, events: Sequence[str]) -> None:
        for number, name in enumerate(events):
            if name != ANY and name not in self._catalogue:
                raise InvalidRequest(
                    "webhook_event_unknown",
                    "no such event type; GET /v1/webhook-event-types lists them",
                    pointer=f"/events/{number}",
                )

    async def _commit(self, unit: UnitOfWork, asker: Principal, act: str, endpoint: str) -> None:
        self._audit.record(unit, _event(asker.scope, asker.key_id, act, endpoint, self._clock))
        await self._writer.commit(unit)


def _event(scope: Scope, key_id: str, act: str, endpoint: str, clock: Clock) -> AuditEvent:
    return AuditEvent(
        scope, f"webhook:endpoint:{act}", f"key:{key_id}", AuditOutcome.DONE, clock.now_us(),
        {"endpoint": endpoint},
    )  # fmt: skip


def _ending(secret: SigningSecret, until_us: int) -> SigningSecret:
    ends = until_us if secret.expires_at_us is None else min(secret.expires_at_us, until_us)
    return replace(secret, expires_at_us=ends)


def _view(one: Endpoint, stopped: str | None, secret: str | None = None) -> EndpointView:
    return EndpointView(
        one.id, one.url, list(one.events), one.description, not one.disabled and stopped is None,
        format_rfc3339(one.created_at_us), one.merchant, stopped, secret,
    )  # fmt: skip


def _delivery_view(one: Delivery, log: list[AttemptView] | None = None) -> DeliveryView:
    due = None if one.due_at_us is None else format_rfc3339(one.due_at_us)
    return DeliveryView(
        one.id, one.message_id, one.event_type, format_rfc3339(one.created_at_us),
        one.state.value, one.attempts, due, log,
    )  # fmt: skip
