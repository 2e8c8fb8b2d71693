"""A rule publication on a live environment needs two people, happens once, and is written down.

The whole application in one process, over its own HTTP operations; people enrol with passkeys that
sign for real. Each step reads as in a transcript.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "decision"), str(TESTS / "identity")]

from decision_room import WIDER, Room, make_home, opened, packed, runtime_of  # noqa: E402
from software_passkey import SoftwarePasskey  # noqa: E402

from paywarden.cde_client.challenge import hash_payload  # noqa: E402
from paywarden.cde_client.grants import Expected, Verified, verify  # noqa: E402
from paywarden.cde_client.messages import ApprovalGrant  # noqa: E402
from paywarden.cde_client.roster import RelyingParty  # noqa: E402
from paywarden.decision.approved_payloads import publication  # noqa: E402
from paywarden.entrypoints import api  # noqa: E402
from paywarden.identity.approvals.standing import pinned  # noqa: E402
from paywarden.identity.directory import Profile  # noqa: E402
from paywarden.identity.request_authenticator import COOKIE  # noqa: E402

ROLES = {
    "mia": ("rule_author",),
    "ann": ("approver", "risk_manager"),
    "bob": ("security_admin",),
    "eve": ("auditor",),
}


class Person:
    """Somebody with a passkey and a browser."""

    def __init__(self, room: Room, name: str, person: str, passkey: SoftwarePasskey) -> None:
        self.room, self.name, self.person, self.passkey = room, name, person, passkey
        transport = httpx.ASGITransport(api.application(room.installation))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://localhost:8080")

    async def sign_in(self) -> None:
        people = self.room.installation.people
        import json

        from paywarden.core.secret import Secret

        options = await people.passkeys.options(self.room.live)
        given = {"credential": Secret(json.dumps(self.passkey.get(options)))}
        entered = await people.sign_in.enter(self.room.live, people.passkeys, given)
        self.http.headers["cookie"] = f"{COOKIE}={entered.token.expose()}"
        self.http.headers["paywarden-request"] = "1"

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        return await self.http.post(path, json=body)

    async def approve(self, path: str, at: str | None = None) -> httpx.Response:
        """Sign the request at `path`; the signature goes there, or to another path."""
        wanted = (await self.http.get(path + "/challenge")).json()
        signed = self.passkey.get({"challenge": wanted["challenge"], "rpId": wanted["rp_id"]})
        response = signed["response"]
        assertion = {
            "credential_id": signed["id"],
            "authenticator_data": response["authenticatorData"],
            "client_data": response["clientDataJSON"],
            "signature": response["signature"],
        }
        return await self.post((at or path) + "/approve", {"assertion": assertion})


@pytest.fixture(scope="module")
def home_of_four_eyes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("four-eyes"))


@pytest.fixture
async def room(home_of_four_eyes: Path) -> AsyncIterator[Room]:
    async with opened(home_of_four_eyes) as made:
        yield made


async def enrol(room: Room, name: str, *roles: str) -> Person:
    people = room.installation.people
    profile = Profile(name, name.title(), f"{name}@example.org")
    _, token = await people.directory.invite(
        room.live, profile, "cli:people", None, roles or ROLES[name]
    )
    link = await people.sign_in.follow_link(room.live, token)
    passkey = SoftwarePasskey(name)
    made = passkey.create(await people.enrolment.passkey_options(link.session))
    await people.enrolment.add_passkey(link.session, name, made)
    person = Person(room, name, link.session.person.text, passkey)
    await person.sign_in()
    return person


async def test_a_publication_needs_two_people(room: Room) -> None:
    mia, ann, bob, eve = [await enrol(room, name) for name in ROLES]
    assert room.installation.people.roster.established(room.live)
    ruleset = runtime_of(WIDER).ruleset
    row, _ = await room.installation.policies.create(room.live, packed(WIDER), mia.person)
    assert row.hash == ruleset
    before = room.state(room.live).ruleset

    # Mia asks; nothing happens yet.
    asked = await mia.post(f"/v1/rulesets/{ruleset}/publish")
    assert asked.status_code == 202, asked.text
    path, request = asked.headers["location"], asked.json()
    assert request["state"] == "open" and request["maker"] == mia.person
    assert room.state(room.live).ruleset == before

    # She cannot go on alone, and who may not approve does not count.
    assert (await mia.post(path + "/execute")).json()["code"] == "approvals_missing"
    assert (await mia.post(path + "/approve", {})).json()["code"] == "not_permitted"
    assert (await bob.http.get(path + "/challenge")).json()["code"] == "approval_role"
    assert (await eve.post(path + "/reject", {"reason": "x"})).json()["code"] == "not_permitted"

    # Ann sees what she signs, and signs it.
    seen = (await ann.http.get(path)).json()
    assert seen["payload"] == publication(ruleset).decode()
    assert seen["payload_sha256"] == hash_payload("ruleset.publish", publication(ruleset)).hex()
    approved = await ann.approve(path)
    assert approved.status_code == 200, approved.text
    assert approved.json()["approvals_counting"] == [ann.person]

    # Another process believes the signatures, not us.
    sent = (await mia.http.get(path + "/grant")).content
    grant = room.installation.approvals.grant(
        room.installation.approvals.find(room.live, request["id"])
    )
    import msgspec

    assert msgspec.json.decode(sent, type=ApprovalGrant) == grant
    identity = room.installation.settings.identity
    roster = pinned(
        room.installation.people.roster, room.live,
        RelyingParty(identity.rp_id, frozenset({identity.origin})), room.clock.now_us(),
    )  # fmt: skip
    wanted = Expected(
        room.live, "ruleset.publish", hash_payload("ruleset.publish", publication(ruleset)), 1,
        frozenset({"approver"}),
    )  # fmt: skip
    assert isinstance(verify(grant, roster, room.clock.now_us(), wanted), Verified)

    # It is done once.
    done = await mia.post(path + "/execute")
    assert done.status_code == 200, done.text
    assert room.state(room.live).ruleset == ruleset
    assert (await mia.post(path + "/execute")).json()["code"] == "approval_closed"

    # The auditor reads what happened, and that she did is written down too.
    shown = (await eve.http.get(path)).json()
    assert [step["act"] for step in shown["steps"]] == ["approve", "execute"]
    events = [e for _, e in room.ledger.stores.audit.read(room.live, 0, 1_000)]
    told = [(e.action, e.actor) for e in events if e.action.startswith("approval:request")]
    assert told == [
        ("approval:request:open", f"person:{mia.person}"),
        ("approval:request:approve", f"person:{ann.person}"),
        ("approval:request:execute", "process:system"),
    ]
    published = [e.actor for e in events if e.action == "policy:ruleset:publish"]
    assert published[-1] == f"person:{mia.person}"
    watched = [e.detail["operation"] for e in events if e.action == "access:operation:use"]
    assert watched == ["get_approval"]
    for person in (mia, ann, bob, eve):
        await person.http.aclose()


async def test_people_of_test_are_nobody_in_live(room: Room) -> None:
    """What stands in one environment is not found from the other."""
    operator = room.installation.home.operator_key.read_text(encoding="utf-8").strip()
    transport = httpx.ASGITransport(api.application(room.installation))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost:8080",
        headers={"authorization": f"Bearer {operator}"},
    ) as http:  # fmt: skip
        found = (await http.get("/v1/approvals")).json()
        assert found["items"] == [], "the requests of live are not seen from test"
        name = room.installation.approvals.page(room.live, "", 1, only_open=False)
        for one in name:
            path = f"/v1/approvals/{one.asked.approval_id.text}"
            assert (await http.get(path)).status_code == 404
