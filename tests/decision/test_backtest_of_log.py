"""The back-test of recorded decisions is the record: every outcome, rule and window value."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from decision_room import POLICY, WIDER, Room, opened, runtime_of
from test_linking import LINKED, member
from test_replay import traffic

from paywarden.core.clock import FixedClock
from paywarden.core.outcome import Outcome
from paywarden.decision.companions import FIELDS_OF
from paywarden.decision.conduct import PolicyRuntime
from paywarden.lab.backtest.deciding_again import Candidate
from paywarden.lab.backtest.log_lists import LogTimeline
from paywarden.lab.backtest.log_material import LogSource, list_files_of, log_material
from paywarden.lab.backtest.material import Material
from paywarden.lab.backtest.result import BacktestResult, Options
from paywarden.lab.backtest.running import Surroundings, run
from paywarden.lab.labels import FRAUD, GENUINE, UNKNOWN

OPTIONS = Options(replicates=40, samples=3)
EVERY = frozenset(FIELDS_OF)


def quiet(*_told: Any) -> None:
    """Say nothing of progress."""


def material_of(room: Room) -> tuple[Material, Any]:
    own = room.installation
    source = LogSource(own.journal, own.history, own.sealer, own.list_digest, own.ids.text)
    return log_material(
        source, room.live, own.journal.head(), "EUR", lambda *_told: None, frozenset(FIELDS_OF)
    )


def candidate_of(files: Any, material: Material, edits: Any) -> Candidate:
    runtime: PolicyRuntime = runtime_of(files)
    kinds, recorded = runtime.policy.lists, material.recorded
    assert recorded is not None
    own = list_files_of(files, kinds)
    lists = LogTimeline(edits, kinds, own, recorded.sequences, material.table.time_us)
    return Candidate(runtime, lists)


def tried(
    material: Material, edits: Any, files: Any, against: Any = None, work: Path | None = None
) -> BacktestResult:
    candidate = candidate_of(files, material, edits)
    before = None if against is None else candidate_of(against, material, edits)
    around = Surroundings(FixedClock(), lambda *_told: None, work, 2)
    return run(material, candidate, before, OPTIONS, around)


async def test_every_recorded_decision_is_made_again(home: Path, tmp_path: Path) -> None:
    async with opened(home) as room:
        await traffic(room, 1_500, seed=11)
        material, edits = material_of(room)
        assert material.recorded is not None
        seen = 0
        for files in (POLICY, WIDER):
            parity = tried(material, edits, files, work=tmp_path).parity
            assert parity is not None and parity.differing == ()
            assert parity.decisions > 300
            assert parity.values == parity.decisions * len(runtime_of(files).plan.names)
            seen += parity.decisions
        assert seen == len(material) == 1_500


async def test_a_changed_record_is_found(home: Path) -> None:
    """Parity that finds nothing must be able to find something."""
    async with opened(home) as room:
        await traffic(room, 200, seed=5)
        material, edits = material_of(room)
        recorded = material.recorded
        assert recorded is not None
        points, outcome = recorded.points.copy(), recorded.outcome.copy()
        points[7] += 1
        outcome[9] = Outcome.BLOCK if outcome[9] != Outcome.BLOCK else Outcome.ALLOW
        values = list(recorded.aggregates)
        values[11] = (*values[11][:-1], float(values[11][-1] or 0))
        wrong = replace(recorded, points=points, outcome=outcome, aggregates=values)
        found = tried(replace(material, recorded=wrong), edits, POLICY)
        parity = found.parity
        assert parity is not None
        assert (parity.points_differ, parity.outcomes_differ) == (1, 1)
        assert (parity.values_differ, parity.rules_differ) == (1, 0)
        assert [sorted(one) for one in parity.differing] == [
            ["points", "seq"],
            ["outcome", "seq"],
            ["seq", "values"],
        ]
        assert parity.differing[2]["values"] == [runtime_of(POLICY).plan.names[-1]]


async def test_labels_judge_by_the_last_word(room: Room) -> None:
    payments = [await room.decide() for _ in range(4)]
    names = [one.entry.payment_id for one in payments]
    await room.label(names[0], "fraud")
    await room.label(names[1], "fraud")
    await room.label(names[1], "genuine")
    await room.label(names[2], "fraud")
    await room.label(names[2], "withdrawn")
    material, _edits = material_of(room)
    assert material.marks.tolist() == [FRAUD, GENUINE, UNKNOWN, UNKNOWN]


async def test_a_draft_shows_what_changes_and_what_is_new(room: Room) -> None:
    for number in range(5):
        made = await room.decide(
            amount_minor=450_000, instrument={"kind": "card", "reference": f"c{number}"}
        )
        await room.label(made.entry.payment_id, "fraud" if number < 3 else "genuine")
    stricter = {**POLICY, "rules/all.yaml": POLICY["rules/all.yaml"].replace(b"500000", b"450000")}
    material, edits = material_of(room)
    found = tried(material, edits, stricter, POLICY)
    assert [(one.before, one.after, one.payments, one.fraud) for one in found.changes] == [
        ("allow", "challenge", 5, 3)
    ]
    rule = next(one for one in found.rules if one.id == "large")
    assert (rule.new_fraud, rule.new_genuine, rule.alone_fraud) == (3, 2, 3)
    newly = [one for one in found.samples if one.why == "newly caught"]
    assert len(newly) == 3
    assert all(one.before == "allow" and one.outcome == "challenge" for one in newly)
    assert all(one.fields["email.canonical"] == "a**@example.org" for one in newly)


async def test_links_are_made_again_whether_or_not_they_were_kept(room: Room) -> None:
    for number in range(5):
        await member(room, number)
    material, edits = material_of(room)
    found = tried(material, edits, LINKED, POLICY)  # nobody read links when these were decided
    assert [(one.before, one.after, one.payments) for one in found.changes] == [
        ("allow", "challenge", 1)
    ]
    await room.publish(LINKED)
    made = [await member(room, number) for number in range(5, 8)]
    await room.label(made[0].entry.payment_id, "fraud")
    await member(room, 8)
    material, edits = material_of(room)
    parity = tried(material, edits, LINKED).parity
    assert parity is not None
    assert (parity.decisions, parity.differing) == (4, ())


async def test_a_list_edit_counts_from_its_place_in_the_log(room: Room) -> None:
    from paywarden.risk.lists.model import EditAction, ListKind, NewEntry

    card = {"kind": "card", "reference": "card-watched"}
    await room.decide(instrument=card)
    entry = NewEntry("card-watched", "reported", room.clock.now_us() + 60_000_000)
    await room.installation.lists.edit(
        room.live, "stolen_cards", ListKind.CARD, EditAction.ADD, (entry,), "tester"
    )
    await room.decide(instrument=card)
    room.clock.advance(61)
    await room.decide(instrument=card)
    material, edits = material_of(room)
    candidate = candidate_of(POLICY, material, edits)
    assert list(candidate.lists.cuts) == [1, 2]
    lists = candidate.lists
    held = ["card-watched" in lists.at(place).get("stolen_cards", ()) for place in (0, 1, 2)]
    assert held == [False, True, False]
    parity = tried(material, edits, POLICY).parity
    assert parity is not None and parity.decisions == 3 and parity.differing == ()


async def test_nothing_after_the_cut_is_read(room: Room) -> None:
    first = await room.decide()
    await room.decide()
    await room.label(first.entry.payment_id, "fraud")
    own = room.installation
    source = LogSource(own.journal, own.history, own.sealer, own.list_digest, own.ids.text)
    material, _ = log_material(
        source, room.live, first.seq, "EUR", lambda *_told: None, frozenset(FIELDS_OF)
    )
    assert len(material) == 1 and material.marks.tolist() == [UNKNOWN]
    assert material.ids[0] == own.ids.text(room.live, first.seq)


async def test_a_run_over_known_work_is_the_same(home: Path, tmp_path: Path) -> None:
    async with opened(home) as room:
        await traffic(room, 200, seed=random.Random(3).randrange(9))
        material, edits = material_of(room)
        first = tried(material, edits, POLICY, work=tmp_path)
        again = tried(material, edits, POLICY, work=tmp_path)
        assert replace(again, notes=()) == replace(first, notes=())
        assert "0 of 8 windows computed, 0 of 8 rules evaluated" in again.notes[0]
        assert np.asarray(material.customer).max() < 60
