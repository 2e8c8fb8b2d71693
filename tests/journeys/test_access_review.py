"""A campaign of access from opening to evidence, over the operations of the whole application.

People are those of `test_four_eyes`: they enrol with passkeys that sign for real.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from test_four_eyes import Person, enrol

# `test_four_eyes` found the way to these
from decision_room import DAY, HOUR, Room  # isort: skip

from paywarden.core.errors import NotPermitted
from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Scope
from paywarden.entrypoints import api
from paywarden.identity.access_review import tables
from paywarden.identity.access_review.stores.sqlite import SCHEMA
from paywarden.identity.api_keys import new_key
from paywarden.identity.approvals.catalogue import ACCESS_REVOKE, CATALOGUE
from paywarden.identity.certificate_bindings import Binding
from paywarden.identity.client_keys import ClientKeyDesk, KeySealer, Owner
from paywarden.identity.permissions.table import RULES
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.schema import VERSION_TABLE
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.outbox import Outbox

ROOT = "/v1/access-reviews"
CAST = {
    "sue": ("security_officer",),
    "rob": ("risk_manager", "operator"),
    "ann": ("approver",),
    "bob": ("security_admin",),
    "eve": ("auditor",),
    "dan": ("analyst",),
}


async def cast(room: Room) -> dict[str, Person]:
    return {name: await enrol(room, name, *roles) for name, roles in CAST.items()}


def due(room: Room, days: int = 14) -> str:
    at = (room.clock.now_us() + days * DAY) / 1e6
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


async def fresh(person: Person) -> None:
    """All factors proved anew."""
    await person.sign_in()


async def begun(room: Room, by: Person, **body: Any) -> dict[str, Any]:
    await fresh(by)
    answer = await by.post(ROOT, {"due_at": due(room), **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def items_of(person: Person, review: str) -> list[dict[str, Any]]:
    answer = await person.http.get(f"{ROOT}/{review}/items?limit=500")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def judge(person: Person, review: str, item: int, verdict: str) -> httpx.Response:
    path = f"{ROOT}/{review}/items/{item}/decide"
    return await person.post(path, {"verdict": verdict, "reason": "as the job asks"})


def events(room: Room) -> list[Any]:
    found = [e for _, e in room.ledger.stores.audit.read(room.live, 0, 1_000)]
    return [e for e in found if e.action.startswith("access:") and "operation" not in e.action]


def key(room: Room, scope: Scope, role: str, owner: str) -> str:
    found = room.installation
    secret, record = new_key(scope, role, found.pepper, found.clock, found.randomness, "m_1")
    from dataclasses import replace

    found.api_keys.save(replace(record, owner=owner, name="till"))
    return f"Bearer {secret.expose()} {record.key_id}"


async def test_a_campaign_from_opening_to_evidence(room: Room) -> None:
    people = await cast(room)
    sue, rob, ann, bob, dan = (people[name] for name in ("sue", "rob", "ann", "bob", "dan"))
    *_, key_id = key(room, room.live, "merchant", bob.person).split()
    review = await begun(room, sue)
    name = review["id"]
    found = {(one["found"]["subject"], one["found"].get("role", "")): one
             for one in await items_of(sue, name)}  # fmt: skip
    expected = {(people[who].person, role) for who, roles in CAST.items() for role in roles}
    assert found.keys() == expected | {(key_id, "merchant")}
    till = found[key_id, "merchant"]["found"]
    assert (till["owner"], till["name"], till["merchant"]) == (bob.person, "till", "m_1")
    assert till["permissions"] == ["cards:describe", "cards:forward", "cards:tokenise",
                                   "decisions:create", "decisions:read", "events:create",
                                   "webhooks:read", "webhooks:write"]  # fmt: skip
    assert found[dan.person, "analyst"]["found"]["last_used_at"]

    # Nobody judges their own access, and a key judges nobody's.
    own = found[sue.person, "security_officer"]["number"]
    assert (await judge(sue, name, own, "confirm")).json()["code"] == "access_review_own"
    assert (await judge(dan, name, own, "confirm")).json()["code"] == "not_permitted"
    assert (await judge(rob, name, 999, "confirm")).json()["code"] == "access_review_item_not_found"

    # Everything is confirmed but dan's role and the till's key, which two people take away.
    for (subject, role), one in found.items():
        if subject in (dan.person, key_id):
            continue
        by = rob if subject != rob.person else sue
        answer = await judge(by, name, one["number"], "confirm")
        assert answer.status_code == 200 and answer.json()["settled"], (role, answer.text)
    assert (await sue.post(f"{ROOT}/{name}/close", {"statement": "x"})).json()["code"] == (
        "access_review_unsettled"
    )
    for subject, role in ((dan.person, "analyst"), (key_id, "merchant")):
        number = found[subject, role]["number"]
        said = (await judge(sue, name, number, "revoke")).json()
        assert not said["settled"] and said["approval"].startswith("apr_"), said
        again = await judge(rob, name, number, "confirm")
        assert again.json()["code"] == "access_review_item_waits"
        path = f"/v1/approvals/{said['approval']}"
        shown = (await ann.http.get(path)).json()
        assert f'"subject":"{subject}"' in shown["payload"]
        assert (await sue.post(path + "/execute")).json()["code"] == "approvals_missing"
        assert (await ann.approve(path)).status_code == 200
        done = await sue.post(path + "/execute")
        assert done.status_code == 200, done.text
        assert (await judge(rob, name, number, "confirm")).json()["code"] == (
            "access_review_item_settled"
        )
    members = {one.person.text: one for one in
               room.installation.people.roster.members(room.live)}  # fmt: skip
    assert members[dan.person].roles == frozenset()
    record = room.installation.api_keys.find(key_id)
    assert record is not None and not record.live_at(room.clock.now_us())

    # The evidence stands once the review is closed, and the log knows its hash.
    assert (await sue.http.get(f"{ROOT}/{name}/evidence")).json()["code"] == "access_review_open"
    closed = await sue.post(f"{ROOT}/{name}/close", {"statement": "access is as the jobs need"})
    assert closed.status_code == 200, closed.text
    told = await people["eve"].http.get(f"{ROOT}/{name}/evidence")
    document = told.json()
    assert document["counts"] == {"items": 8, "confirmed": 6, "revoked": 2, "open": 0}
    assert document["statement"] == "access is as the jobs need"
    assert {one["verdict"] for one in document["items"]} == {"confirm", "revoke"}
    digest = hashlib.sha256(told.content).hexdigest()
    assert closed.json()["evidence_sha256"] == digest
    acts = events(room)
    assert [one.action for one in acts].count("access:item:confirm") == 6
    assert [one.action for one in acts].count("access:item:object") == 2
    assert [one.action for one in acts].count("access:item:revoke") == 2
    assert acts[0].action == "access:review:open"
    assert acts[0].detail["snapshot_sha256"] == document["snapshot_sha256"]
    assert acts[-1].action == "access:review:close"
    assert acts[-1].detail["evidence_sha256"] == digest
    assert (await judge(rob, name, 1, "confirm")).json()["code"] == "access_review_closed"


async def test_who_gave_a_role_does_not_judge_it(room: Room) -> None:
    people = await cast(room)
    bob, ann, sue = people["bob"], people["ann"], people["sue"]
    await fresh(bob)
    payload = {"person": people["dan"].person, "role": "risk_manager"}
    asked = await bob.post(
        "/v1/approvals", {"action": "role.grant", "payload": payload, "reason": "new job"}
    )
    path = f"/v1/approvals/{asked.json()['id']}"
    assert (await ann.approve(path)).status_code == 200
    assert (await bob.post(path + "/execute")).status_code == 200
    review = await begun(room, sue, covers=["people"])
    given = [one for one in await items_of(sue, review["id"])
             if one["found"].get("granted_by") == bob.person]  # fmt: skip
    (grant,) = given
    assert grant["found"]["may_not_judge"] == [people["dan"].person, bob.person]
    assert (await judge(sue, review["id"], grant["number"], "confirm")).status_code == 200


async def test_a_rejected_revoking_is_judged_anew(room: Room) -> None:
    people = await cast(room)
    sue, rob, ann = people["sue"], people["rob"], people["ann"]
    review = (await begun(room, sue, covers=["people"]))["id"]
    (number,) = [one["number"] for one in await items_of(sue, review)
                 if one["found"]["subject"] == people["dan"].person]  # fmt: skip
    said = (await judge(sue, review, number, "revoke")).json()
    path = f"/v1/approvals/{said['approval']}"
    assert (await ann.post(path + "/reject", {"reason": "still needed"})).status_code == 200
    assert (await judge(rob, review, number, "confirm")).json()["settled"]


async def test_a_late_review_is_told_once_a_day(room: Room) -> None:
    people = await cast(room)
    review = (await begun(room, people["sue"], covers=["people"]))["id"]
    access, outbox = room.installation.access, Outbox(room.installation.reader)
    for hours, told in ((14 * 24 - 1, 0), (2, 1), (12, 1), (24, 2)):
        room.clock.advance(hours * HOUR // 1_000_000)
        await access.look()
        late = [one for one in events(room) if one.action == "access:review:overdue"]
        assert len(late) == told
        sent = [one for one in outbox.after(0, 1_000) if one.topic == "access_review.overdue"]
        assert len(sent) == told
    assert late[-1].detail == {"review": review, "open_items": 7}
    text = room.installation.metrics.text()
    assert b"paywarden_access_reviews_overdue 1.0" in text
    await fresh(people["sue"])
    shown = (await people["sue"].http.get(f"{ROOT}/{review}")).json()
    assert shown["overdue"] and shown["counts"]["open"] == 7


@pytest.mark.parametrize("days", [0, 93])
async def test_a_review_is_due_within_a_quarter(room: Room, days: int) -> None:
    sue = await enrol(room, "sue", "security_officer")
    answer = await sue.post(ROOT, {"due_at": due(room, days)})
    assert answer.json()["code"] == "access_review_due"


async def test_keys_read_and_people_act(room: Room) -> None:
    sue = await enrol(room, "sue", "security_officer")
    review = (await begun(room, sue))["id"]
    bearer = key(room, room.live, "auditor", "").rsplit(" ", 1)[0]
    transport = httpx.ASGITransport(api.application(room.installation))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost:8080", headers={"authorization": bearer}
    ) as http:
        assert (await http.get(f"{ROOT}/{review}")).status_code == 200
        answer = await http.post(ROOT, json={"due_at": due(room)})
        assert answer.json()["code"] == "not_permitted"


def test_reviewers_may_ask_for_what_they_decide() -> None:
    deciding = {one.role for one in RULES if one.permission == "access_reviews:decide"}
    assert deciding == set(CATALOGUE[ACCESS_REVOKE].makers)


def test_migrations_build_exactly_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    assert migrate(path, [SCHEMA])
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()


async def test_breaking_the_glass_opens_a_review_that_others_close(room: Room) -> None:
    people = await cast(room)
    rob, ann, sue, eve = (people[name] for name in ("rob", "ann", "sue", "eve"))
    await fresh(rob)
    body = {"action": "break_glass.open", "payload": {}, "reason": "the rules block everybody"}
    asked = (await rob.post("/v1/approvals", body)).json()
    path = f"/v1/approvals/{asked['id']}"
    assert (await ann.approve(path)).status_code == 200
    assert (await rob.http.get(ROOT)).json()["items"] == []
    done = await rob.post(path + "/execute")
    assert done.status_code == 200, done.text

    # The review is there from the same commit on; rob works, and every request leaves a leaf.
    (review,) = (await sue.http.get(ROOT)).json()["items"]
    assert (review["occasion"], review["opened_by"]) == ("break_glass", "system")
    (item,) = await items_of(sue, review["id"])
    assert item["found"]["may_not_judge"] == [rob.person, ann.person]
    await fresh(rob)
    assert (await rob.http.get("/v1/rulesets")).status_code == 200
    room.clock.advance(HOUR // 1_000_000)
    await fresh(rob)
    assert (await rob.http.get("/v1/rulesets")).status_code == 200  # as a risk manager again

    # Who opened, approved or used it judges nothing and closes nothing.
    await fresh(sue)
    assert (await judge(rob, review["id"], 1, "confirm")).json()["code"] == "access_review_own"
    (item,) = await items_of(sue, review["id"])
    deeds = item["deeds"]
    assert deeds["by_action"]["access:operation:use list_rulesets"] == 1
    leaves = room.ledger.stores.audit.rows(deeds["first_leaf"], 1_000)
    assert leaves[0].id - 1 == deeds["first_leaf"] and leaves[0].actor == f"person:{rob.person}"
    assert (await judge(sue, review["id"], 1, "confirm")).json()["settled"]
    for name, person in (("rob", rob), ("ann", ann)):
        await fresh(person)
        code = (await person.post(f"{ROOT}/{review['id']}/close", {"statement": "x"})).json()
        assert code["code"] == "not_permitted", name
    with pytest.raises(NotPermitted) as caught:  # and not with the permission either
        await room.installation.access.reviews.close(
            room.live, review["id"], PersonId.parse(ann.person), "x"
        )
    assert caught.value.code == "access_review_own"
    closed = await sue.post(f"{ROOT}/{review['id']}/close", {"statement": "it was needed"})
    assert closed.status_code == 200, closed.text
    await fresh(eve)
    document = (await eve.http.get(f"{ROOT}/{review['id']}/evidence")).json()
    assert document["items"][0]["deeds"] == deeds
    assert document["items"][0]["found"]["expires_at"] <= document["closed_at"]


def signing_key(room: Room, **owner: str) -> str:
    found = room.installation
    desk = ClientKeyDesk(
        found.client_keys, KeySealer(found.keys.master, found.randomness), found.clock,
        found.randomness,
    )  # fmt: skip
    _, record = desk.add_secret(room.live, Owner(**owner))
    return record.key_id


def certificate(room: Room, key_id: str, thumbprint: str) -> None:
    unit = UnitOfWork()
    binding = Binding(room.live, key_id, thumbprint, room.clock.now_us())
    room.installation.bindings.add(unit, binding)
    room.installation.writer.submit(unit).result()


async def revoked(people: dict[str, Person], review: str, number: int) -> httpx.Response:
    said = (await judge(people["sue"], review, number, "revoke")).json()
    path = f"/v1/approvals/{said['approval']}"
    assert (await people["ann"].approve(path)).status_code == 200
    return await people["sue"].post(path + "/execute")


async def test_signing_keys_and_certificates_are_reviewed_as_keys_are(room: Room) -> None:
    people = await cast(room)
    sue, rob = people["sue"], people["rob"]
    *_, mine = key(room, room.live, "merchant", "rob@example.org").split()
    old, new, ended = "0" * 64, "1" * 64, "2" * 64
    for thumbprint in (old, new):
        certificate(room, mine, thumbprint)
    *_, gone = key(room, room.live, "merchant", "").split()
    certificate(room, gone, ended)
    await room.installation.key_desk.revoke(room.live, gone, "cli:keys")
    signing, of_merchant = signing_key(room, api_key_id=mine), signing_key(room, merchant="m_1")
    review = (await begun(room, sue, covers=["keys"]))["id"]
    found = {one["found"]["subject"]: one for one in await items_of(sue, review)}
    assert found.keys() == {mine, signing, of_merchant, old, new}
    assert {one["found"]["kind"] for one in found.values()} == {
        "api_key", "signing_key", "certificate"}  # fmt: skip
    for subject in (mine, signing, old, new):
        told = found[subject]["found"]
        assert told["may_not_judge"] == [rob.person] and "doubt" not in told
        refused = await judge(rob, review, found[subject]["number"], "confirm")
        assert refused.json()["code"] == "access_review_own", "an e-mail names the owner too"
    assert found[signing]["found"]["bound_to"] == mine
    assert found[of_merchant]["found"]["doubt"] == "no_owner"

    # Two people take keys away; the last certificate of a live key is not taken.
    assert (await revoked(people, review, found[signing]["number"])).status_code == 200
    record = room.installation.client_keys.find(room.live, signing)
    assert record is not None and not record.is_live(room.clock.now_us())
    assert (await revoked(people, review, found[old]["number"])).status_code == 200
    left = room.installation.bindings.of_key(room.live, mine)
    assert [one.thumbprint for one in left] == [new]
    last = await judge(sue, review, found[new]["number"], "revoke")
    assert last.json()["code"] == "access_review_last_certificate"
    assert (await revoked(people, review, found[mine]["number"])).status_code == 200
    assert (await revoked(people, review, found[new]["number"])).status_code == 200
    assert room.installation.bindings.of_key(room.live, mine) == []
    told = {e.action for _, e in room.ledger.stores.audit.read(room.live, 0, 1_000)}
    assert {"identity:signing_key:revoke", "identity:certificate:release"} <= told


async def test_two_confirm_what_nobody_is_known_to_own(room: Room) -> None:
    people = await cast(room)
    sue, rob = people["sue"], people["rob"]
    *_, nobodys = key(room, room.live, "merchant", "Somebody Who Left").split()
    review = (await begun(room, sue, covers=["keys"]))["id"]
    (item,) = await items_of(sue, review)
    assert item["found"]["subject"] == nobodys
    assert (item["found"]["doubt"], item["found"]["may_not_judge"]) == ("owner_unknown", [])
    once = (await judge(sue, review, 1, "confirm")).json()
    assert (once["settled"], once["decided_by"], once["seconded_by"]) == (False, sue.person, None)
    assert (await judge(sue, review, 1, "confirm")).json()["code"] == "access_review_needs_second"
    shown = (await sue.http.get(f"{ROOT}/{review}")).json()
    assert shown["counts"] == {"items": 1, "confirmed": 0, "revoked": 0, "open": 1}
    unsettled = await sue.post(f"{ROOT}/{review}/close", {"statement": "x"})
    assert unsettled.json()["code"] == "access_review_unsettled"
    twice = (await judge(rob, review, 1, "confirm")).json()
    assert (twice["settled"], twice["decided_by"], twice["seconded_by"]) == (
        True, sue.person, rob.person)  # fmt: skip
    assert (await judge(rob, review, 1, "confirm")).json()["code"] == "access_review_item_settled"
    closed = await sue.post(f"{ROOT}/{review}/close", {"statement": "as the jobs need"})
    assert closed.json()["counts"] == {"items": 1, "confirmed": 1, "revoked": 0, "open": 0}
    acts = [one.action for one in events(room)]
    assert acts[1:3] == ["access:item:confirm", "access:item:second"]
    document = (await people["eve"].http.get(f"{ROOT}/{review}/evidence")).json()
    assert document["items"][0]["seconded_by"] == rob.person


async def test_a_second_reviewer_may_object(room: Room) -> None:
    people = await cast(room)
    *_, nobodys = key(room, room.live, "merchant", "").split()
    review = (await begun(room, people["sue"], covers=["keys"]))["id"]
    assert not (await judge(people["rob"], review, 1, "confirm")).json()["settled"]
    assert (await revoked(people, review, 1)).status_code == 200
    record = room.installation.api_keys.find(nobodys)
    assert record is not None and not record.live_at(room.clock.now_us())
    (item,) = await items_of(people["sue"], review)
    assert (item["verdict"], item["settled"]) == ("revoke", True)
