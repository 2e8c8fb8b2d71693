"""Rules that put values on lists: at once, for a time, never what many payers share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from decision_room import DAY, POLICY, Room, opened

from paywarden.core.outcome import Outcome

RULES = b"""\
- id: probe
  title: A payment of one cent
  scenario: testing
  when: payment.amount_minor == 1
  then:
    outcome: review
    reason: TESTING
    actions:
      - add_to_list: {list: bad_devices, value: device.id, expires_in: 1d, reason: probing}
      - add_to_list: {list: bad_payees, value: payee.id, expires_in: 7d}
- id: bad-device
  title: A device on the list
  scenario: testing
  when: device.id in lists.bad_devices
  then: {outcome: block, reason: TESTING}
- id: look
  title: Just look
  scenario: amounts
  when: payment.amount_minor == 2
  then:
    points: 1
    actions:
      - alert: {severity: high, text: Two cents}
"""
FILES = {
    **POLICY,
    "policy.yaml": POLICY["policy.yaml"].replace(
        b"  stolen_cards: card\n",
        b"  stolen_cards: card\n  bad_devices: device\n  bad_payees: payee\n",
    ),
    "rules/automatic.yaml": RULES,
}


def entries(room: Room, name: str) -> int:
    return len(room.installation.lists.find(room.live, name))


async def test_an_entry_counts_from_the_next_payment_and_ends(home: Path) -> None:
    async with opened(home, files=FILES) as room:
        await room.publish(FILES)
        device = {"id": "dev-1"}
        payee = {"id": "acc-1"}
        assert (await room.decide(device=device)).entry.result.answer is Outcome.ALLOW
        first = await room.decide(amount_minor=1, device=device, payee=payee)
        assert first.entry.result.answer is Outcome.REVIEW
        assert (await room.decide(device=device)).entry.result.answer is Outcome.BLOCK
        assert (entries(room, "bad_devices"), entries(room, "bad_payees")) == (1, 1)
        again = await room.decide(amount_minor=1, device=device, payee=payee)
        assert room.ledger.next_seq == again.seq + 1  # it stands there for as long already
        room.clock.advance(DAY / 1e6 + 1)
        assert (await room.decide(device=device)).entry.result.answer is Outcome.ALLOW
        assert [one.differences for one in room.replay() if not one.identical] == []


async def test_what_many_payers_share_is_never_entered(home: Path) -> None:
    async with opened(home, files=FILES) as room:
        await room.publish(FILES)
        for number in range(11):
            await room.decide(payer={"id": f"p-{number}"}, device={"id": "counter"})
        await room.decide(amount_minor=1, payer={"id": "p-0"}, device={"id": "counter"})
        assert entries(room, "bad_devices") == 0
        for number in range(9):
            await room.decide(payer={"id": f"p-{number}"}, device={"id": "family"})
        await room.decide(amount_minor=1, payer={"id": "p-0"}, device={"id": "family"})
        assert entries(room, "bad_devices") == 1


async def test_entries_outlive_a_restart_and_say_who_made_them(home: Path) -> None:
    async with opened(home, files=FILES) as room:
        await room.publish(FILES)
        await room.decide(amount_minor=1, device={"id": "dev-2"})
        actors = {
            event.actor
            for _place, event in room.installation.audit.read(room.live, 0, 500)
            if event.action == "lists:entries:add" and event.detail["list"] == "bad_devices"
        }
        assert "rule:probe" in actors
    async with opened(home, files=FILES) as room:
        made = await room.decide(device={"id": "dev-2"})
        assert made.entry.result.answer is Outcome.BLOCK
        assert [one.differences for one in room.replay() if not one.identical] == []


async def test_an_alert_is_told_whatever_the_outcome(home: Path) -> None:
    async with opened(home, files=FILES) as room:
        await room.publish(FILES)
        made = await room.decide(amount_minor=2)
        assert made.entry.result.answer is Outcome.ALLOW
        told: list[dict[str, Any]] = [
            json.loads(row[0])
            for row in room.installation.reader.rows("SELECT body FROM outbox", (), limit=100)
        ]
        alerts = [one["alerts"] for one in told if one.get("alerts")]
        assert alerts == [[{"rule": "look", "severity": "high", "text": "Two cents"}]]
