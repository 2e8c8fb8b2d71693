"""The neighbourhood of an entity: what it is connected with, for whoever follows a case.

Guards: operators only (`decisions:explain`), every read is in the audit log before anything leaves,
and a value comes in the body, never in an address that gets logged. The answer names others by
keyed digest alone, at most 200 within two edges; nothing of another tenant or environment can be
in it, since each scope has its own digests and its own links. A value that looks like a card
number is refused, and so is a caller bound to a merchant.
Not done here: which ruleset makes a scope keep links (`companions.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from paywarden.core.errors import Conflict, InvalidRequest, NotPermitted
from paywarden.decision.errors import card_number
from paywarden.decision.ledger import Ledger
from paywarden.decision.screening import refusal_of
from paywarden.evidence.read_watch import ReadWatch
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.reference.canonical import (
    canonical_account,
    canonical_email,
    canonical_ip,
    canonical_phone,
)
from paywarden.reference.card_numbers import looks_like_card_number
from paywarden.risk.links.store import DEPTH, NEIGHBOURS, Neighbour

Kind = Literal["payer", "account", "card", "email", "phone", "device", "ip"]
Spelling = Callable[[str], str | None]


class NeighbourhoodRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/links/neighbourhood: the entity as payments name it."""

    kind: Kind
    value: Annotated[str, Meta(min_length=1, max_length=200)]


class Entity(msgspec.Struct, frozen=True):
    """An entity nearby. `key`: keyed digest; `distance`: connections between it and the asked one.

    `bad`: it took part in fraud that stands. `hub`: it connects nobody, since too many share it.
    `partners`: entities that it is connected with.
    """

    kind: str
    key: str
    distance: int
    bad: bool
    hub: bool
    partners: int


class Neighbourhood(msgspec.Struct, frozen=True):
    """Entities by distance, the asked one first; none: it is not known (any more).

    `complete`: false when there may be more than is shown.
    """

    entities: list[Entity]
    complete: bool


class LinkOperations:
    """Handlers over the links that scopes keep."""

    def __init__(self, ledger: Ledger, watch: ReadWatch) -> None:
        self._ledger = ledger
        self._watch = watch

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            Operation("POST", "/v1/links/neighbourhood", "get_neighbourhood",
                      "Read what an entity is connected with", self.read, Neighbourhood,
                      NeighbourhoodRequest, permission="decisions:explain", tag="decisions",
                      screen=refusal_of, screen_always=True, weight=5),
        ]  # fmt: skip

    async def read(self, call: Call) -> Answer:
        """POST /v1/links/neighbourhood. Errors: Conflict `links_not_kept`, NotPermitted,
        InvalidRequest."""
        body: NeighbourhoodRequest = call.body
        if call.asker.merchant is not None:
            raise NotPermitted("other_merchant", "links reach across merchants; this key does not")
        value = _spelt(body)
        scope = call.asker.scope
        key = self._ledger.ready(scope).digester.digest(body.kind, value)
        await self._watch.read(
            call.asker, "links:neighbourhood:read", {"kind": body.kind, "key": _shown(key)}
        )
        links = self._ledger.ready(scope).companions.links
        if links is None:
            raise Conflict(
                "links_not_kept", "no ruleset or model here reads `link.*`, so no links are kept"
            )
        found = links.neighbours(body.kind, key, depth=DEPTH, limit=NEIGHBOURS)
        entities = [_entity(one) for one in found]
        return Answer(Neighbourhood(entities, complete=len(found) < NEIGHBOURS))


def _spelt(body: NeighbourhoodRequest) -> str:
    """The value as payments are digested. Errors: InvalidRequest."""
    if looks_like_card_number(body.value):
        raise card_number("/value")
    value = _SPELLINGS.get(body.kind, _as_given)(body.value)
    if value is None:
        raise InvalidRequest("value_unreadable", f"this is no {body.kind}", pointer="/value")
    return value


def _as_given(text: str) -> str | None:
    return text


def _email(text: str) -> str | None:
    found = canonical_email(text)
    return found.text if found is not None else None


def _ip(text: str) -> str | None:
    found = canonical_ip(text)
    return found.text if found is not None else None


_SPELLINGS: Mapping[str, Spelling] = {
    "account": canonical_account,
    "email": _email,
    "phone": canonical_phone,
    "ip": _ip,
}


def _shown(digest: int) -> str:
    return f"{digest:016x}"


def _entity(one: Neighbour) -> Entity:
    return Entity(one.kind, _shown(one.digest), one.distance, one.bad, one.hub, one.partners)
