"""Labels in the log: who is believed, when they count, floods, and what a restart makes of them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from decision_room import DAY, HOUR, Room, copy_home, opened, snapshot

from paywarden.core.scope import Scope
from paywarden.decision.entries import EventEntry
from paywarden.decision.label_history import LabelHistory
from paywarden.decision.labelling import book_of
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.settings import Labels
from paywarden.risk.labels.known import IS_FRAUD, UNKNOWN, known_at
from paywarden.risk.labels.model import Book


async def frauds(room: Room) -> tuple[int, int]:
    values = room.features(await room.decide())
    return values["card_fraud_7d"], values["merchant_fraud_30d"]


async def test_sources_that_contradict_each_other_compensate(room: Room) -> None:
    await room.decide(id="p")
    for source, verdict, known in [
        ("customer", "fraud", 1),
        ("issuer_notice", "fraud", 1),
        ("analyst", "genuine", 0),
        ("chargeback", "fraud", 0),
        ("analyst", "withdrawn", 1),
        ("chargeback", "withdrawn", 1),
        ("issuer_notice", "genuine", 0),
        ("issuer_notice", "withdrawn", 1),
        ("customer", "withdrawn", 0),
    ]:
        room.clock.advance(60)
        assert (await room.label("p", verdict, source=source)).status == "recorded"
        assert await frauds(room) == (known, known), (source, verdict)
    assert all(one.identical for one in room.replay())


async def test_a_label_counts_when_it_is_received_whatever_it_claims(room: Room) -> None:
    await room.decide(id="p")
    room.clock.advance(30 * DAY / 1e6)
    event = room.event("label", payment_id="p", verdict="fraud", source="issuer_notice")
    early = msgspec.structs.replace(event, occurred_at=room.time(-10 * 60 * 1_000_000))
    await room.send(early)
    seen = room.observations()[-1]
    assert seen.s_us == room.clock.now_us() == seen.t_us


async def test_books_survive_a_restart_and_a_restart_in_between(home: Path) -> None:
    async with opened(home) as room:
        await room.decide(id="p")
        await room.label("p", "fraud", source="chargeback", reason="10.4")
        await room.label("p", "genuine", source="analyst")
        before = snapshot(room)
    async with opened(home) as room:
        assert snapshot(room) == before
        await room.label("p", "withdrawn", source="analyst")
        assert await frauds(room) == (1, 1)


async def test_labels_from_before_there_were_books_stand_as_they_did(room: Room) -> None:
    await room.decide(id="p")
    await room.label("p", "fraud", reason="10.4")
    seq = room.ledger.next_seq - 1
    entry = room.ledger.read(room.live, seq)
    assert isinstance(entry, EventEntry)
    old = msgspec.structs.replace(entry, book=None)
    assert book_of(old, seq) == entry.book
    clear = list(entry.clear)
    clear[clear.index("fraud")] = "withdrawn"
    assert book_of(msgspec.structs.replace(old, clear=clear), seq) == Book()
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(entry))[:6]
    assert msgspec.convert(stored, EventEntry).book is None


async def test_the_history_of_a_payment_is_read_back_from_the_log(room: Room) -> None:
    own = room.installation
    history = LabelHistory(own.ledger, own.payments, own.payment_reader, own.evidence.watch)
    await room.decide(id="p")
    await room.label("p", "fraud", source="chargeback", reason="10.4")
    await room.label("p", "genuine", source="analyst")
    await room.label("p", "fraud", source="customer")
    last = room.state().labels.get(room.observations()[0].identity)
    found = history._labels(room.live, "p", "1", last)
    assert found.standing is not None and found.standing.source == "analyst"
    assert [(one.source, one.verdict, one.stands) for one in found.reports] == [
        ("customer", "fraud", "outranked"),
        ("analyst", "genuine", "genuine"),
        ("chargeback", "fraud", "fraud"),
    ]
    assert found.reports[-1].about == "fraud" and not found.has_more
    assert history._labels(room.live, "p", "1", 0).reports == []


async def test_disputes_are_no_labels(room: Room) -> None:
    await room.decide(id="p")
    wrong = await room.label("p", "fraud", reason="13.1")
    assert (wrong.status, wrong.code) == ("refused", "dispute_is_no_label")
    assert wrong.pointer == "/events/0/reason"
    event = room.event("dispute", payment_id="p", reason="13.1", source="chargeback")
    assert (await room.send(event))[0].status == "recorded"
    assert (await room.send(room.event("dispute", payment_id="p")))[0].code == "field_missing"
    assert await frauds(room) == (0, 0)
    entry = room.ledger.read(room.live, room.ledger.next_seq - 2)
    assert isinstance(entry, EventEntry) and "service" in entry.clear
    assert (await room.label("p", "fraud", reason="own code")).status == "recorded"


async def test_a_label_of_an_unknown_payment_is_refused_by_itself(room: Room) -> None:
    await room.decide(id="p")
    found = await room.send(
        room.event("label", payment_id="nobody", verdict="fraud", source="chargeback"),
        room.event("label", payment_id="p", verdict="fraud", source="chargeback"),
    )
    assert [one.code for one in found] == ["payment_unknown", None]


async def test_known_labels_are_those_of_the_scope_at_the_time(room: Room) -> None:
    first = await room.decide(id="p")
    await room.decide(id="p", scope=room.test)
    room.clock.advance(DAY / 1e6)
    await room.label("p", "fraud")
    at_us = room.clock.now_us()
    room.clock.advance(DAY / 1e6)
    await room.label("p", "withdrawn")
    history, head = room.installation.history, room.installation.journal.head()
    identity = first.entry.observation.identity

    def mark(when: int, scope: Scope = room.live) -> int:
        known = known_at(history.columns(scope, 0, head), when)
        return int(known.of(np.array([identity], np.uint64))[0])

    assert [mark(at_us - 1), mark(at_us), mark(at_us + 2 * DAY)] == [UNKNOWN, IS_FRAUD, UNKNOWN]
    assert mark(at_us, room.test) == UNKNOWN


@pytest.mark.parametrize(("on_flood", "recorded"), [("alarm", 12), ("refuse", 5)])
async def test_a_flood_of_labels_is_heard_and_never_dropped_in_silence(
    home: Path, tmp_path: Path, on_flood: str, recorded: int
) -> None:
    place = copy_home(home, tmp_path / "flooded")
    limits = Labels(hourly_floor=5, on_flood=on_flood)  # type: ignore[arg-type]
    settings = msgspec.structs.replace(Home(place).settings({}), labels=limits)
    async with opened(place, settings=settings) as room:
        for number in range(12):
            await room.decide(id=f"p{number}")
        found = [await room.label(f"p{number}", "fraud") for number in range(12)]
        assert sum(one.status == "recorded" for one in found) == recorded
        assert {one.code for one in found[recorded:]} <= {"label_rate_exceeded"}
        audit = [event for _, event in room.installation.audit.read(room.live, 0, 1_000)]
        rung = [event for event in audit if event.action == "label:rate:exceed"]
        assert len(rung) == (2 if on_flood == "alarm" else 0)
        if rung:
            assert rung[0].actor == "key:test" and rung[0].detail["count"] == 6
        text = room.installation.metrics.text().decode()
        assert 'paywarden_labels_total{environment="live",source="chargeback"' in text
        assert "paywarden_label_delay_seconds_bucket" in text
        assert ('stands="refused"} 7.0' in text) is (on_flood == "refuse")
        room.clock.advance(HOUR / 1e6)
        assert (await room.label("p0", "withdrawn")).status == "recorded"
        other = room.event("label", payment_id="p1", verdict="genuine", source="analyst")
        assert (await room.send(other, actor="key:other"))[0].status == "recorded"
