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
from paywarden.identity.permissions.table import RULES
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.schema import VERSION_TABLE
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
    assert till["permissions"] == ["decisions:create", "decisions:read", "events:create",
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
