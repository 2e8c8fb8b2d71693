"""Parties of payments held against lists: who is held, what stands in the log, what replay says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from decision_room import Room, opened, runtime_of
from screening_room import (
    EXPOSED,
    LISTED,
    PATIENT,
    SCREENING,
    hits,
    screened,
    take_in,
    transfer,
)
from test_backtest_of_log import candidate_of, material_of, tried

from paywarden.aml.alerts.ports import AlertFilter
from paywarden.core.outcome import Outcome
from paywarden.decision import entries
from paywarden.lab.backtest.deciding_again import decide_again
from paywarden.lab.backtest.feature_store import FeatureStore
from paywarden.risk.rules.policy_image import ruleset_hash
from paywarden.risk.rules.reader import read_policy_files


async def test_without_lists_nothing_is_screened_and_nothing_is_said(room: Room) -> None:
    await room.publish(SCREENING)
    decided = await room.decide(transfer(room, payee={"name": "Zoltan Quarzenberg"}))
    assert decided.entry.result.answer is Outcome.ALLOW
    assert decided.entry.screening is None and decided.entry.degraded == ()
    assert not any(path.startswith("screening.") for path in room.fields(decided))


async def test_a_listed_payee_is_held_and_the_answer_does_not_say_why(
    room: Room, home: Path
) -> None:
    await screened(room, home)
    decided = await room.decide(transfer(room, payee={"name": "Zoltan Quarzenberg"}))
    result = decided.entry.result
    assert result.answer is Outcome.REVIEW
    assert result.reasons == ("POLICY",) and result.points == 0 and result.scenario_points == {}
    assert result.deciding == "rule:screening.payee"
    (hit,) = hits(room, decided)
    assert (hit.role, hit.found.source, hit.found.name) == (
        "payee", "own-own-test", "Zoltan Quarzenberg",
    )  # fmt: skip
    assert hit.found.score >= 0.9 and hit.found.features
    fields = room.fields(decided)
    assert fields["screening.payee.score"] == hit.found.score
    assert fields["screening.payer.score"] == 0.0
    assert fields["screening.hit"] is True and fields["screening.pep"] is False


@pytest.mark.parametrize(
    ("changes", "role"),
    [
        ({"payer": {"id": "p", "name": "QUARZENBERG, Zoltán"}}, "payer"),
        ({"payee": {"name": "Zoltan Kvarcenberg"}}, "payee"),
        ({"payee": {"name": "\u202eSoltan\u200b Quarzenberg"}}, "payee"),
        ({"payee": {"name": "Солтан Кварценберг"}}, "payee"),
        ({"payee": {"name": "Zоltаn Quаrzenberg"}}, "payee"),  # o and a are Cyrillic
        ({"merchant": {"id": "m", "name": "Brackwater Orchid Holdings"}}, "merchant"),
        ({"remittance_information": "invoice 4711 for Zoltan Quarzenberg, thank you"},
         "remittance"),
    ],
)  # fmt: skip
async def test_every_role_and_writing_is_found(
    room: Room, home: Path, changes: dict[str, object], role: str
) -> None:
    await screened(room, home)
    decided = await room.decide(transfer(room, **changes))
    assert decided.entry.result.answer is Outcome.REVIEW
    assert {hit.role for hit in hits(room, decided) if hit.found.score >= 0.7} == {role}


@pytest.mark.parametrize(
    "name", ["", " ", "\u202e\u200f", "---", "x" * 256, "a b " * 64, "Quarz Berg", "李" * 200]
)
async def test_strange_names_are_answered(room: Room, home: Path, name: str) -> None:
    await screened(room, home)
    payee = {"name": name} if name else {"id": "payee-2"}
    decided = await room.decide(transfer(room, payee=payee))
    assert decided.entry.result.answer is Outcome.ALLOW, name
    assert decided.entry.skipped == ()


async def test_an_equal_wallet_blocks_and_an_exposed_person_is_only_noted(
    room: Room, home: Path
) -> None:
    await screened(room, home)
    wallet = "bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh"
    decided = await room.decide(transfer(room, payee={"name": "I. Plum", "account": wallet}))
    assert decided.entry.result.answer is Outcome.BLOCK
    assert hits(room, decided)[0].found.identified
    exposed = await room.decide(transfer(room, payee={"name": "Ottoline Featherquill"}))
    assert exposed.entry.result.answer is Outcome.ALLOW
    fields = room.fields(exposed)
    assert fields["screening.pep"] is True and fields["screening.hit"] is False
    assert fields["screening.payee.score"] == 0.0


async def test_lists_switch_at_a_sequence_and_old_decisions_stay_what_they_were(
    room: Room, home: Path
) -> None:
    await screened(room, home)
    name = {"name": "Zoltan Quarzenberg"}
    before = await room.decide(transfer(room, payee=name))
    await take_in(room, home, LISTED["q2"], LISTED["q3"], EXPOSED)
    after = await room.decide(transfer(room, payee=name))
    assert before.entry.result.answer is Outcome.REVIEW
    assert after.entry.result.answer is Outcome.ALLOW
    assert before.entry.screening is not None and after.entry.screening is not None
    switches = [
        entry.seq
        for entry in room.installation.journal.read(room.live, 1, 10_000)
        if entry.kind == entries.SCREENING_LISTS
    ]
    assert switches == [before.entry.screening.lists_seq, after.entry.screening.lists_seq]
    assert before.seq < switches[1] < after.seq
    replayed = room.replay()
    assert [one.seq for one in replayed] == [before.seq, after.seq]
    assert all(one.identical for one in replayed)


async def test_a_restart_goes_on_with_the_lists_of_the_log(room: Room, home: Path) -> None:
    await screened(room, home)
    standing = room.state().screening
    await room.installation.stop()
    async with opened(home) as again:
        assert again.state().screening == standing
        decided = await again.decide(transfer(again, payee={"name": "Zoltan Quarzenberg"}))
        assert decided.entry.result.answer is Outcome.REVIEW


async def test_without_the_process_the_fail_policy_decides(room: Room, home: Path) -> None:
    await screened(room, home)
    process = room.installation.aml.screening.process
    assert process is not None
    await process.close()
    decided = await room.decide(transfer(room))
    assert decided.entry.result.answer is Outcome.REVIEW
    assert decided.entry.degraded == ("screening_skipped",)
    assert decided.entry.skipped == ("screening",) and decided.entry.screening is None
    await room.installation.aml.screening_desk.look()
    assert (await room.decide(transfer(room))).entry.result.answer is Outcome.ALLOW
    assert all(one.identical for one in room.replay())


async def test_continue_and_magic_values_lower_nothing(room: Room, home: Path) -> None:
    await screened(room, home)
    held = await room.decide(
        transfer(room, payee={"name": "Zoltan Quarzenberg"}, amount_minor=990_000),
        scope=room.test,
    )
    assert held.entry.result.answer is Outcome.REVIEW
    asked = await room.decide(type="card_payment", amount_minor=600_000)
    assert asked.entry.result.answer is Outcome.CHALLENGE
    again = await room.go_on(asked, "authenticated")
    assert again.entry.screening is not None and asked.entry.screening is not None
    assert again.entry.screening.lists_seq == asked.entry.screening.lists_seq
    assert all(one.identical for one in room.replay())


async def test_the_same_attempt_twice_at_once_is_one_decision(room: Room, home: Path) -> None:
    await screened(room, home)
    payment = transfer(room, payee={"name": "Zoltan Quarzenberg"})
    first, second = await asyncio.gather(room.decide(payment), room.decide(payment))
    assert first.seq == second.seq and first.repeated != second.repeated


async def test_a_drafts_threshold_holds_in_back_tests_and_replay(room: Room, home: Path) -> None:
    await screened(room, home)
    decided = await room.decide(transfer(room, payee={"name": "Zoltan Kvarzenburg"}))
    score = room.fields(decided)["screening.payee.score"]
    assert 0.7 <= score < 1.0
    lax = {**SCREENING, "policy.yaml": PATIENT + b"screening: {hold_at: 1.0}\n"}
    replayed = room.replay(with_ruleset=runtime_of(lax))
    assert replayed[-1].result.answer is Outcome.ALLOW
    assert decided.entry.result.answer is Outcome.REVIEW


async def test_a_back_test_holds_what_screening_held(
    room: Room, home: Path, tmp_path: Path
) -> None:
    await screened(room, home)
    for name in ("Zoltan Quarzenberg", "Ben Sample", "Zoltan Kvarzenburg"):
        await room.decide(transfer(room, payee={"name": name}))
    process = room.installation.aml.screening.process
    assert process is not None
    await process.close()
    await room.decide(transfer(room, payee={"name": "Somebody New"}))
    material, edits = material_of(room)
    again = tried(material, edits, SCREENING, work=tmp_path)
    assert again.parity is not None and again.parity.differing == ()
    lax = {**SCREENING, "policy.yaml": PATIENT + b"screening: {hold_at: 1.0}\n"}
    made = decide_again(
        material, candidate_of(lax, material, edits), FeatureStore(tmp_path / "f"), None, 1,
        lambda *_told: None,
    )  # fmt: skip
    assert [Outcome(one).word for one in made.outcome] == ["review", "allow", "allow", "review"]


async def test_policies_of_before_keep_their_names(room: Room) -> None:
    plain = read_policy_files(SCREENING)
    assert plain.screening is None and plain.travel_rule is None
    set_by_hand = read_policy_files(
        {**SCREENING, "policy.yaml": PATIENT + b"screening: {hold_at: 0.7}\n"}
    )
    assert ruleset_hash(plain) != ruleset_hash(set_by_hand)


async def test_the_travel_rule_names_what_is_missing(room: Room) -> None:
    strict = PATIENT + b"travel_rule: {threshold_base_minor: 100000, on_missing: review}\n"
    await room.publish({**SCREENING, "policy.yaml": strict})
    small = await room.decide(transfer(room, payee={"id": "p"}, amount_minor=99_999))
    assert small.entry.result.answer is Outcome.ALLOW
    large = await room.decide(transfer(room, payee={"id": "p"}, amount_minor=100_000))
    assert large.entry.result.answer is Outcome.REVIEW
    assert large.entry.result.reasons == ("POLICY",)
    assert room.fields(large)["travel_rule.missing"] == "payee.name,payee.account"
    whole = await room.decide(transfer(room, amount_minor=100_000))
    assert whole.entry.result.answer is Outcome.ALLOW
    wallet = {"account": "0x52908400098527886E0F7030069857D2E4169EE7"}
    crypto = await room.decide(transfer(room, payee=wallet, amount_minor=1))
    assert crypto.entry.result.answer is Outcome.REVIEW
    assert all(one.identical for one in room.replay())


async def test_a_hit_raises_one_alert_with_what_a_case_needs(room: Room, home: Path) -> None:
    await screened(room, home)
    payee = {"id": "payee-9", "name": "Zoltan Quarzenberg"}
    decided = await room.decide(transfer(room, payee=payee))
    kept = room.installation.aml.alerts.page(room.live, AlertFilter(kind="screening"), "", 10)
    (alert,) = [one.alert for one in kept]
    assert (alert.kind, alert.subject) == ("screening", "own-own-test-q1")
    assert alert.entity.kind == "payee"
    assert alert.entity.id == room.installation.alert_entity(room.live, "payee", "payee-9")
    assert alert.interdicted and alert.score >= 0.9 and alert.threshold == 0.7
    assert alert.sequence == decided.seq and alert.payments == (decided.entry.payment_id,)
    assert dict(alert.versions).keys() == {"ruleset", "list:own-test"}
    assert alert.reasons and "Quarzenberg" not in str(alert)
    await room.decide(transfer(room))
    assert len(room.installation.aml.alerts.page(room.live, AlertFilter(), "", 10)) == 1


async def test_who_is_erased_leaves_no_name_at_hand(room: Room, home: Path) -> None:
    await screened(room, home)
    payee = {"id": "payee-9", "name": "Zoltan Quarzenberg"}
    await room.decide(transfer(room, payee=payee))
    stage = room.installation.aml.screening
    assert len(stage._memory) == 2
    room.installation.payments.forget_texts(room.state())
    assert len(stage._memory) == 0
    again = await room.decide(transfer(room, payee=payee))
    assert again.entry.result.answer is Outcome.REVIEW and again.entry.skipped == ()


async def test_the_index_is_built_once_for_all_processes(room: Room, home: Path) -> None:
    await screened(room, home)
    process = room.installation.aml.screening.process
    assert process is not None
    kept = {path.name for path in (home / "data" / "screening_index").iterdir()}
    await process.close()
    await room.installation.aml.screening_desk.look()
    again = room.installation.aml.screening.process
    assert again is not None and again is not process
    assert again.started.mapped and not again.started.not_kept
    assert {path.name for path in (home / "data" / "screening_index").iterdir()} == kept
    decided = await room.decide(transfer(room, payee={"name": "Zoltan Quarzenberg"}))
    assert decided.entry.result.answer is Outcome.REVIEW
    await take_in(room, home, LISTED["q2"])
    later = {path.name for path in (home / "data" / "screening_index").iterdir()}
    assert len(later) == 3 and not (later & kept - {"lock"})
