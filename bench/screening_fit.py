"""Learn what screening weighs names by, from permitted material alone, and write it down.

    python bench/screening_fit.py --data DIR [--check]

Writes `common_words.txt` and `weights.py` of `paywarden.aml.screening`; `--check` writes nothing
and exits 1 where the shipped files differ from what it would write. Everything is seeded: the same
material gives the same files. What may be used is said in `_screening_material.py`.

Ridge logistic regression by Newton steps on standardised features, each weight kept to the sign
that its feature means (`SIGNS`): a weight that wants the other sign is left out, the worst first,
the rest learned again, and one that would help after all is taken back. Labelled pairs are
cross-validated: each case group is judged by weights that were learned without it.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

import _screening_clean as invented
import _screening_material as material
import paywarden.aml.screening as screening
from _screening_pairs import PairMaker
from _screening_rarity import table
from paywarden.aml.screening import features
from paywarden.aml.screening.alignment import align
from paywarden.aml.screening.index import CANDIDATES, ScreeningIndex
from paywarden.aml.screening.parsing import (
    ORGANISATION,
    PERSON,
    VESSEL,
    ParsedName,
    kind_of,
    parse,
)

SEED = 20_261_125
RIDGE_PAIRS = 3.0
RIDGE_SEARCH = 1.0
STEPS = 40
CLOSE = 1e-7
ROUNDS = 80
WANTED = 1e-3
"""Slope at which a feature that was left out comes back."""
MADE_ROUNDS = 1_000
MADE_WORTH = 40.0
"""All made pairs together weigh as much as this many labelled ones."""
MADE_CLEAN = 4_000
"""Made-up clean names of companies, and of ships."""
OF_FIRMS = dict.fromkeys(("typo", "order", "joined", "spelling"), 1.0)
KINDS = {
    PERSON: ("Person", {**dict.fromkeys(material.KINDS, 1.0), "added": 0.3, "script": 0.5}),
    ORGANISATION: ("Organization", {**OF_FIRMS, "dropped": 0.3, "script": 0.3}),
    VESSEL: ("Vessel", {**OF_FIRMS, "script": 0.3}),
}
"""Schema and distortions of each kind; some distortions are rarer than others. Names in Arabic
letters change so much that learning from them would let strangers in; they are met by consonants,
and measured."""
SIGNS = {
    "agreement": 1, "loosest_word": -1, "contradiction": -1, "omission": -1, "unsupported": -1,
    "lone_word": -1, "initials": 1, "initials_only": 0, "forms_differ": -1, "numbers_differ": -1,
    "same_letters": 1, "native_differs": -1, "acronym": 1, "edit_share": -1, "common_only": -1,
    "inner_omission": 1, "known_apart": -1, "strangers": -1, "reversed_lineage": -1,
    "evidence": 1, "thin_evidence": -1, "asked_over": -1, "asked_common": -1,
    "syllables_over": -1,
}  # fmt: skip
"""+1: speaks for a match, -1: against, 0: either."""
HEAD = '''\
"""What each feature is worth: logistic weights, learned offline and readable.

Two questions, two sets. `NAMES` answers whether two names that somebody holds beside each other
are of one party, and stands behind `compare_names`. `PERSONS`, `ORGANISATIONS` and `VESSELS` answer
whether a find among tens of thousands of listed names is the one asked for, where chance likeness
is common. Written by `bench/screening_fit.py`, not by hand: from labelled pairs and
clean names (opensanctions/nomenklatura and yente, MIT), from OFAC's lists (work of the US
government) and from distortions of those. A feature of 0 never differed or wanted another sign.
"""

from __future__ import annotations

MATERIAL = "{digest}"
"""SHA-256 over the material."""
'''


def fitted(x: Any, y: Any, worth: Any, ridge: float) -> Any:
    """Weights and intercept of ridge logistic regression; `worth` of each row."""
    mean, spread = x.mean(0), x.std(0) + 1e-6
    z = np.c_[(x - mean) / spread, np.ones(len(x))]
    b, penalty = np.zeros(z.shape[1]), np.eye(z.shape[1]) * ridge
    penalty[-1, -1] = 0.0
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(z @ b, -30, 30)))
        curvature = (p * (1 - p) + 1e-9) * worth
        slope = z.T @ ((y - p) * worth) - penalty @ b
        step = np.linalg.solve(z.T @ (z * curvature[:, None]) + penalty, slope)
        b += step
        if np.abs(step).max() < CLOSE:
            break
    weights = b[:-1] / spread
    return weights, float(b[-1] - (weights * mean).sum())


def signed(x: Any, y: Any, worth: Any, ridge: float, names: tuple[str, ...]) -> Any:
    """The same, each weight of the sign that its feature means, or nought."""
    signs = np.array([SIGNS[name] for name in names])
    kept, best = np.ones(len(names), bool), np.zeros(len(names))
    for _ in range(ROUNDS):
        weights, intercept = fitted(x[:, kept], y, worth, ridge)
        best = np.zeros(len(names))
        best[kept] = weights
        wrong = np.where(signs * best < 0, np.abs(best) * x.std(0), 0.0)
        if wrong.any():
            kept[wrong.argmax()] = False
            continue
        missing = (y - probability(x, (best, intercept))) * worth
        wanted = signs * (((x - x.mean(0)) / (x.std(0) + 1e-6)).T @ missing)
        wanted[kept] = 0.0
        if wanted.max() <= WANTED:
            break
        kept[wanted.argmax()] = True
    best[signs * best < 0] = 0.0
    return best, intercept


def probability(x: Any, model: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(x @ model[0] + model[1], -40, 40)))


def f1(p: Any, y: Any, threshold: float) -> float:
    hit = p >= threshold
    return float(2 * (hit & (y > 0)).sum() / max(1, hit.sum() + y.sum()))


def pair_row(one: str, other: str, schema: str) -> tuple[float, ...] | None:
    kind = kind_of(schema)
    a, b = parse(one, kind), parse(other, kind)
    return None if a.empty or b.empty else features.values(a, b, align(a, b))


def labelled(data: Path) -> tuple[Any, Any, Any]:
    """Features, truth and case group of the labelled pairs."""
    rows = material.pairs(data)
    values = [pair_row(row["name1"], row["name2"], row["schema"]) for row in rows]
    kept = [place for place, one in enumerate(values) if one is not None]
    truth = [float(rows[place]["is_match"] == "true") for place in kept]
    groups = [rows[place]["case_group"] for place in kept]
    return np.array([values[place] for place in kept]), np.array(truth), np.array(groups)


def made(data: Path) -> tuple[Any, Any]:
    """Features and truth of the made pairs."""
    x, y = [], []
    for pair in PairMaker(data, SEED).pairs(MADE_ROUNDS):
        row = pair_row(pair.one, pair.other, pair.schema)
        if row is not None:
            x.append(row)
            y.append(float(pair.same))
    return np.array(x), np.array(y)


def of_pairs(data: Path) -> tuple[Any, dict[float, float]]:
    """Weights from all pairs, and F1 by threshold with each case group held out in turn."""
    x, y, groups = labelled(data)
    made_x, made_y = made(data)
    held_out = np.zeros(len(y))
    for group in np.unique(groups):
        rest = groups != group
        model = _of_both(x[rest], y[rest], made_x, made_y)
        held_out[~rest] = probability(x[~rest], model)
    figures = {t: round(f1(held_out, y, t), 3) for t in (0.4, 0.45, 0.5, 0.55, 0.6)}
    return _of_both(x, y, made_x, made_y), figures


def _of_both(x: Any, y: Any, made_x: Any, made_y: Any) -> Any:
    worth = np.r_[np.ones(len(y)), np.full(len(made_y), MADE_WORTH / len(made_y))]
    return signed(np.r_[x, made_x], np.r_[y, made_y], worth, RIDGE_PAIRS, features.NAMES)


def of_search(data: Path) -> Iterator[tuple[str, Any]]:
    """Weights of what is found in an index, by kind."""
    index = ScreeningIndex.build(material.ofac(data))
    for kind, (schema, distortions) in KINDS.items():
        right, worth = _right(data, index, kind, schema, distortions)
        wrong = _wrong(data, index, kind)
        y = np.r_[np.ones(len(right)), np.zeros(len(wrong))]
        worth = np.r_[worth, np.ones(len(wrong))]
        model = signed(np.r_[right, wrong], y, worth, RIDGE_SEARCH, features.FOUND)
        yield kind, model


def _right(
    data: Path, index: ScreeningIndex, kind: str, schema: str, distortions: dict[str, float]
) -> tuple[Any, Any]:
    """Listed parties (persons: also as asked for in queries), each distorted in every way."""
    entities = [index.entity(number) for number in range(index.entities)]
    texts = [entity.names[0].text for entity in entities if entity.schema == schema]
    texts += material.queries(data) if kind == PERSON else []
    rnd, rarity, rows, worth = random.Random(SEED), index.shelf(kind).rarity, [], []
    for text in (one for one in texts if len(one.split()) > 1 or kind != PERSON):
        listed = parse(text, kind)
        for distortion, share in distortions.items():
            asked = parse(material.distorted(rnd, text, distortion), kind)
            if not (asked.empty or listed.empty):
                rows.append(features.found_values(asked, listed, align(asked, listed), rarity))
                worth.append(share)
    return np.array(rows), np.array(worth)


def _wrong(data: Path, index: ScreeningIndex, kind: str) -> Any:
    """What clean names find; organisations and vessels also what listed ones find of others."""
    shelf, rows = index.shelf(kind), []
    for name, own in _clean(data, index, kind):
        asked = parse(name, kind)
        for number in shelf.find(asked, CANDIDATES):
            listed = parse(shelf.text(number), kind)
            if shelf.entity(number) != own and not _like(asked, listed):
                values = features.found_values(asked, listed, align(asked, listed), shelf.rarity)
                rows.append(values)
    return np.array(rows)


def _clean(data: Path, index: ScreeningIndex, kind: str) -> Iterator[tuple[str, int]]:
    """Names, and the entry that each belongs to (-1: none)."""
    if kind == PERSON:
        learned, _ = material.halves(material.clean(data))
        yield from ((party.name, -1) for party in learned)
        return
    make = invented.firms if kind == ORGANISATION else invented.ships
    yield from ((name, -1) for name in make(MADE_CLEAN, SEED))
    for number in range(index.entities):
        entity = index.entity(number)
        if entity.schema == KINDS[kind][0]:
            yield entity.names[0].text, number


def _like(asked: ParsedName, listed: ParsedName) -> bool:
    """Two entries of nearly one name may well be one party: no example of two."""
    texts = [" ".join(sorted(word.text for word in one.words)) for one in (asked, listed)]
    return Levenshtein.normalized_similarity(*texts) > 0.8


def printed(name: str, names: tuple[str, ...], model: Any, about: str) -> str:
    """A set of weights as text."""
    pairs = zip(names, model[0], strict=True)
    lines = "".join(f'    "{feature}": {weight + 0.0:.3f},\n' for feature, weight in pairs)
    told = f"{name}: dict[str, float] = {{\n{lines}}}\n"
    return told + f'"""{about}"""\n{name}_INTERCEPT = {model[1]:.3f}\n'


def weights(data: Path) -> tuple[str, dict[float, float]]:
    """The text of `weights.py`, and F1 by threshold."""
    of_names, figures = of_pairs(data)
    text = HEAD.format(digest=material.digest(data))
    text += printed("NAMES", features.NAMES, of_names, "Weights of `compare_names`.")
    for kind, model in of_search(data):
        about = f"Weights of a find: {kind}."
        text += printed(f"{kind.upper()}S", features.FOUND, model, about)
    return text, figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the material")
    parser.add_argument("--check", action="store_true", help="write nothing, tell what differs")
    parser.add_argument("--words", action="store_true", help="only the table, which comes first")
    args = parser.parse_args()
    done = {"common_words.txt": table(args.data)}
    if not args.words:
        done["weights.py"], figures = weights(args.data)
        sys.stdout.write(f"F1 by threshold, each case_group held out: {figures}\n")
    room = Path(screening.__file__).parent
    stale = [name for name, text in done.items() if (room / name).read_text("utf-8") != text]
    sys.stdout.write(f"differ from what is shipped: {', '.join(stale) or 'none'}\n")
    if args.check:
        return 1 if stale else 0
    for name in stale:
        (room / name).write_text(done[name], "utf-8")
    if "common_words.txt" in stale:
        sys.stdout.write("the table has changed: run once more, for weights that rest on it\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
