"""Time of the model step for one payment: inputs, score, probability; and reasons for alerts.

python bench/scoring.py MODEL_FOLDER [--rows 5000]

Vectors are made of numbers drawn with a fixed seed, a tenth of them missing. Prints p50, p99 and
p99.9 in microseconds for each part and for the whole, as JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from paywarden.evidence.note import VerifierKey
from paywarden.risk.features.catalogue import FIELDS
from paywarden.risk.rules.scope import condition_types
from paywarden.risk.scoring.artefact import read_artefact
from paywarden.risk.scoring.scorer import Scorer, windows_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--trust", type=Path, help="default: model.pub beside the model")
    parser.add_argument("--rows", type=int, default=5_000)
    given = parser.parse_args()
    public = given.trust or given.model.parent / "model.pub"
    artefact = read_artefact(given.model, [VerifierKey.parse(public.read_text())])
    windows = windows_of(artefact)
    paths = [*FIELDS, *(f"agg.{one.name}" for one in windows)]
    scorer = Scorer(artefact, {path: slot for slot, path in enumerate(paths)})
    types = condition_types(windows, ())
    draw = random.Random(5)
    vectors = [[_value(draw, types[path].kind) for path in paths] for _ in range(given.rows)]
    scores = [scorer.score(vector) for vector in vectors]
    handle = scorer._handle()
    found = {
        "inputs": len(artefact.inputs),
        "trees": artefact.trees,
        "values_us": _spread(scorer._rows.values, vectors),
        "score_us": _spread(handle.probability, [score.row for score in scores]),
        "whole_us": _spread(scorer.score, vectors),
        "reasons_us": _spread(scorer.reasons, scores),
    }
    print(json.dumps(found, indent=1))


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
