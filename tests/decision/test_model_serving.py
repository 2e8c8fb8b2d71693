"""A model beside the rules: its opinion counts, is recorded, replayed, tried and taken back."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from decision_room import DAY, POLICY, Room, opened
from test_replay import drawn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from model_kit import place_model
from paywarden.core.errors import Conflict, NotFound
from paywarden.core.outcome import Outcome
from paywarden.decision.approved_payloads import Rollback, rollback
from paywarden.decision.decider import Decider
from paywarden.decision.rollout.acts import roll_out
from paywarden.decision.rollout.model import Guardrails, Plan, Stage, Step
from paywarden.identity.approvals.catalogue import RULESET_ROLL_OUT, RULESET_ROLLBACK

TWO_STEPS = Plan((Step(50.0, 0), Step(100.0, 0)), 0, 0, Guardrails(min_payments=10))


async def roll(room: Room, model: str, plan: Plan = TWO_STEPS) -> str:
    """Begin a roll-out of a model beside the live ruleset; its id."""
    wanted = Decider(room.state().ruleset or "", model)
    payload = roll_out(wanted, plan, "try")
    made: str = await room.installation.approvals.install(
        room.live, RULESET_ROLL_OUT, payload, "tester"
    )
    return made


async def serve(room: Room, model: str) -> None:
    """Have a model live at once."""
    await roll(room, model, Plan((Step(100.0, 0),), 0))
    await room.installation.rollouts.tick()
    assert room.state().decider == Decider(room.state().ruleset or "", model)


async def test_the_model_decides_with_the_rules_and_says_why(home: Path) -> None:
    name = place_model(home)
    async with opened(home) as room:
        before = await room.decide(amount_minor=450_000, device={"id": "d"})
        assert before.entry.result.answer is Outcome.ALLOW
        await serve(room, name)
        low = await room.decide(amount_minor=1_000, device={"id": "d"})
        high = await room.decide(amount_minor=450_000, device={"id": "d"})
        assert low.entry.result.answer is Outcome.ALLOW
        assert high.entry.result.answer > Outcome.ALLOW
        said = high.entry.result.model
        assert said is not None
        assert said.model == name
        assert said.probability is not None
        assert said.probability >= 0.5
        assert said.reasons[0] == "UNUSUAL_AMOUNT"
        assert low.entry.result.model is not None
        assert low.entry.result.model.reasons == ()
        runtime = room.installation.policies.runtime(high.entry.decider)
        record = room.installation.views.record(high, runtime)
        assert record["model"]["name"] == name
        assert next(iter(record["model"]["inputs"])) == "amount"
        told = room.installation.views.answer(high, {})
        assert told.model == name
        assert told.reasons[0].code == "UNUSUAL_AMOUNT"


async def test_replay_and_restart_score_alike(home: Path) -> None:
    name = place_model(home)
    chance = random.Random(3)
    async with opened(home) as room:
        for number in range(40):
            await room.decide(drawn(room, chance, number))
        await serve(room, name)
        for number in range(40, 160):
            await room.decide(drawn(room, chance, number))
        assert [one.differences for one in room.replay() if not one.identical] == []
    async with opened(home) as room:
        assert room.state().decider is not None
        assert room.state().decider.model == name
        made = await room.decide(drawn(room, chance, 161))
        assert made.entry.result.model is not None
        assert [one.differences for one in room.replay() if not one.identical] == []
        again = await room.installation.replays.replay(made, None)
        assert again.identical


async def test_a_model_is_tried_beside_another_and_taken_back(home: Path) -> None:
    first, second = place_model(home, 1), place_model(home, 2)
    chance = random.Random(4)
    async with opened(home) as room:
        await serve(room, first)
        made = await roll(room, second, Plan((Step(50.0, 60), Step(100.0, 60)), 0))
        for number in range(60):
            await room.decide(drawn(room, chance, number))
        found = room.installation.rollouts.find(room.live, made)
        assert found.stage is Stage.STAGED
        assert found.tally.payments == 60
        assert 10 < sum(found.tally.answered) < 50
        await room.installation.rollouts.roll_back(room.live, made, "ann", "enough")
        after = await room.decide(drawn(room, chance, 61))
        assert after.entry.decider.model == first
        assert [one.differences for one in room.replay() if not one.identical] == []


async def roll_back(room: Room, wanted: Rollback) -> None:
    await room.installation.approvals.install(
        room.live, RULESET_ROLLBACK, rollback(wanted), "tester"
    )


async def test_a_former_pair_decides_again_by_one_act(home: Path) -> None:
    first, second = place_model(home, 1), place_model(home, 2)
    chance = random.Random(5)
    async with opened(home) as room:
        ask, ruleset = room.installation.policies.rollback_to, room.state().ruleset or ""
        await serve(room, first)
        await serve(room, second)
        asked = ask(room.live, ruleset, first)
        assert asked == Rollback(f"{ruleset}+{second}", ruleset, first)
        bare = ask(room.live, ruleset, "")
        for model in (None, second, "md_" + "0" * 32):  # decide now, or never did
            with pytest.raises(Conflict, match="ruleset_not_former"):
                ask(room.live, ruleset, model)

        await roll_back(room, asked)
        assert room.state().decider == Decider(ruleset, first)
        made = await room.decide(drawn(room, chance, 1))
        assert made.entry.decider.model == first
        with pytest.raises(Conflict, match="ruleset_moved_on"):
            await roll_back(room, bare)  # asked against the second model
        await roll_back(room, ask(room.live, ruleset, ""))
        made = await room.decide(drawn(room, chance, 2))
        assert made.entry.decider == Decider(ruleset)
        assert [one.differences for one in room.replay() if not one.identical] == []

        room.clock.advance(29 * DAY // 1_000_000)
        late = ask(room.live, ruleset, second)
        room.clock.advance(2 * DAY // 1_000_000)
        with pytest.raises(Conflict, match="ruleset_not_former"):
            await roll_back(room, late)


async def test_a_new_policy_keeps_the_model(home: Path) -> None:
    name = place_model(home)
    async with opened(home) as room:
        await serve(room, name)
        await room.publish({**POLICY, "policy.yaml": POLICY["policy.yaml"] + b"text: another\n"})
        made = await room.decide()
        assert made.entry.decider.model == name


async def test_a_model_over_its_deadline_is_skipped_and_said(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = place_model(home)
    async with opened(home) as room:
        await serve(room, name)
        runtime = room.state().runtime
        assert runtime is not None
        assert runtime.model is not None
        monkeypatch.setattr(runtime.model, "opinion", lambda *_given: runtime.model.none())
        made = await room.decide(amount_minor=450_000)
        assert made.entry.result.answer is Outcome.ALLOW  # the rules alone
        assert made.entry.degraded == ("model_skipped",)
        monkeypatch.undo()
        assert [one.differences for one in room.replay() if not one.identical] == []


async def test_a_failing_model_never_fails_the_payment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = place_model(home)
    async with opened(home) as room:
        await serve(room, name)
        runtime = room.state().runtime
        assert runtime is not None
        assert runtime.model is not None

        def broken(*_: Any) -> Any:
            raise RuntimeError("planted")

        monkeypatch.setattr(runtime.model._scorer, "score", broken)
        made = await room.decide()
        assert made.entry.degraded == ("model_skipped",)


async def test_what_nobody_trusts_or_somebody_changed_never_serves(home: Path) -> None:
    name = place_model(home, trust=False)
    async with opened(home) as room:
        with pytest.raises(Conflict) as refused:
            await roll(room, name, Plan((Step(100.0, 0),), 0))
        assert refused.value.code == "model_untrusted"
        place_model(home)
        shutil.copytree(home / "models" / name, home / "models" / "kept")
        text = (home / "models" / name / "model.txt").read_bytes()
        changed = text.replace(b"leaf_value=", b"leaf_value=1 ", 1)
        (home / "models" / name / "model.txt").write_bytes(changed)
        with pytest.raises(Conflict) as refused:
            await roll(room, name, Plan((Step(100.0, 0),), 0))
        assert refused.value.code == "model_tampered"
        with pytest.raises(NotFound):
            await roll(room, "md_" + "0" * 32, Plan((Step(100.0, 0),), 0))
        assert room.state().trial is None
        assert (await room.decide()).entry.result.model is None
