"""`train`: a file of payments, or a log, into a signed model.

Guards: nothing is left behind by a run that ends early: the model's folder appears whole or not at
all, under a name made of its content, so that the same payments, policy and settings give the same
name. Order: read, split, pass, fit, calibrate, thresholds, card, artefact.
Not done here: keys and arguments (`paywarden.cli.train`), opening a log (`entrypoints.train`).
"""

from __future__ import annotations

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
from paywarden.lab.training.history import History
from paywarden.lab.training.splitting import split_days
from paywarden.risk.scoring.artefact import write_artefact
from paywarden.risk.scoring.recipe import Input

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """How to train. `delay_us`: None takes the mapping's. `out`: folder of models."""

    inputs: tuple[Input, ...]
    out: Path
    delay_us: int | None = None
    train_days: int | None = None
    test_days: int | None = None
    budget: float = 0.01
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True)
class TrainingRequest(TrainingOptions):
    """A mapped file to train on."""

    file: Path
    mapping: Path
    policy: Path
    key: Secret[bytes]
    limit: int | None = field(default=None, kw_only=True)


def train(request: TrainingRequest, signer: SigningKey, progress: Progress) -> dict[str, Any]:
    """Train on a file and write; answers name, folder, thresholds and the figures of the card.

    Errors: as `decide_file`; InvalidRequest `labels_needed`, and as `train_history`.
    """
    material = read_material(
        request.file, request.mapping, request.policy, request.key, request.limit
    )
    return train_history(material, request, material.label.delay_us, signer, progress)


def train_history(
    history: History,
    options: TrainingOptions,
    delay_us: int | None,
    signer: SigningKey,
    progress: Progress,
) -> dict[str, Any]:
    """Train and write. `delay_us`: where the options name none.

    Errors: InvalidRequest `delay_needed`, `budget_out_of_range`, `too_few_days`, `one_class`,
    `too_few_rows`, `model_unwritable`.
    """
    if not 0 < options.budget < 0.5:
        raise InvalidRequest("budget_out_of_range", "a budget lies between 0 and 0.5")
    delay_us = options.delay_us if options.delay_us is not None else delay_us
    if delay_us is None:
        detail = "say how late labels become known: --label-delay, or `delay` in [label]"
        raise InvalidRequest("delay_needed", detail)
    split = split_days(
        history.prepared.table.time_us,
        delay_us,
        test_days=options.test_days,
        train_days=options.train_days,
    )
    plan = Plan(split, delay_us, options.budget, options.settings)
    dataset, share = collect(
        history, options.inputs, plan, lambda done, total: progress("pass", done, total)
    )
    progress("fit", 0, 1)
    developed = develop(history, dataset, share, plan)
    progress("fit", 1, 1)
    artefact = developed.artefact(history)
    card = card_of(history, developed, artefact, history.source)
    name = write_artefact(options.out, artefact, card, markdown_of(card), signer)
    return {
        "model": name,
        "folder": str(options.out / name),
        "verifier": signer.verifier.text,
        "inputs": len(artefact.inputs),
        "trees": artefact.trees,
        "version": artefact.version,
        "operating": card["operating"],
        "days": card["days"],
        "training": {k: v for k, v in card["training"].items() if k != "parameters"},
        "later_days": card["later_days"],
        "degraded": history.prepared.degraded,
    }
