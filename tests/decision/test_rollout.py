"""The life of a candidate: shadow, growing shares, guardrails, roll-back, emergency."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from decision_room import MINUTE, POLICY, Room, opened, packed, runtime_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from paywarden.core.errors import Conflict, InvalidRequest
from paywarden.core.outcome import Outcome
from paywarden.decision.decider import Decider
from paywarden.decision.rollout.acts import roll_out
from paywarden.decision.rollout.guardrails import BLOCKS, broken, compare, mcnemar
from paywarden.decision.rollout.model import Guardrails, Plan, Rollout, Stage, Step
from paywarden.decision.trial_tally import TrialTally
from paywarden.identity.approvals.catalogue import RULESET_ROLL_OUT
from paywarden.risk.rules.findings import PolicyErrors

LARGE = b"payment.amount_minor >= 500000\n  then: {points: 45"
STRICTER = {
    **POLICY,
    "rules/all.yaml": POLICY["rules/all.yaml"].replace(
        LARGE, b"payment.amount_minor >= 90000\n  then: {outcome: block, points: 45"
    ),
}
GUARD = Guardrails(min_payments=20, block_increase=0.1)
PLAN = Plan((Step(10.0, 5), Step(50.0, 5), Step(100.0, 5)), shadow_minutes=5, guardrails=GUARD)


async def stored(room: Room, files: Any = STRICTER) -> str:
    room.installation.policies.keep(runtime_of(files))
    row, _fresh = await room.installation.policies.create(room.live, packed(files), "tester")
    return row.hash


async def start(room: Room, plan: Plan = PLAN) -> Rollout:
    name = await stored(room)
    desk, approvals = room.installation.rollouts, room.installation.approvals
    payload = roll_out(Decider(name), plan, "try")
    made = await approvals.install(room.live, RULESET_ROLL_OUT, payload, "tester")
    return desk.find(room.live, made)


async def traffic(room: Room, count: int, amount: int = 1_000) -> None:
    for number in range(count):
        await room.decide(payer={"id": f"payer-{number}"}, amount_minor=amount,
                          instrument={"kind": "card", "reference": f"card-{number}"})  # fmt: skip


async def later(room: Room, minutes: float) -> Rollout | None:
    room.clock.advance(minutes * 60)
    await room.installation.rollouts.tick()
    return room.installation.rollouts.active(room.live)


async def test_a_good_candidate_goes_live_step_by_step(room: Room) -> None:
    made = await start(room)
    assert made.stage is Stage.SHADOW
    seen = []
    for _ in range(8):
        await traffic(room, 25)
        now = await later(room, 5)
        if now is None:
            break
        seen.append((now.stage, now.share_ppm))
    assert seen == [(Stage.STAGED, 100_000), (Stage.STAGED, 500_000), (Stage.STAGED, 1_000_000)]
    assert room.state().ruleset == made.ruleset
    found = room.installation.rollouts.find(room.live, made.id.text)
    assert found.stage is Stage.LIVE
    assert found.tally.payments == 100
    assert [one.differences for one in room.replay() if not one.identical] == []


async def test_nothing_moves_before_time_and_payments(room: Room) -> None:
    await start(room)
    await traffic(room, 25)
    now = await later(room, 4.9)
    assert now is not None
    assert now.stage is Stage.SHADOW
    now = await later(room, 0.2)
    assert now is not None
    assert now.stage is Stage.STAGED


async def test_without_enough_payments_it_waits(room: Room) -> None:
    await start(room)
    await traffic(room, 19)
    now = await later(room, 500)
    assert now is not None
    assert now.stage is Stage.SHADOW


async def test_too_many_blocks_take_it_back_before_it_answers_anybody(room: Room) -> None:
    live = room.state().ruleset
    made = await start(room)
    await traffic(room, 30, 100_000)
    assert await later(room, 0.1) is None
    found = room.installation.rollouts.find(room.live, made.id.text)
    assert found.stage is Stage.ROLLED_BACK
    assert found.ended == "blocks: 30 against 0 of 30 payments"
    assert room.state().trial is None
    assert room.state().ruleset == live
    assert (await room.decide(amount_minor=100_000)).entry.result.answer is Outcome.ALLOW


async def test_a_scheduled_start_waits_for_its_time(room: Room) -> None:
    at = room.clock.now_us() + 60 * MINUTE
    made = await start(room, Plan(PLAN.steps, 5, at, GUARD))
    assert made.stage is Stage.SCHEDULED
    assert (await room.decide()).entry.other is None
    now = await later(room, 59)
    assert now is not None
    assert now.stage is Stage.SCHEDULED
    now = await later(room, 1)
    assert now is not None
    assert now.stage is Stage.SHADOW
    assert (await room.decide()).entry.other is not None


async def test_a_person_ends_it_at_once(room: Room) -> None:
    made = await start(room)
    done = await room.installation.rollouts.roll_back(room.live, made.id.text, "ann", "too strict")
    assert done.stage is Stage.ROLLED_BACK
    with pytest.raises(Conflict) as refused:
        await room.installation.rollouts.roll_back(room.live, made.id.text, "ann", "again")
    assert refused.value.code == "rollout_ended"


async def test_one_roll_out_at_a_time(room: Room) -> None:
    await start(room)
    with pytest.raises(Conflict) as refused:
        await start(room)
    assert refused.value.code == "rollout_standing"


async def test_publishing_past_a_roll_out_ends_it(room: Room) -> None:
    made = await start(room)
    await room.publish({**POLICY, "policy.yaml": POLICY["policy.yaml"] + b"# another\n"})
    assert await later(room, 0.1) is None
    found = room.installation.rollouts.find(room.live, made.id.text)
    assert (found.stage, found.ended) == (Stage.ROLLED_BACK, "another ruleset was published")


async def test_counts_and_stage_outlive_a_restart(home: Path) -> None:
    async with opened(home, files=STRICTER) as room:
        made = await start(room)
        await traffic(room, 30)
        await later(room, 5)
        await later(room, 0.2)
    async with opened(home, files=STRICTER, now_us=room.clock.now_us()) as room:
        now = room.installation.rollouts.active(room.live)
        assert now is not None
        assert (now.id, now.stage, now.share_ppm) == (made.id, Stage.STAGED, 100_000)
        assert now.tally.payments == 30
        await traffic(room, 10)
        await later(room, 0.1)
        now = room.installation.rollouts.active(room.live)
        assert now is not None
        assert now.tally.payments == 40


RULE = """\
- id: stop-shop
  title: Nobody pays here now
  scenario: testing
  when: merchant.id == "m_bad"
  then: {outcome: block, reason: TESTING}
"""


async def test_an_emergency_rule_acts_at_once_and_ends_by_itself(room: Room) -> None:
    live, own = room.state().ruleset, room.installation
    made = await own.emergencies.begin(room.live, RULE, 30, 0.5, "ann", "attack")
    assert made.stage is Stage.EMERGENCY
    bad = {"id": "m_bad"}
    assert (await room.decide(merchant=bad)).entry.result.answer is Outcome.BLOCK
    assert (await room.decide()).entry.result.answer is Outcome.ALLOW
    assert await later(room, 29) is not None
    assert await later(room, 1) is None
    assert room.state().ruleset == live
    assert (await room.decide(merchant=bad)).entry.result.answer is Outcome.ALLOW
    assert own.rollouts.find(room.live, made.id.text).stage is Stage.EXPIRED
    assert [one.differences for one in room.replay() if not one.identical] == []


async def test_an_emergency_rule_over_its_cap_is_taken_back(room: Room) -> None:
    own = room.installation
    made = await own.emergencies.begin(room.live, RULE, 30, 0.05, "ann", "attack")
    for number in range(60):
        await room.decide(payer={"id": f"p-{number}"}, merchant={"id": "m_bad"},
                          instrument={"kind": "card", "reference": f"c-{number}"})  # fmt: skip
    assert await later(room, 0.1) is None
    found = own.rollouts.find(room.live, made.id.text)
    assert found.stage is Stage.ROLLED_BACK
    assert found.ended.startswith("blocks: 60 against 0")


async def test_an_emergency_rule_may_only_stop(room: Room) -> None:
    begin = room.installation.emergencies.begin
    opening = RULE.replace("outcome: block", "outcome: allow, allow_scenarios: [testing]")
    with pytest.raises((InvalidRequest, PolicyErrors)) as refused:
        await begin(room.live, opening, 30, 0.5, "ann", "attack")
    assert refused.value.code == "emergency_allows"
    replacing = RULE.replace("stop-shop", "listed-card")
    with pytest.raises(PolicyErrors):
        await begin(room.live, replacing, 30, 0.5, "ann", "attack")


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ((Step(10.0), Step(5.0), Step(100.0)), "plan_not_growing"),
        ((Step(10.0), Step(50.0)), "plan_ends_early"),
    ],
)
def test_plans_grow_to_everybody(steps: tuple[Step, ...], code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Plan(steps).check()
    assert refused.value.code == code


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_exact_test_agrees_with_scipy(first: int, second: int) -> None:
    pairs = first + second
    wanted = binomtest(first, pairs, 0.5).pvalue if pairs else 1.0
    assert mcnemar(first, second) == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_the_approximation_continues_the_exact_test() -> None:
    exact = binomtest(540, 1_001, 0.5).pvalue
    assert mcnemar(540, 461) == pytest.approx(exact, rel=0.02)


def test_guardrails_judge_equal_payments() -> None:
    tally = TrialTally()
    for number in range(100):
        block = Outcome.BLOCK if number < 30 else Outcome.ALLOW
        tally.payment(block, block, answered=False, took_us=100)
    guard = Guardrails(min_payments=100, block_increase=0.0)
    assert broken(tally, guard) is None  # an attack moves both alike
    tally.payment(Outcome.ALLOW, Outcome.BLOCK, answered=False, took_us=100)
    assert broken(tally, guard) == "blocks: 31 against 30 of 101 payments"
    found = compare(tally.pairs, BLOCKS)
    assert (found.live, found.candidate, found.p_value) == (30, 31, 1.0)


def test_faults_and_time_are_judged() -> None:
    tally = TrialTally(faults=5)
    assert broken(tally, Guardrails()) == "faults: 5 of 5 payments"
    slow = TrialTally()
    for _ in range(200):
        slow.payment(Outcome.ALLOW, Outcome.ALLOW, answered=True, took_us=30_000)
    assert broken(slow, Guardrails()) == "latency: 99 % within 51.2 ms"
