"""The neighbourhood of an entity by HTTP: digests only, canonical values, refused to others."""

from __future__ import annotations

from typing import Any

import pytest
from decision_room import Room
from test_linking import LINKED, member

from paywarden.core.errors import Conflict, InvalidRequest, NotPermitted
from paywarden.decision.links_http import LinkOperations, Neighbourhood, NeighbourhoodRequest
from paywarden.kit.http.authenticator import Principal


class Call:
    """What the handler reads of a call."""

    def __init__(self, asker: Principal, body: NeighbourhoodRequest) -> None:
        self.asker, self.body = asker, body


async def ask(room: Room, kind: Any, value: str, merchant: str | None = None) -> Neighbourhood:
    own = room.installation
    handler = LinkOperations(own.ledger, own.evidence.watch)
    asker = Principal("analyst", room.live, frozenset({"decisions:explain"}), merchant)
    call: Any = Call(asker, NeighbourhoodRequest(kind, value))
    found: Neighbourhood = (await handler.read(call)).payload
    return found


async def test_a_ring_around_one_device(room: Room) -> None:
    await room.publish(LINKED)
    made = [await member(room, number) for number in range(3)]
    await room.label(made[1].entry.payment_id, "fraud")
    found = await ask(room, "device", "d-1")
    first = found.entities[0]
    assert (first.kind, first.distance, first.bad, first.partners) == ("device", 0, True, 3)
    near = [one.kind for one in found.entities if one.distance == 1]
    assert near == ["payer"] * 3
    far = [one.kind for one in found.entities if one.distance == 2]
    assert sorted(far) == ["card"] * 3 + ["email"] * 3
    assert sum(one.bad for one in found.entities) == 4
    assert found.complete
    assert len({one.key for one in found.entities}) == 10
    assert all(len(one.key) == 16 and int(one.key, 16) for one in found.entities)


async def test_values_are_found_in_any_spelling_of_theirs(room: Room) -> None:
    await room.publish(LINKED)
    await member(room, 1)
    plain = await ask(room, "email", "r1@a.example")
    assert plain.entities == (await ask(room, "email", " R1+shop@A.example ")).entities
    assert len(plain.entities) == 4
    assert (await ask(room, "email", "nobody@a.example")).entities == []
    with pytest.raises(InvalidRequest) as refused:
        await ask(room, "ip", "not an address")
    assert (refused.value.code, refused.value.pointer) == ("value_unreadable", "/value")


async def test_what_is_refused(room: Room) -> None:
    with pytest.raises(Conflict) as none_kept:
        await ask(room, "device", "d-1")
    assert none_kept.value.code == "links_not_kept"
    await room.publish(LINKED)
    with pytest.raises(NotPermitted):
        await ask(room, "device", "d-1", merchant="m_1")
    with pytest.raises(InvalidRequest) as card:
        await ask(room, "card", "4111 1111 1111 1111")
    assert card.value.code == "card_number_not_accepted"
