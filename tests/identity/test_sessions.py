"""Sessions: idle and absolute ends, rotation, revocation, few writes, nothing half-done."""

from __future__ import annotations

import pytest
from people_room import PASSWORD, SCOPE, Room

from paywarden.core.errors import NotAuthenticated, NotPermitted, PaywardenError
from paywarden.core.identifiers import PersonId
from paywarden.core.secret import Secret
from paywarden.identity.model import RoleGrant
from paywarden.identity.request_authenticator import COOKIE, set_cookie, token_of
from paywarden.identity.sessions import Opened
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.same_origin import require_same_origin


def use(room: Room, opened: Opened) -> Principal:
    cookie = f"theme=dark; {COOKIE}={opened.token.expose()}"
    return room.people.authenticator.authenticate({"cookie": cookie})


def over(room: Room, opened: Opened) -> bool:
    try:
        use(room, opened)
    except NotAuthenticated as refusal:
        assert refusal.code == "session_over"
        return True
    return False


async def test_fifteen_idle_minutes_end_a_session(people_room: Room) -> None:
    _, passkey = await people_room.with_passkey()
    opened = await people_room.passkey(passkey)
    for _ in range(3):
        people_room.clock.advance(14 * 60 + 59)
        assert not over(people_room, opened)
    people_room.clock.advance(15 * 60)
    assert over(people_room, opened)


async def test_eight_hours_end_a_busy_session_and_step_up_does_not_prolong_it(
    people_room: Room,
) -> None:
    _, passkey = await people_room.with_passkey()
    opened = await people_room.passkey(passkey)
    started = people_room.clock.now_us()
    while people_room.clock.now_us() - started < (8 * 3600 - 601) * 1_000_000:
        people_room.clock.advance(600)
        assert not over(people_room, opened)
    options = await people_room.people.sign_in.verify_options(opened.session)
    fresh = await people_room.people.sign_in.verify_passkey(opened.session, passkey.get(options))
    assert over(people_room, opened)
    assert fresh.session.auth_at_us > opened.session.auth_at_us
    assert fresh.session.ends_at_us == opened.session.ends_at_us
    people_room.clock.advance(600)
    assert over(people_room, fresh)


async def test_sessions_survive_restarts(people_room: Room) -> None:
    _, passkey = await people_room.with_passkey()
    opened = await people_room.passkey(passkey)
    people_room.restart()
    assert use(people_room, opened).person == opened.session.person


async def test_last_use_is_written_at_most_once_a_minute(
    people_room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, passkey = await people_room.with_passkey()
    opened = await people_room.passkey(passkey)
    written: list[UnitOfWork] = []
    submit = people_room.writer.submit

    def count(unit: UnitOfWork) -> object:
        written.append(unit)
        return submit(unit)

    monkeypatch.setattr(people_room.writer, "submit", count)
    for _ in range(300):
        people_room.clock.advance(1)
        use(people_room, opened)
    assert len(written) == 5


async def test_every_sign_in_has_a_token_of_its_own(people_room: Room) -> None:
    _, passkey = await people_room.with_passkey()
    tokens = {(await people_room.passkey(passkey)).token.expose() for _ in range(5)}
    assert len(tokens) == 5
    assert all(len(token) == 43 for token in tokens)


async def test_a_person_has_few_sessions(people_room: Room) -> None:
    person, passkey = await people_room.with_passkey()
    opened = []
    for _ in range(18):
        people_room.clock.advance(1)
        opened.append(await people_room.passkey(passkey))
    live = people_room.people.sessions.live_of(SCOPE, person)
    assert len(live) == 16
    assert over(people_room, opened[0])
    assert not over(people_room, opened[-1])


async def test_grants_are_in_force_at_once_and_end_sessions(people_room: Room) -> None:
    person, passkey = await people_room.with_passkey()
    before = await people_room.passkey(passkey)
    unit, now = UnitOfWork(), people_room.clock.now_us()
    grant = RoleGrant(person, "security_admin", PersonId("psn_x"), now, now + 60_000_000)
    people_room.people.roster.stage_grant(unit, SCOPE, grant)
    await people_room.writer.commit(unit)
    assert over(people_room, before), "role changes end sessions"
    after = await people_room.passkey(passkey)
    assert "people:manage" in use(people_room, after).permissions
    people_room.clock.advance(60)
    with pytest.raises(NotPermitted):
        use(people_room, after).require("people:manage")


async def test_credentials_change_only_right_after_proving_them(people_room: Room) -> None:
    _, passkey = await people_room.with_passkey()
    opened = await people_room.passkey(passkey)
    people_room.clock.advance(5 * 60 + 1)
    enrolment = people_room.people.enrolment
    with pytest.raises(NotPermitted) as caught:
        await enrolment.set_password(opened.session, Secret(PASSWORD))
    assert caught.value.code == "verify_again"
    options = await people_room.people.sign_in.verify_options(opened.session)
    fresh = await people_room.people.sign_in.verify_passkey(opened.session, passkey.get(options))
    await enrolment.set_password(fresh.session, Secret(PASSWORD))


async def test_a_new_password_ends_the_other_sessions(people_room: Room) -> None:
    _, passkey = await people_room.with_passkey()
    other, mine = await people_room.passkey(passkey), await people_room.passkey(passkey)
    await people_room.people.enrolment.set_password(mine.session, Secret(PASSWORD))
    assert over(people_room, other)
    assert not over(people_room, mine)


async def test_the_last_passkey_stays(people_room: Room) -> None:
    _, passkey = await people_room.with_passkey()
    opened = await people_room.passkey(passkey)
    enrolment = people_room.people.enrolment
    name = passkey.get({"challenge": "", "rpId": ""})["id"]
    with pytest.raises(PaywardenError) as caught:
        await enrolment.remove_passkey(opened.session, name)
    assert caught.value.code == "passkey_last"
    await people_room.add_passkey(opened, "second")
    await enrolment.remove_passkey(opened.session, name)
    with pytest.raises(NotAuthenticated):
        await people_room.passkey(passkey)
    with pytest.raises(PaywardenError) as caught:
        await enrolment.remove_passkey(opened.session, name)
    assert caught.value.code == "passkey_unknown"


@pytest.mark.parametrize("bent", [{"flags": 1}, {"origin": "http://evil.example"}, {"rp_id": "x"}])
async def test_passkeys_that_do_not_verify_their_user_are_not_taken(
    people_room: Room, bent: dict[str, object]
) -> None:
    from software_passkey import SoftwarePasskey

    opened = await people_room.enrolling()
    options = await people_room.people.enrolment.passkey_options(opened.session)
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    with pytest.raises(PaywardenError) as caught:
        await people_room.people.enrolment.add_passkey(
            opened.session, "x", SoftwarePasskey().create(options, **bent)
        )
    assert caught.value.code == "passkey_refused"


def test_the_cookie_is_what_browsers_guard_best() -> None:
    name, value = set_cookie(Secret("t" * 43))
    assert name == "set-cookie"
    assert value == f"{COOKIE}={'t' * 43}; Path=/; Secure; HttpOnly; SameSite=Strict"
    assert COOKIE.startswith("__Host-")


@pytest.mark.parametrize(
    ("cookies", "token"),
    [
        (f"{COOKIE}={'a' * 43}", "a" * 43),
        (f" x=1;{COOKIE}={'a' * 43} ; y=2", "a" * 43),
        (f"{COOKIE}={'a' * 43}; {COOKIE}={'b' * 43}", None),
        (f"{COOKIE}=short", None),
        (f"x{COOKIE}={'a' * 43}", None),
        ("", None),
        (";;;=;", None),
    ],
)
def test_the_token_is_read_only_where_it_is_plain(cookies: str, token: str | None) -> None:
    assert token_of(cookies) == token


OURS = {"paywarden-request": "1", "origin": "https://pay.example"}


@pytest.mark.parametrize(
    ("method", "headers", "passes"),
    [
        ("POST", OURS, True),
        ("POST", {"paywarden-request": "1"}, True),
        ("POST", {**OURS, "sec-fetch-site": "same-origin"}, True),
        ("GET", {}, True),
        ("POST", {}, False),
        ("DELETE", {}, False),
        ("POST", {"origin": "https://pay.example"}, False),
        ("POST", {**OURS, "origin": "https://pay.example.evil"}, False),
        ("POST", {**OURS, "origin": "null"}, False),
        ("POST", {**OURS, "sec-fetch-site": "cross-site"}, False),
        ("POST", {**OURS, "sec-fetch-site": "same-site"}, False),
    ],
)
def test_browsers_act_from_our_own_pages_only(
    method: str, headers: dict[str, str], passes: bool
) -> None:
    if passes:
        require_same_origin(method, headers, {"https://pay.example"})
        return
    with pytest.raises(NotPermitted, match="origin of ours"):
        require_same_origin(method, headers, {"https://pay.example"})
