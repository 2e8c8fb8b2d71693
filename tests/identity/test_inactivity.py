"""Ninety days without a sign-in, on a clock that the test moves."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from people_room import LIVE, MASTER, SCOPE, Room

from paywarden.core.errors import Conflict, NotAuthenticated, PaywardenError
from paywarden.core.identifiers import PersonId
from paywarden.entrypoints.approvals_wiring import wired
from paywarden.identity.api_keys import new_key
from paywarden.identity.approvals.execution import Maker
from paywarden.identity.approvals.service import Done
from paywarden.identity.inactivity import AT_ONCE, INACTIVE_US, Inactivity
from paywarden.identity.model import AccountState
from paywarden.identity.person_acts import PersonActs
from paywarden.identity.stores.sqlite import SqliteKeys
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.metrics import Metrics

DAY = 86_400
QUARTER = INACTIVE_US // 1_000_000


class Job:
    """The job over the room's stores."""

    def __init__(self, room: Room) -> None:
        self.room, self.metrics = room, Metrics()
        self.keys = SqliteKeys(room.reader, room.writer)
        self.job = Inactivity(
            room.people.records, room.people.directory, self.keys, room.writer, room.clock,
            (SCOPE, LIVE), self.metrics,
        )  # fmt: skip

    async def look(self, days: float = 0) -> None:
        self.room.clock.advance(int(days * DAY))
        await self.job.look()

    def state(self, person: PersonId) -> AccountState:
        account = self.room.people.records.account(SCOPE, person)
        assert account is not None
        return account.state


@pytest.fixture
def job(people_room: Room) -> Job:
    return Job(people_room)


async def test_ninety_days_to_the_second(people_room: Room, job: Job) -> None:
    ann, codes = await people_room.with_password("ann")
    first = await people_room.password()
    assert first.session.kind == "first_factor"
    await people_room.people.sign_in.second_factor(first.session, people_room.code(codes))
    signed_in = people_room.clock.now_us()
    people_room.clock.advance(QUARTER - 1)
    await job.look()
    assert job.state(ann) is AccountState.ACTIVE
    people_room.clock.advance(1)
    await job.look()
    assert job.state(ann) is AccountState.DISABLED
    assert people_room.clock.now_us() - signed_in == INACTIVE_US
    (event,) = people_room.events("identity:person:disable")
    assert (event.actor, event.detail["why"]) == ("process:inactivity", "inactive")
    with pytest.raises(NotAuthenticated):
        await people_room.password()
    await job.look(1)
    assert len(people_room.events("identity:person:disable")) == 1, "once"


async def test_who_never_came_is_disabled_too(people_room: Room, job: Job) -> None:
    ann, _ = await people_room.invited("ann")
    await job.look(89)
    assert job.state(ann) is AccountState.INVITED
    await job.look(1)
    assert job.state(ann) is AccountState.DISABLED


async def test_enabled_again_by_approval_and_counted_anew(people_room: Room, job: Job) -> None:
    room = people_room
    ann, _ = await room.with_passkey("ann")
    approvals = wired(
        room.settings, room.people.roster, room.reader, room.writer, room.audit, MASTER,
        room.clock, SystemRandomness(),
    )  # fmt: skip
    PersonActs(room.people.directory, room.people.origin).register(approvals)
    maker = Maker("psn_" + "a" * 26, frozenset())

    async def enable(person: str) -> None:
        payload = msgspec.json.encode({"person": person})
        done = await approvals.perform(SCOPE, "person.enable", payload, maker, "back")
        assert isinstance(done, Done)

    with pytest.raises(Conflict) as caught:
        await enable(ann.text)
    assert caught.value.code == "person_not_disabled"
    with pytest.raises(PaywardenError) as unknown:
        await enable("psn_" + "b" * 26)
    assert unknown.value.code == "person_unknown"
    await job.look(90)
    assert job.state(ann) is AccountState.DISABLED
    await enable(ann.text)
    await job.look(89)
    assert job.state(ann) is AccountState.ACTIVE
    await job.look(1)
    assert job.state(ann) is AccountState.DISABLED
    (event,) = room.events("identity:person:enable")
    assert event.actor == f"person:{maker.actor}"


async def test_many_go_in_rounds(people_room: Room, job: Job) -> None:
    for number in range(AT_ONCE + 3):
        await people_room.invited(f"user{number}")
    await job.look(90)
    assert len(people_room.events("identity:person:disable")) == AT_ONCE
    await job.look()
    assert len(people_room.events("identity:person:disable")) == AT_ONCE + 3


async def test_unused_keys_are_told_of_once_a_day(people_room: Room, job: Job) -> None:
    made = []
    for _ in range(3):
        _, record = new_key(SCOPE, "merchant", MASTER, people_room.clock, SystemRandomness(), "m")
        job.keys.save(record)
        made.append(record)
    ended = replace(made[0], key_id="key_ended", revoked_at_us=1)
    job.keys.save(ended)
    await job.look(89)
    job.keys.note_use(made[1].key_id, people_room.clock.now_us(), bytes(32))
    people_room.writer.submit(UnitOfWork()).result(10)
    assert people_room.events("identity:api_key:unused") == []
    await job.look(1)
    (event,) = people_room.events("identity:api_key:unused")
    assert event.detail["count"] == 2
    assert set(str(event.detail["keys"]).split()) == {made[0].key_id, made[2].key_id}
    assert b'paywarden_api_keys_unused{environment="test"} 2.0' in job.metrics.text()
    assert all(job.keys.find(one.key_id) is not None for one in made)
    await job.look(0.5)
    assert len(people_room.events("identity:api_key:unused")) == 1
    await job.look(0.5)
    assert len(people_room.events("identity:api_key:unused")) == 2
