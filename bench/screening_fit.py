"""Learn the weights of `paywarden.aml.screening.weights` anew, and print them.

    python bench/screening_fit.py --pairs PAIRS.csv --list DIR --clean FILE

`--pairs`: labelled pairs (`case_group,schema,name1,name2,is_match`), cross-validated by case_group.
`--list`, `--clean`: as in `bench/screening.py`; half of the clean names, picked by seed, are used.
Ridge logistic regression by Newton steps on standardised features; no randomness but the seed.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

from paywarden.aml.screening import features
from paywarden.aml.screening.alignment import align
from paywarden.aml.screening.index import ScreeningIndex
from paywarden.aml.screening.parsing import PERSON, kind_of, parse
from paywarden.aml.screening.sources.reading import read_folder
from paywarden.cli.screen_file import read_parties
from screening import KINDS, distorted

RIDGE = 1.0
STEPS = 40
NEAREST = 6


def row(one: str, other: str, kind: str) -> tuple[float, ...]:
    a, b = parse(one, kind), parse(other, kind)
    return features.values(a, b, align(a, b))


def fitted(x: Any, y: Any) -> Any:
    mean, spread = x.mean(0), x.std(0) + 1e-6
    z = np.c_[(x - mean) / spread, np.ones(len(x))]
    b, ridge = np.zeros(z.shape[1]), np.eye(z.shape[1]) * RIDGE
    ridge[-1, -1] = 0.0
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(z @ b, -30, 30)))
        w = p * (1 - p) + 1e-9
        b += np.linalg.solve(z.T @ (z * w[:, None]) + ridge, z.T @ (y - p) - ridge @ b)
    weights = b[:-1] / spread
    return weights, float(b[-1] - (weights * mean).sum())


def probability(x: Any, model: Any) -> Any:
    return 1 / (1 + np.exp(-(x @ model[0] + model[1])))


def f1(p: Any, y: Any, threshold: float) -> float:
    hit = p >= threshold
    return float(2 * (hit & (y > 0)).sum() / max(1, hit.sum() + y.sum()))


def of_pairs(path: Path) -> Any:
    with path.open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    x = np.array([row(r["name1"], r["name2"], kind_of(r["schema"])) for r in rows])
    y = np.array([float(r["is_match"] == "true") for r in rows])
    groups, held_out = np.array([r["case_group"] for r in rows]), np.zeros(len(rows))
    for group in set(groups):
        held_out[groups == group] = probability(
            x[groups == group], fitted(x[groups != group], y[groups != group])
        )
    figures = {t: round(f1(held_out, y, t), 3) for t in (0.4, 0.45, 0.5, 0.55, 0.6)}
    sys.stdout.write(f"F1 by threshold, each case_group held out: {figures}\n")
    return fitted(x, y)


def of_search(folder: Path, clean: Path) -> Any:
    rnd = random.Random(101)
    entities = [e for e in read_folder(folder).entities if e.schema == "Person"]
    texts = [rnd.choice(e.names).text for e in rnd.sample(entities, min(4_500, len(entities)))]
    listed = [text for text in texts if len(text.split()) > 1 and text.isascii()]
    right = [row(distorted(rnd, text, rnd.choice(KINDS)), text, PERSON) for text in listed]
    names = [party.name for party in read_parties(clean)]
    rnd.shuffle(names)
    shelf = ScreeningIndex.build(entities).shelf(PERSON)
    wrong = []
    for name in names[: min(4_500, len(names) // 2)]:
        found = shelf.find(parse(name, PERSON), NEAREST)
        wrong += [row(name, shelf.text(number), PERSON) for number in found]
    return fitted(np.array(right + wrong), np.r_[np.ones(len(right)), np.zeros(len(wrong))])


def printed(name: str, model: Any) -> None:
    pairs = zip(features.NAMES, model[0], strict=True)
    lines = "".join(f'    "{feature}": {weight:.3f},\n' for feature, weight in pairs)
    sys.stdout.write(f"{name} = {{\n{lines}}}\n{name}_INTERCEPT = {model[1]:.3f}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--pairs", "--list", "--clean"):
        parser.add_argument(option, type=Path, required=True)
    args = parser.parse_args()
    printed("NAMES", of_pairs(args.pairs))
    printed("SEARCH", of_search(args.list, args.clean))


if __name__ == "__main__":
    main()
