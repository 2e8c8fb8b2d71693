"""Erasing a person: the record shows nothing personal; log, windows and replay stay."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from decision_room import Room, opened, snapshot

from paywarden.core.errors import Corrupt
from paywarden.core.scope import Scope
from paywarden.decision.checkpointing import job_of, make
from paywarden.decision.entries import Sealed
from paywarden.decision.sealing import Sealer
from paywarden.decision.stored_fields import SEALED
from paywarden.decision.views import features
from paywarden.entrypoints.home import Home
from paywarden.risk.features import segments
from paywarden.risk.features.catalogue import FIELDS

PERSON = {
    "id": "payer-secret",
    "name": "Zebulon Quagmire",
    "email": "zebulon.quagmire@mail.example",
    "phone": "+4930123456789",
    "birth_date": "1990-02-01",
    "created_at": "2019-08-07T06:05:04.321987Z",
}
DEVICE = {"id": "dev-quag-77", "ip": "203.0.113.77", "user_agent": "Quagbrowser/7.7"}
CARD = {"kind": "card", "reference": "card-quag-77", "bin": "411111", "last4": "9377"}
CANARIES = (
    b"payer-secret",
    b"mail.example",
    b"203.0.113",
    b"dev-quag-77",
    b"Quagbrowser",
    b"card-quag-77",
    b"payee-quag-77",
    b"metaquag",
    b"par-quag-77",
    b"Zebulon",
    b"zebulon.quagmire",
    b"4930123456789",
    b"1990-02-01",
    b"DE89370400440532013000",
)


def person(room: Room, **changes: Any) -> Any:
    payee = {"id": "payee-quag-77", "name": "Zebulon Quagmire", "account": "DE89370400440532013000"}
    return room.payment(
        payer=PERSON, payee=payee, device=DEVICE, instrument=CARD, par="par-quag-77",
        metadata={"metaquag_key": "metaquag value", "count": 3}, **changes
    )  # fmt: skip


def erase(room: Room, decided: Any) -> None:
    ring = room.installation.key_ring
    for box in decided.entry.sealed:
        key_id = ring.key_of(room.live, box.subject)
        assert key_id is not None and ring.erase(room.live, box.subject, key_id, 1)


async def test_nothing_personal_stands_in_the_files_in_the_clear(home: Path) -> None:
    async with opened(home) as room:
        decided = await room.decide(person(room))
        assert isinstance(decided.entry.clear, list)
        assert len(decided.entry.sealed) == 2
        assert found_in(home) == [], "while it runs: write-ahead logs too"
    assert found_in(home) == []


def found_in(home: Path) -> list[tuple[Path, bytes]]:
    """Canaries in the files of a home."""
    files = [(path, path.read_bytes()) for path in home.rglob("*") if path.is_file()]
    assert files
    return [(path, canary) for path, octets in files for canary in CANARIES if canary in octets]


async def test_segments_and_checkpoints_hold_nothing_either(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "SEGMENT_EVENTS", 20)
    async with opened(home) as room:
        decided = [await room.decide(person(room)) for _ in range(50)]
        await room.label(decided[0].entry.payment_id, "fraud")
        own, state = room.installation, room.state()
        assert state.runtime is not None
        job = job_of(own.history, own.checkpoints, room.live, state.runtime.compiled.aggregates,
                     state.history_start_us, None)  # fmt: skip
        assert job is not None
        await asyncio.to_thread(make, job)
        assert set(room.fields(decided[0])) >= {"payer.id", "payment.metadata", "payment.par"}
        erase(room, decided[0])
        for one in decided:
            assert not set(SEALED) & set(room.fields(one))
        assert found_in(home) == []
    place = Home(home)
    assert list(place.segments.glob("*/live/*.seg")), "there are segments"
    assert list(place.checkpoints.glob("*/live/*.ckpt")), "there is a checkpoint"
    assert found_in(home) == []


class Before(Sealer):
    """Splits as it was done before values had numbers: maps by path, identifiers in the clear."""

    def split(self, scope: Scope, fields: Any, digest: Any, seq: int) -> Any:
        clear, boxes = {}, {"payer-0": {}, "payee-0": {}}  # type: ignore[var-annotated]
        for path, value in fields.items():
            field = FIELDS.get(path)
            if (field is not None and not field.personal) or path == "payment.metadata":
                clear[path] = value
            else:
                boxes["payee-0" if path.startswith("payee.") else "payer-0"][path] = value
        made = []
        for subject, held in boxes.items():
            octets, context = msgspec.msgpack.encode(held), seq.to_bytes(8, "big")
            made.append(Sealed(subject, self._keys.seal(scope, subject, octets, context)))
        return clear, tuple(made)


async def test_entries_of_before_are_read_replayed_and_continued(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as past:
        past.setattr(Sealer, "split", Before.split)
        async with opened(home) as room:
            old = await room.decide(person(room, amount_minor=500_000))
            payment_id, before = old.entry.payment_id, room.fields(old)
            await room.label(payment_id, "fraud")
    async with opened(home) as room:
        found = await room.installation.payments.find(room.live, old.seq)
        assert found is not None and isinstance(found.entry.clear, dict)
        assert found.entry.clear["payer.id"] == PERSON["id"], "it lies there in the clear"
        assert room.fields(found) == before
        entry = found.entry
        assert (entry.payment_id, entry.attempt, entry.merchant_id, entry.late) == (
            payment_id, "1", before["merchant.id"], False,
        )  # fmt: skip
        new = await room.go_on(found, "authenticated")
        assert isinstance(new.entry.clear, list)
        assert room.fields(new) == {**before, "payment.challenge_result": "authenticated"}
        assert room.installation.views.record(found, room.state().runtime)["inputs"]
        attempt = room.installation.payments.attempt_of(room.live, payment_id, "1", None)
        assert attempt == entry.observation
        replayed = room.replay()
        assert len(replayed) == 2 and all(one.identical for one in replayed)


async def test_an_erased_person_is_gone_and_everything_still_counts(room: Room) -> None:
    first = await room.decide(person(room))
    second = await room.decide(person(room, amount_minor=500_000))
    fields, gone = room.installation.sealer.open(
        room.live, first.seq, first.entry.clear, first.entry.sealed
    )
    assert fields["payer.name"] == PERSON["name"] and gone == ()
    before = snapshot(room)
    erase(room, first)
    fields, gone = room.installation.sealer.open(
        room.live, first.seq, first.entry.clear, first.entry.sealed
    )
    assert {one.person for one in gone} == {"payer", "payee"} and not set(SEALED) & set(fields)
    runtime = room.state().runtime
    record = room.installation.views.record(first, runtime)
    assert record["persons_erased"] == 2 and "Quagmire" not in str(record)
    assert record["features"] == features(first.entry, runtime)
    assert snapshot(room) == before
    replayed = room.replay()
    assert all(one.identical for one in replayed) and sum(one.erased for one in replayed) == 2
    assert room.installation.journal.verify() == room.ledger.next_seq - 1
    repeated = await room.decide(amount_minor=1, instrument=CARD)
    assert room.features(repeated)["card_1h"] == 3
    followed = await room.go_on(second, "authenticated")
    assert followed.entry.continues == second.seq


async def test_an_erased_person_may_come_back_as_a_new_one(home: Path) -> None:
    async with opened(home) as room:
        payment = person(room)
        first = await room.decide(payment)
        erase(room, first)
        again = await room.decide(payment)
        assert again.repeated  # the identity is no personal datum
        fresh = await room.decide(person(room))
        opened_fields, gone = room.installation.sealer.open(
            room.live, fresh.seq, fresh.entry.clear, fresh.entry.sealed
        )
        assert gone == () and opened_fields["payer.name"] == PERSON["name"]
        before = snapshot(room)
    async with opened(home) as room:
        assert snapshot(room) == before
        _fields, gone = room.installation.sealer.open(
            room.live, first.seq, first.entry.clear, first.entry.sealed
        )
        assert len(gone) == 2
        assert all(one.identical for one in room.replay())


async def test_the_record_masks_what_is_personal(room: Room) -> None:
    decided = await room.decide(person(room))
    inputs = room.installation.views.record(decided, room.state().runtime)["inputs"]
    assert inputs["payer.name"] == "Z** Q**"
    assert inputs["payer.email"] == "z**@mail.example"
    assert inputs["payer.phone"] == "**89" and inputs["payer.birth_date"] == "1990-**-**"
    assert inputs["payee.account"] == "**00" and inputs["device.ip"] == "203.0.*"
    assert inputs["payment.amount_minor"] == 1_000
    assert inputs["payment.metadata"] == "***"
    assert inputs["payer.id"] == "payer-secret", "operators follow a case by its identifiers"


async def test_a_box_does_not_open_elsewhere(room: Room) -> None:
    decided = await room.decide(person(room))
    box = decided.entry.sealed[0]
    for scope, seq in ((room.live, decided.seq + 1), (room.test, decided.seq)):
        with pytest.raises(Corrupt):
            room.installation.sealer.open(scope, seq, {}, [box])
