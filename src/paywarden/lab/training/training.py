"""`train`: a file of payments into a signed model.

Guards: nothing is left behind by a run that ends early: the model's folder appears whole or not at
all, under a name made of its content, so that the same file, policy and settings give the same
name. Order: read, split, pass, fit, calibrate, thresholds, card, artefact.
Not done here: keys and arguments (`paywarden.cli.train`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.evidence.note import SigningKey
from paywarden.lab.training.card import card_of, markdown_of
from paywarden.lab.training.dataset import read_material
from paywarden.lab.training.developing import Plan, collect, develop
from paywarden.lab.training.fitting import Settings
from paywarden.lab.training.splitting import split_days
from paywarden.risk.scoring.artefact import write_artefact
from paywarden.risk.scoring.recipe import Input

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What to train on. `delay_us`: None takes the mapping's. `out`: folder of models."""

    file: Path
    mapping: Path
    policy: Path
    key: Secret[bytes]
    inputs: tuple[Input, ...]
    out: Path
    delay_us: int | None = None
    train_days: int | None = None
    test_days: int | None = None
    budget: float = 0.01
    limit: int | None = None
    settings: Settings = field(default_factory=Settings)


def train(request: TrainingRequest, signer: SigningKey, progress: Progress) -> dict[str, Any]:
    """Train and write; answers name, folder, thresholds and the figures of the card.

    Errors: as `decide_file`; InvalidRequest `labels_needed`, `delay_needed`, `too_few_days`,
    `one_class`, `too_few_rows`, `model_unwritable`.
    """
    if not 0 < request.budget < 0.5:
        raise InvalidRequest("budget_out_of_range", "a budget lies between 0 and 0.5")
    material = read_material(
        request.file, request.mapping, request.policy, request.key, request.limit
    )
    delay_us = request.delay_us if request.delay_us is not None else material.label.delay_us
    if delay_us is None:
        detail = "say how late labels become known: --label-delay, or `delay` in [label]"
        raise InvalidRequest("delay_needed", detail, pointer=material.mapping.name)
    split = split_days(
        material.prepared.table.time_us,
        delay_us,
        test_days=request.test_days,
        train_days=request.train_days,
    )
    plan = Plan(split, delay_us, request.budget, request.settings)
    dataset, share = collect(
        material, request.inputs, plan, lambda done, total: progress("pass", done, total)
    )
    progress("fit", 0, 1)
    developed = develop(material, dataset, share, plan)
    progress("fit", 1, 1)
    artefact = developed.artefact(material)
    card = card_of(material, developed, artefact, _source(request))
    name = write_artefact(request.out, artefact, card, markdown_of(card), signer)
    return {
        "model": name,
        "folder": str(request.out / name),
        "verifier": signer.verifier.text,
        "inputs": len(artefact.inputs),
        "trees": artefact.trees,
        "version": artefact.version,
        "operating": card["operating"],
        "days": card["days"],
        "training": {k: v for k, v in card["training"].items() if k != "parameters"},
        "later_days": card["later_days"],
        "degraded": material.prepared.degraded,
    }


def _source(request: TrainingRequest) -> dict[str, str]:
    digest = hashlib.sha256()
    for path in sorted(path for path in request.policy.rglob("*") if path.is_file()):
        digest.update(path.relative_to(request.policy).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return {
        "file": request.file.name,
        "file sha256": _sha256(request.file),
        "mapping": request.mapping.name,
        "mapping sha256": _sha256(request.mapping),
        "policy sha256": digest.hexdigest(),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
