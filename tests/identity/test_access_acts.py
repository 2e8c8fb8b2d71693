"""Who carries out role changes, the sealed role and privileged keys: what they do and refuse.

Over real stores, in a test environment, where acts need no approval; that they need one in live is
`test_approvals` and the journeys.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from people_room import LIVE, MASTER, SCOPE, Room

from paywarden.core.errors import PaywardenError
from paywarden.core.identifiers import PersonId
from paywarden.entrypoints.approvals_wiring import wired
from paywarden.identity.approvals.execution import Maker
from paywarden.identity.approvals.role_acts import OPEN_SECONDS
from paywarden.identity.approvals.service import Approvals, Done
from paywarden.identity.key_acts import KeyActs
from paywarden.identity.key_desk import KeyDesk, KeyWanted
from paywarden.identity.person_acts import PersonActs, PersonWanted
from paywarden.identity.stores.sqlite import SqliteKeys
from paywarden.kit.clock import SystemRandomness

NOBODY = PersonId("psn_" + "a" * 26)


@pytest.fixture
def approvals(people_room: Room) -> Approvals:
    room, chance = people_room, SystemRandomness()
    made = wired(
        room.settings, room.people.roster, room.reader, room.writer, room.audit, MASTER,
        room.clock, chance,
    )  # fmt: skip
    keys = SqliteKeys(room.reader, room.writer)
    owners = room.people.owners
    desk = KeyDesk(keys, room.writer, room.audit, MASTER, owners, room.clock, chance)
    KeyActs(desk).register(made)
    PersonActs(room.people.directory, room.people.origin).register(made)
    return made


async def do(
    approvals: Approvals, action: str, payload: Any, actor: PersonId | str = NOBODY
) -> Any:
    sent = payload if isinstance(payload, bytes) else msgspec.json.encode(payload, order="sorted")
    maker = Maker(actor if isinstance(actor, str) else actor.text, frozenset())
    done = await approvals.perform(SCOPE, action, sent, maker, "because")
    assert isinstance(done, Done)
    return done.result


async def refused(*words: Any) -> str:
    with pytest.raises(PaywardenError) as caught:
        await do(*words)
    return caught.value.code


def roles(room: Room, person: PersonId) -> set[str]:
    return {one.role for one in room.people.records.grants_of(SCOPE, person)}


async def test_a_role_is_granted_and_withdrawn(people_room: Room, approvals: Approvals) -> None:
    ann, _ = await people_room.invited("ann")
    grant = {"person": ann.text, "role": "analyst"}
    assert await do(approvals, "role.grant", grant) == grant
    (held,) = people_room.people.records.grants_of(SCOPE, ann)
    assert (held.role, held.granted_by, held.expires_at_us) == ("analyst", NOBODY, None)
    assert not people_room.people.records.grants_of(LIVE, ann)
    await do(approvals, "role.grant", {**grant, "withdraw": True})
    assert roles(people_room, ann) == set()
    for act in ("grant", "withdraw"):
        (event,) = people_room.events(f"identity:role:{act}")
        assert (event.actor, dict(event.detail)) == (f"person:{NOBODY.text}", grant)


@pytest.mark.parametrize(
    ("bent", "code"),
    [
        ({"role": "break_glass"}, "approval_request_invalid"),
        ({"role": "king"}, "approval_request_invalid"),
        ({"role": "security_admin"}, "role_exclusive"),
        ({"person": "ann"}, "approval_request_invalid"),
        ({"person": NOBODY.text}, "person_unknown"),
        ({"more": 1}, "approval_request_invalid"),
    ],
)
async def test_what_no_grant_may_be(
    people_room: Room, approvals: Approvals, bent: dict[str, Any], code: str
) -> None:
    ann, _ = await people_room.invited("ann", roles=["system_admin"])
    given = {"person": ann.text, "role": "analyst", **bent}
    assert await refused(approvals, "role.grant", given) == code
    assert roles(people_room, ann) == {"system_admin"}
    assert len(people_room.events("identity:role:grant")) == 1, "that of the first set-up"


async def test_a_key_grants_no_role(people_room: Room, approvals: Approvals) -> None:
    ann, _ = await people_room.invited("ann")
    given = {"person": ann.text, "role": "analyst"}
    assert await refused(approvals, "role.grant", given, "key_x") == "approval_request_invalid"
    assert await refused(approvals, "break_glass.open", {}, "key_x") == "approval_request_invalid"
    assert roles(people_room, ann) == set()


async def test_the_sealed_role_ends_by_itself(people_room: Room, approvals: Approvals) -> None:
    ann = (await people_room.with_passkey("ann"))[0]
    told = await do(approvals, "break_glass.open", {}, ann)
    assert told == {"ends_at_us": people_room.clock.now_us() + OPEN_SECONDS * 1_000_000}
    roster = people_room.people.roster
    people_room.clock.advance(OPEN_SECONDS - 1)
    member = roster.member(SCOPE, ann)
    assert member is not None and "break_glass" in member.roles
    people_room.clock.advance(1)
    member = roster.member(SCOPE, ann)
    assert member is not None and "break_glass" not in member.roles


async def test_a_key_is_made_as_it_was_signed(people_room: Room, approvals: Approvals) -> None:
    ann, _ = await people_room.invited("ann")
    wanted = KeyWanted("operator", "pay", "ann")
    told = await do(approvals, "api_key.create", wanted.payload())
    record = SqliteKeys(people_room.reader, people_room.writer).find(told["key_id"])
    assert record is not None
    assert (record.scope, record.role, record.name, record.owner) == (
        SCOPE, "operator", "pay", ann.text)  # fmt: skip
    assert told["api_key"].startswith("pw_")
    (event,) = people_room.events("identity:api_key:make")
    assert event.actor == f"person:{NOBODY.text}"
    for payload in (b"{}", b'{"role":"operator"}', b'{"role": "operator", "x": 1}', b"\xff"):
        code = await refused(approvals, "api_key.create", payload)
        assert code == "approval_request_invalid"
    again = await refused(approvals, "api_key.create", wanted.payload())
    assert again == "key_name_taken"


async def test_a_person_is_enrolled_as_it_was_signed(
    people_room: Room, approvals: Approvals
) -> None:
    wanted = PersonWanted("ann", "Ann", "a@example.org", "00", roles=("approver",))
    told = await do(approvals, "person.enrol", wanted.payload())
    assert roles(people_room, PersonId.parse(told.person)) == {"approver"}
    assert await refused(approvals, "person.enrol", wanted.payload()) == "person_exists"
    for payload in (b"{}", b"\xff", msgspec.structs.replace(wanted, person="x").payload()):
        assert await refused(approvals, "person.enrol", payload) == "approval_request_invalid"
