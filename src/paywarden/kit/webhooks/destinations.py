"""Where events go: adding an endpoint, and sending an endpoint's events elsewhere.

Guards: both are one act, `webhook.destination`, done with leave alone (`ports.Leave`), whose end is
committed with the effect. The payload names all that will happen, and is checked when it is asked
for and again when it is done, as anybody who may ask can write one. A receiver's own secret is
sealed before anything is stored or shown (`prepared`): approvers see its SHA-256 and its last four
characters, and it is opened when the act is done. Not done here: stopping, removing and rotating,
which need no leave (`http.py`); asking and approving (another room, behind `gate.Gate`).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from paywarden.core.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.webhooks import requests, signatures
from paywarden.kit.webhooks.addresses import Allowed, check_url
from paywarden.kit.webhooks.desk import Desk
from paywarden.kit.webhooks.messages import Description, EndpointView, Events, GivenSecret, Url
from paywarden.kit.webhooks.model import ANY, Endpoint, EndpointId, SecretKind, SigningSecret
from paywarden.kit.webhooks.ports import Leave
from paywarden.kit.webhooks.secret_box import SecretBox
from paywarden.kit.webhooks.taking_over import ENDPOINTS_LIMIT

T = TypeVar("T")
ACTION: Final = "webhook.destination"


class SealedSecret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receiver's own secret as approvers see it; `sealed` opens for this address alone."""

    last_four: str
    sealed: str
    sha256: str


class _Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An endpoint as it shall be. `endpoint` names one that exists, else one is made."""

    url: Url
    events: Events
    description: Description = ""
    endpoint: Annotated[str, Meta(pattern="^(we_[a-z2-7]{26})?$", max_length=29)] = ""
    merchant: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    kind: Literal["hmac", "ed25519"] = "hmac"
    enabled: bool | None = None

    def payload(self) -> bytes:
        """Canonical JSON."""
        return msgspec.json.encode(self, order="sorted")


class DestinationAsked(_Shape, frozen=True, forbid_unknown_fields=True):
    """What is asked for: the receiver's own secret stands in it as it was typed."""

    secret: GivenSecret | None = None


class Destination(_Shape, frozen=True, forbid_unknown_fields=True):
    """Payload: what is signed, stored and shown."""

    secret: SealedSecret | None = None


_ASKED: Final = msgspec.json.Decoder(DestinationAsked)
_DESTINATIONS: Final = msgspec.json.Decoder(Destination)


class Destinations:
    """Carries the act out."""

    def __init__(self, desk: Desk, allowed: Allowed, box: SecretBox) -> None:
        self._desk = desk
        self._allowed = allowed
        self._box = box

    def check(self, url: str, events: Sequence[str], merchant: str | None) -> None:
        """Errors: InvalidRequest for an address or an event type that nothing can be sent to,
        NotPermitted for an event type that no merchant gets."""
        check_url(url, self._allowed)
        if merchant is not None and self._desk.catalogue.confined(events):
            raise event_confined()
        for number, name in enumerate(events):
            if name != ANY and name not in self._desk.catalogue:
                raise InvalidRequest(
                    "webhook_event_unknown",
                    "no such event type; GET /v1/webhook-event-types lists them",
                    pointer=f"/events/{number}",
                )

    def prepared(self, scope: Scope, payload: bytes) -> bytes:
        """The payload of what is asked for, without a readable secret. Errors: InvalidRequest."""
        asked = _decoded(_ASKED, payload)
        self.check(asked.url, asked.events, asked.merchant)
        given = msgspec.structs.asdict(asked)
        if asked.secret is not None:
            given["secret"] = self._sealed(scope, asked.url, Secret(asked.secret))
        return Destination(**given).payload()

    async def carry_out(self, leave: Leave, payload: bytes) -> EndpointView:
        """Add or change the endpoint; its view. Errors: InvalidRequest, Conflict, NotFound."""
        leave.require(leave.scope, ACTION, payload)
        wanted = _decoded(_DESTINATIONS, payload)
        self.check(wanted.url, wanted.events, wanted.merchant)
        if wanted.endpoint:
            return await self._change(leave, wanted)
        return await self._add(leave, wanted)

    def _sealed(self, scope: Scope, url: str, secret: Secret[str]) -> SealedSecret:
        shown = secret.expose()
        kept = signatures.given_secret(secret, self._desk.clock.now_us())
        sealed = self._box.seal(scope, _place(url), (kept,))
        digest = hashlib.sha256(shown.encode()).hexdigest()
        return SealedSecret(shown[-4:], base64.b64encode(sealed).decode(), digest)

    def _secret(self, scope: Scope, wanted: Destination, now_us: int) -> SigningSecret:
        """The receiver's own secret, opened; else a new one. Errors: Corrupt, InvalidRequest."""
        if wanted.secret is None:
            kind = SecretKind(wanted.kind)
            return signatures.new_secret(kind, self._desk.randomness, now_us)
        try:
            box = base64.b64decode(wanted.secret.sealed, validate=True)
        except ValueError:
            raise _unreadable() from None
        (secret,) = self._box.open(scope, _place(wanted.url), box)
        return replace(secret, created_at_us=now_us)

    async def _add(self, leave: Leave, wanted: Destination) -> EndpointView:
        scope, now = leave.scope, self._desk.clock.now_us()
        if self._desk.endpoints.count(scope) >= ENDPOINTS_LIMIT:
            raise Conflict("webhook_limit", f"at most {ENDPOINTS_LIMIT} endpoints; remove one")
        secret = self._secret(scope, wanted, now)
        made = Endpoint(
            EndpointId.new(self._desk.randomness).text, scope, wanted.url, tuple(wanted.events),
            wanted.description, wanted.merchant, (secret,), now, leave.actor,
        )  # fmt: skip
        unit = UnitOfWork()
        self._desk.endpoints.add(unit, made)
        await self._commit(unit, leave, "create", made.id)
        shown = signatures.shown_once(secret) if wanted.secret is None else None
        return view(made, None, shown)

    async def _change(self, leave: Leave, wanted: Destination) -> EndpointView:
        before = self._desk.endpoints.find(leave.scope, wanted.endpoint)
        if before is None or before.merchant != wanted.merchant:
            raise webhook_not_found()
        after = replace(
            before, url=wanted.url, events=tuple(wanted.events), description=wanted.description
        )
        unit = UnitOfWork()
        if wanted.enabled is not None:
            after = replace(after, disabled=not wanted.enabled)
            if wanted.enabled:
                requests.ask(
                    unit, after.scope, requests.ENABLED, after.id, self._desk.clock.now_us()
                )
        self._desk.endpoints.change(unit, after)
        await self._commit(unit, leave, "change", after.id)
        return view(after, None if wanted.enabled else self._desk.stopped(after))

    async def _commit(self, unit: UnitOfWork, leave: Leave, act: str, endpoint: str) -> None:
        leave.settle(unit)
        await self._desk.commit(unit, leave.scope, leave.audit_actor, act, endpoint)


def widens(before: Endpoint, url: str, events: Sequence[str]) -> bool:
    """Whether an endpoint would get its events elsewhere, or events that it does not get now."""
    more = ANY not in before.events and not set(events) <= set(before.events)
    return url != before.url or more


def event_confined() -> NotPermitted:
    """Errors for somebody who may not have an event type sent anywhere."""
    return NotPermitted("webhook_event_confined", "this event type is not for this key's endpoints")


def _decoded(decoder: msgspec.json.Decoder[T], payload: bytes) -> T:
    try:
        return decoder.decode(payload)
    except msgspec.DecodeError:
        raise _unreadable() from None


def _unreadable() -> InvalidRequest:
    return InvalidRequest("webhook_destination_invalid", "the payload names no url and events")


def _place(url: str) -> str:
    """What a secret is sealed for while others decide: no endpoint has this name."""
    return f"destination {url}"


def view(one: Endpoint, stopped: str | None, secret: str | None = None) -> EndpointView:
    """Wire form of an endpoint; `stopped`: why the worker gave it up."""
    return EndpointView(
        one.id, one.url, list(one.events), one.description, not one.disabled and stopped is None,
        format_rfc3339(one.created_at_us), one.merchant, stopped, secret,
    )  # fmt: skip


def webhook_not_found() -> NotFound:
    """No such endpoint."""
    return NotFound("webhook_not_found", "no such endpoint for this key")
