"""Known parties held against changed lists: found once, resumed after a fault, not the erased."""

from __future__ import annotations

from pathlib import Path

import pytest
from decision_room import Room
from screening_room import EXPOSED, LISTED, SCREENING, hits, take_in, transfer

from paywarden.aml.alerts.model import Alert
from paywarden.aml.alerts.ports import AlertFilter
from paywarden.decision.known_parties import KnownParties
from paywarden.decision.party_findings import PartyFindings

NAME = {"id": "payee-7", "name": "Ignatius Plumwhistle"}


async def settle(room: Room, home: Path) -> None:
    """Work off everything that is owed."""
    desk = room.installation.aml.screening_desk
    for _ in range(20):
        await room.installation.aml.rescreening.look()
        folder = desk.folder()
        assert folder is not None
        if not any(folder.state(source).undelivered for source in folder.sources()):
            return
    raise AssertionError("re-screening never came to its end")


def alerts(room: Room) -> list[Alert]:
    kept = room.installation.aml.alerts.page(room.live, AlertFilter(kind="screening"), "", 50)
    return [one.alert for one in kept]


async def known(room: Room, home: Path) -> None:
    """A room with payments to somebody who is not listed yet."""
    await room.publish(SCREENING)
    await take_in(room, home, LISTED["q1"], LISTED["q2"])
    await settle(room, home)
    for _ in range(3):
        await room.decide(transfer(room, payee=NAME))
    await room.decide(transfer(room, payee={"id": "payee-8", "name": "Ben Sample"}))
    assert alerts(room) == []


async def test_who_is_listed_later_is_found_once_for_all_payments(room: Room, home: Path) -> None:
    await known(room, home)
    await take_in(room, home, *LISTED.values(), EXPOSED)
    await settle(room, home)
    (alert,) = alerts(room)
    assert alert.subject == "own-own-test-q3" and alert.score >= 0.9
    assert alert.entity.id == room.installation.alert_entity(room.live, "payee", "payee-7")
    standing = room.state().screening
    assert standing is not None and alert.sequence == standing.seq
    assert not alert.interdicted and len(alert.payments) == 1
    await settle(room, home)
    assert len(alerts(room)) == 1
    held = await room.decide(transfer(room, payee=NAME))
    assert hits(room, held) and len(alerts(room)) == 2, "the next payment is held by itself"


async def test_a_fault_in_the_middle_loses_and_repeats_nothing(
    room: Room, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await known(room, home)
    await take_in(room, home, *LISTED.values())
    monkeypatch.setattr("paywarden.entrypoints.rescreening.PAGE", 1)
    commit, left = PartyFindings.commit, [2]

    def failing(self: PartyFindings, *given: object) -> None:
        commit(self, *given)  # type: ignore[arg-type]
        left[0] -= 1
        if not left[0]:
            raise OSError("killed just after the commit")

    monkeypatch.setattr(PartyFindings, "commit", failing)
    with pytest.raises(OSError, match="killed"):
        for _ in range(5):
            await room.installation.aml.rescreening.look()
    await settle(room, home)
    assert len(alerts(room)) == 1


async def test_the_erased_are_left_out(room: Room, home: Path) -> None:
    await known(room, home)
    sealer, journal = room.installation.sealer, room.installation.journal
    before = KnownParties(journal, sealer, room.live, journal.head()).after("", 100)
    keys, clock = room.installation.key_ring, room.clock
    payee = next(one for one in before if one.asked.name == NAME["name"])
    entry = room.ledger.read(room.live, payee.seq)
    (subject,) = [box.subject for box in entry.sealed if box.subject.startswith("payee-")]
    key = keys.key_of(room.live, subject)
    assert key is not None
    keys.erase(room.live, subject, key, clock.now_us())
    after = KnownParties(journal, sealer, room.live, journal.head()).after("", 100)
    assert len(after) == len(before) - 3
    await take_in(room, home, *LISTED.values())
    await settle(room, home)
    assert alerts(room) == []


async def test_parties_come_in_order_and_page_by_page(room: Room, home: Path) -> None:
    await known(room, home)
    parties = KnownParties(room.installation.journal, room.installation.sealer, room.live, 10_000)
    whole = [one.id for one in parties.after("", 100)]
    assert whole == sorted(whole) and len(whole) == 8
    paged, last = [], ""
    while page := parties.after(last, 3):
        paged += [one.id for one in page]
        last = paged[-1]
    assert paged == whole
