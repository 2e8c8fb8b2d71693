"""Approvals: who may ask, approve, take back, end and do; once, and only what was signed."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from approval_kit import LIVE, TEST, Room
from passkey_kit import Authenticator

from paywarden.cde_client.challenge import hash_payload
from paywarden.cde_client.grants import Verified, verify
from paywarden.core.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    NotPermitted,
    PaywardenError,
)
from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Scope
from paywarden.identity.approvals import catalogue
from paywarden.identity.approvals.execution import Approved, Ground, Maker, Notes
from paywarden.identity.approvals.model import Act, Request, State, Step
from paywarden.identity.approvals.service import Done, Waiting
from paywarden.identity.approvals.standing import expected_of, pinned
from paywarden.kit.audit import AuditOutcome
from paywarden.kit.db.unit import UnitOfWork

PUBLISH, ROLLBACK, RETENTION = "ruleset.publish", "ruleset.rollback", "retention.change"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "approvals.md"
MARK = "<!-- made from the catalogue: do not edit below -->\n"


@pytest.fixture
def people(room: Room) -> tuple[PersonId, PersonId, PersonId, PersonId]:
    """An author, two approvers, and a privacy officer; all from the first set-up."""
    author = room.people.enrol("m", "rule_author")
    ann, bob = (room.people.enrol(name, "approver") for name in "ab")
    return author, ann, bob, room.people.enrol("p", "privacy_officer")


async def ask(
    room: Room, maker: PersonId, action: str = PUBLISH, payload: bytes = b"rs_1"
) -> Request:
    return await room.approvals.request(LIVE, action, payload, room.maker(maker), "a better rule")


async def refused(work: Any) -> str:
    with pytest.raises(PaywardenError) as caught:
        await work
    return caught.value.code


async def test_another_person_approves_and_the_system_does_it_once(room: Room, people: Any) -> None:
    author, ann, *_ = people
    request = await ask(room, author)
    assert await refused(room.execute(request, author)) == "approvals_missing"
    await room.approve(request, ann)
    assert await room.execute(request, author) == "done: rs_1"
    assert await refused(room.execute(request, author)) == "approval_closed"
    assert room.effects() == ["rs_1"]
    told = [(one.action, one.actor.split(":")[0]) for one in room.events()]
    assert told == [
        ("approval:request:open", "person"),
        ("approval:request:approve", "person"),
        ("approval:request:execute", "process"),
        ("test:effect:done", "process"),
    ]
    found = room.approvals.find(LIVE, request.asked.approval_id.text)
    assert found.state is State.EXECUTED
    assert room.approvals.payload(found) is None, "what was asked for is not kept"


async def test_high_risk_takes_two_and_a_while(room: Room, people: Any) -> None:
    _author, ann, bob, privacy = people
    request = await ask(room, privacy, RETENTION, b"{}")
    await room.approve(request, ann)
    assert await refused(room.execute(request, privacy)) == "approvals_missing"
    room.clock.advance(3_000)
    await room.approve(request, bob)
    room.clock.advance(3_599)
    assert await refused(room.execute(request, privacy)) == "approval_cooling"
    room.clock.advance(1)
    await room.execute(request, privacy)


async def test_nobody_approves_their_own(room: Room) -> None:
    both = room.people.enrol("m", "rule_author", "approver")
    request = await ask(room, both)
    assert await refused(room.approve(request, both)) == "approval_refused"
    asked = request.asked
    deciding = room.approvals.deciding
    with pytest.raises(NotPermitted, match="what they asked for"):
        deciding.to_sign(LIVE, asked.approval_id.text, both.text)
    assert (
        await refused(deciding.reject(LIVE, asked.approval_id.text, both.text, "no"))
        == "approval_own"
    )
    refusal = room.events("approval:request:approve")
    assert [one.outcome for one in refusal] == [AuditOutcome.REFUSED]


async def test_a_role_that_the_maker_granted_carries_no_weight(room: Room, people: Any) -> None:
    author, *_ = people
    friend = room.people.enrol("f", "approver", by=author)
    request = await ask(room, author)
    assert await refused(room.approve(request, friend)) == "approval_refused"
    room.people.grant(friend, "risk_manager", by=people[1])
    await room.approve(request, friend)
    assert await room.execute(request, author) == "done: rs_1"


@pytest.mark.parametrize(
    "change", ["role withdrawn", "disabled", "passkey removed", "passkey replaced", "regranted"]
)
async def test_an_approval_loses_its_weight_with_what_it_rested_on(
    room: Room, people: Any, change: str
) -> None:
    author, ann, *_ = people
    request = await ask(room, author)
    await room.approve(request, ann)
    match change:
        case "role withdrawn":
            room.people.take(ann, "approver")
        case "disabled":
            room.people.change(ann, active=False)
        case "passkey removed":
            room.people.change(ann, passkeys=())
        case "passkey replaced":
            room.people.enrol("a", "approver")
            other = Authenticator.new("another key of a")
            (held,) = room.people.held[ann].passkeys
            import dataclasses

            changed = dataclasses.replace(held, public_key=other.public_key)
            room.people.change(ann, passkeys=(changed,))
        case "regranted":
            room.people.grant(ann, "approver", by=author)
    assert await refused(room.execute(request, author)) == "approvals_missing"
    assert room.effects() == []


async def test_the_maker_must_still_be_one(room: Room, people: Any) -> None:
    author, ann, *_ = people
    request = await ask(room, author)
    await room.approve(request, ann)
    assert await refused(room.execute(request, ann)) == "approval_not_yours"
    room.people.take(author, "rule_author")
    assert await refused(room.execute(request, author)) == "approval_maker"
    assert await refused(ask(room, ann)) == "approval_maker"


async def test_a_key_needs_one_person_more(room: Room, people: Any) -> None:
    _author, ann, bob, _ = people
    key = Maker("key_abcdefgh", frozenset({"operator"}))
    request = await room.approvals.request(LIVE, PUBLISH, b"rs_1", key, "from the pipeline")
    await room.approve(request, ann)
    name = request.asked.approval_id.text
    assert await refused(room.approvals.execute(LIVE, name, key.actor)) == "approvals_missing"
    await room.approve(request, bob)
    assert await room.approvals.execute(LIVE, name, key.actor) == "done: rs_1"


async def test_taking_back_cancelling_rejecting(room: Room, people: Any) -> None:
    author, ann, bob, _ = people
    deciding = room.approvals.deciding
    request = await ask(room, author)
    name = request.asked.approval_id.text
    await room.approve(request, ann)
    assert await refused(room.approve(request, ann)) == "approval_repeated"
    assert await refused(deciding.withdraw(LIVE, name, bob.text, "")) == "approval_not_given"
    await deciding.withdraw(LIVE, name, ann.text, "saw something")
    assert await refused(room.execute(request, author)) == "approvals_missing"
    await room.approve(request, ann)
    assert await refused(deciding.cancel(LIVE, name, ann.text, "")) == "approval_not_yours"
    assert (await deciding.cancel(LIVE, name, author.text, "later")).state is State.CANCELLED
    assert await refused(room.execute(request, author)) == "approval_closed"
    assert await refused(room.approve(request, bob)) == "approval_closed"
    other = await ask(room, author)
    ended = await deciding.reject(LIVE, other.asked.approval_id.text, bob.text, "no")
    assert ended.state is State.REJECTED
    assert await refused(room.execute(other, author)) == "approval_closed"
    acts = [one.action.split(":")[2] for one in room.events()]
    assert acts == ["open", "approve", "withdraw", "approve", "cancel", "open", "reject"]


async def test_what_nobody_touches_expires_too(
    room: Room, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    author, ann, *_ = people
    old = await ask(room, author)
    room.clock.advance(20 * 3_600)
    new = await ask(room, author, payload=b"rs_2")
    await room.approvals.expire_due(LIVE)
    assert not room.events("approval:request:expire"), "nothing is outdated yet"
    room.clock.advance(4 * 3_600)
    monkeypatch.setattr("paywarden.identity.approvals.service.OPEN_LIMIT", 2)
    assert await refused(ask(room, author, payload=b"rs_3")) == "approvals_full"
    for _ in range(2):
        await room.approvals.expire_due(LIVE)
    (event,) = room.events("approval:request:expire")
    assert (event.actor, event.detail["approval_id"]) == (
        "process:system", old.asked.approval_id.text)  # fmt: skip
    ended = room.approvals.find(LIVE, old.asked.approval_id.text)
    assert ended.state is State.EXPIRED and room.approvals.payload(ended) is None
    assert await ask(room, author, payload=b"rs_3"), "outdated requests hold no place"
    await room.approve(new, ann)
    assert await room.execute(new, author) == "done: rs_2"


async def test_it_expires_and_says_so(room: Room, people: Any) -> None:
    author, ann, *_ = people
    request = await ask(room, author)
    await room.approve(request, ann)
    room.clock.advance(86_400)
    assert await refused(room.execute(request, author)) == "approval_expired"
    assert await refused(room.execute(request, author)) == "approval_closed"
    assert room.approvals.find(LIVE, request.asked.approval_id.text).state is State.EXPIRED
    assert room.events("approval:request:expire")
    assert room.effects() == []


async def test_what_takes_too_long_is_not_done(room: Room, people: Any) -> None:
    author, ann, *_ = people
    request = await ask(room, author)
    await room.approve(request, ann)
    room.takes_seconds = 24 * 3_600
    assert await refused(room.execute(request, author)) == "approval_expired"
    assert room.effects() == []


async def test_codes_count_for_low_risk_alone(room: Room, people: Any) -> None:
    author, ann, *_ = people
    deciding = room.approvals.deciding
    medium = await ask(room, author)
    name = medium.asked.approval_id.text
    assert await refused(deciding.approve_by_code(LIVE, name, ann.text, "a")) == (
        "approval_needs_passkey"
    )
    low = await ask(room, author, ROLLBACK)
    name = low.asked.approval_id.text
    assert await refused(deciding.approve_by_code(LIVE, name, author.text, "m")) == "approval_own"
    await deciding.approve_by_code(LIVE, name, ann.text, "a")
    assert await room.execute(low, author) == "done: rs_1"


async def test_a_wrong_or_spent_code_is_refused(room: Room, people: Any) -> None:
    author, ann, *_ = people
    low = await ask(room, author, ROLLBACK)
    name = low.asked.approval_id.text
    deciding = room.approvals.deciding
    assert await refused(deciding.approve_by_code(LIVE, name, ann.text, "x")) == "approval_refused"
    await deciding.approve_by_code(LIVE, name, ann.text, "a")
    other = await ask(room, author, ROLLBACK, b"rs_2")
    again = deciding.approve_by_code(LIVE, other.asked.approval_id.text, ann.text, "a")
    assert await refused(again) == "approval_refused"


async def test_a_key_that_asks_for_low_risk_needs_no_person_more(room: Room, people: Any) -> None:
    _author, ann, *_ = people
    key = Maker("key_abcdefgh", frozenset({"operator"}))
    request = await room.approvals.request(LIVE, ROLLBACK, b"rs_1", key, "from the pipeline")
    name = request.asked.approval_id.text
    assert await refused(room.approvals.execute(LIVE, name, key.actor)) == "approvals_missing"
    await room.approve(request, ann)
    assert await room.approvals.execute(LIVE, name, key.actor) == "done: rs_1"


async def test_what_is_signed_and_shown_is_the_prepared_payload(room: Room, people: Any) -> None:
    seen: list[bytes] = []

    async def executor(approved: Approved, payload: bytes) -> str:
        approved.require(approved.scope, approved.action, payload)
        approved.settle(UnitOfWork())
        seen.append(payload)
        return payload.decode()

    def prepare(_scope: Scope, payload: bytes) -> bytes:
        return payload.replace(b"secret", b"sealed")

    room.approvals.register("webhook.destination", executor, prepare)
    maker = Maker("key_abcdefgh", frozenset({"operator"}))
    request = await room.approvals.request(LIVE, "webhook.destination", b"a secret", maker, "x")
    assert room.approvals.payload(request) == b"a sealed"
    assert request.asked.payload_hash == hash_payload("webhook.destination", b"a sealed")
    done = await room.approvals.perform(TEST, "webhook.destination", b"a secret", maker, "x")
    assert isinstance(done, Done) and seen == [b"a sealed"]


async def test_a_signature_over_another_payload_or_a_copied_key_is_refused(
    room: Room, people: Any
) -> None:
    author, ann, *_ = people
    one, other = await ask(room, author), await ask(room, author, payload=b"rs_2")
    signed = room.sign(other, ann)
    deciding, name = room.approvals.deciding, one.asked.approval_id.text
    assert await refused(deciding.approve(LIVE, name, ann.text, signed)) == "approval_refused"
    room.people.keys[ann].counter = 7
    await room.approve(one, ann)
    room.people.keys[ann].counter = 3
    assert await refused(room.approve(other, ann)) == "approval_refused"
    assert "counter" in str(room.events("approval:request:approve")[-1].detail["why"])


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_crash_around_the_commit_does_it_once(room: Room, people: Any, when: str) -> None:
    author, ann, *_ = people
    request = await ask(room, author)
    await room.approve(request, ann)
    room.crash = when
    with pytest.raises(OSError, match="the process ended"):
        await room.execute(request, author)
    room.close()
    room.crash = ""
    room.open()
    if when == "before":
        assert await room.execute(request, author) == "done: rs_1"
    else:
        assert await refused(room.execute(request, author)) == "approval_closed"
    assert room.effects() == ["rs_1"]


async def test_two_at_the_same_time_do_it_once(room: Room, people: Any) -> None:
    author, ann, *_ = people
    request = await ask(room, author)
    await room.approve(request, ann)
    found = await asyncio.gather(
        *(room.execute(request, author) for _ in range(5)), return_exceptions=True
    )
    assert [one for one in found if isinstance(one, str)] == ["done: rs_1"]
    assert {one.code for one in found if isinstance(one, Conflict)} <= {
        "approval_busy", "approval_closed",
    }  # fmt: skip
    assert room.effects() == ["rs_1"]


async def test_who_hangs_up_leaves_no_half_done_step(room: Room, people: Any) -> None:
    author, ann, *_ = people
    request = await ask(room, author)
    await room.approve(request, ann)
    task = asyncio.ensure_future(room.execute(request, author))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(200):
        if room.effects():
            break
        await asyncio.sleep(0.01)
    assert room.effects() == ["rs_1"]
    assert await refused(room.execute(request, author)) == "approval_closed"


async def test_other_tenants_and_environments_find_nothing(room: Room, people: Any) -> None:
    author, ann, *_ = people
    request = await ask(room, author)
    name = request.asked.approval_id.text
    for scope in (TEST, Scope("other", LIVE.environment)):
        with pytest.raises(NotFound):
            room.approvals.find(scope, name)
        signed = room.sign(request, ann)
        work = room.approvals.deciding.approve(scope, name, ann.text, signed)
        assert await refused(work) == "approval_not_found"
        assert list(room.approvals.page(scope, "", 10, only_open=False)) == []
    with pytest.raises(NotFound):
        room.approvals.find(LIVE, "apr_nonsense")


async def test_the_grant_is_verified_elsewhere_and_only_there_done(room: Room, people: Any) -> None:
    _author, ann, bob, privacy = people
    senior = room.people.enrol("s", "senior_analyst")
    request = await room.approvals.request(
        LIVE, "card_number.reveal", b"tk_1", room.maker(senior), "a dispute"
    )
    with pytest.raises(Conflict, match="0 of 2"):
        room.approvals.grant(request)
    await room.approve(request, ann)
    await room.approve(request, privacy)
    assert await refused(room.execute(request, senior)) == "approval_executed_elsewhere"
    found = room.approvals.find(LIVE, request.asked.approval_id.text)
    row = catalogue.CATALOGUE["card_number.reveal"]
    roster = pinned(room.people, LIVE, room.approvals.party, room.clock.now_us())
    grant = room.approvals.grant(found)
    verdict = verify(grant, roster, room.clock.now_us(), expected_of(found, row))
    assert isinstance(verdict, Verified)
    assert set(verdict.approvers) == {ann.text, privacy.text}
    assert bob.text not in verdict.approvers


async def test_test_environments_act_at_once(room: Room, people: Any) -> None:
    maker = Maker("key_abcdefgh", frozenset({"operator"}))
    done = await room.approvals.perform(TEST, PUBLISH, b"rs_1", maker, "try")
    assert done == Done("done: rs_1")
    assert [one.action for one in room.events()] == ["test:effect:done"]


async def test_production_never_acts_on_one_word(room: Room) -> None:
    maker = Maker("key_abcdefgh", frozenset({"operator"}))
    assert isinstance(await room.approvals.perform(LIVE, PUBLISH, b"rs_1", maker, "x"), Waiting)
    assert room.effects() == []


async def test_development_acts_on_one_word_until_a_roster_stands(room: Room) -> None:
    room.close()
    room.development = True
    room.open()
    maker = Maker("key_abcdefgh", frozenset({"operator"}))
    assert isinstance(await room.approvals.perform(LIVE, PUBLISH, b"rs_1", maker, "x"), Done)
    assert [one.action for one in room.events()] == [
        "approval:bypass:development", "test:effect:done",
    ]  # fmt: skip
    for name in "abc":
        room.people.enrol(name, "approver")
    assert isinstance(await room.approvals.perform(LIVE, PUBLISH, b"rs_2", maker, "x"), Waiting)
    assert room.effects() == ["rs_1"]


async def test_the_first_set_up_ends_with_the_roster(room: Room) -> None:
    await room.approvals.install(LIVE, PUBLISH, b"rs_1", "init")
    assert room.events()[0].action == "approval:bypass:installation"
    for name in "abc":
        room.people.enrol(name, "approver")
    assert await refused(room.approvals.install(LIVE, PUBLISH, b"rs_2", "init")) == (
        "approval_needed"
    )


def test_nobody_else_makes_an_approved(room: Room) -> None:
    notes = Notes(None, room.audit, room.clock)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="by approvals alone"):
        Approved(object(), Ground.APPROVALS, LIVE, PUBLISH, bytes(32), "x", notes)


async def test_an_approved_fits_one_act_is_used_once_and_not_copied(room: Room) -> None:
    seen: list[Approved] = []

    async def executor(approved: Approved, payload: bytes) -> None:
        seen.append(approved)
        for other in ((TEST, "list.bulk_edit", payload), (LIVE, "list.bulk_edit", payload),
                      (TEST, PUBLISH, payload)):  # fmt: skip
            if other != (LIVE, "list.bulk_edit", payload):
                with pytest.raises(NotPermitted):
                    approved.require(*other)
        with pytest.raises(NotPermitted):
            approved.require(LIVE, "list.bulk_edit", payload + b"x")
        unit = UnitOfWork()
        approved.settle(unit)
        with pytest.raises(Conflict):
            approved.settle(unit)

    room.approvals.register("list.bulk_edit", executor)
    await room.approvals.install(LIVE, "list.bulk_edit", b"p", "init")
    (one,) = seen
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            way(one)
    with pytest.raises(ValueError, match="has an executor"):
        room.approvals.register("list.bulk_edit", executor)


async def test_an_executor_that_does_not_settle_is_a_fault(room: Room) -> None:
    async def careless(_approved: Approved, _payload: bytes) -> None:
        return None

    room.approvals.register("list.bulk_edit", careless)
    maker = Maker("key_abcdefgh", frozenset({"operator"}))
    with pytest.raises(RuntimeError, match="did not settle"):
        await room.approvals.perform(TEST, "list.bulk_edit", b"p", maker, "x")


async def test_bad_requests(room: Room, people: Any) -> None:
    author, *_ = people
    maker = room.maker(author)
    assert await refused(room.approvals.request(LIVE, "no.such", b"", maker, "x")) == (
        "action_unknown"
    )
    assert await refused(room.approvals.request(LIVE, "api_key.create", b"", room.maker(
        room.people.enrol("k", "security_admin")), "x")) == "action_unavailable"  # fmt: skip
    for payload, reason in ((b"x" * 600_000, "x"), (b"", ""), (b"", "x" * 501)):
        with pytest.raises(InvalidRequest):
            await room.approvals.request(LIVE, PUBLISH, payload, maker, reason)


def test_steps_follow_each_other_or_are_no_request() -> None:
    asked: Any = None
    approve = Step(1, Act.APPROVE, "a", 0)
    assert Request(asked, (approve, Step(2, Act.EXECUTE, "s", 0))).state is State.EXECUTED
    for steps in ((Step(2, Act.APPROVE, "a", 0),), (Step(1, Act.CANCEL, "m", 0),
                  Step(2, Act.EXECUTE, "s", 0))):  # fmt: skip
        with pytest.raises(ValueError, match="dense"):
            Request(asked, steps)


async def test_payloads_lie_sealed(room: Room, people: Any) -> None:
    author, *_ = people
    request = await ask(room, author, payload=b"ann@example.org")
    assert room.approvals.payload(request) == b"ann@example.org"
    room.writer.close()
    assert b"ann@example.org" not in room.path.read_bytes()
    room.writer.start()


def test_the_catalogue_is_sound() -> None:
    assert len(catalogue.CATALOGUE) == len(catalogue.ROWS)
    for row in catalogue.ROWS:
        assert row.makers and row.approvers and row.expiry_seconds > row.cooling_seconds
        assert "merchant" not in row.makers | row.approvers
        assert not row.approvers & {"operator", "break_glass"}, "keys and sealed roles do not"


def test_the_reference_page_holds_the_catalogue() -> None:
    head, _, table = PAGE.read_text(encoding="utf-8").partition(MARK)
    if os.environ.get("PAYWARDEN_WRITE_GOLDENS") == "1":
        PAGE.write_text(head + MARK + catalogue.markdown(), encoding="utf-8")
        table = catalogue.markdown()
    assert table == catalogue.markdown(), "run ./run docs and look at the difference"


def test_payload_hashes_name_their_action() -> None:
    assert hash_payload(PUBLISH, b"x") != hash_payload(ROLLBACK, b"x")
