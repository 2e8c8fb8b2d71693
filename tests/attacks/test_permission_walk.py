"""Every operation of the application against every role: let in exactly where the table says."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "decision"))

from decision_room import Room, make_home, opened

from paywarden.core.errors import NotAuthenticated, NotPermitted
from paywarden.core.scope import Environment, Scope
from paywarden.entrypoints import api
from paywarden.identity.api_keys import KEY_ROLES, make_key, new_key, parse_key
from paywarden.identity.permissions.access import permissions_of_key, permissions_of_person
from paywarden.identity.permissions.model import Caller, Kind, Role
from paywarden.identity.permissions.table import PERMISSIONS
from paywarden.identity.sessions import BY_KIND
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.operation import Operation


@pytest.fixture(scope="module")
def home_of_walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("walk"))


@pytest.fixture
async def room(home_of_walk: Path) -> AsyncIterator[Room]:
    async with opened(home_of_walk) as made:
        yield made


def operations(room: Room) -> list[Operation]:
    class System:
        def operations(self) -> list[Operation]:
            return []

    system: Any = System()
    return [one for one in api.operations(room.installation, system) if not one.public]


def let_in(principal: Principal, operation: Operation) -> str:
    try:
        principal.require(operation.permission or "")
    except NotPermitted as refusal:
        return refusal.code
    return "let in"


async def test_each_operation_names_a_permission_of_the_table(room: Room) -> None:
    of_sessions = frozenset().union(*BY_KIND.values())
    asked = {one.permission for one in operations(room)}
    assert len(operations(room)) > 40
    assert asked <= PERMISSIONS.keys() | of_sessions
    assert not PERMISSIONS.keys() & of_sessions
    implied = {"events:label", "instrument:assert"}
    of_cards = {name for name in PERMISSIONS if name.startswith("cards:")}  # asked for by the edge
    assert PERMISSIONS.keys() - asked == implied | of_cards, "asked for inside operations"


async def test_keys_are_let_in_exactly_where_the_table_says(room: Room) -> None:
    found = room.installation
    for role in KEY_ROLES:
        for environment in Environment:
            scope = Scope(room.live.tenant, environment)
            secret, record = new_key(scope, role, found.pepper, found.clock, SystemRandomness())
            found.api_keys.save(record)
            header = {"authorization": f"Bearer {secret.expose()}"}
            principal = found.people.authenticator.authenticate(header)
            assert principal.scope == scope
            held = permissions_of_key(role, environment)
            for one in operations(room):
                expected = "let in" if one.permission in held else "not_permitted"
                assert let_in(principal, one) == expected, (role, one.name)


async def test_people_are_let_in_exactly_where_the_table_says(room: Room) -> None:
    now = room.clock.now_us()
    for role in Role:
        for age_us in (0, 301_000_000):
            caller = Caller(Kind.PERSON, frozenset({role}), Environment.LIVE, now - age_us)
            held, step_up = permissions_of_person(caller, now)
            principal = Principal("ses_x", room.live, held, step_up=step_up)
            for one in operations(room):
                permission = one.permission or ""
                expected = "let in" if permission in held else "not_permitted"
                if permission in step_up:
                    expected = "step_up_needed"
                assert let_in(principal, one) == expected, (role, one.name)


async def test_a_key_of_one_environment_opens_no_other(room: Room) -> None:
    found = room.installation
    for environment, other in (("test", "live"), ("live", "test")):
        scope = Scope(room.live.tenant, Environment(environment))
        secret, record = new_key(scope, "operator", found.pepper, found.clock, SystemRandomness())
        found.api_keys.save(record)
        text = secret.expose()
        import base64

        key_id = base64.b32decode(text[8:16].upper())
        renamed = make_key(Environment(other), key_id, b"\x00" * 20)
        assert parse_key(renamed).key_id == record.key_id
        for forged in (text.replace(f"_{environment}_", f"_{other}_"), renamed):
            with pytest.raises(NotAuthenticated):
                found.people.authenticator.authenticate({"authorization": f"Bearer {forged}"})
