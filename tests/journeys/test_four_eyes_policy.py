"""Rolling back, one-time codes, lists in small pieces and receivers' secrets, in live, over HTTP.

Over the operations of the whole application, as `test_four_eyes`, whose people these are.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyotp
import pytest
from test_four_eyes import ROLES, Person, enrol
from test_four_eyes_access import BODY, FAR, agreed, client

# `test_four_eyes` found the way to these
from decision_room import DAY, POLICY, WIDER, Room, opened, runtime_of  # isort: skip
from test_model_serving import place_model, serve  # isort: skip

from paywarden.core.secret import Secret
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.settings import Labels
from paywarden.identity.approvals.catalogue import RULESET_PUBLISH
from paywarden.identity.approvals.execution import Maker

LIST = "/v1/lists/stolen_cards"
BULK = {"reason": "a leak", "kind": "card"}


async def with_codes(room: Room, person: Person) -> pyotp.TOTP:
    """One-time codes for somebody who has a passkey."""
    people = room.installation.people
    options = await people.passkeys.options(room.live)
    given = {"credential": Secret(json.dumps(person.passkey.get(options)))}
    entered = await people.sign_in.enter(room.live, people.passkeys, given)
    seed, _ = await people.enrolment.begin_totp(entered.session)
    codes = pyotp.TOTP(seed.expose())
    await people.enrolment.confirm_totp(entered.session, Secret(code(room, codes)))
    room.clock.advance(60)
    await person.sign_in()  # a new factor ended the session before
    return codes


def code(room: Room, codes: pyotp.TOTP) -> str:
    return codes.generate_otp(room.clock.now_us() // 30_000_000)


async def by_code(room: Room, path: str, person: Person, codes: pyotp.TOTP) -> httpx.Response:
    return await person.post(path + "/approve", {"code": code(room, codes)})


def entries(first: int, count: int) -> dict[str, Any]:
    listed = [{"value": f"card-{n}", "reason": "leak"} for n in range(first, first + count)]
    return {**BULK, "entries": listed}


async def test_a_rollback_is_lighter_and_goes_to_what_decided_lately(room: Room) -> None:
    old, new = runtime_of(POLICY).ruleset, runtime_of(WIDER).ruleset
    await room.publish(WIDER)  # at the set-up, before anybody is enrolled
    mia, ann, _bob, _eve = [await enrol(room, name) for name in ROLES]
    codes = await with_codes(room, ann)

    # What decides now, and what never decided, is no rollback.
    refused = await mia.post(f"/v1/rulesets/{new}/rollback")
    assert (refused.status_code, refused.json()["code"]) == (409, "ruleset_not_former")
    assert (await mia.post("/v1/rulesets/rs_none/rollback")).json()["code"] == "ruleset_not_found"

    asked = await mia.post(f"/v1/rulesets/{old}/rollback")
    path, shown = asked.headers["location"], asked.json()
    assert (asked.status_code, shown["action"]) == (202, "ruleset.rollback")
    assert json.loads(shown["payload"]) == {"replaces": new, "ruleset": old}
    assert (await mia.post(path + "/execute")).json()["code"] == "approvals_missing"

    # A wrong code, a right one, and the same one again elsewhere.
    assert (await ann.post(path + "/approve", {"code": "000000"})).json()["code"] == (
        "approval_refused"
    )
    given = code(room, codes)
    assert (await ann.post(path + "/approve", {"code": given})).status_code == 200
    second = (await mia.post(f"/v1/rulesets/{old}/rollback")).headers["location"]
    again = await ann.post(second + "/approve", {"code": given})
    assert (again.status_code, again.json()["code"]) == (403, "approval_refused")
    done = await mia.post(path + "/execute")
    assert done.status_code == 200, done.text
    assert room.state().ruleset == old
    events = [e for _, e in room.ledger.stores.audit.read(room.live, 0, 1_000)]
    assert [e.detail for e in events if e.action == "policy:ruleset:rollback"] == [{"ruleset": old}]

    # The other request was against a ruleset that decides no more.
    room.clock.advance(60)
    assert (await by_code(room, second, ann, codes)).status_code == 200
    moved = await mia.post(second + "/execute")
    assert moved.json()["code"] == "ruleset_not_former"

    # A key asks with one person's word, not two; and 30 days later it is a publication again.
    async with client(room, room.live, "operator") as operator:
        forth = await operator.post(f"/v1/rulesets/{new}/rollback")
        assert forth.json()["approvals_needed"] == 1
        await agreed(operator, forth, ann)
        assert room.state().ruleset == new
        room.clock.advance(29 * DAY // 1_000_000)
        assert (await operator.post(f"/v1/rulesets/{old}/rollback")).status_code == 202
        room.clock.advance(2 * DAY // 1_000_000)
        late = await operator.post(f"/v1/rulesets/{old}/rollback")
        assert late.json()["code"] == "ruleset_not_former"
    for person in (mia, ann, _bob, _eve):
        await person.http.aclose()


async def test_a_ruleset_is_approved_by_its_hash(room: Room) -> None:
    old, new = runtime_of(POLICY).ruleset, runtime_of(WIDER).ruleset
    await room.publish(WIDER)  # at the set-up, before anybody is enrolled
    mia, ann, bob, eve = [await enrol(room, name) for name in ROLES]
    codes = await with_codes(room, ann)
    back, wider = f"/v1/rulesets/{old}", f"/v1/rulesets/{new}"

    # Nothing waits yet, and another ruleset's request is not this one's.
    idle = await ann.post(back + "/approve", {"code": "000000"})
    assert (idle.status_code, idle.json()["code"]) == (404, "ruleset_not_waiting")
    first = (await mia.post(back + "/rollback")).headers["location"]
    assert (await ann.post(wider + "/approve", {"code": "000000"})).status_code == 404

    # The rules of approvals hold: people, not who asked, one proof, by the roles that may.
    async with client(room, room.live, "operator") as operator:
        body = {"code": "000000"}
        assert (await operator.post(back + "/approve", json=body)).status_code == 403
    assert (await mia.post(back + "/approve", {"code": "000000"})).status_code == 403
    assert (await ann.post(back + "/approve", {})).json()["code"] == "approval_proof"

    # A code says nothing of what it approves: with two requests it counts for neither.
    room.clock.advance(1)
    second = (await mia.post(back + "/publish")).headers["location"]
    told = await by_code(room, back, ann, codes)
    assert (told.status_code, told.json()["code"]) == (409, "approval_ambiguous")

    # A signature does: over the newest, whichever that is, and over no other.
    stale = await ann.approve(first, at=back)
    assert (stale.status_code, stale.json()["code"]) == (403, "approval_refused")
    signed = await ann.approve(second, at=back)
    assert (signed.status_code, signed.json()["approvals_counting"]) == (200, [ann.person])
    assert signed.json()["id"] == second.rpartition("/")[2]
    assert (await mia.post(second + "/execute")).status_code == 200
    assert room.state().ruleset == old
    await mia.post(first + "/cancel", {"reason": "done"})

    # One request, and one that has run out: a code will do.
    await mia.post(wider + "/rollback")
    room.clock.advance(4 * 3_600)
    for person in (mia, ann):
        await person.sign_in()
    path = (await mia.post(wider + "/rollback")).headers["location"]
    assert (await by_code(room, wider, ann, codes)).status_code == 200
    assert (await mia.post(path + "/execute")).status_code == 200
    assert room.state().ruleset == new
    for person in (mia, ann, bob, eve):
        await person.http.aclose()


async def test_a_model_is_taken_back_as_a_ruleset_is(own_home: Path, room: Room) -> None:
    first, second = place_model(own_home, 1), place_model(own_home, 2)
    await serve(room, first)
    await serve(room, second)
    mia, ann, bob, eve = [await enrol(room, name) for name in ROLES]
    ruleset = room.state().ruleset or ""
    path = f"/v1/rulesets/{ruleset}/rollback"
    for body, code in (
        (None, "ruleset_not_former"),  # the ruleset alone decides already
        ({"model": second}, "ruleset_not_former"),
        ({"model": "md_1"}, "field_invalid"),
    ):
        refused = await mia.post(path, body)
        assert refused.json()["code"] == code, refused.text
    asked = await mia.post(path, {"model": first})
    shown = asked.json()
    assert json.loads(shown["payload"]) == {
        "model": first, "replaces": f"{ruleset}+{second}", "ruleset": ruleset,
    }  # fmt: skip
    assert shown["reason"] == f"roll back to {ruleset}+{first}"
    await agreed(mia.http, asked, ann)
    assert room.state().decider == (ruleset, first)
    for person in (mia, ann, bob, eve):
        await person.http.aclose()


async def test_codes_do_not_publish(room: Room) -> None:
    mia, ann, *_ = [await enrol(room, name) for name in ROLES]
    codes = await with_codes(room, ann)
    maker = Maker(mia.person, frozenset({"rule_author"}))
    wanted = await room.installation.approvals.request(
        room.live, RULESET_PUBLISH, b"{}", maker, "because"
    )
    path = f"/v1/approvals/{wanted.asked.approval_id.text}"
    refused = await by_code(room, path, ann, codes)
    assert (refused.status_code, refused.json()["code"]) == (403, "approval_needs_passkey")
    assert "passkey" in refused.json()["detail"]


async def test_wrong_codes_lock_the_account_and_then_no_code_counts(room: Room) -> None:
    await room.publish(WIDER)
    mia, ann, *_ = [await enrol(room, name) for name in ROLES]
    codes = await with_codes(room, ann)
    asked = await mia.post(f"/v1/rulesets/{runtime_of(POLICY).ruleset}/rollback")
    path = asked.headers["location"]
    wrong = f"{(int(code(room, codes)) + 1) % 1_000_000:06}"
    for _ in range(10):
        refused = await ann.post(path + "/approve", {"code": wrong})
        assert refused.json()["code"] == "approval_refused"
    told = await by_code(room, path, ann, codes)
    assert (told.status_code, told.json()["code"]) == (401, "session_over"), "the lock ended it"
    assert (await mia.http.get(path)).json()["approvals_counting"] == []


async def test_many_small_edits_are_one_large_one(own_home: Path) -> None:
    async with opened(own_home) as room:
        mia, ann, *_ = [await enrol(room, name) for name in ROLES]
        zoe = await enrol(room, "zoe", "senior_analyst")
        for first in (0, 20):
            done = await zoe.post(LIST + "/edits", entries(first, 20))
            assert done.status_code == 200, done.text
        assert (await zoe.post(LIST + "/edits", entries(40, 11))).status_code == 202
        assert (await zoe.post(LIST + "/edits", entries(40, 9))).status_code == 200
        one = {"value": "card-98", "reason": "leak"}
        assert (await zoe.post(LIST + "/entries", one)).status_code == 200
        # Fifty are edited; the next one waits, whatever its list and its sign.
        gone = {"value": "card-0", "reason": "not so", "action": "remove"}
        asked = await zoe.post(LIST + "/entries", gone)
        assert (asked.status_code, asked.json()["action"]) == (202, "list.bulk_edit")
        other = {"value": "x.example", "reason": "x", "kind": "email_domain"}
        assert (await zoe.post("/v1/lists/domains/entries", other)).status_code == 202
        before = len(room.installation.lists.find(room.live, "stolen_cards"))
        result = await agreed(zoe.http, asked, ann)
        assert isinstance(result, int)
        assert len(room.installation.lists.find(room.live, "stolen_cards")) == before - 1
        # Somebody else has fifty of their own.
        assert (await ann.post(LIST + "/edits", entries(100, 50))).status_code == 200
        cookie, now_us = zoe.http.headers["cookie"], room.clock.now_us()
        assert mia
    async with opened(own_home, now_us=now_us) as room:  # a restart forgives nothing
        zoe.room, zoe.http = room, person_client(room, cookie)
        assert (await zoe.post(LIST + "/entries", one)).status_code == 202
        left = room.installation.lists.unapproved_left
        assert left(room.live, zoe.person) == 0
        room.clock.advance(DAY // 1_000_000 - 1)
        assert left(room.live, zoe.person) == 0
        room.clock.advance(1)
        assert left(room.live, zoe.person) == 50, "a day later she has them again"


async def test_a_flood_of_labels_takes_two_people(own_home: Path) -> None:
    settings = msgspec.structs.replace(Home(own_home).settings({}), labels=Labels(hourly_floor=2))
    async with opened(own_home, settings=settings) as room:
        _mia, ann, *_ = [await enrol(room, name) for name in ROLES]
        zoe = await enrol(room, "zoe", "senior_analyst")
        for number in range(4):
            await room.decide(id=f"p{number}")
        said = [await room.label(f"p{number}", "fraud") for number in range(4)]
        assert [one.status for one in said] == ["recorded", "recorded", "held", "held"]
        (hold,) = (await zoe.http.get("/v1/label-holds")).json()["items"]
        assert (hold["state"], hold["labels"], hold["sender"]) == ("waiting", 2, "key:test")
        place = f"/v1/label-holds/{hold['hold']}"
        for strange in ("0", "-1", "1.5", "%C2%84", "%D9%A1", "9" * 400):
            told = await zoe.http.get(f"/v1/label-holds/{strange}")
            assert (told.status_code, told.json()["code"]) == (404, "label_hold_not_found")
        read = (await ann.http.get(place)).json()
        assert [one["payment_id"] for one in read["labels"]] == ["p2", "p3"]
        asked = await zoe.post(place + "/release", {"reason": "a late file"})
        assert (asked.status_code, asked.json()["action"]) == (202, "label.flood")
        assert json.loads(asked.json()["payload"]) == {
            "hold": hold["hold"], "labels": 2, "source": "chargeback", "verdict": "release",
        }  # fmt: skip
        early = await zoe.post(asked.headers["location"] + "/execute", {})
        assert early.status_code == 409, "nobody approved"
        assert (await zoe.http.get(place)).json()["hold"]["state"] == "closed"
        await agreed(zoe.http, asked, ann)
        assert (await zoe.http.get(place)).json()["hold"]["state"] == "released"
        again = await zoe.post(place + "/refuse", {"reason": "too late"})
        assert (again.status_code, again.json()["code"]) == (409, "label_hold_decided")
        assert all(one.identical for one in room.replay())


def person_client(room: Room, cookie: str) -> httpx.AsyncClient:
    from paywarden.entrypoints import api

    return httpx.AsyncClient(
        transport=httpx.ASGITransport(api.application(room.installation)),
        base_url="http://localhost:8080",
        headers={"cookie": cookie, "paywarden-request": "1"},
    )  # fmt: skip


@pytest.mark.parametrize("way", ["approvals", "webhooks"])
async def test_a_receivers_secret_is_never_in_the_clear(
    own_home: Path, room: Room, way: str
) -> None:
    _mia, ann, _bob, _eve = [await enrol(room, name) for name in ROLES]
    zoe = await enrol(room, "zoe", "approver")
    octets = bytes(range(60, 92))
    secret = "whsec_" + base64.b64encode(octets).decode()
    async with client(room, room.live, "operator") as operator:
        given = {**BODY, "secret": secret}
        if way == "approvals":
            asked = await operator.post(
                "/v1/approvals",
                json={"action": "webhook.destination", "payload": given, "reason": "ours"},
            )
        else:
            asked = await operator.post("/v1/webhooks", json=given)
        assert asked.status_code == 202, asked.text
        path = f"/v1/approvals/{asked.json()['id']}"
        seen = await ann.http.get(path)
        assert ann.person and secret not in seen.text and secret[6:] not in asked.text
        shown = json.loads(seen.json()["payload"])["secret"]
        assert shown["sha256"] == hashlib.sha256(secret.encode()).hexdigest()
        assert shown["last_four"] == secret[-4:]
        assert set(shown) == {"last_four", "sealed", "sha256"}
        assert octets not in base64.b64decode(shown["sealed"])
        assert not holders(own_home, secret[6:].encode(), octets)
        for one in (ann, zoe):
            assert (await one.approve(path)).status_code == 200
        made = (await operator.post(path + "/execute")).json()["result"]
        assert made["url"] == FAR and made.get("secret") is None
        (kept,) = room.installation.hook_desk.endpoints.find(room.live, made["id"]).secrets
        assert kept.octets.expose() == octets
        assert not holders(own_home, secret[6:].encode(), octets)

        # Nobody brings a sealed one along, or an address that nothing may be sent to.
        for bent in ({"secret": shown}, {"url": "http://127.0.0.1/in"}, {"secret": "whsec_AA=="}):
            body = {"action": "webhook.destination", "reason": "x", "payload": {**given, **bent}}
            assert (await operator.post("/v1/approvals", json=body)).status_code == 422


def holders(home: Path, *needles: bytes) -> list[str]:
    """Files of a home that hold one of the needles."""
    return [
        file.name for file in home.rglob("*")
        if file.is_file() and any(needle in file.read_bytes() for needle in needles)
    ]  # fmt: skip


async def test_a_server_forgets_answers_that_ran_out(room: Room) -> None:
    """The housekeeping of a running installation does it, not a test's own call."""
    row = "SELECT count(*) FROM idempotency"
    async with client(room, room.test, "operator") as operator:
        key = {"idempotency-key": "once"}
        made = await operator.post(LIST + "/entries", headers=key, json={
            "value": "card-1", "reason": "x", "kind": "card"})  # fmt: skip
        assert made.status_code == 200, made.text
    reader = room.installation.reader
    assert reader.one(row) == (1,)
    room.clock.advance(DAY // 1_000_000)
    (sweeping,) = (one for one in room.installation.rounds if one.name == "sweeping")
    await sweeping.work()
    assert reader.one(row) == (0,)
