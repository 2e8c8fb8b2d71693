"""Enrolling a person and sending events elsewhere wait for a second person in live, each done once.

Over the operations of the whole application, as `test_four_eyes`, whose people these are.
"""

from __future__ import annotations

from typing import Any

import httpx
from test_four_eyes import ROLES, Person, enrol

# `test_four_eyes` found the way to these
from decision_room import Room  # isort: skip

from paywarden.core.scope import Scope
from paywarden.entrypoints import api
from paywarden.identity.api_keys import new_key

FAR = "https://93.184.216.34/in"
FARTHER = "https://93.184.216.35/in"
BODY = {"url": FAR, "events": ["decision.recorded"]}
FRED = {"login": "fred", "display_name": "Fred", "email": "fred@example.org"}


def client(room: Room, scope: Scope, role: str, merchant: str | None = None) -> httpx.AsyncClient:
    found = room.installation
    secret, record = new_key(scope, role, found.pepper, found.clock, found.randomness, merchant)
    found.api_keys.save(record)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(api.application(found)), base_url="http://localhost:8080",
        headers={"authorization": f"Bearer {secret.expose()}"},
    )  # fmt: skip


async def agreed(http: httpx.AsyncClient, asked: httpx.Response, *approvers: Person) -> Any:
    """The result of what was asked: refused alone, approved, done, and done no second time."""
    assert asked.status_code == 202, asked.text
    path = asked.headers["location"]
    assert (await http.post(path + "/execute")).json()["code"] == "approvals_missing"
    for one in approvers:
        assert (await one.approve(path)).status_code == 200
    done = await http.post(path + "/execute")
    assert done.status_code == 200, done.text
    assert (await http.post(path + "/execute")).json()["code"] == "approval_closed"
    return done.json()["result"]


async def test_in_live_a_person_is_enrolled_on_two_words(room: Room) -> None:
    _mia, ann, bob, _eve = [await enrol(room, name) for name in ROLES]
    asked = await bob.post("/v1/identity/persons", FRED)
    people = (await bob.http.get("/v1/identity/persons")).json()["items"]
    assert "fred" not in [one["login"] for one in people]
    told = await agreed(bob.http, asked, ann)
    people = (await bob.http.get("/v1/identity/persons")).json()["items"]
    assert [one["person"] for one in people if one["login"] == "fred"] == [told["person"]]
    assert "#live:pwe_" in told["link"]
    events = [e for _, e in room.ledger.stores.audit.read(room.live, 0, 1_000)]
    invited = [e for e in events if e.action == "identity:person:invite"][-1]
    assert invited.actor == f"person:{bob.person}"
    assert invited.detail["person"] == told["person"]

    # Nobody smuggles roles in with a person.
    payload = {**FRED, "login": "gus", "email": "g@example.org", "blinding": "00",
               "roles": ["approver"]}  # fmt: skip
    body = {"action": "person.enrol", "payload": payload, "reason": "x"}
    asked = await bob.post("/v1/approvals", body)
    path = asked.headers.get("location") or f"/v1/approvals/{asked.json()['id']}"
    assert (await ann.approve(path)).status_code == 200
    assert (await bob.post(path + "/execute")).json()["code"] == "role_needs_approval"


async def test_in_live_events_go_elsewhere_on_two_words(room: Room) -> None:
    _mia, ann, _bob, _eve = [await enrol(room, name) for name in ROLES]
    zoe = await enrol(room, "zoe", "approver")  # a key is nobody: what it asks for takes two people
    async with (
        client(room, room.live, "operator") as operator,
        client(room, room.live, "merchant", "m_42") as merchant,
        client(room, room.test, "operator") as tester,
    ):
        asked = await operator.post("/v1/webhooks", json={**BODY, "merchant_id": "m_42"})
        assert (await operator.get("/v1/webhooks")).json()["items"] == []
        made = await agreed(operator, asked, ann, zoe)
        assert made["secret"].startswith("whsec_") and made["merchant_id"] == "m_42"
        item = f"/v1/webhooks/{made['id']}"

        # Another address or more events wait; fewer events, a pause or a new secret do not.
        asked = await operator.post(item, json={"events": ["decision.recorded", "list.changed"]})
        assert asked.status_code == 202, asked.text
        for plain in ({"enabled": False}, {"enabled": True}, {"description": "ours"}):
            assert (await operator.post(item, json=plain)).status_code == 200
        assert (await operator.post(item + "/rotate")).status_code == 200
        asked = await operator.post(item, json={"url": FARTHER})
        assert (await operator.get(item)).json()["url"] == FAR
        assert (await agreed(operator, asked, ann, zoe))["url"] == FARTHER
        assert (await operator.get(item)).json()["description"] == "ours"

        # A merchant's key tends its endpoint and sends it nowhere else. Secrets are not shown.
        assert (await merchant.post(item + "/rotate")).status_code == 200
        refused = await merchant.post(item, json={"url": FAR})
        assert (refused.status_code, refused.json()["code"]) == (403, "approval_maker")
        assert (await merchant.post("/v1/webhooks", json=BODY)).json()["code"] == "approval_maker"

        # Fewer events are nobody else's business, also where all of them came before.
        every = await operator.post(item, json={"events": ["*"]})
        await agreed(operator, every, ann, zoe)
        for fewer in (["list.changed", "decision.recorded"], ["decision.recorded"]):
            narrowed = await operator.post(item, json={"events": fewer})
            assert (narrowed.status_code, narrowed.json()["events"]) == (200, fewer)
        assert (await operator.post(item, json={"events": ["*"]})).status_code == 202

        # A payload written by hand is checked as any other; test needs no second word.
        inside = {"url": "http://127.0.0.1/in", "events": ["decision.recorded"]}
        body = {"action": "webhook.destination", "reason": "x", "payload": inside}
        assert (await operator.post("/v1/approvals", json=body)).status_code == 422
        assert (await tester.post("/v1/webhooks", json=BODY)).status_code == 201
    events = [e for _, e in room.ledger.stores.audit.read(room.live, 0, 1_000)]
    changed = [e.action for e in events if e.action.startswith("webhook:endpoint:")]
    assert changed.count("webhook:endpoint:create") == 1
