"""Signing in: every way, every refusal, and what each leaves in the audit log."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from people_room import LIVE, PASSWORD, SCOPE, Room
from software_passkey import PRESENT, SoftwarePasskey

from paywarden.core.errors import NotAuthenticated, PaywardenError
from paywarden.core.secret import Secret
from paywarden.identity import argon2id
from paywarden.identity.changes import PasswordSet
from paywarden.identity.model import AccountState, PasswordRecord, SessionKind
from paywarden.kit.db.unit import UnitOfWork


async def refused(awaited: Any, code: str = "sign_in_refused") -> str:
    with pytest.raises(PaywardenError) as caught:
        await awaited
    assert caught.value.code == code
    return str(caught.value)


async def test_a_passkey_alone_is_two_factors(people_room: Room) -> None:
    person, passkey = await people_room.with_passkey()
    opened = await people_room.passkey(passkey)
    assert (opened.session.kind, opened.session.methods) == (SessionKind.FULL, ("passkey",))
    assert opened.session.person == person
    done = people_room.events("identity:session:sign_in")[-1]
    assert done.actor == f"person:{person.text}"
    assert done.detail["kind"] == "full"


async def test_password_then_code(people_room: Room) -> None:
    _, codes = await people_room.with_password()
    half = await people_room.password("Ann")
    assert half.session.kind is SessionKind.FIRST_FACTOR
    full = await people_room.people.sign_in.second_factor(half.session, people_room.code(codes))
    assert full.session.methods == ("password", "totp")
    assert full.token.expose() != half.token.expose()
    with pytest.raises(NotAuthenticated):
        people_room.people.sessions.principal(half.token.expose())


async def test_a_passkey_may_follow_a_password(people_room: Room) -> None:
    opened = await people_room.enrolling()
    await people_room.people.enrolment.set_password(opened.session, Secret(PASSWORD))
    passkey = await people_room.add_passkey(opened, "key")
    half = await people_room.password()
    sign_in = people_room.people.sign_in
    options = await sign_in.verify_options(half.session)
    full = await sign_in.verify_passkey(half.session, passkey.get(options))
    assert full.session.kind is SessionKind.FULL


@pytest.mark.parametrize(
    "bent",
    [
        {"origin": "http://evil.example"},
        {"rp_id": "evil.example"},
        {"flags": PRESENT},
        {"flags": 0},
        {"type": "webauthn.create"},
        {"signature": b"no signature"},
        {"user_handle": b"psn_" + b"a" * 26},
    ],
)
async def test_bent_assertions_are_refused_and_recorded(
    people_room: Room, bent: dict[str, Any]
) -> None:
    _, passkey = await people_room.with_passkey()
    await refused(people_room.passkey(passkey, **bent))
    assert people_room.events("identity:session:sign_in")[-1].outcome.value == "refused"
    assert (await people_room.passkey(passkey)).session.kind is SessionKind.FULL


async def test_challenges_are_used_once_by_whom_they_were_made_for(people_room: Room) -> None:
    _, passkey = await people_room.with_passkey()
    options = await people_room.people.passkeys.options(SCOPE)
    answer = passkey.get(options)
    await refused(people_room.answer(answer, LIVE))  # no such passkey there
    await people_room.answer(answer)
    await refused(people_room.answer(answer))
    stale = await people_room.people.passkeys.options(SCOPE)
    people_room.clock.advance(301)
    await refused(people_room.answer(passkey.get(stale)), "challenge_refused")
    invented = passkey.get({**stale, "challenge": "AAAA"})
    await refused(people_room.answer(invented), "challenge_refused")
    full = (await people_room.passkey(passkey)).session
    for_session = await people_room.people.sign_in.verify_options(full)
    await refused(people_room.answer(passkey.get(for_session)), "challenge_refused")


async def test_parallel_answers_to_one_challenge_open_one_session(people_room: Room) -> None:
    _, passkey = await people_room.with_passkey()
    options = await people_room.people.passkeys.options(SCOPE)
    passkey.counts = False
    answers = [passkey.get(options, count=50 + n) for n in range(8)]
    found = await asyncio.gather(
        *(people_room.answer(answer) for answer in answers), return_exceptions=True
    )
    assert sum(not isinstance(one, Exception) for one in found) == 1


async def test_a_copied_authenticator_is_named(people_room: Room) -> None:
    person, passkey = await people_room.with_passkey()
    await people_room.passkey(passkey, count=9)
    for back in (9, 3):
        await refused(people_room.passkey(passkey, count=back))
    told = people_room.events("identity:passkey:clone")
    assert [event.actor for event in told] == [f"person:{person.text}"] * 2
    assert (await people_room.passkey(passkey, count=10)).session.kind is SessionKind.FULL


async def test_authenticators_without_a_count_are_fine(people_room: Room) -> None:
    opened = await people_room.enrolling()
    passkey = SoftwarePasskey("still", counts=False)
    options = await people_room.people.enrolment.passkey_options(opened.session)
    await people_room.people.enrolment.add_passkey(opened.session, "s", passkey.create(options))
    for _ in range(2):
        await people_room.passkey(passkey)


async def test_ten_failures_lock_for_thirty_minutes(people_room: Room) -> None:
    person, codes = await people_room.with_password()
    texts = {await refused(people_room.password(password=f"wrong {n}")) for n in range(10)}
    assert people_room.events("identity:account:lock")
    account = people_room.people.records.account(SCOPE, person)
    assert account is not None
    assert account.state_at(people_room.clock.now_us()) is AccountState.LOCKED
    texts.add(await refused(people_room.password()))  # the right one, refused alike
    texts.add(await refused(people_room.password("nobody")))
    assert len(texts) == 1
    people_room.restart()
    await refused(people_room.password())
    people_room.clock.advance(30 * 60)
    half = await people_room.password()
    await people_room.people.sign_in.second_factor(half.session, people_room.code(codes))
    account = people_room.people.records.account(SCOPE, person)
    assert account is not None
    assert account.failures == 0


async def test_parallel_guesses_are_counted_like_serial_ones(people_room: Room) -> None:
    await people_room.with_password()
    tries = [people_room.password(password=f"guess {n}") for n in range(15)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert all(isinstance(one, NotAuthenticated) for one in found)
    await refused(people_room.password())
    assert len(people_room.events("identity:account:lock")) == 1


async def test_wrong_codes_lock_too_and_end_the_sessions(people_room: Room) -> None:
    _, codes = await people_room.with_password()
    half = await people_room.password()
    for _ in range(10):
        await refused(people_room.people.sign_in.second_factor(half.session, Secret("000000")))
    await refused(people_room.people.sign_in.second_factor(half.session, people_room.code(codes)))
    with pytest.raises(NotAuthenticated):
        people_room.people.sessions.principal(half.token.expose())


async def test_a_passkey_opens_a_locked_account_and_ends_the_lock(people_room: Room) -> None:
    opened = await people_room.enrolling()
    await people_room.people.enrolment.set_password(opened.session, Secret(PASSWORD))
    passkey = await people_room.add_passkey(opened, "key")
    for n in range(10):
        await refused(people_room.password(password=f"wrong {n}"))
    await people_room.passkey(passkey)
    assert (await people_room.password()).session.kind is SessionKind.FIRST_FACTOR


async def test_unknown_and_known_names_cost_the_same_work(people_room: Room) -> None:
    await people_room.with_password()
    work = []
    for name in ("ann", "nobody", "\ud800", "а" * 500):
        asked, batches = len(people_room.hashing.asked), people_room.writer.batches
        await refused(people_room.password(name, "wrong"))
        work.append((people_room.hashing.asked[asked:], people_room.writer.batches - batches))
    assert work == [(["verify"], 1)] * 4


async def test_a_code_is_spent_once(people_room: Room) -> None:
    _, codes = await people_room.with_password()
    sign_in, code = people_room.people.sign_in, people_room.code(codes)
    halves = [(await people_room.password()).session for _ in range(4)]
    found = await asyncio.gather(
        *(sign_in.second_factor(half, code) for half in halves), return_exceptions=True
    )
    assert sum(not isinstance(one, Exception) for one in found) == 1
    half = (await people_room.password()).session
    people_room.restart()
    sign_in = people_room.people.sign_in
    await refused(sign_in.second_factor(half, code))
    await refused(sign_in.second_factor(half, people_room.code(codes, -1)))  # older than the last
    people_room.clock.advance(30)
    await sign_in.second_factor(half, people_room.code(codes))


@pytest.mark.parametrize("steps", [-3, -2, 2, 3])
async def test_codes_of_other_times_are_refused(people_room: Room, steps: int) -> None:
    _, codes = await people_room.with_password()
    people_room.clock.advance(120)
    half = (await people_room.password()).session
    await refused(people_room.people.sign_in.second_factor(half, people_room.code(codes, steps)))


async def test_links_work_once_and_for_a_day(people_room: Room) -> None:
    person, token = await people_room.invited()
    sign_in = people_room.people.sign_in
    await refused(sign_in.follow_link(LIVE, token), "link_refused")
    opened = await sign_in.follow_link(SCOPE, token)
    assert opened.session.kind is SessionKind.ENROLMENT
    await refused(sign_in.follow_link(SCOPE, token), "link_refused")
    first = await people_room.people.directory.new_link(SCOPE, person, "cli:people")
    second = await people_room.people.directory.new_link(SCOPE, person, "cli:people")
    await refused(sign_in.follow_link(SCOPE, first), "link_refused")
    people_room.clock.advance(24 * 3600)
    await refused(sign_in.follow_link(SCOPE, second), "link_refused")
    await refused(sign_in.follow_link(SCOPE, Secret("pwe_nonsense")), "link_refused")


async def test_parallel_uses_of_a_link_open_one_session(people_room: Room) -> None:
    _, token = await people_room.invited()
    tries = [people_room.people.sign_in.follow_link(SCOPE, token) for _ in range(6)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in found) == 1


async def test_recovery_codes_open_nothing_but_enrolment(people_room: Room) -> None:
    _, passkey = await people_room.with_passkey()
    full = (await people_room.passkey(passkey)).session
    codes = await people_room.people.enrolment.new_recovery_codes(full)
    assert len({code.expose() for code in codes}) == 10
    sign_in = people_room.people.sign_in
    typed = Secret(codes[3].expose().upper().replace("-", " "))
    opened = await sign_in.recover(SCOPE, "ann", typed)
    assert opened.session.kind is SessionKind.ENROLMENT
    principal = people_room.people.sessions.principal(opened.token.expose())
    assert principal.permissions == {"identity:enrol"}
    await refused(sign_in.recover(SCOPE, "ann", codes[3]))
    await refused(sign_in.recover(SCOPE, "nobody", codes[4]))
    await people_room.people.enrolment.new_recovery_codes(opened.session)
    await refused(sign_in.recover(SCOPE, "ann", codes[4]))
    answer = passkey.get({"challenge": "AA", "rpId": "localhost"})
    await refused(sign_in.verify_passkey(opened.session, answer))


async def test_disabled_persons_are_out_at_once(people_room: Room) -> None:
    person, passkey = await people_room.with_passkey()
    opened = await people_room.passkey(passkey)
    link = await people_room.people.directory.new_link(SCOPE, person, "c:p", reset=True)
    opened = await people_room.passkey(passkey)
    await people_room.people.directory.disable(SCOPE, person, "cli:people")
    with pytest.raises(NotAuthenticated):
        people_room.people.sessions.principal(opened.token.expose())
    await refused(people_room.passkey(passkey))
    await refused(people_room.people.sign_in.follow_link(SCOPE, link), "link_refused")


async def test_older_parameters_are_hashed_anew(people_room: Room) -> None:
    person, _ = await people_room.with_password()
    before = people_room.people.records.password(SCOPE, person)
    assert before is not None
    old = before.encoded.replace(argon2id.PREFIX, "$argon2id$v=19$m=8192,t=1,p=1$")
    unit = UnitOfWork()
    record = PasswordRecord(person, old, before.set_at_us)
    people_room.people.records.stage(unit, PasswordSet(SCOPE, record))
    await people_room.writer.commit(unit)
    await people_room.password()
    after = people_room.people.records.password(SCOPE, person)
    assert after is not None
    assert after.encoded.startswith(argon2id.PREFIX)
    assert after.set_at_us == before.set_at_us


async def test_nothing_secret_is_stored_in_the_clear(people_room: Room) -> None:
    opened = await people_room.enrolling("ann.secret")
    await people_room.people.enrolment.set_password(opened.session, Secret(PASSWORD))
    seed, _ = await people_room.people.enrolment.begin_totp(opened.session)
    codes = await people_room.people.enrolment.new_recovery_codes(opened.session)
    people_room.close()
    octets = people_room.path.read_bytes()
    people_room.open()
    for text in (PASSWORD, seed.expose(), opened.token.expose(), "ann.secret", "Ann.Secret",
                 codes[0].expose(), codes[0].expose().replace("-", "")):  # fmt: skip
        assert text.encode() not in octets


async def test_one_officer_cannot_become_somebody_else_by_a_link(people_room: Room) -> None:
    directory = people_room.people.directory
    active, _ = await people_room.with_passkey("ann")
    granted, _ = await people_room.invited("bob", roles=["approver"])
    for person in (active, granted):
        await refused(directory.new_link(SCOPE, person, "person:psn_x"), "link_needs_approval")
    token = await directory.new_link(SCOPE, active, "cli:people", reset=True)
    assert (await people_room.people.sign_in.follow_link(SCOPE, token)).session.person == active
