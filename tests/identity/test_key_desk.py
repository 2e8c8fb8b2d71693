"""API keys over their life: names, rotation with an overlap, revocation, tenants apart."""

from __future__ import annotations

import pytest
from people_room import LIVE, MASTER, SCOPE, Room

from paywarden.core.errors import NotAuthenticated, PaywardenError
from paywarden.identity.api_keys import ApiKeyAuthenticator
from paywarden.identity.key_desk import KeyDesk
from paywarden.identity.stores.sqlite import SqliteKeys
from paywarden.kit.clock import SystemRandomness


@pytest.fixture
def desk(people_room: Room) -> KeyDesk:
    store = SqliteKeys(people_room.reader, people_room.writer)
    chance = SystemRandomness()
    room = people_room
    owners = room.people.owners
    return KeyDesk(store, room.writer, room.audit, MASTER, owners, room.clock, chance)


async def code_of(awaited: object) -> str:
    with pytest.raises(PaywardenError) as caught:
        await awaited  # type: ignore[misc]
    return caught.value.code


def authenticator(room: Room) -> ApiKeyAuthenticator:
    return ApiKeyAuthenticator(SqliteKeys(room.reader, room.writer), MASTER, room.clock)


async def test_rotation_leaves_both_live_for_the_overlap(people_room: Room, desk: KeyDesk) -> None:
    person, _ = await people_room.invited("ann")
    old, record = await desk.make(SCOPE, "merchant", "cli:keys", name="shop", owner="ann",
                                  merchant="m_42")  # fmt: skip
    new, after = await desk.rotate(SCOPE, record.key_id, 24, "cli:keys")
    assert (after.role, after.merchant, after.name, after.owner) == (
        "merchant", "m_42", "shop", person.text)  # fmt: skip
    for secret in (old, new):
        principal = authenticator(people_room).authenticate(f"Bearer {secret.expose()}")
        assert principal.merchant == "m_42"
    assert await code_of(desk.rotate(SCOPE, after.key_id, 24, "cli:keys")) == "key_rotating"
    people_room.clock.advance(24 * 3600)
    with pytest.raises(NotAuthenticated):
        authenticator(people_room).authenticate(f"Bearer {old.expose()}")
    authenticator(people_room).authenticate(f"Bearer {new.expose()}")
    assert people_room.events("identity:api_key:rotate")[0].detail["successor"] == after.key_id


async def test_names_are_unique_among_live_keys(desk: KeyDesk) -> None:
    _, record = await desk.make(SCOPE, "merchant", "cli:keys", name="shop")
    assert await code_of(desk.make(SCOPE, "merchant", "cli:keys", name="shop")) == "key_name_taken"
    await desk.make(LIVE, "merchant", "cli:keys", name="shop")
    await desk.revoke(SCOPE, record.key_id, "cli:keys")
    await desk.make(SCOPE, "merchant", "cli:keys", name="shop")
    assert [one.live_at(0) for one in desk.listing(SCOPE)] == [False, True]


async def test_revoked_and_foreign_keys(people_room: Room, desk: KeyDesk) -> None:
    secret, record = await desk.make(SCOPE, "operator", "cli:keys")
    for scope, key_id in ((LIVE, record.key_id), (SCOPE, "key_none")):
        assert await code_of(desk.revoke(scope, key_id, "cli:keys")) == "api_key_unknown"
    authenticator(people_room).authenticate(f"Bearer {secret.expose()}")
    await desk.revoke(SCOPE, record.key_id, "cli:keys")
    assert desk.listing(SCOPE)[0].last_used_at_us == people_room.clock.now_us()
    with pytest.raises(NotAuthenticated):
        authenticator(people_room).authenticate(f"Bearer {secret.expose()}")
    assert await code_of(desk.revoke(SCOPE, record.key_id, "cli:keys")) == "key_not_live"
    assert await code_of(desk.rotate(SCOPE, record.key_id, 1, "cli:keys")) == "key_not_live"
    bad = desk.make(SCOPE, "operator", "cli:keys", name="x" * 61)
    assert await code_of(bad) == "key_name_invalid"


@pytest.mark.parametrize(
    "given", ["ann", " ANN ", "ann@example.org", "Ann@Example.ORG", "\uff21nn"]
)
async def test_an_owner_is_stored_as_a_person(people_room: Room, desk: KeyDesk, given: str) -> None:
    person, _ = await people_room.invited("ann")
    for text in (given, person.text):
        _, record = await desk.make(SCOPE, "merchant", "cli:keys", owner=text)
        assert record.owner == person.text
        (stored,) = [one for one in desk.listing(SCOPE) if one.key_id == record.key_id]
        assert stored.owner == person.text


async def test_an_owner_who_is_nobody_is_refused(people_room: Room, desk: KeyDesk) -> None:
    person, _ = await people_room.invited("ann")
    for text in ("ben", "ben@example.org", "psn_" + "a" * 26, "Ann Example", "\ud800"):
        wanted = desk.make(SCOPE, "merchant", "cli:keys", owner=text)
        assert await code_of(wanted) == "key_owner_unknown"
    wanted = desk.make(LIVE, "merchant", "cli:keys", owner=person.text)
    assert await code_of(wanted) == "key_owner_unknown", "people of test are nobody in live"
    assert desk.listing(SCOPE) == desk.listing(LIVE) == []
