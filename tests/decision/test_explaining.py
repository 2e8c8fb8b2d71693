"""Why a model said what it said: exact, from the record, and close to what was told at once."""

from __future__ import annotations

import json
import random
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from decision_room import POLICY, opened, runtime_of
from test_model_serving import serve
from test_replay import drawn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import onnx_kit as kit
from model_kit import SIGNER, place_anomaly, place_model
from paywarden.core.errors import Conflict
from paywarden.entrypoints.explain import explain_decision
from paywarden.lab.training.onnx_import import import_onnx

UNUSUAL = {
    **POLICY,
    "rules/unusual.yaml": b"""\
- id: unlike
  title: A payment unlike most
  scenario: amounts
  when: model.anomaly >= 0.99
  then: {outcome: review, reason: LARGE}
""",
}


async def test_exact_contributions_add_up_and_agree_with_the_inline_ones(home: Path) -> None:
    name = place_model(home)
    chance = random.Random(6)
    async with opened(home) as room:
        before = await room.decide()
        with pytest.raises(Conflict, match="nothing_to_explain"):
            await room.installation.explaining.explain(before)
        await serve(room, name)
        agreeing = alerts = 0
        for number in range(120):
            made = await room.decide(drawn(room, chance, number))
            if number % 4:
                continue
            told = await room.installation.explaining.explain(made)
            assert told.model == name and told.identical and told.method == "tree_shap"
            total = told.base + sum(one.exact for one in told.contributions)
            assert total == pytest.approx(told.score, abs=1e-9)
            inline = told.base + sum(one.inline for one in told.contributions)
            assert inline == pytest.approx(told.score, abs=1e-9)
            said = made.entry.result.model
            assert said is not None and told.reasons_then == list(said.reasons)
            if said.reasons:
                alerts += 1
                agreeing += told.reasons[0].code == said.reasons[0]
        assert alerts >= 8 and agreeing / alerts >= 0.8


async def test_the_command_explains_from_the_record(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = place_model(home)
    async with opened(home) as room:
        await serve(room, name)
        made = await room.decide(amount_minor=450_000, device={"id": "d"})
        decision = room.installation.ids.text(made.scope, made.seq)
        capsys.readouterr()
        arguments = Namespace(decision=decision, json=True)
        assert explain_decision(arguments, room.installation) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["model"] == name and document["identical"]
        assert document["contributions"][0]["input"] == "amount"
        assert document["contributions"][0]["value"] == 450_000
        assert explain_decision(Namespace(decision=decision, json=False), room.installation) == 0
        assert "UNUSUAL_AMOUNT" in capsys.readouterr().out


async def test_rules_read_how_unlike_a_payment_is_and_replay_agrees(home: Path) -> None:
    name = place_anomaly(home)
    async with opened(home) as room:
        await room.publish(UNUSUAL)
        none = await room.decide(amount_minor=480_000)
        assert none.entry.result.answer.word == "allow"  # nothing says how unlike it is
        await serve(room, name)
        usual = await room.decide(amount_minor=2_000, device={"id": "d-1"})
        strange = await room.decide(amount_minor=480_000, device={"id": "d-2"})
        said = [one.entry.result.model for one in (usual, strange)]
        assert all(one is not None and one.probability is None for one in said)
        assert said[0] is not None and said[0].anomaly is not None and said[0].anomaly < 0.99
        assert said[1] is not None and said[1].anomaly is not None and said[1].anomaly >= 0.99
        assert usual.entry.degraded == strange.entry.degraded == ()
        assert usual.entry.result.answer.word == "allow"
        assert strange.entry.result.answer.word == "review"
        told = await room.installation.explaining.explain(strange)
        assert (told.unit, told.identical) == ("path_length", True)
        assert told.base + sum(one.exact for one in told.contributions) == pytest.approx(told.score)
        assert told.contributions[0].input == "amount" and told.contributions[0].exact > 0
        record = room.installation.views.record(strange, room.state().runtime)
        assert record["model"]["anomaly"] == said[1].anomaly
        assert [one.differences for one in room.replay() if not one.identical] == []
        runtime = runtime_of(UNUSUAL)
        assert not runtime.compiled.policy.model.block  # an anomaly has no thresholds of its own


async def test_an_onnx_model_serves_inline_like_our_own(home: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    (tmp_path / "m.onnx").write_bytes(kit.logistic(kit.WEIGHTS, kit.BIAS))
    (tmp_path / "map.yaml").write_text(kit.MAP)
    made_model = import_onnx(tmp_path / "m.onnx", tmp_path / "map.yaml", home / "models", SIGNER)
    (home / "keys" / "models.trust").write_text(SIGNER.verifier.text + "\n")
    chance = random.Random(2)
    async with opened(home) as room:
        await serve(room, made_model["model"])
        low = await room.decide(amount_minor=1_000)
        high = await room.decide(amount_minor=250_000)
        assert low.entry.result.answer.word == "allow"
        assert high.entry.result.answer.word == "challenge"
        said = high.entry.result.model
        assert said is not None and said.reasons[0] == "UNUSUAL_AMOUNT"
        told = await room.installation.explaining.explain(high)
        assert told.method == "leave_one_out" and told.identical
        runtime = room.state().runtime
        assert runtime is not None and runtime.model is not None
        assert runtime.model.opinion([None] * 400, lambda: True).silent  # over its deadline
        for number in range(40):
            await room.decide(drawn(room, chance, number))
        assert [one.differences for one in room.replay() if not one.identical] == []
    async with opened(home) as room:
        again: Any = (await room.decide(amount_minor=250_000)).entry.result.model
        assert again.model == made_model["model"] and again.probability is not None
