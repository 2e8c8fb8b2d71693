"""Erasing a person: the approved act, its record and leaf, and making good what was missed."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "decision"))
from decision_room import Room, copy_home, make_home, opened

from paywarden.core.errors import InvalidRequest, NotFound, NotPermitted, PaywardenError
from paywarden.core.errors import Unavailable as Away
from paywarden.core.scope import Scope
from paywarden.decision.payments import Decided
from paywarden.identity.approvals.catalogue import SUBJECT_ERASE
from paywarden.identity.approvals.execution import Maker
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.schema import VERSION_TABLE
from paywarden.lab.backtest.jobs import Asked, Job
from paywarden.privacy.erasure import tables
from paywarden.privacy.erasure.model import ErasurePayload, State
from paywarden.privacy.erasure.stores.sqlite import SCHEMA

MAKER = Maker("key_tester", frozenset({"operator"}))
ANN = {"payer": {"id": "cus_ann", "name": "Ann Example"}}
BEN = {"payer": {"id": "cus_ben", "name": "Ben Example"}}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("erasing"))


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    return copy_home(template, tmp_path / "home")


@pytest.fixture
async def room(home: Path) -> AsyncIterator[Room]:
    async with opened(home) as made:
        yield made


def names(room: Room, scope: Scope, **given: str) -> tuple[str, ...]:
    return room.installation.subject_names(scope, given)


def state(room: Room, scope: Scope, subject: str) -> State:
    (found,) = room.installation.erasures.standings(scope, [subject])
    return found.state


async def erase(room: Room, scope: Scope, *subjects: str) -> Any:
    payload = ErasurePayload(tuple(sorted(subjects))).payload()
    return await room.installation.approvals.perform(scope, SUBJECT_ERASE, payload, MAKER, "asked")


def leaves(room: Room) -> list[Any]:
    found = room.installation.audit.read(None, 0, 1_000)
    return [one for _, one in found if one.action.startswith("privacy:")]


def name_of(room: Room, decided: Decided) -> Any:
    return room.fields(decided).get("payer.name")


async def test_an_erasure_ends_one_person_and_is_written_down(room: Room) -> None:
    ann, ben = await room.decide(**ANN, scope=room.test), await room.decide(**BEN, scope=room.test)
    live = await room.decide(**ANN)
    (subject,) = names(room, room.test, payer_id="cus_ann")
    key_id = room.installation.key_ring.key_of(room.test, subject)
    assert state(room, room.test, subject) is State.KNOWN and key_id is not None
    await erase(room, room.test, subject)
    assert state(room, room.test, subject) is State.ERASED
    assert (name_of(room, ann), name_of(room, ben)) == (None, "Ben Example")
    assert name_of(room, live) == "Ann Example", "another environment is another person"
    (leaf,) = leaves(room)
    assert (leaf.action, leaf.actor) == ("privacy:subject:erase", "key:key_tester")
    assert leaf.detail == {
        "kind": "payer",
        "subject_sha256": hashlib.sha256(subject.encode()).hexdigest(),
        "key_sha256": hashlib.sha256(key_id).hexdigest(),
    }
    view = room.installation.views.record(ann, None)
    (gone,) = view["erased"]
    assert view["persons_erased"] == 1 and gone["person"] == "payer"
    assert gone["erased_at"].startswith("2026-")


async def test_nothing_stays_at_hand(room: Room) -> None:
    await room.decide(payer={**ANN["payer"], "email": "ann@mail.example"}, scope=room.test)
    own, scope = room.installation, room.test
    jobs, asked = own.backtests, Asked(scope, "rs_1", {})
    jobs._jobs["bt_done"] = Job("bt_done", asked, 0, "done", result={"payer.id": "cus_ann"})
    jobs._jobs["bt_runs"] = Job("bt_runs", asked, 0, "running")
    jobs._jobs["bt_waits"] = Job("bt_waits", asked, 0, "waiting")
    jobs._jobs["bt_live"] = Job("bt_live", Asked(room.live, "rs_1", {}), 0, "done")
    state, deriver = room.state(scope), own.derivers("EUR")
    assert any("cus_ann" in one for one in state.digester._young)
    assert deriver._email_facts.cache_info().currsize == 1
    await erase(room, scope, *names(room, scope, payer_id="cus_ann"))
    assert jobs._jobs.keys() == {"bt_waits", "bt_live"}
    assert not state.digester._young and not state.digester._old
    assert deriver._email_facts.cache_info().currsize == 0
    assert (await room.decide(**ANN, scope=scope)).entry.result.points == 0, "it works on"


async def test_who_comes_back_has_another_key(room: Room) -> None:
    old = await room.decide(**ANN, scope=room.test)
    (subject,) = names(room, room.test, payer_id="cus_ann")
    await erase(room, room.test, subject)
    new = await room.decide(**ANN, scope=room.test)
    assert (name_of(room, old), name_of(room, new)) == (None, "Ann Example")
    assert state(room, room.test, subject) is State.KNOWN
    assert await room.installation.erasures.carry_out_again() == 0
    assert name_of(room, new) == "Ann Example"
    await erase(room, room.test, subject)
    assert name_of(room, new) is None and len(leaves(room)) == 2


@pytest.mark.parametrize(
    ("given", "payment"),
    [
        ({"payer_id": "cus_9"}, {"payer": {"id": "cus_9", "email": "x@mail.example"}}),
        ({"payer_id": "4111111111111111"}, {"payer": {"id": "4111111111111111"}}),
        ({"email": "Ann.Example+a@GoogleMail.com"}, {"payer": {"email": "annexample@gmail.com"}}),
        ({"card_reference": "card-9"}, {"payer": None}),
        ({"device_id": "dev-9"}, {"payer": None, "instrument": None}),
        (
            {"payment_id": "order-x"},
            {"id": "order-x", "payer": {"name": "A"}, "instrument": None, "device": None},
        ),
        ({"payee_id": "acc_9"}, {"payee": {"id": "acc_9", "account": "DE89370400440532013000"}}),
        (
            {"payee_account": "de89 3704 0044 0532 0130 00"},
            {"payee": {"account": "DE89370400440532013000"}},
        ),
    ],
)
async def test_subjects_are_named_as_payments_name_them(
    room: Room, given: dict[str, str], payment: dict[str, Any]
) -> None:
    sent = {"instrument": {"kind": "card", "reference": "card-9"}, "device": {"id": "dev-9"}}
    decided = await room.decide(**{**sent, **payment})
    assert set(names(room, room.live, **given)) <= {box.subject for box in decided.entry.sealed}


async def test_what_cannot_be_read_names_nobody(room: Room) -> None:
    for bad in ({"email": "a@"}, {"payee_account": " "}, {"email": "@", "payer_id": "y"}):
        with pytest.raises(InvalidRequest, match="subject_unreadable"):
            names(room, room.live, **bad)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b'{"subjects":[]}',
        b'{"subjects":["cus_ann"]}',
        b'{"subjects":["payer-0123456789abcdef","email-0123456789abcdef"]}',
        b'{"subjects":["payer-0123456789abcdef","payer-0123456789abcdef"]}',
        b'{"subjects": ["payer-0123456789abcdef"]}',
        b'{"subjects":["payer-0123456789abcdef"],"more":1}',
    ],
)
async def test_a_payload_that_is_not_exact_is_refused(room: Room, payload: bytes) -> None:
    with pytest.raises(InvalidRequest, match="approval_request_invalid"):
        await room.installation.approvals.perform(room.test, SUBJECT_ERASE, payload, MAKER, "x")


async def test_nobody_is_unknown(room: Room) -> None:
    with pytest.raises(NotFound, match="subject_unknown"):
        await erase(room, room.test, "payer-0123456789abcdef")


async def test_an_approval_of_something_else_ends_no_key(room: Room) -> None:
    ann = await room.decide(**ANN, scope=room.test)
    await room.decide(**BEN, scope=room.test)
    erasures, caught = room.installation.erasures, []
    other = ErasurePayload(names(room, room.test, payer_id="cus_ann")).payload()

    async def swapped(approved: Any, _payload: bytes) -> Any:
        with pytest.raises(NotPermitted) as refusal:
            await erasures.erase(approved, other)
        caught.append(refusal.value.code)
        raise refusal.value

    room.installation.approvals._executors._by_action[SUBJECT_ERASE] = swapped
    with pytest.raises(NotPermitted):
        await erase(room, room.test, *names(room, room.test, payer_id="cus_ben"))
    assert caught == ["approved_for_another_act"] and name_of(room, ann) == "Ann Example"


async def test_a_disk_that_fails_leaves_a_recorded_erasure_that_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(home) as room:
        ann = await room.decide(**ANN, scope=room.test)
        (subject,) = names(room, room.test, payer_id="cus_ann")
        ring = room.installation.key_ring

        def refuse(*_given: Any) -> bool:
            raise Away("storage_failed", "the disk is gone")

        with monkeypatch.context() as broken:
            broken.setattr(ring, "erase", refuse)
            await erase(room, room.test, subject)
            assert state(room, room.test, subject) is State.ERASING
            assert name_of(room, ann) == "Ann Example", "and it says so"
            with pytest.raises(NotFound):
                await erase(room, room.test, subject)
        await room.installation.erasures.finish()
        assert state(room, room.test, subject) is State.ERASED and name_of(room, ann) is None
        # The same, and then the process ends: the next start goes on.
        ben = await room.decide(**BEN, scope=room.test)
        monkeypatch.setattr(ring, "erase", refuse)
        await erase(room, room.test, *names(room, room.test, payer_id="cus_ben"))
        assert name_of(room, ben) == "Ben Example"
    async with opened(home) as room:
        assert name_of(room, ben) is None
        assert [one.action for one in leaves(room)] == [
            "privacy:subject:erase", "privacy:subject:erase", "privacy:subject:erase_again",
        ]  # fmt: skip


async def test_a_failed_commit_ends_no_key(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await room.decide(**ANN, scope=room.test)
    (subject,) = names(room, room.test, payer_id="cus_ann")

    async def lost(_unit: Any) -> None:
        raise Away("storage_failed", "the disk is gone")

    monkeypatch.setattr(room.installation.writer, "commit", lost)
    with pytest.raises(PaywardenError, match="storage_failed"):
        await erase(room, room.test, subject)
    assert name_of(room, ann) == "Ann Example" and state(room, room.test, subject) is State.KNOWN


def test_the_schema_is_what_the_tables_say(tmp_path: Path) -> None:
    path = tmp_path / "erasures.sqlite"
    migrate(path, (SCHEMA,))
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, _kind, _parents: name != VERSION_TABLE}
        )
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()
