"""`evaluate`: what policy and model stop in advance on later days, for several label delays.

Guards: every delay is one pass of the whole file with labels arriving that late, one model, one
rule for its thresholds, frozen, and the same judged days. Finished delays are kept in the work
folder under a fingerprint of program, file, mapping, policy, inputs and settings, so that a run
that was killed goes on with the next one, and another program computes anew. Columns of truth
(attack type, campaign) are read beside the mapping and never reach an input.
Not done here: measures (`stopping.py`), HTML (`report.py`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US
from paywarden.core.secret import Secret
from paywarden.kit.program import program_digest
from paywarden.lab.evaluation.cold_start import cold_start
from paywarden.lab.evaluation.steady import Course
from paywarden.lab.evaluation.stopping import (
    Judged,
    Stopped,
    by_type,
    campaigns,
    given_up,
    intervals,
    measures,
)
from paywarden.lab.evaluation.truth import Truth, read_truth
from paywarden.lab.evaluation.ways import (
    assumed_challenges,
    at_price,
    frozen_model,
    log_odds,
    plain_scores,
    plain_way,
    rules_only,
    rules_weight,
)
from paywarden.lab.labels import FRAUD
from paywarden.lab.training.dataset import Material, read_material
from paywarden.lab.training.developing import (
    Developed,
    Plan,
    collect,
    develop,
    values_of,
)
from paywarden.lab.training.fitting import Settings
from paywarden.lab.training.splitting import Split, split_days
from paywarden.risk.scoring.drift import compare, reference_of
from paywarden.risk.scoring.metrics import (
    auc,
    average_precision,
    brier,
    calibration_error,
    deciles,
)
from paywarden.risk.scoring.recipe import Input, version_of

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """What to evaluate. `delays_us`: label delays, each a pass of the file.

    `truth`: a file of truth (default: the payments file itself); `attack_type`, `campaign`: its
    columns. `work`: folder for finished delays. `key`: 16-64 octets for keyed hashes.
    """

    file: Path
    mapping: Path
    policy: Path
    key: Secret[bytes]
    inputs: tuple[Input, ...]
    delays_us: tuple[int, ...]
    work: Path | None = None
    test_days: int | None = None
    budget: float = 0.01
    truth: Path | None = None
    attack_type: str | None = None
    campaign: str | None = None
    limit: int | None = None
    settings: Settings = field(default_factory=Settings)


def evaluate(request: EvaluationRequest, progress: Progress) -> dict[str, Any]:
    """The whole evaluation as one document. `progress(stage, done, total)`.

    Errors: as `decide_file`; InvalidRequest `labels_needed`, `too_few_days`, `one_class`, ...
    """
    if not 0 < request.budget < 0.5:
        raise InvalidRequest("budget_out_of_range", "a budget lies between 0 and 0.5")
    material = read_material(
        request.file, request.mapping, request.policy, request.key, request.limit
    )
    material.label  # noqa: B018 - refuses a file without labels before anything is computed
    truth = read_truth(material, request.file, request.truth, request.attack_type, request.campaign)
    print_of = _fingerprint(request)
    longest = max(request.delays_us)
    # the judged days are the same for every delay
    test_days = request.test_days
    if test_days is None:
        whole = split_days(material.prepared.table.time_us, longest)
        test_days = (whole.end_us - whole.test_us) // DAY_US
    found = []
    for delay_us in request.delays_us:
        kept = _kept(request.work, print_of, delay_us)
        if kept is None:
            kept = _one(request, material, truth, delay_us, test_days, progress)
            _keep(request.work, print_of, delay_us, kept)
        found.append(kept)
    return {
        "protocol": "bar",
        "file": request.file.name,
        "payments": len(material.prepared.marks),
        "frauds": int((material.prepared.marks == FRAUD).sum()),
        "policy": material.policy.name,
        "inputs": version_of(request.inputs),
        "budget": request.budget,
        "degraded": material.prepared.degraded,
        "assumed": {k: list(v) for k, v in assumed_challenges().items()},
        "delays": found,
    }


def _one(
    request: EvaluationRequest,
    material: Material,
    truth: Truth,
    delay_us: int,
    test_days: int,
    progress: Progress,
) -> dict[str, Any]:
    name = f"{delay_us / DAY_US:g}d"
    split = split_days(material.prepared.table.time_us, delay_us, test_days=test_days)
    plan = Plan(split, delay_us, request.budget, request.settings)
    dataset, share = collect(
        material, request.inputs, plan, lambda done, total: progress(f"pass {name}", done, total)
    )
    progress(f"fit {name}", 0, 1)
    developed = develop(material, dataset, share, plan)
    progress(f"fit {name}", 1, 1)
    return _judge(material, developed, truth, request)


@dataclass(frozen=True, slots=True)
class _Days:
    """One stretch of days: places in the set of its labelled payments, and what is judged."""

    places: npt.NDArray[np.int64]
    judged: Judged


def _days(
    material: Material,
    developed: Developed,
    chosen: npt.NDArray[np.bool_],
    marks: npt.NDArray[np.int8],
) -> _Days:
    places = developed.rows_in(material, chosen)
    rows = developed.dataset.rows[places]
    judged = Judged(
        marks[rows] == FRAUD,
        values_of(material)[rows],
        _customers(material)[rows],
    )
    return _Days(places, judged)


def _customers(material: Material) -> npt.NDArray[np.int64]:
    """Number of the customer of each payment: payer, else card, else the payment by itself."""
    columns = material.prepared.table.columns
    count = len(material.prepared.marks)
    own = np.arange(count)
    for path in ("payer.id", "card.fingerprint", "email.canonical", "device.id"):
        column = columns.get(path)
        if column is not None:
            known = column.data >= 0
            return np.where(known, column.data.astype(np.int64), len(column.dictionary) + own)
    return own


def _judge(
    material: Material, developed: Developed, truth: Truth, request: EvaluationRequest
) -> dict[str, Any]:
    split, time_us = developed.plan.split, material.prepared.table.time_us
    tuning = _days(material, developed, split.validation(time_us), material.reported_marks)
    testing = _days(material, developed, split.test(time_us), material.prepared.marks)
    judged = testing.judged
    if not judged.fraud.any() or judged.fraud.all():
        raise InvalidRequest("one_class", "the judged days hold one class only; give more of them")
    ways, weight = _ways(material, developed, tuning, testing)
    plain = plain_scores(material, developed.dataset, split, testing.places)
    ways["plain_model"] = plain_way(judged, plain, measures(judged, ways["model"])["fpr"])
    bounds = intervals(_compact(judged), ways, request.settings.seed)
    raw = developed.raw(testing.places)
    p = developed.probabilities(testing.places)
    rows = developed.dataset.rows[testing.places]
    return {
        "delay_days": developed.plan.delay_us / DAY_US,
        "days": split.document(),
        "payments": len(rows),
        "frauds": int(judged.fraud.sum()),
        "fraud_value_minor": int(judged.value[judged.fraud].sum()),
        "thresholds": {
            "challenge": developed.operating.challenge,
            "block": developed.operating.block,
            "rules_weight": weight,
        },
        "ways": {
            name: {**measures(judged, way), "interval": bounds[name]} for name, way in ways.items()
        },
        "paired": {name: held for name, held in bounds.items() if " - " in name},
        "model_minus_plain": _paired(judged, ways, request.settings.seed),
        "ranking": {
            "auc": auc(raw, judged.fraud),
            "ap": average_precision(raw, judged.fraud),
            "plain_auc": auc(plain, judged.fraud),
            "plain_ap": average_precision(plain, judged.fraud),
        },
        "calibration": {
            "brier": brier(p, judged.fraud),
            "ece": calibration_error(p, judged.fraud),
            "deciles": deciles(p, judged.fraud),
            "method": developed.calibration.method,
        },
        "types": _types(judged, ways, truth, rows),
        "campaigns": _campaigns(judged, ways, truth, rows),
        "given_up": {
            name: given_up(judged, way, assumed_challenges()["default"][1])
            for name, way in ways.items()
        },
        "cold_start": cold_start(material, developed, testing.places, judged.fraud),
        "drift": _drift(developed, tuning.places, testing.places),
        "weeks": _weeks(judged, ways["rules_and_model"], time_us[rows], split),
        "training": {
            "rows": developed.fitted.rows,
            "frauds": developed.fitted.frauds,
            "inputs": len(developed.fitted.reading.inputs),
        },
    }


def _ways(
    material: Material, developed: Developed, tuning: _Days, testing: _Days
) -> tuple[dict[str, Stopped], float]:
    """What each way stops of the judged payments, and how much rules weigh."""
    plan, dataset = developed.plan, developed.dataset
    time_us = material.prepared.table.time_us[dataset.rows]
    course = np.flatnonzero(time_us >= plan.split.validation_us)
    rows, p = dataset.rows[course], developed.probabilities(course)
    outcomes, odds = dataset.outcomes[rows], log_odds(developed.raw(course))
    weight = _weight(tuning, course, odds, outcomes, plan.budget)
    seen = Course(time_us[course], p, material.reported_marks[rows], plan.delay_us)
    found = {
        "rules_and_model": at_price(seen, odds, outcomes, weight, plan),
        "model": at_price(seen, odds, outcomes, 0.0, plan),
        "rules": rules_only(outcomes),
        "model_frozen": frozen_model(p, developed.operating.challenge, developed.operating.block),
    }
    at = np.searchsorted(course, testing.places)
    return {name: Stopped(way.stopped[at], way.declined[at]) for name, way in found.items()}, weight


def _weight(
    tuning: _Days,
    course: npt.NDArray[np.int64],
    odds: npt.NDArray[np.float64],
    outcomes: npt.NDArray[np.int8],
    budget: float,
) -> float:
    at = np.searchsorted(course, tuning.places)
    return rules_weight(tuning.judged, odds[at], outcomes[at], budget)


def _compact(judged: Judged) -> Judged:
    _, customers = np.unique(judged.customer, return_inverse=True)
    return Judged(judged.fraud, judged.value, customers.astype(np.int64))


def _paired(judged: Judged, ways: dict[str, Stopped], seed: int) -> dict[str, Any]:
    """The model by itself against the plain one at the same false-positive rate."""
    mine, plain = measures(judged, ways["model"]), measures(judged, ways["plain_model"])
    pair = {"model": ways["model"], "plain_model": ways["plain_model"]}
    bounds = intervals(_compact(judged), pair, seed)["model - plain_model"]
    return {key: {"gap": mine[key] - plain[key], "interval": bounds.get(key)} for key in ("v", "c")}


def _types(
    judged: Judged, ways: dict[str, Stopped], truth: Truth, rows: npt.NDArray[np.int64]
) -> dict[str, Any]:
    if truth.types is None:
        return {}
    types = truth.types[rows]
    return {name: by_type(judged, way, types, assumed_challenges()) for name, way in ways.items()}


def _campaigns(
    judged: Judged, ways: dict[str, Stopped], truth: Truth, rows: npt.NDArray[np.int64]
) -> dict[str, Any]:
    if truth.campaigns is None:
        return {}
    return {name: campaigns(judged, way, truth.campaigns[rows]) for name, way in ways.items()}


def _drift(
    developed: Developed, before: npt.NDArray[np.int64], after: npt.NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Inputs of the judged days against those of validation days, the ten most moved."""
    reading, dataset = developed.fitted.reading, developed.dataset
    names = [one.name for one in reading.inputs]
    old = reading.rows(dataset.matrix[before], dataset.dictionaries)
    new = reading.rows(dataset.matrix[after], dataset.dictionaries)
    return [one.document() for one in compare(reference_of(old, names), new, names)[:10]]


def _weeks(
    judged: Judged, way: Stopped, time_us: npt.NDArray[np.int64], split: Split
) -> list[dict[str, Any]]:
    week = (time_us - split.test_us) // (7 * DAY_US)
    found = []
    for number in np.unique(week).tolist():
        chosen = week == number
        part = Judged(judged.fraud[chosen], judged.value[chosen], judged.customer[chosen])
        held = measures(part, Stopped(way.stopped[chosen], way.declined[chosen]))
        found.append({"week": number + 1, "frauds": int(part.fraud.sum()), **held})
    return found


# --- finished delays ------------------------------------------------------------------------------


def _fingerprint(request: EvaluationRequest) -> str:
    digest = hashlib.sha256(program_digest())
    files: Sequence[Path] = [
        request.file,
        request.mapping,
        *([request.truth] if request.truth else []),
        *sorted(path for path in request.policy.rglob("*") if path.is_file()),
    ]
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    facts = [
        request.test_days, request.budget, request.attack_type, request.campaign, request.limit,
        version_of(request.inputs), repr(request.settings),
    ]  # fmt: skip
    digest.update(repr(facts).encode())
    return digest.hexdigest()[:16]


def _place(work: Path, print_of: str, delay_us: int) -> Path:
    return work / f"delay_{delay_us // 1_000_000}s_{print_of}.json"


def _kept(work: Path | None, print_of: str, delay_us: int) -> dict[str, Any] | None:
    if work is None:
        return None
    path = _place(work, print_of, delay_us)
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        path.unlink()  # written by something else: compute it again
        return None


def _keep(work: Path | None, print_of: str, delay_us: int, found: dict[str, Any]) -> None:
    if work is None:
        return
    path = _place(work, print_of, delay_us)
    draft = path.with_suffix(f".{os.getpid()}.part")
    try:
        work.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(msgspec.json.encode(found))
        draft.replace(path)
    except OSError as error:
        detail = "the folder cannot be written"
        raise InvalidRequest("out_unwritable", detail, pointer=str(work)) from error
