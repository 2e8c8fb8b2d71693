"""The roster: established only with three able persons; persons are sealed and unique."""

from __future__ import annotations

import pytest
from people_room import LIVE, SCOPE, Room
from software_passkey import SoftwarePasskey

from paywarden.core.errors import PaywardenError
from paywarden.core.identifiers import PersonId
from paywarden.identity.directory import Profile
from paywarden.kit.db.unit import UnitOfWork


async def test_three_persons_with_passkeys_and_roles_establish_it(people_room: Room) -> None:
    roster = people_room.people.roster
    await people_room.with_passkey("ann", ["security_admin", "approver"])
    await people_room.with_passkey("bob", ["approver"])
    assert not roster.established(SCOPE)
    opened = await people_room.enrolling("cyd", ["approver"])
    assert not roster.established(SCOPE), "invited is not active"
    await people_room.add_passkey(opened, "cyd")
    assert roster.established(SCOPE)
    assert not roster.established(LIVE)
    await people_room.people.directory.disable(SCOPE, opened.session.person, "cli:people")
    assert not roster.established(SCOPE)


async def test_all_needed_roles_must_be_held(people_room: Room) -> None:
    for name in ("ann", "bob", "cyd"):
        await people_room.with_passkey(name, ["approver"])
    assert not people_room.people.roster.established(SCOPE)


async def test_members_show_grants_and_passkeys(people_room: Room) -> None:
    person, passkey = await people_room.with_passkey("ann", ["approver"])
    member = people_room.people.roster.member(SCOPE, person)
    assert member is not None
    assert (member.active, member.roles) == (True, {"approver"})
    assert member.grants[0].granted_by is None
    assert member.passkeys[0].credential_id == passkey.credential_id
    unit = UnitOfWork()
    people_room.people.roster.stage_passkey_use(unit, SCOPE, passkey.credential_id, 70)
    people_room.people.roster.stage_withdrawal(unit, SCOPE, person, "approver")
    await people_room.writer.commit(unit)
    member = people_room.people.roster.member(SCOPE, person)
    assert member is not None
    assert (member.passkeys[0].sign_count, member.roles) == (70, frozenset())
    assert people_room.people.roster.member(LIVE, person) is None


@pytest.mark.parametrize("login", ["ann.lee", "ANN.LEE", "annlee", "ann.1ee", "ａｎｎ.lee"])
async def test_look_alikes_of_a_login_are_refused(people_room: Room, login: str) -> None:
    directory = people_room.people.directory
    await directory.invite(SCOPE, Profile("ann.lee", "Ann", "a@example.org"), "cli:people")
    with pytest.raises(PaywardenError) as caught:
        await directory.invite(SCOPE, Profile(login, "Eve", "e@example.org"), "cli:people")
    assert caught.value.code == "person_exists"
    await directory.invite(LIVE, Profile(login, "Eve", "e@example.org"), "cli:people")


async def test_a_human_has_one_account_per_environment(people_room: Room) -> None:
    directory = people_room.people.directory
    person, _ = await people_room.invited("ann")
    for profile, same in (
        (Profile("other", "Ann", "ANN@example.org"), None),
        (Profile("other", "Ann", "b@example.org"), person),
    ):
        with pytest.raises(PaywardenError) as caught:
            await directory.invite(SCOPE, profile, "cli:people", same)
        assert caught.value.code == "person_exists"
    again, _ = await directory.invite(
        LIVE, Profile("ann", "Ann", "ann@example.org"), "cli:people", person
    )
    assert again == person


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        (Profile("a", "Ann", "a@example.org"), "login_invalid"),
        (Profile("ann", " ", "a@example.org"), "display_name_invalid"),
        (Profile("ann", "A\nB", "a@example.org"), "display_name_invalid"),
        (Profile("ann", "Ann", "nowhere"), "email_invalid"),
        (Profile("ann", "Ann", "a@b@c"), "email_invalid"),
        (Profile("ann", "Ann", "<a@example.org>"), "email_invalid"),
    ],
)
async def test_bad_profiles_are_refused(people_room: Room, profile: Profile, code: str) -> None:
    with pytest.raises(PaywardenError) as caught:
        await people_room.people.directory.invite(SCOPE, profile, "cli:people")
    assert caught.value.code == code


async def test_erasing_a_person_leaves_no_name(people_room: Room) -> None:
    person, _ = await people_room.invited("ann")
    [listed] = await people_room.people.directory.listing(SCOPE, "person:psn_x")
    assert listed.profile.display_name == "Ann"
    read = people_room.events("identity:persons:read")[-1]
    assert (read.actor, read.detail["count"]) == ("person:psn_x", 1)
    subject = f"person:{person.text}"
    key_id = people_room.ring.key_of(SCOPE, subject)
    assert key_id is not None and people_room.ring.erase(SCOPE, subject, key_id, 1)
    [listed] = await people_room.people.directory.listing(SCOPE, "person:psn_x")
    assert listed.profile == Profile("", "", "", erased=True)


async def test_unknown_persons_are_named_so(people_room: Room) -> None:
    for act in ("disable", "new_link", "revoke_sessions"):
        with pytest.raises(PaywardenError) as caught:
            await getattr(people_room.people.directory, act)(
                SCOPE, PersonId("psn_" + "z" * 26), "cli:people"
            )
        assert caught.value.code == "person_unknown"


async def test_a_passkey_of_one_person_is_not_taken_by_another(people_room: Room) -> None:
    await people_room.with_passkey("ann")
    opened = await people_room.enrolling("bob")
    stolen = SoftwarePasskey("ann")
    options = await people_room.people.enrolment.passkey_options(opened.session)
    with pytest.raises(PaywardenError) as caught:
        await people_room.people.enrolment.add_passkey(opened.session, "x", stolen.create(options))
    assert caught.value.code == "challenge_refused"
