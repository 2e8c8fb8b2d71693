"""Time of the model step for one payment: inputs, score, probability, and reasons of alerts.

Without a model, one is fitted on numbers drawn with a fixed seed, over every input of the shipped
recipe; `--model FOLDER` takes a trained one (its key: `model.pub` beside it). Vectors are drawn,
a tenth of their values missing. Prints p50, p99 and p99.9 in microseconds. `exact` is what an
explanation costs afterwards; `anomaly` the score without labels, where the model carries one.
`--onnx` adds the same trees as an ONNX model.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from _onnx import onnx_of
from paywarden.evidence.note import VerifierKey
from paywarden.lab.training.fitting import Settings, calibrated, fit
from paywarden.risk.features.catalogue import FIELDS
from paywarden.risk.rules.scope import condition_types
from paywarden.risk.scoring.anomaly import fit_anomaly
from paywarden.risk.scoring.artefact import Artefact, Operating, read_artefact
from paywarden.risk.scoring.recipe import default_inputs
from paywarden.risk.scoring.scorer import Scorer, windows_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--onnx", action="store_true", help="the same trees by ONNX Runtime")
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    artefact = _made() if given.model is None else _read(given.model)
    windows = windows_of(artefact)
    paths = [*FIELDS, *(f"agg.{one.name}" for one in windows)]
    slots = {path: slot for slot, path in enumerate(paths)}
    scorer = Scorer(artefact, slots, with_anomaly=False)
    types = condition_types(windows, ())
    draw = random.Random(5)
    vectors = [[_value(draw, types[path].kind) for path in paths] for _ in range(given.rows)]
    scores = [scorer.score(vector) for vector in vectors]
    rows = [score.row for score in scores]
    assert scorer._engine is not None
    found = {
        "inputs": _spread(scorer._rows.values, vectors),
        "score": _spread(scorer._engine.output, rows),
        "whole": _spread(scorer.score, vectors),
        "reasons": _spread(scorer.reasons, scores),
        "exact": _spread(scorer._engine.exact, rows[:600]),
    }
    if artefact.anomaly is not None:
        forest = Scorer(artefact, slots)._unlike
        assert forest is not None
        found["anomaly"] = _spread(forest.output, rows)
    if given.onnx:
        body = onnx_of(artefact.trees_text, len(artefact.inputs))
        other = Scorer(replace(artefact, trees_text="", onnx=body), slots, with_anomaly=False)
        assert other._engine is not None
        found["onnx"] = _spread(other._engine.output, rows)
        found["reasons*"] = _spread(other.reasons, scores[:1_500])
    size = {"inputs": len(artefact.inputs), "trees": artefact.trees}
    if given.json:
        print(json.dumps({"model": size, "microseconds": found}))
        return
    print(f"{size['trees']} trees over {size['inputs']} inputs; microseconds")
    for name, row in found.items():
        print(f"{name:10}" + "".join(f"{key:>8} {value:>9.1f}" for key, value in row.items()))


def _read(folder: Path) -> Artefact:
    public = (folder.parent / "model.pub").read_text()
    return read_artefact(folder, [VerifierKey.parse(public)])


def _made() -> Artefact:
    """A model over the whole shipped recipe, as large as a trained one."""
    inputs = default_inputs()
    draw = np.random.default_rng(3)
    rows = draw.uniform(0, 10_000, (20_000, len(inputs))).astype(np.float32)
    rows[draw.random(rows.shape) < 0.1] = np.nan
    fraud = np.nan_to_num(rows[:, :40]).sum(axis=1) + draw.normal(0, 9_000, 20_000) > 205_000
    fitted = fit(inputs, rows, fraud, 1.0, {}, Settings())
    raw = fitted.raw(rows)
    names, every = [one.name for one in fitted.reading.inputs], np.ones(len(inputs), np.bool_)
    return Artefact(
        fitted.text,
        fitted.booster.num_trees(),
        fitted.reading.inputs,
        {},
        calibrated(fitted, raw, fraud),
        Operating(0.1, 0.5, 0.01),
        "EUR",
        {},
        anomaly=fit_anomaly(rows, names, every, rows[:1_000]),
    )


def _value(draw: random.Random, kind: str) -> Any:
    if draw.random() < 0.1 or kind not in ("int", "double", "bool"):
        return None
    if kind == "int":
        return draw.randrange(10_000)
    return draw.uniform(0, 10_000) if kind == "double" else draw.random() < 0.5


def _spread(call: Callable[[Any], Any], arguments: list[Any]) -> dict[str, float]:
    for argument in arguments[:500]:
        call(argument)
    times = []
    for argument in arguments:
        began = time.perf_counter_ns()
        call(argument)
        times.append(time.perf_counter_ns() - began)
    times.sort()
    return {
        name: round(times[min(len(times) - 1, int(share * len(times)))] / 1000, 1)
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
    }


if __name__ == "__main__":
    main()
