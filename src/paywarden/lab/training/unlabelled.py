"""A model before there are labels: how unlike others a payment is, learnt from payments alone.

Guards: no label is read for fitting; inputs that only labels fill are left out, and so are texts,
whose numbers come from labels. Fitted on the training days, measured on the days after them, so
that the share it gives is that of payments it has not seen. Where some labels are known they judge
the last days, and are used for nothing else. Rows are drawn by the number of the payment, at most
MOST for each purpose. Not done here: the forest (`risk.scoring.anomaly`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.evidence.note import SigningKey
from paywarden.lab.labels import FRAUD, UNKNOWN
from paywarden.lab.training.card_text import card_text, listed_inputs
from paywarden.lab.training.collecting import Bools, Dataset
from paywarden.lab.training.fitting import carrying, drawn
from paywarden.lab.training.history import History
from paywarden.lab.training.splitting import Split, split_days
from paywarden.lab.training.training import Progress, TrainingOptions
from paywarden.risk.scoring.anomaly import Anomaly, fit_anomaly, free_inputs
from paywarden.risk.scoring.artefact import Artefact, write_artefact
from paywarden.risk.scoring.drift import SCORE, reference_of
from paywarden.risk.scoring.inputs import Floats
from paywarden.risk.scoring.metrics import ranked
from paywarden.risk.scoring.recipe import Input

MOST = 40_000
PURPOSE = "Say how unlike others a payment is, before labels are known: for a review quota."
LIMITS = (
    "Unlike is not fraudulent: most unlike payments are honest, and some fraud looks usual.",
    "For review and as one fact among others; never a reason to decline by itself.",
    "Learnt from the payments of this source; other traffic needs its own.",
)


def train_unlabelled(
    history: History, options: TrainingOptions, signer: SigningKey, progress: Progress
) -> dict[str, Any]:
    """Fit and write; answers name, folder, inputs and, where labels are known, how well it ranks.

    Errors: InvalidRequest `too_few_days`, `too_few_rows`, `inputs_constant`, `model_unwritable`.
    """
    table = history.prepared.table
    split = split_days(
        table.time_us, 0, test_days=options.test_days, train_days=options.train_days
    )  # fmt: skip
    inputs = [one for one in options.inputs if free_inputs([one], ())[0]]
    keep = _drawn(history, split, options.settings.seed)
    made = history.build(inputs, 0, keep, lambda done, total: progress("pass", done, total))
    parts = _Parts(made, table.time_us[made.rows], split)
    names, places = _carrying(made, parts.training)
    progress("fit", 0, 1)
    rows, later = parts.training[:, places], parts.validation[:, places]
    every = np.ones(len(places), np.bool_)
    anomaly = fit_anomaly(
        rows, [one.name for one in names], every, later, options.settings.seed
    )  # fmt: skip
    progress("fit", 1, 1)
    artefact = _artefact(history, names, rows, later, anomaly)
    card = {
        "purpose": PURPOSE,
        "limits": list(LIMITS),
        "source": dict(history.source),
        "days": split.document(),
        "training": {"rows": len(rows), "measured": len(later), "trees": anomaly.trees},
        "version": artefact.version,
        "base_currency": artefact.base_currency,
        "inputs": [{"name": one.name, "is": one.text, "reason": one.reason} for one in names],
        "later_days": _judged(history, made, parts, anomaly, places),
    }
    name = write_artefact(options.out, artefact, card, markdown_of(card), signer)
    return {
        "model": name,
        "folder": str(options.out / name),
        "verifier": signer.verifier.text,
        "inputs": len(names),
        "trees": anomaly.trees,
        "version": artefact.version,
        "days": card["days"],
        "training": card["training"],
        "later_days": card["later_days"],
        "degraded": history.prepared.degraded,
    }


def _drawn(history: History, split: Split, seed: int) -> Bools:
    """Payments that are wanted: at most MOST of each part of the days, evenly."""
    table = history.prepared.table
    draw, found = drawn(table.rows, seed), np.zeros(len(table), np.bool_)
    for part in (split.training, split.validation, split.test):
        here = part(table.time_us)
        found |= here & (draw < MOST / max(int(here.sum()), 1))
    return found


class _Parts:
    """Rows of the set by part of the days."""

    def __init__(self, made: Dataset, time_us: npt.NDArray[np.int64], split: Split) -> None:
        self.training: Floats = made.matrix[split.training(time_us)]
        self.validation: Floats = made.matrix[split.validation(time_us)]
        self.test = np.flatnonzero(split.test(time_us))


def _carrying(made: Dataset, training: Floats) -> tuple[tuple[Input, ...], npt.NDArray[np.int64]]:
    """Inputs that carry something and are no texts, and their places."""
    texts = made.dictionaries
    places = [p for p in carrying(training).tolist() if made.inputs[p].name not in texts]
    if not places:
        raise InvalidRequest("inputs_constant", "no input of the training days ever changes")
    return tuple(made.inputs[place] for place in places), np.array(places, np.int64)


def _artefact(
    history: History, names: tuple[Input, ...], rows: Floats, later: Floats, anomaly: Anomaly
) -> Artefact:
    shares = np.array([[anomaly.share(one)] for one in anomaly.many(later).tolist()], np.float32)
    reference = reference_of(rows, [one.name for one in names]) | reference_of(shares, [SCORE])
    base = history.policy.base_currency
    return Artefact("", 0, names, {}, None, None, base, reference, anomaly=anomaly)


def _judged(
    history: History, made: Dataset, parts: _Parts, anomaly: Anomaly, places: npt.NDArray[np.int64]
) -> dict[str, Any]:
    marks = history.prepared.marks[made.rows[parts.test]]
    chosen, bad = parts.test[marks != UNKNOWN], marks[marks != UNKNOWN] == FRAUD
    found: dict[str, Any] = {"payments": len(chosen), "frauds": int(bad.sum()), "auc": None}
    if bad.any() and not bad.all():
        found.update(ranked(anomaly.many(made.matrix[chosen][:, places]), bad))
    return found


def markdown_of(card: Mapping[str, Any]) -> str:
    """The card for people."""
    days, training, later = card["days"], card["training"], card["later_days"]
    made_from = [
        f"learnt from {training['rows']} payments, {days['train'][:10]} up to "
        f"{days['validation'][:10]}, without labels",
        f"shares measured on {training['measured']} payments up to {days['known'][:10]}",
        f"{training['trees']} trees over {len(card['inputs'])} inputs {card['version']}, amounts "
        f"in {card['base_currency']}",
    ]
    if later["auc"] is None:
        told = "Labels are not known: how well it ranks is unknown."
    else:
        told = (
            f"{later['payments']} payments with labels, {later['frauds']} frauds: AUC "
            f"{later['auc']:.3f}; {100 * later['in_top_1']:.1f} % of them in the highest 1 %."
        )
    body = [f"## On the days from {days['test'][:10]}", "", told, "", *listed_inputs(card)]
    return card_text(card, made_from, body)
