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
    return KeyDesk(store, people_room.writer, people_room.audit, MASTER, people_room.clock, chance)


async def code_of(awaited: object) -> str:
    with pytest.raises(PaywardenError) as caught:
        await awaited  # type: ignore[misc]
    return caught.value.code


def authenticator(room: Room) -> ApiKeyAuthenticator:
    return ApiKeyAuthenticator(SqliteKeys(room.reader, room.writer), MASTER, room.clock)


async def test_rotation_leaves_both_live_for_the_overlap(people_room: Room, desk: KeyDesk) -> None:
    old, record = await desk.make(SCOPE, "merchant", "cli:keys", name="shop", owner="ann",
                                  merchant="m_42")  # fmt: skip
    new, after = await desk.rotate(SCOPE, record.key_id, 24, "cli:keys")
    assert (after.role, after.merchant, after.name, after.owner) == (
        "merchant", "m_42", "shop", "ann")  # fmt: skip
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
