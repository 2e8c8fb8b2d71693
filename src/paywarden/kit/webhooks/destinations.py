"""Where events go: adding an endpoint, and sending an endpoint's events elsewhere.

Guards: both are one act, `webhook.destination`, done with leave alone (`ports.Leave`), whose end is
committed with the effect. The payload names all that will happen, and is checked again when it is
done, as anybody who may ask can write one. A receiver's own secret stands in it only where nothing
waits: approvers read payloads. Not done here: stopping, removing and rotating, which need no leave
(`http.py`); asking and approving (another room, behind `gate.Gate`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Conflict, InvalidRequest, NotFound
from paywarden.core.instants import format_rfc3339
from paywarden.core.secret import Secret
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.webhooks import requests, signatures
from paywarden.kit.webhooks.addresses import Allowed, check_url
from paywarden.kit.webhooks.catalogue import Catalogue
from paywarden.kit.webhooks.messages import Description, EndpointView, Events, GivenSecret, Url
from paywarden.kit.webhooks.model import ANY, Endpoint, EndpointId, SecretKind
from paywarden.kit.webhooks.ports import Deliveries, Endpoints, Leave
from paywarden.kit.webhooks.taking_over import ENDPOINTS_LIMIT

ACTION: Final = "webhook.destination"


class Destination(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Payload: an endpoint as it shall be. `endpoint` names one that exists, else one is made."""

    url: Url
    events: Events
    description: Description = ""
    endpoint: Annotated[str, Meta(pattern="^(we_[a-z2-7]{26})?$", max_length=29)] = ""
    merchant: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    kind: Literal["hmac", "ed25519"] = "hmac"
    secret: GivenSecret | None = None
    enabled: bool | None = None

    def payload(self) -> bytes:
        """What is signed."""
        return msgspec.json.encode(self, order="sorted")


_DESTINATIONS: Final = msgspec.json.Decoder(Destination)


class Destinations:
    """Carries the act out."""

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

    def check(self, url: str, events: Sequence[str]) -> None:
        """Errors: InvalidRequest for an address or an event type that nothing can be sent to."""
        check_url(url, self._allowed)
        for number, name in enumerate(events):
            if name != ANY and name not in self._catalogue:
                raise InvalidRequest(
                    "webhook_event_unknown",
                    "no such event type; GET /v1/webhook-event-types lists them",
                    pointer=f"/events/{number}",
                )

    async def carry_out(self, leave: Leave, payload: bytes) -> EndpointView:
        """Add or change the endpoint; its view. Errors: InvalidRequest, Conflict, NotFound."""
        leave.require(leave.scope, ACTION, payload)
        try:
            wanted = _DESTINATIONS.decode(payload)
        except msgspec.DecodeError:
            raise InvalidRequest(
                "webhook_destination_invalid", "the payload names no url and events"
            ) from None
        self.check(wanted.url, wanted.events)
        if wanted.endpoint:
            return await self._change(leave, wanted)
        return await self._add(leave, wanted)

    async def _add(self, leave: Leave, wanted: Destination) -> EndpointView:
        scope, now = leave.scope, self._clock.now_us()
        if self._endpoints.count(scope) >= ENDPOINTS_LIMIT:
            raise Conflict("webhook_limit", f"at most {ENDPOINTS_LIMIT} endpoints; remove one")
        if wanted.secret is not None:
            secret = signatures.given_secret(Secret(wanted.secret), now)
        else:
            secret = signatures.new_secret(SecretKind(wanted.kind), self._randomness, now)
        made = Endpoint(
            EndpointId.new(self._randomness).text, scope, wanted.url, tuple(wanted.events),
            wanted.description, wanted.merchant, (secret,), now, leave.actor,
        )  # fmt: skip
        unit = UnitOfWork()
        self._endpoints.add(unit, made)
        await self._commit(unit, leave, "create", made.id)
        shown = signatures.shown_once(secret) if wanted.secret is None else None
        return view(made, None, shown)

    async def _change(self, leave: Leave, wanted: Destination) -> EndpointView:
        before = self._endpoints.find(leave.scope, wanted.endpoint)
        if before is None or before.merchant != wanted.merchant:
            raise webhook_not_found()
        after = replace(
            before, url=wanted.url, events=tuple(wanted.events), description=wanted.description
        )
        unit = UnitOfWork()
        if wanted.enabled is not None:
            after = replace(after, disabled=not wanted.enabled)
            if wanted.enabled:
                requests.ask(unit, after.scope, requests.ENABLED, after.id, self._clock.now_us())
        self._endpoints.change(unit, after)
        await self._commit(unit, leave, "change", after.id)
        stopped = None if wanted.enabled else self._deliveries.disabled().get(after.id)
        return view(after, stopped)

    async def _commit(self, unit: UnitOfWork, leave: Leave, act: str, endpoint: str) -> None:
        leave.settle(unit)
        self._audit.record(unit, AuditEvent(
            leave.scope, f"webhook:endpoint:{act}", leave.audit_actor, AuditOutcome.DONE,
            self._clock.now_us(), {"endpoint": endpoint},
        ))  # fmt: skip
        await self._writer.commit(unit)


def view(one: Endpoint, stopped: str | None, secret: str | None = None) -> EndpointView:
    """Wire form of an endpoint; `stopped`: why the worker gave it up."""
    return EndpointView(
        one.id, one.url, list(one.events), one.description, not one.disabled and stopped is None,
        format_rfc3339(one.created_at_us), one.merchant, stopped, secret,
    )  # fmt: skip


def webhook_not_found() -> NotFound:
    """No such endpoint."""
    return NotFound("webhook_not_found", "no such endpoint for this key")
