"""Links in live decisions: a ring is seen, a label spreads at once, and the log says it again."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path
from typing import Any

from decision_room import DAY, POLICY, WIDER, Room, opened, packed, runtime_of, snapshot
from test_replay import drawn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from model_kit import INPUTS, trees
from paywarden.core.outcome import Outcome
from paywarden.decision.companions import companion_fields_of
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.entries import TrialEntry
from paywarden.decision.model_runtime import ModelRuntime
from paywarden.decision.payments import Decided
from paywarden.decision.trial_desk import TrialDesk
from paywarden.kit.db.unit import UnitOfWork
from paywarden.risk.features.catalogue import FIELDS, LINK_FIELDS
from paywarden.risk.links.model import LinkValues
from paywarden.risk.scoring.artefact import Artefact, Operating
from paywarden.risk.scoring.calibration import Calibration
from paywarden.risk.scoring.recipe import Input

RINGS = b"""\
- id: ring
  title: Many cards that belong together
  scenario: known
  when: link.cards >= 4
  then: {outcome: challenge, reason: KNOWN}
  examples:
    - {given: {link: {cards: 5}}, fires: true}
    - {given: {}, fires: false}
- id: near-fraud
  title: Somebody connected took part in fraud
  scenario: known
  when: link.bad_neighbours >= 1 && agg.card_fraud_7d == 0
  then: {outcome: review, reason: KNOWN}
"""
LINKED = {**POLICY, "rules/links.yaml": RINGS}
WIDER_LINKED = {**WIDER, "rules/links.yaml": RINGS}


def nothing(_unit: UnitOfWork) -> None:
    return None


async def member(room: Room, number: int, device: str = "d-1", **more: Any) -> Decided:
    """One account of a ring: everything is its own but the device."""
    return await room.decide(
        payer={"id": f"ring-{number}", "email": f"r{number}@a.example"},
        instrument={"kind": "card", "reference": f"ring-card-{number}"},
        device={"id": device}, **more,
    )  # fmt: skip


def knew(room: Room, decided: Decided) -> dict[str, int]:
    found = companion_fields_of(room.fields(decided))
    return {path.removeprefix("link."): value for path, value in found.items()}


def differing(room: Room, **options: Any) -> list[Any]:
    return [one.differences for one in room.replay(**options) if not one.identical]


async def begin(room: Room, files: dict[str, bytes], share_ppm: int = 0) -> None:
    room.installation.policies.keep(runtime_of(files))
    row, _fresh = await room.installation.policies.create(room.live, packed(files), "tester")
    entry = TrialEntry(row.hash, share_ppm, "salt-1", "tester")
    await TrialDesk(room.installation.policies, room.ledger).begin(room.live, entry, nothing)


async def traffic(room: Room, first: int, count: int) -> None:
    """Payments, labels and continuations from a seed, so that all kinds of entries follow."""
    chance = random.Random(first)
    for number in range(first, first + count):
        room.clock.advance(chance.choice([0.5, 20, 400, 4_000]))
        made = await room.decide(drawn(room, chance, number))
        if made.entry.result.answer is Outcome.CHALLENGE and chance.random() < 0.5:
            await room.go_on(made, chance.choice(["authenticated", "failed"]))
        if chance.random() < 0.3:
            about = f"bulk-{chance.randint(first, number)}"
            await room.label(about, chance.choice(["fraud", "fraud", "genuine", "withdrawn"]))


def test_the_catalogue_names_what_links_know() -> None:
    names = {path.removeprefix("link.") for path in LINK_FIELDS}
    assert names == set(LinkValues.__slots__)
    assert all(FIELDS[path].derived and FIELDS[path].type == "int" for path in LINK_FIELDS)


def test_a_model_alone_may_read_links() -> None:
    inputs = (Input("amount", "link.bad_neighbours", "MANY_PAYMENTS"), *INPUTS[1:])
    plain = Calibration(1.0, "platt", (-8.0, 8.0), (0.001, 0.999))
    artefact = Artefact(trees(1), 20, inputs, {}, plain, Operating(0.5, 0.95, 0.01), "EUR", {})
    without = runtime_of(POLICY)
    beside = PolicyRuntime(without.compiled, ModelRuntime("m", artefact, without.compiled))
    assert ("links" in without.reads, "links" in beside.reads) == (False, True)
    values = [None] * len(beside.aggregates)
    assert beside.model is not None
    low, high = (
        beside.model.opinion(beside.vector({"link.bad_neighbours": found}, values, {}), None)
        for found in (0, 500_000)
    )
    assert low.probability is not None
    assert high.probability is not None
    assert low.probability < 0.5 < high.probability


async def test_who_reads_no_links_keeps_none(room: Room) -> None:
    made = await member(room, 1)
    assert room.state().companions.links is None
    assert knew(room, made) == {}
    runtime = room.installation.policies.runtime(made.entry.decider)
    assert room.installation.views.record(made, runtime)["links"] is None


async def test_a_ring_is_seen_and_a_label_spreads_at_once(room: Room) -> None:
    await room.publish(LINKED)
    made = [await member(room, number) for number in range(5)]
    assert [knew(room, one)["cards"] for one in made] == [0, 1, 2, 3, 4]
    assert [room.rules(one) for one in made] == [set()] * 4 + [{"ring"}]
    assert knew(room, made[4]) == {
        "component_size": 13, "bad_neighbours": 0, "cards": 4, "new_edges_1h": 12, "hubs": 0,
    }  # fmt: skip
    await room.label(made[0].entry.payment_id, "fraud")
    near = await member(room, 3, device="d-2")
    assert knew(room, near)["bad_neighbours"] == 4  # its payer, e-mail and card, and the device
    assert room.rules(near) == {"ring", "near-fraud"}
    assert near.entry.result.answer is Outcome.REVIEW
    await room.label(made[0].entry.payment_id, "withdrawn")
    assert knew(room, await member(room, 3, device="d-2"))["bad_neighbours"] == 0
    assert differing(room) == []


async def test_the_record_shows_what_links_knew(room: Room) -> None:
    await room.publish(LINKED)
    for number in range(4):
        await member(room, number)
    made = await member(room, 4)
    runtime = room.installation.policies.runtime(made.entry.decider)
    record = room.installation.views.record(made, runtime)
    assert record["links"]["cards"] == 4
    assert not [path for path in record["enrichment"] if path.startswith("link.")]
    rule = next(one for one in record["rules"] if one["id"] == "ring")
    assert rule["values"] == {"link.cards": 4}


async def test_a_continuation_counts_nothing_and_keeps_what_was_known(room: Room) -> None:
    await room.publish(LINKED)
    made = [await member(room, number) for number in range(5)]
    held = room.state().companions.links
    assert held is not None
    before = held.memory()
    assert made[4].entry.result.answer is Outcome.CHALLENGE
    await member(room, 5)
    grown = held.memory()
    assert grown["entities"] == before["entities"] + 3
    again = await room.go_on(made[4], "authenticated")
    assert held.memory() == grown
    assert knew(room, again) == knew(room, made[4])
    repeated = await room.go_on(made[4], "authenticated")
    assert repeated.repeated
    assert held.memory() == grown
    assert differing(room) == []


async def test_a_policy_that_begins_to_read_links_has_them_from_the_first_payment(
    room: Room,
) -> None:
    for number in range(4):
        fraud = await member(room, number)
    await room.label(fraud.entry.payment_id, "fraud")
    await room.publish(LINKED)
    near = await member(room, 9)
    assert knew(room, near)["cards"] == 4
    assert room.rules(near) == {"ring", "near-fraud"}
    await room.publish(WIDER)
    assert room.state().companions.links is None
    await member(room, 10)
    await room.publish(WIDER_LINKED)  # what came while nobody read links is in them too
    assert knew(room, await member(room, 11))["cards"] == 6
    assert differing(room) == []


async def test_a_candidate_alone_reads_links(room: Room) -> None:
    for number in range(4):
        await member(room, number)
    await begin(room, WIDER_LINKED)
    made = await member(room, 4)
    assert knew(room, made)["cards"] == 4
    assert room.rules(made) == set()
    assert made.entry.other is not None
    assert Outcome(made.entry.other.outcome) is Outcome.CHALLENGE
    held = room.state().companions.links
    assert held is not None
    before = held.memory()["entities"]
    await member(room, 5)
    assert held.memory()["entities"] == before + 3  # once for both arms
    await TrialDesk(room.installation.policies, room.ledger).end(room.live, "tester", nothing)
    assert room.state().companions.links is None
    assert knew(room, await member(room, 6)) == {}
    assert differing(room) == []


async def test_a_promoted_candidate_keeps_the_links_of_the_trial(room: Room) -> None:
    await begin(room, LINKED, 1_000_000)
    for number in range(5):
        made = await member(room, number)
    assert room.rules(made) == {"ring"}
    held = room.state().companions.links
    await TrialDesk(room.installation.policies, room.ledger).promote(room.live, "tester", nothing)
    assert room.state().companions.links is held
    assert knew(room, await member(room, 5))["cards"] == 5
    assert differing(room) == []


async def test_replay_restart_and_one_decision_again_are_alike(home: Path) -> None:
    async with opened(home) as room:
        await traffic(room, 0, 120)
        await room.publish(LINKED)
        await traffic(room, 1_000, 120)
        room.clock.advance(40 * DAY / 1e6)
        await begin(room, WIDER_LINKED, 400_000)
        await traffic(room, 2_000, 80)
        room.clock.advance(95 * DAY / 1e6)
        made = await room.decide(drawn(room, random.Random(1), 9_000))
        assert set(knew(room, made).values()) == {0}  # forgotten long ago
        last = await room.decide(drawn(room, random.Random(1), 9_001))
        assert differing(room) == []
        answer = await room.installation.replays.replay(last, None)
        assert answer.identical
        assert answer.windows == "log"
        before, now = snapshot(room), room.clock.now_us()
        assert "links" in before["companions"]
    async with opened(Path(shutil.copytree(home, home.parent / "again")), now_us=now,
                      files=LINKED) as room:  # fmt: skip
        after = snapshot(room)
        assert after == before
        assert differing(room) == []


async def test_a_recorded_value_that_is_not_what_the_log_says_is_told(room: Room) -> None:
    await room.publish(LINKED)
    for number in range(3):
        await member(room, number)
    links = room.state().companions.links
    assert links is not None
    room.state().companions.links = type(links)()  # as if the living process had lost them
    wrong = await member(room, 3)
    assert differing(room) == [
        {"links": {"recorded": companion_fields_of(room.fields(wrong)), "replayed": {
            "link.component_size": 10, "link.bad_neighbours": 0, "link.cards": 3,
            "link.new_edges_1h": 9, "link.hubs": 0}}}
    ]  # fmt: skip
    answer = await room.installation.replays.replay(wrong, None)
    assert not answer.identical
    assert answer.difference["links"]["replayed"]["link.cards"] == 3


async def test_a_draft_that_reads_links_has_them_over_a_log_without_any(room: Room) -> None:
    for number in range(5):
        await member(room, number)
    draft = runtime_of(LINKED)
    again = list(room.replay(with_ruleset=draft))
    assert [Outcome(one.result.outcome).word for one in again] == ["allow"] * 4 + ["challenge"]


async def test_links_of_one_scope_know_nothing_of_another(room: Room) -> None:
    await room.publish(LINKED)
    await room.publish(LINKED, room.test)
    for number in range(5):
        await member(room, number)
    other = await room.decide(
        room.payment(payer={"id": "ring-1"}, device={"id": "d-1"}), scope=room.test
    )
    assert set(knew(room, other).values()) == {0}
