"""Training sets, models and their service: point in time, parity, tampering, refusals."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import polars as pl
import pytest
from model_material import DAY_US, few_inputs, frame, written

from paywarden.core.errors import Corrupt, InvalidRequest, NotFound
from paywarden.core.secret import Secret
from paywarden.decision.conduct import PolicyRuntime
from paywarden.evidence.note import SigningKey
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.lab.labels import FRAUD
from paywarden.lab.observations import Observations
from paywarden.lab.prepared import reports_of
from paywarden.lab.training import dataset as sets
from paywarden.lab.training.developing import Developed, Plan, collect, develop
from paywarden.lab.training.fitting import Settings
from paywarden.lab.training.splitting import split_days
from paywarden.lab.training.training import TrainingRequest, train
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.digests import Digester
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.scoring.artefact import read_artefact
from paywarden.risk.scoring.recipe import Input, compile_inputs, default_inputs
from paywarden.risk.scoring.scorer import LATE, Scorer, log_odds, windows_of

KEY = Secret(b"k" * 32)
SIGNER = SigningKey("models", Secret(b"s" * 32))
SETTINGS = Settings(rounds=40, threads=1)


def _quiet(*_: Any) -> None:
    return None


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> sets.Material:
    file, mapping = written(tmp_path_factory.mktemp("payments"))
    return sets.read_material(file, mapping, policy_folder(), KEY)


@pytest.fixture(scope="module")
def developed(material: sets.Material) -> Developed:
    time_us = material.prepared.table.time_us
    plan = Plan(split_days(time_us, 2 * DAY_US), 2 * DAY_US, settings=SETTINGS)
    made, share = collect(material, default_inputs(), plan, _quiet)
    return develop(material, made, share, plan)


def _vectors(material: sets.Material, inputs: tuple[Input, ...], delay_us: int) -> Any:
    """Vectors of every payment as the live path makes them: one `observe` after the other."""
    policy = material.policy
    recipe = compile_inputs(inputs, policy.aggregates, policy.lists)
    served = replace(policy, aggregates=(*policy.aggregates, *recipe.windows))
    runtime = PolicyRuntime(compile_policy(served))
    table = material.prepared.table
    label = material.label
    observations = Observations(
        table,
        runtime.plan,
        Digester(KEY),
        reports_of(material.prepared, label, delay_us),
        label.source,
    )
    columns, payments = observations.block(0, len(table))
    windows = Windows(runtime.plan, int(table.time_us[0]))
    given = {path: column.values() for path, column in table.columns.items()}
    number, vectors = 0, []
    for one, is_payment in zip(columns.to_observations(), payments.tolist(), strict=True):
        values = windows.observe(one)
        if is_payment:
            fields = {
                path: held[number] for path, held in given.items() if held[number] is not None
            }
            vectors.append(runtime.vector(fields, values, {}))
            number += 1
    return runtime, vectors


def test_sets_equal_what_the_live_path_computes(
    material: sets.Material, developed: Developed
) -> None:
    artefact = developed.artefact(material)
    runtime, vectors = _vectors(material, artefact.inputs, developed.dataset.delay_us)
    scorer = Scorer(
        artefact,
        runtime.compiled.slots,
        declared=material.policy.aggregates,
        lists=material.policy.lists,
        base_currency="EUR",
    )
    places = np.arange(0, len(developed.dataset.rows), 7)
    rows = developed.fitted.reading.rows(
        developed.dataset.matrix[places], developed.dataset.dictionaries
    )
    expected = np.asarray(developed.fitted.booster.predict(rows))
    for place, row, raw in zip(places.tolist(), rows, expected.tolist(), strict=True):
        score = scorer.score(vectors[developed.dataset.rows[place]])
        assert np.array(score.row, np.float32).tobytes() == row.tobytes() or np.array_equal(
            np.array(score.row, np.float32), row, equal_nan=True
        )
        assert score.raw == raw
        assert score.probability == artefact.calibration.one(raw)
    assert scorer.faults == 0


def test_attributions_add_up_and_agree_with_exact_ones(
    material: sets.Material, developed: Developed
) -> None:
    artefact = developed.artefact(material)
    runtime, vectors = _vectors(material, artefact.inputs, developed.dataset.delay_us)
    scorer = Scorer(artefact, runtime.compiled.slots, declared=material.policy.aggregates)
    split = developed.plan.split
    places = developed.rows_in(material, split.test(material.prepared.table.time_us))
    alerts = places[developed.probabilities(places) >= artefact.operating.challenge]
    assert len(alerts) > 50
    rows = developed.fitted.reading.rows(
        developed.dataset.matrix[alerts], developed.dataset.dictionaries
    )
    exact = np.asarray(developed.fitted.booster.predict(rows, pred_contrib=True))[:, :-1]
    names = [one.name for one in artefact.inputs]
    code_of = {one.name: one.reason for one in artefact.inputs}
    agreeing = 0
    for place, contribution in zip(alerts.tolist(), exact, strict=True):
        score = scorer.score(vectors[developed.dataset.rows[place]])
        assert score.raw is not None
        parts, base = scorer.attribution(score)
        assert base + sum(parts.values()) == pytest.approx(log_odds(score.raw), abs=1e-9)
        reasons = scorer.reasons(score)
        assert reasons and all(one.weight > 0 and one.text for one in reasons)
        by_code: dict[str, float] = {}
        for name, value in zip(names, contribution.tolist(), strict=True):
            by_code[code_of[name]] = by_code.get(code_of[name], 0.0) + value
        rising = sorted((code for code in by_code if by_code[code] > 0), key=lambda c: -by_code[c])
        shared = {one.code for one in reasons} & set(rising[:3])
        # the strongest exact reason is named, and two of three are the same
        agreeing += rising[0] in shared and len(shared) >= min(2, len(rising), len(reasons))
    assert agreeing / len(alerts) >= 0.8


def test_labels_enter_only_after_their_delay(material: sets.Material) -> None:
    wanted = (Input("bad", 'count(merchant, "90d", event.verdict == "fraud")', "LINKED_TO_FRAUD"),)
    keep = np.ones(len(material.prepared.marks), np.bool_)
    found = sets.build(material, wanted, 2 * DAY_US, keep, _quiet)
    time_us, marks = material.prepared.table.time_us, material.prepared.marks
    shop = material.prepared.table.columns["merchant.id"].data
    for row in range(0, len(time_us), 97):
        known = (shop == shop[row]) & (marks == 1) & (time_us + 2 * DAY_US < time_us[row])
        assert found.matrix[row, 0] == known.sum()


def test_what_is_never_reported_is_learnt_as_genuine(tmp_path: Path) -> None:
    file, mapping = written(tmp_path)
    mapping.write_text(mapping.read_text() + "reported_share = 0.5\n")
    found = sets.read_material(file, mapping, policy_folder(), Secret(b"k" * 32))
    true, told = found.prepared.marks, found.reported_marks
    frauds = int((true == FRAUD).sum())
    assert 0.3 * frauds < int((told == FRAUD).sum()) < 0.7 * frauds
    assert not ((told == FRAUD) & (true != FRAUD)).any()
    time_us = found.prepared.table.time_us
    plan = Plan(split_days(time_us, 2 * DAY_US), 2 * DAY_US)
    split = plan.split.training(time_us)
    fitted = develop(found, *collect(found, few_inputs(), plan, _quiet), plan).fitted
    assert fitted.frauds == int((told[split] == FRAUD).sum())


def test_a_currency_without_a_rate_is_its_own_base(tmp_path: Path) -> None:
    file, mapping = written(tmp_path)
    mapping.write_text(mapping.read_text().replace('"EUR"', '"USD"'))
    dollars = sets.read_material(file, mapping, policy_folder(), KEY)
    assert dollars.policy.base_currency == "USD"
    assert dollars.prepared.degraded["amounts_taken_in_USD"] == len(dollars.prepared.marks)
    column = dollars.prepared.table.columns["payment.amount_base_minor"]
    assert column.present().all()
    mapping.write_text(mapping.read_text() + '\n[rates]\nbase = "EUR"\nUSD = 0.5\n')
    assert sets.read_material(file, mapping, policy_folder(), KEY).policy.base_currency == "EUR"


def test_inputs_that_a_file_cannot_fill_are_left_out(material: sets.Material) -> None:
    names = sets.fitting_recipe(material, default_inputs()).names
    assert "card_count_7d" in names and "merchant_fraud_7d" in names
    # nothing names a device, and the payer is the card under another name
    assert not [name for name in names if "device" in name or name.startswith("payer_")]
    # the file holds no results
    assert not [name for name in names if "declines" in name]


def _request(folder: Path, out: Path, **more: Any) -> TrainingRequest:
    file, mapping = written(folder, more.pop("payments", None))
    given = {"settings": SETTINGS, "inputs": few_inputs(), **more}
    return TrainingRequest(file, mapping, policy_folder(), KEY, out=out, **given)


def test_training_writes_one_signed_model(tmp_path: Path) -> None:
    out = tmp_path / "models"
    made = train(_request(tmp_path, out), SIGNER, _quiet)
    folder = out / made["model"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "card.json", "card.md", "manifest.note", "model.json", "model.txt",
    ]  # fmt: skip
    card = json.loads((folder / "card.json").read_text())
    assert card["days"]["train"] < card["days"]["validation"] < card["days"]["known"]
    assert card["days"]["known"] <= card["days"]["test"]
    assert card["later_days"]["auc"] > 0.8
    assert "## Limits" in (folder / "card.md").read_text()
    # the keyed hashes of a run change nothing, so the content and its name are the same
    again = train(_request(tmp_path, out, test_days=None), SIGNER, _quiet)
    assert again["model"] == made["model"]
    assert [path.name for path in out.iterdir()] == [made["model"]]
    artefact = read_artefact(folder, [SIGNER.verifier])
    assert artefact.version == made["version"]
    assert len(windows_of(artefact)) > 10


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    made = train(_request(folder, folder / "models"), SIGNER, _quiet)
    return folder / "models" / str(made["model"])


@pytest.mark.parametrize("file", ["model.txt", "model.json", "card.json", "card.md"])
def test_a_changed_octet_is_refused(model: Path, tmp_path: Path, file: str) -> None:
    copy = tmp_path / model.name
    shutil.copytree(model, copy)
    content = bytearray((copy / file).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / file).write_bytes(content)
    with pytest.raises(Corrupt, match="model_tampered"):
        read_artefact(copy, [SIGNER.verifier])


def test_strangers_names_and_absent_files_are_refused(model: Path, tmp_path: Path) -> None:
    stranger = SigningKey("models", Secret(b"t" * 32))
    with pytest.raises(Corrupt, match="model_untrusted"):
        read_artefact(model, [stranger.verifier])
    renamed = tmp_path / ("md_" + "0" * 32)
    shutil.copytree(model, renamed)
    with pytest.raises(Corrupt, match="model_tampered"):
        read_artefact(renamed, [SIGNER.verifier])
    (renamed / "model.txt").unlink()
    with pytest.raises(NotFound, match="model_missing"):
        read_artefact(renamed, [SIGNER.verifier])


def test_other_inputs_and_currencies_are_refused(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artefact = read_artefact(model, [SIGNER.verifier])
    with pytest.raises(InvalidRequest, match="model_windows"):
        Scorer(artefact, {"payment.amount_base_minor": 0})
    with pytest.raises(InvalidRequest, match="model_currency"):
        Scorer(artefact, {}, base_currency="USD")
    monkeypatch.setattr("paywarden.risk.scoring.artefact.ENGINE", 2)
    with pytest.raises(InvalidRequest, match="model_version"):
        read_artefact(model, [SIGNER.verifier])


def test_a_model_over_its_deadline_is_skipped(material: sets.Material, model: Path) -> None:
    artefact = read_artefact(model, [SIGNER.verifier])
    runtime, vectors = _vectors(material, artefact.inputs, 2 * DAY_US)
    scorer = Scorer(artefact, runtime.compiled.slots, declared=material.policy.aggregates)
    assert scorer.score(vectors[0], lambda: True).skipped == LATE
    late = iter([False, True])
    between = scorer.score(vectors[0], lambda: next(late))
    assert between.probability is None and between.skipped == LATE
    assert scorer.reasons(scorer.score(vectors[0], lambda: True)) == ()
    assert scorer.score(vectors[0]).probability is not None


def test_missing_fields_and_unseen_texts_are_scored(material: sets.Material, model: Path) -> None:
    artefact = read_artefact(model, [SIGNER.verifier])
    runtime, vectors = _vectors(material, artefact.inputs, 2 * DAY_US)
    scorer = Scorer(artefact, runtime.compiled.slots, declared=material.policy.aggregates)
    empty = scorer.score([None] * len(vectors[0]))
    assert empty.probability is not None and empty.row is not None
    assert all(value != value for value in empty.row)
    changed = list(vectors[5])
    changed[runtime.compiled.slots["payment.channel"]] = "telepathy"
    absent = list(vectors[5])
    absent[runtime.compiled.slots["payment.channel"]] = None
    assert scorer.score(changed).raw == scorer.score(absent).raw


def test_few_rows_and_one_class_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "models"
    ten = frame().head(10)
    with pytest.raises(InvalidRequest, match=r"too_few_days|one_class|too_few_rows"):
        train(_request(tmp_path, out, payments=ten), SIGNER, _quiet)
    genuine = frame().with_columns(pl.lit(0).alias("fraud"))
    with pytest.raises(InvalidRequest, match="one_class"):
        train(_request(tmp_path, out, payments=genuine), SIGNER, _quiet)
    unknown = frame().with_columns(pl.lit(None, pl.Int64).alias("fraud"))
    with pytest.raises(InvalidRequest, match="labels_needed"):
        train(_request(tmp_path, out, payments=unknown), SIGNER, _quiet)
    assert not out.exists()


def test_a_run_that_dies_leaves_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "models"

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(lightgbm, "train", die)
        with pytest.raises(KeyboardInterrupt):
            train(_request(tmp_path, out), SIGNER, _quiet)
    assert not out.exists()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", die)
        with pytest.raises(KeyboardInterrupt):
            train(_request(tmp_path, out), SIGNER, _quiet)
    assert not [path for path in out.iterdir() if path.name.startswith("md_")]
    made = train(_request(tmp_path, out), SIGNER, _quiet)
    assert read_artefact(out / made["model"], [SIGNER.verifier]).trees == 40
