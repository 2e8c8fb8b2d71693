"""Erasing a person: the record shows nothing personal; log, windows and replay stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from decision_room import Room, opened, snapshot

from paywarden.decision.masking import PERSONAL
from paywarden.decision.views import features

PERSON = {
    "id": "payer-secret",
    "name": "Zebulon Quagmire",
    "email": "zebulon.quagmire@mail.example",
    "phone": "+4930123456789",
    "birth_date": "1990-02-01",
}
CANARIES = (
    b"Zebulon",
    b"zebulon.quagmire",
    b"4930123456789",
    b"1990-02-01",
    b"DE89370400440532013000",
)


def person(room: Room, **changes: Any) -> Any:
    payee = {"id": "acc-1", "name": "Zebulon Quagmire", "account": "DE89370400440532013000"}
    return room.payment(
        payer=PERSON, payee=payee, device={"id": "d", "ip": "203.0.113.77"}, **changes
    )


def erase(room: Room, decided: Any) -> None:
    for box in decided.entry.sealed:
        assert room.installation.key_ring.erase(room.live, box.subject)


async def test_nothing_personal_stands_in_the_files_in_the_clear(home: Path) -> None:
    async with opened(home) as room:
        decided = await room.decide(person(room))
        assert not PERSONAL & set(decided.entry.clear)
        assert len(decided.entry.sealed) == 2
    for path in home.rglob("*"):
        if path.is_file():
            octets = path.read_bytes()
            assert not [canary for canary in CANARIES if canary in octets], path


async def test_an_erased_person_is_gone_and_everything_still_counts(room: Room) -> None:
    first = await room.decide(person(room))
    second = await room.decide(person(room, amount_minor=500_000))
    fields, gone = room.installation.sealer.open(
        room.live, first.seq, first.entry.clear, first.entry.sealed
    )
    assert fields["payer.name"] == PERSON["name"] and gone == 0
    before = snapshot(room)
    erase(room, first)
    fields, gone = room.installation.sealer.open(
        room.live, first.seq, first.entry.clear, first.entry.sealed
    )
    assert gone == 2 and not PERSONAL & set(fields)
    runtime = room.state().runtime
    record = room.installation.views.record(first, runtime)
    assert record["persons_erased"] == 2 and "Quagmire" not in str(record)
    assert record["features"] == features(first.entry, runtime)
    assert snapshot(room) == before
    replayed = room.replay()
    assert all(one.identical for one in replayed) and sum(one.erased for one in replayed) == 2
    assert room.installation.journal.verify() == room.ledger.next_seq - 1
    repeated = await room.decide(amount_minor=1)
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
        assert gone == 0 and opened_fields["payer.name"] == PERSON["name"]
        before = snapshot(room)
    async with opened(home) as room:
        assert snapshot(room) == before
        _fields, gone = room.installation.sealer.open(
            room.live, first.seq, first.entry.clear, first.entry.sealed
        )
        assert gone == 2
        assert all(one.identical for one in room.replay())


async def test_the_record_masks_what_is_personal(room: Room) -> None:
    decided = await room.decide(person(room))
    inputs = room.installation.views.record(decided, room.state().runtime)["inputs"]
    assert inputs["payer.name"] == "Z** Q**"
    assert inputs["payer.email"] == "z**@mail.example"
    assert inputs["payer.phone"] == "**89" and inputs["payer.birth_date"] == "1990-**-**"
    assert inputs["payee.account"] == "**00" and inputs["device.ip"] == "203.0.*"
    assert inputs["payment.amount_minor"] == 1_000


async def test_a_box_does_not_open_elsewhere(room: Room) -> None:
    import pytest

    from paywarden.core.errors import Corrupt

    decided = await room.decide(person(room))
    box = decided.entry.sealed[0]
    for scope, seq in ((room.live, decided.seq + 1), (room.test, decided.seq)):
        with pytest.raises(Corrupt):
            room.installation.sealer.open(scope, seq, {}, [box])
