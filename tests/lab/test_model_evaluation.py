"""The evaluation: frozen thresholds, measures, resumption, truth apart, report, commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from model_material import DAY_US, few_inputs, frame, written

from paywarden.core.errors import InvalidRequest
from paywarden.core.outcome import Outcome
from paywarden.core.secret import Secret
from paywarden.entrypoints.main import main
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.lab.evaluation import evaluating
from paywarden.lab.evaluation.evaluating import EvaluationRequest, evaluate
from paywarden.lab.evaluation.protocols import card_precision, handbook
from paywarden.lab.evaluation.report import html_of
from paywarden.lab.evaluation.steady import AIM, Course, stopped_daily, weighted_threshold
from paywarden.lab.evaluation.stopping import (
    Judged,
    Stopped,
    by_type,
    campaigns,
    intervals,
    measures,
)
from paywarden.lab.evaluation.truth import read_truth
from paywarden.lab.evaluation.ways import at_price, log_odds, rules_weight
from paywarden.lab.labels import UNKNOWN
from paywarden.lab.training.dataset import read_material
from paywarden.lab.training.developing import Plan
from paywarden.lab.training.fitting import Settings
from paywarden.lab.training.splitting import Split, split_days
from paywarden.risk.scoring.recipe import Input

KEY = Secret(b"k" * 32)
SETTINGS = Settings(rounds=40, threads=1)


def _quiet(*_: Any) -> None:
    return None


def _request(folder: Path, **more: Any) -> EvaluationRequest:
    file, mapping = written(folder)
    given: dict[str, Any] = {
        "delays_us": (4 * DAY_US, DAY_US),
        "settings": SETTINGS,
        "attack_type": "attack",
        "campaign": "campaign",
        **more,
    }
    return EvaluationRequest(file, mapping, policy_folder(), KEY, few_inputs(), **given)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return evaluate(_request(tmp_path_factory.mktemp("evaluation")), _quiet)


def test_earlier_labels_stop_more_and_the_budget_holds(document: dict[str, Any]) -> None:
    slow, fast = document["delays"]
    assert [slow["delay_days"], fast["delay_days"]] == [4, 1]
    assert slow["days"]["test"] == fast["days"]["test"]
    assert slow["frauds"] == fast["frauds"] > 50
    assert fast["ways"]["model"]["c"] > slow["ways"]["model"]["c"] > 0.3
    for one in (slow, fast):
        for way in ("model", "rules_and_model"):
            held = one["ways"][way]
            assert 0 < held["fpr"] < 0.03 and held["declined"] <= held["fpr"]
            low, high = held["interval"]["v"]
            assert low <= held["v"] <= high
        assert one["model_minus_plain"]["c"]["interval"] is not None


def test_types_and_campaigns_are_counted(document: dict[str, Any]) -> None:
    one = document["delays"][1]
    types = {row["type"]: row for row in one["types"]["rules_and_model"]}
    assert set(types) == {"leaked", "terminal"}
    assert sum(row["frauds"] for row in types.values()) == one["frauds"]
    assert types["leaked"]["v_at_efficacy"] <= types["leaked"]["v"]
    held = one["campaigns"]["rules_and_model"]
    assert held["campaigns"] >= 5 and 0 <= held["stopped_early"] <= 1


def test_unlike_payments_are_found_without_labels(document: dict[str, Any]) -> None:
    held = document["delays"][0]["cold_start"]
    assert held["auc"] > 0.55 and held["in_top_1"] > 0.01
    # nothing that labels made is an input: neither reports nor categories by risk
    assert held["inputs"] < document["delays"][0]["training"]["inputs"]


def test_the_report_asks_nobody(document: dict[str, Any]) -> None:
    text = html_of({**document, "file": "<script>.parquet"})
    assert "<script" not in text and "&lt;script&gt;" in text
    assert not re.search(r"""(src|href)\s*=|url\(|https?://""", text)
    assert text.count("<svg") == len(document["delays"])


def test_a_killed_run_goes_on_with_the_next_delay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = _request(tmp_path, work=tmp_path / "work")
    asked: list[int] = []
    real = evaluating._one

    def once(*given: Any) -> dict[str, Any]:
        asked.append(given[3])
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(evaluating, "_one", once)
    with pytest.raises(KeyboardInterrupt):
        evaluate(request, _quiet)
    found = evaluate(request, _quiet)
    assert asked == [4 * DAY_US, DAY_US, DAY_US]
    assert [one["delay_days"] for one in found["delays"]] == [4, 1]
    # another budget is another question
    monkeypatch.setattr(evaluating, "_one", lambda *given: {"asked": given[3]})
    changed = evaluating.evaluate(_request(tmp_path, work=tmp_path / "work", budget=0.02), _quiet)
    assert [one["asked"] for one in changed["delays"]] == [4 * DAY_US, DAY_US]


def test_truth_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    truth = tmp_path / "truth.parquet"
    frame().select("id", pl.col("attack").alias("kind")).sample(
        fraction=1, shuffle=True
    ).write_parquet(truth)
    request = _request(tmp_path, truth=truth, attack_type="kind", campaign=None)
    material = read_material(request.file, request.mapping, request.policy, KEY)
    found = read_truth(material, request.file, truth, "kind", None)
    assert found.types is not None and found.campaigns is None
    assert (found.types != "").tolist() == (material.prepared.marks == 1).tolist()
    with pytest.raises(InvalidRequest, match="truth_column"):
        read_truth(material, request.file, None, "nothing", None)


def test_splits_never_overlap() -> None:
    time_us = np.arange(0, 100 * DAY_US, DAY_US // 4)
    split = split_days(time_us, 7 * DAY_US)
    assert split.train_us < split.validation_us < split.known_us <= split.test_us - 7 * DAY_US
    days = [split.training(time_us), split.validation(time_us), split.test(time_us)]
    assert int(np.sum(days, axis=0).max()) == 1 and all(day.any() for day in days)
    with pytest.raises(InvalidRequest, match="too_few_days"):
        split_days(time_us, 90 * DAY_US)


def _judged() -> Judged:
    fraud = np.array([True, True, True, False, False, False, False, False])
    return Judged(fraud, np.array([100.0, 50, 50, 10, 10, 10, 10, 10]), np.arange(8) // 2)


def test_measures_of_a_known_case() -> None:
    way = Stopped(np.array([1, 0, 1, 1, 0, 0, 0, 0], np.bool_), np.array([1] + [0] * 7, np.bool_))
    found = measures(_judged(), way)
    assert found == {"v": 0.75, "c": pytest.approx(2 / 3), "fpr": 0.2, "declined": 0.0}
    types = np.array(["a", "a", "b", "", "", "", "", ""])
    rows = by_type(_judged(), way, types, {"default": (0.5, 0.1)})
    # the declined one is stopped for good, the challenged one half the time
    assert [(row["v"], row["v_at_efficacy"]) for row in rows] == [
        (pytest.approx(2 / 3), pytest.approx(2 / 3)),
        (1.0, 0.5),
    ]
    names = np.array(["x", "x", "x", "", "", "", "", ""])
    late = Stopped(np.array([0, 0, 1, 0, 0, 0, 0, 0], np.bool_), np.zeros(8, np.bool_))
    assert campaigns(_judged(), late, names, first=2)["stopped_early"] == 0
    held = campaigns(_judged(), late, names, first=3)
    assert held == {"campaigns": 1, "first": 3, "stopped_early": 1, "loss_before_first_stop": 150}


def test_intervals_are_paired_and_repeatable() -> None:
    draw = np.random.default_rng(2)
    judged = Judged(
        draw.random(3_000) < 0.2, draw.uniform(1, 9, 3_000), draw.integers(0, 200, 3_000)
    )
    good = Stopped(judged.fraud & (draw.random(3_000) < 0.8), np.zeros(3_000, np.bool_))
    same = intervals(judged, {"a": good, "b": good}, 5)
    assert same["a - b"] == {"v": (0.0, 0.0), "c": (0.0, 0.0)}
    assert same == intervals(judged, {"a": good, "b": good}, 5)
    low, high = same["a"]["c"]
    assert low < 0.8 < high and high - low < 0.12


def _world(days: int, moved_from: int) -> tuple[Course, np.ndarray, np.ndarray, np.ndarray]:
    """Scores whose genuine payments grow riskier from a day on, rules that know other frauds."""
    draw = np.random.default_rng(4)
    count = 4_000 * days
    time_us = np.sort(draw.integers(0, days * DAY_US, count))
    fraud = draw.random(count) < 0.02
    odds = draw.normal(-6.0, 1.0, count) + 6.0 * fraud * (draw.random(count) < 0.7)
    odds += 1.0 * (~fraud & (time_us >= moved_from * DAY_US))
    hit = (fraud & (draw.random(count) < 0.4)) | (~fraud & (draw.random(count) < 0.002))
    outcomes = np.where(hit, Outcome.CHALLENGE, Outcome.ALLOW).astype(np.int8)
    course = Course(time_us, 1 / (1 + np.exp(-odds)), fraud.astype(np.int8), 2 * DAY_US)
    return course, odds, outcomes, fraud


def test_a_steady_threshold_keeps_its_price_when_a_number_does_not() -> None:
    course, odds, _, fraud = _world(days=24, moved_from=12)
    early = course.time_us < 10 * DAY_US
    number = np.quantile(odds[early & ~fraud], 0.99)
    judged = ~early & ~fraud
    assert (odds[judged] >= number).mean() > 0.04
    steady = stopped_daily(course, odds, 0.01, 10 * DAY_US)
    assert not steady[early].any()
    # one day is too dear, and paid back by those after it
    assert 0.008 < steady[judged].mean() < 0.0115
    assert steady[judged & (course.time_us >= 19 * DAY_US)].mean() < 0.01
    assert steady[~early & fraud].mean() > 0.6


def test_a_day_reads_nothing_of_itself_and_no_label_before_its_delay() -> None:
    course, odds, _, _ = _world(days=12, moved_from=99)
    whole = stopped_daily(course, odds, 0.01, 8 * DAY_US)
    day = 10 * DAY_US
    hidden = np.where(course.time_us + course.delay_us > day, UNKNOWN, course.marks)
    unseen = Course(course.time_us, course.p, hidden.astype(np.int8), course.delay_us)
    other = np.where(course.time_us >= day + DAY_US, 99.0, odds)
    again = stopped_daily(unseen, other, 0.01, 8 * DAY_US)
    tenth = course.time_us // DAY_US == 10
    assert np.array_equal(whole[tenth], again[tenth])


def test_the_weighted_threshold_hits_no_more_than_the_rate() -> None:
    score, weight = np.array([3.0, 2.0, 2.0, 1.0]), np.array([0.0, 1.0, 1.0, 2.0])
    assert weighted_threshold(score, weight, 0.4) > 2.0
    assert weighted_threshold(score, weight, 0.5) > 1.0
    assert weighted_threshold(score, weight, 0.5) <= 2.0
    assert weighted_threshold(score, weight, 1.0) == 1.0
    assert weighted_threshold(score[:1], weight[:1], 0.5) == float("inf")
    assert weighted_threshold(score[:0], weight[:0], 0.5) == float("inf")
    assert 0 < AIM <= 1


def test_rules_and_model_stop_more_at_the_same_price() -> None:
    course, odds, outcomes, fraud = _world(days=24, moved_from=99)
    judged = Judged(fraud, np.ones(len(fraud)), np.arange(len(fraud)))
    weight = rules_weight(judged, odds, outcomes, 0.01)
    assert weight > 0
    plan = Plan(Split(0, 0, 12 * DAY_US, 14 * DAY_US, 24 * DAY_US), course.delay_us)
    late = course.time_us >= plan.split.test_us
    both = at_price(course, odds, outcomes, weight, plan)
    alone = at_price(course, odds, outcomes, 0.0, plan)
    assert both.stopped[late & fraud].mean() > alone.stopped[late & fraud].mean() + 0.05
    assert both.stopped[late & ~fraud].mean() <= 0.0105
    assert not (both.declined & ~both.stopped).any()
    assert both.declined[late & ~fraud].mean() <= 0.0025
    # rules that know nothing weigh least where they would drown frauds
    noise = (np.arange(len(fraud)) % 40 == 0).astype(np.int8)
    assert rules_weight(judged, odds / 2, noise, 0.01) <= 1.0


def test_log_odds_are_finite_at_the_ends() -> None:
    assert np.isfinite(log_odds(np.array([0.0, 0.5, 1.0]))).all()
    assert log_odds(np.array([0.5]))[0] == 0.0


def test_card_precision_lets_detected_cards_leave() -> None:
    score = np.array([0.9, 0.8, 0.1, 0.9, 0.7])
    fraud = np.array([True, False, False, True, True])
    card, day = np.array([1, 2, 3, 1, 4]), np.array([0, 0, 0, 1, 1])
    assert card_precision(score, fraud, card, day, top=1) == 1.0
    assert card_precision(score, fraud, card, day, top=2) == 0.5


def test_handbook_protocol_on_an_invented_file(tmp_path: Path) -> None:
    file, mapping = written(tmp_path, frame(days=60))
    material = read_material(file, mapping, policy_folder(), KEY)
    found = handbook(material, few_inputs(), SETTINGS, _quiet)
    assert [fold["name"] for fold in found["folds"]] == sorted(f["name"] for f in found["folds"])
    assert len(found["folds"]) == 4 and 0.2 < found["mean"]["ap"] <= 1
    assert "mean" in html_of(found)
    with pytest.raises(InvalidRequest, match="too_few_days"):
        handbook(
            read_material(file, mapping, policy_folder(), KEY, 3_000),
            few_inputs(),
            SETTINGS,
            _quiet,
        )


def _as_yaml(one: Input) -> dict[str, str]:
    return {"name": one.name, "is": one.text, "reason": one.reason}


def test_commands_answer_and_refuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file, mapping = written(tmp_path)
    recipe = tmp_path / "inputs.yaml"
    recipe.write_text(json.dumps({"inputs": [_as_yaml(one) for one in few_inputs()]}))
    common = [str(file), "--map", str(mapping), "--inputs", str(recipe)]
    assert main(["evaluate", *common, "--delays", "2d", "--out", "report", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["delays"][0]["delay_days"] == 2
    assert json.loads((tmp_path / "report" / "evaluation.json").read_text()) == answer
    assert (tmp_path / "report" / "evaluation.html").read_text().startswith("<!doctype html>")
    assert main(["train", *common, "--out", "models", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (tmp_path / "models" / made["model"] / "manifest.note").is_file()
    assert (tmp_path / "models" / "model.pub").read_text().strip() == made["verifier"]
    assert (tmp_path / "models" / "model.key").stat().st_mode & 0o777 == 0o600
    for wrong in (
        ["evaluate", *common, "--budget", "2"],
        ["evaluate", *common, "--attack-type", "nothing"],
        ["train", *common, "--out", "models", "--test-days", "44"],
        ["train", *common, "--out", "models", "--inputs", "absent.yaml"],
    ):
        assert main(wrong) == 3
    with pytest.raises(SystemExit) as usage:
        main(["evaluate", *common, "--delays", "soon"])
    assert usage.value.code == 2
