"""A model before there are labels: labels change nothing of it, and planted attacks rank high."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from model_material import MAPPING, few_inputs, frame, written

from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.evidence.note import SigningKey
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.lab.training.dataset import read_material
from paywarden.lab.training.training import TrainingOptions
from paywarden.lab.training.unlabelled import train_unlabelled
from paywarden.risk.scoring.artefact import Artefact, read_artefact

SIGNER = SigningKey("models", Secret(b"s" * 32))


def _quiet(*_: Any) -> None:
    return None


def _trained(folder: Path, mapping: str = MAPPING) -> tuple[dict[str, Any], Artefact]:
    folder.mkdir()
    # a terminal gone bad looks as before until somebody reports it: nothing to find without labels
    seen = pl.when(pl.col("attack") == "terminal").then(None).otherwise(pl.col("fraud"))
    file, mapped = written(folder, frame().with_columns(seen.alias("fraud")))
    mapped.write_text(mapping)
    material = read_material(file, mapped, policy_folder(), Secret(b"k" * 32))
    options = TrainingOptions(inputs=few_inputs(), out=folder / "models", test_days=20)
    made = train_unlabelled(material, options, SIGNER, _quiet)
    return made, read_artefact(Path(made["folder"]), [SIGNER.verifier])


def test_planted_attacks_rank_high_and_labels_teach_nothing(tmp_path: Path) -> None:
    made, artefact = _trained(tmp_path / "labelled")
    assert artefact.kind == "anomaly" and artefact.calibration is None
    assert made["later_days"]["frauds"] > 20
    assert made["later_days"]["auc"] > 0.6
    assert made["later_days"]["in_top_1"] > 0.03  # three times what chance would find
    names = [one.name for one in artefact.inputs]
    assert "amount" in names and not any("fraud" in name or "risk" in name for name in names)
    bare, other = _trained(tmp_path / "bare", MAPPING.partition("[label]")[0])
    assert bare["later_days"]["auc"] is None
    assert other.anomaly == artefact.anomaly  # the very same trees and shares
    card = (Path(bare["folder"]) / "card.md").read_text()
    assert "how well it ranks is unknown" in card and "## Limits" in card


def test_too_little_is_refused(tmp_path: Path) -> None:
    file, mapped = written(tmp_path, frame().head(20))
    material = read_material(file, mapped, policy_folder(), Secret(b"k" * 32))
    options = TrainingOptions(inputs=few_inputs(), out=tmp_path / "models")
    with pytest.raises(InvalidRequest, match=r"too_few_days|too_few_rows"):
        train_unlabelled(material, options, SIGNER, _quiet)
    assert not (tmp_path / "models").exists()
