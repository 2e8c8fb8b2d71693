"""The model card: what a model is for, how it was made, how good it was, and where it ends.

Guards: every figure comes from days after training, calibration and thresholds; what is not known
is said to be unknown. The same facts as JSON and as Markdown. Fairness slices compare the share of
genuine payments that would be challenged per group; a ratio outside 0.8 to 1.25 of the whole is
marked, where the group has at least 500 genuine payments.
Source: Mitchell et al. 2019, Model Cards for Model Reporting. Not done here: the model itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.instants import DAY_US
from paywarden.lab.labels import FRAUD
from paywarden.lab.training.card_text import card_text
from paywarden.lab.training.developing import Developed, values_of
from paywarden.lab.training.history import History
from paywarden.risk.scoring.artefact import Artefact
from paywarden.risk.scoring.metrics import (
    auc,
    average_precision,
    brier,
    calibration_error,
    deciles,
)

SLICES = ("card.country", "payer.country", "ip.country", "payment.channel", "merchant.mcc_group")
LEAST_GENUINE, LOW_RATIO, HIGH_RATIO = 500, 0.8, 1.25
MAX_GROUPS = 30
PURPOSE = "Score card payments and transfers before authorisation, to challenge the riskiest."
LIMITS = (
    "Learnt from the payments of this file; other traffic needs its own training and evaluation.",
    "Fraud that was never reported counts as genuine, in training and in these figures.",
    "What is not reported yet cannot be learnt: the label delay bounds what can be stopped.",
    "Not for credit, hiring or any decision about a person beyond the payment in hand.",
    "No name, address, birth date or document is an input.",
)


def card_of(
    history: History, developed: Developed, artefact: Artefact, source: Mapping[str, Any]
) -> dict[str, Any]:
    """The card. `source`: facts of file, mapping and policy (names and digests)."""
    plan = developed.plan
    return {
        "purpose": PURPOSE,
        "limits": list(LIMITS),
        "source": dict(source),
        "days": plan.split.document(),
        "label_delay_days": plan.delay_us / DAY_US,
        "training": {
            "rows": developed.fitted.rows,
            "frauds": developed.fitted.frauds,
            "genuine_kept": developed.fitted.kept,
            "parameters": dict(developed.fitted.parameters),
        },
        "version": artefact.version,
        "base_currency": artefact.base_currency,
        "inputs": _inputs(developed),
        "operating": {
            "challenge": developed.operating.challenge,
            "block": developed.operating.block,
            "budget": developed.operating.budget,
        },
        "calibration_method": developed.calibration.method,
        "anomaly": artefact.anomaly is not None,
        **_judged(history, developed),
    }


def _inputs(developed: Developed) -> list[dict[str, Any]]:
    gains = developed.fitted.booster.feature_importance("gain")
    total = float(gains.sum()) or 1.0
    return [
        {
            "name": one.name,
            "is": one.text,
            "reason": one.reason,
            "direction": one.direction,
            "share_of_gain": round(float(gain) / total, 6),
        }
        for one, gain in zip(developed.fitted.reading.inputs, gains, strict=True)
    ]


def _judged(history: History, developed: Developed) -> dict[str, Any]:
    places = developed.rows_in(history, developed.plan.split.test(history.prepared.table.time_us))
    rows = developed.dataset.rows[places]
    fraud = history.prepared.marks[rows] == FRAUD
    p, value = developed.probabilities(places), values_of(history)[rows]
    stopped = p >= developed.operating.challenge
    known = bool(fraud.any() and not fraud.all())
    metrics = {
        "payments": len(rows),
        "frauds": int(fraud.sum()),
        "auc": auc(p, fraud) if known else None,
        "average_precision": average_precision(p, fraud) if known else None,
        "value_stopped": _share(value[fraud & stopped].sum(), value[fraud].sum()),
        "frauds_stopped": _share((fraud & stopped).sum(), fraud.sum()),
        "genuine_challenged": _share((stopped & ~fraud).sum(), (~fraud).sum()),
        "brier": brier(p, fraud) if len(p) else None,
        "calibration_error": calibration_error(p, fraud) if len(p) else None,
        "deciles": deciles(p, fraud),
    }
    return {"later_days": metrics, "slices": _slices(history, rows, fraud, stopped)}


def _share(part: Any, whole: Any) -> float | None:
    return float(part) / float(whole) if whole else None


def _slices(
    history: History,
    rows: npt.NDArray[np.int64],
    fraud: npt.NDArray[np.bool_],
    stopped: npt.NDArray[np.bool_],
) -> list[dict[str, Any]]:
    whole = _share((stopped & ~fraud).sum(), (~fraud).sum())
    found = []
    for path in SLICES:
        column = history.prepared.table.columns.get(path)
        if column is None or len(column.dictionary) < 2:
            continue
        codes = column.data[rows]
        counts = np.bincount(codes[(codes >= 0) & ~fraud], minlength=len(column.dictionary))
        for code in np.argsort(-counts, kind="stable")[:MAX_GROUPS].tolist():
            genuine = (codes == code) & ~fraud
            if genuine.sum() < LEAST_GENUINE:
                continue
            rate = float(stopped[genuine].mean())
            ratio = rate / whole if whole else None
            marked = ratio is not None and not LOW_RATIO <= ratio <= HIGH_RATIO
            found.append(
                {
                    "field": path,
                    "group": column.dictionary[code],
                    "genuine": int(genuine.sum()),
                    "challenged": rate,
                    "ratio": ratio,
                    "marked": marked,
                }
            )
    return found


def markdown_of(card: Mapping[str, Any]) -> str:
    """The card for people."""
    later, days, training = card["later_days"], card["days"], card["training"]
    made_from = [
        f"training days: {days['train'][:10]} up to {days['validation'][:10]}",
        f"calibration and thresholds: {days['validation'][:10]} up to {days['known'][:10]}",
        f"judged days: {days['test'][:10]} up to {days['end'][:10]}",
        f"labels known after {card['label_delay_days']:g} days",
        f"{training['rows']} rows, {training['frauds']} frauds; share of genuine rows kept "
        f"{training['genuine_kept']:.4f}",
        f"inputs {card['version']}, amounts in {card['base_currency']}",
    ]
    lines = ["## On the judged days", "", "| measure | value |", "|---|---|"]
    lines += [
        f"| {name.replace('_', ' ')} | {_cell(value)} |"
        for name, value in later.items()
        if name != "deciles"
    ]
    lines += ["", "| tenth | payments | predicted | observed |", "|---|---|---|---|"]
    lines += [
        f"| {place} | {row['payments']} | {row['predicted']:.5f} | {row['observed']:.5f} |"
        for place, row in enumerate(later["deciles"], 1)
    ]
    lines += ["", "## Challenged genuine payments by group", ""]
    if card["slices"]:
        lines += ["| field | group | genuine | challenged | ratio |", "|---|---|---|---|---|"]
        lines += [_slice_line(row) for row in card["slices"]]
    else:
        lines.append("No mapped field has two groups of enough genuine payments: unknown.")
    top = sorted(card["inputs"], key=lambda one: (-one["share_of_gain"], one["name"]))[:20]
    lines += ["", "## Inputs that matter most", "", "| input | share of gain | expression |"]
    lines += ["|---|---|---|"]
    lines += [f"| {o['name']} | {o['share_of_gain']:.4f} | `{_code(o['is'])}` |" for o in top]
    return card_text(card, made_from, lines)


def _slice_line(row: Mapping[str, Any]) -> str:
    mark = " (outside 0.8 to 1.25)" if row["marked"] else ""
    ratio = "unknown" if row["ratio"] is None else f"{row['ratio']:.2f}"
    group = _code(row["group"])
    return (
        f"| {row['field']} | {group} | {row['genuine']} | {row['challenged']:.4f} | {ratio}{mark} |"
    )


def _code(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _cell(value: Any) -> str:
    if value is None:
        return "unknown"
    return f"{value:.5f}" if isinstance(value, float) else str(value)
