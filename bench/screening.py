"""Screening alone: the operating curve per script, microseconds a search, bytes a name.

    python bench/screening.py --list DIR --clean FILE [--names 1000000] [--json [FILE]]

`--list`: a folder of list files; listed persons are distorted (seeded) and must be found again.
`--clean`: a file of parties who are on no list (`full_name`, optionally `date_of_birth`); whoever
alerts is a false positive. `--names N`: also measure memory and speed with N made-up names.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from paywarden.aml.screening.batch import screen_all
from paywarden.aml.screening.index import DEFAULT_THRESHOLD, ScreeningIndex
from paywarden.aml.screening.model import ListedEntity, ListedName
from paywarden.aml.screening.party import Party
from paywarden.aml.screening.sources.reading import read_folder
from paywarden.aml.screening.writing import scripts
from paywarden.cli.screen_file import read_parties

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.99)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SPELLINGS = (("ou", "u"), ("ee", "i"), ("q", "k"), ("kh", "h"), ("y", "i"), ("w", "v"),
             ("mohammad", "muhammed"), ("abdul ", "abd al-"), ("ss", "s"), ("dd", "d"))  # fmt: skip


def distorted(rnd: random.Random, name: str, kind: str) -> str:
    words = name.lower().split()
    if kind == "typo":
        at = rnd.choice([i for i, c in enumerate(name) if c.isalpha()])
        text, act = name.lower(), rnd.randrange(4)
        if act == 3:
            return text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :]
        return text[:at] + ("" if act == 0 else rnd.choice(LETTERS)) + text[at + (act != 1) :]
    if kind == "order":
        rnd.shuffle(words)
    elif kind == "initial" and len(words) > 2:
        at = rnd.randrange(len(words) - 1)
        words[at] = words[at][0] + "."
    elif kind == "dropped" and len(words) > 2:
        del words[rnd.randrange(len(words))]
    elif kind == "joined" and len(words) > 1:
        at = rnd.randrange(len(words) - 1)
        words[at : at + 2] = [words[at] + words[at + 1]]
    elif kind == "spelling":
        one, other = rnd.choice(
            [pair for pair in SPELLINGS if pair[0] in name.lower()] or [("", "")]
        )
        return name.lower().replace(one, other, 1) if one else name.lower()
    return " ".join(words)


KINDS = ("typo", "order", "initial", "dropped", "joined", "spelling")


def recall(index: ScreeningIndex, persons: list[ListedEntity], rnd: random.Random) -> Any:
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for kind in KINDS:
        for entity in persons:
            asked = Party(distorted(rnd, entity.names[0].text, kind))
            hits = index.search(asked, THRESHOLDS[0])
            same = [hit.score for hit in hits if hit.entity.id == entity.id]
            found[kind].append(max(same, default=0.0))
    return {kind: np.array(scores) for kind, scores in found.items()}


def percentiles(seconds: list[float]) -> dict[str, float]:
    points = np.percentile(np.array(seconds) * 1e3, [50, 99, 99.9])
    return dict(zip(("p50_ms", "p99_ms", "p999_ms"), np.round(points, 3).tolist(), strict=True))


def clean_scores(index: ScreeningIndex, parties: list[Party]) -> tuple[Any, dict[str, float]]:
    index.search(parties[0])
    scores, seconds = [], []
    for party in parties:
        began = time.perf_counter()
        hits = index.search(party, THRESHOLDS[0])
        seconds.append(time.perf_counter() - began)
        scores.append(hits[0].score if hits else 0.0)
    return np.array(scores), percentiles(seconds)


def made_up(count: int, rnd: random.Random) -> Iterator[ListedEntity]:
    parts = ["".join(rnd.choices(LETTERS, k=rnd.randint(2, 4))) for _ in range(1_500)]
    stock = ["".join(rnd.choices(parts, k=2)) for _ in range(max(1_000, count // 8))]
    for number in range(count // 2):
        names = tuple(ListedName(" ".join(rnd.choices(stock, k=3))) for _ in range(2))
        yield ListedEntity(f"m-{number}", "made-up", "Person", names)


def growth(count: int) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    index = ScreeningIndex.build(made_up(count, random.Random(5)))
    built = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rnd, seconds = random.Random(6), []
    for _ in range(300):
        name = index.entity(rnd.randrange(index.entities)).names[0].text
        began = time.perf_counter()
        index.search(Party(distorted(rnd, name, rnd.choice(KINDS))))
        seconds.append(time.perf_counter() - began)
    grown = {"names": index.names, "build_seconds": round(built, 1)}
    return {**grown, "process_mb": after // 1024, "index_mb": (after - before) // 1024,
            **percentiles(seconds)}  # fmt: skip


def curve(args: argparse.Namespace) -> dict[str, Any]:
    entities = read_folder(args.list).entities
    index = ScreeningIndex.build(entities)
    parties = read_parties(args.clean)
    random.Random(args.seed).shuffle(parties)
    parties = parties[: args.limit]
    bare = [Party(party.name) for party in parties]
    by_name, search = clean_scores(index, bare)
    dated, _ = clean_scores(index, parties)
    persons = [e for e in entities if e.schema == "Person" and len(e.names[0].text.split()) > 1]
    persons = random.Random(args.seed).sample(persons, min(args.limit // 8, len(persons)))
    scores = recall(index, persons, random.Random(args.seed))
    began, cpu = time.perf_counter(), time.process_time()
    screen_all(index, bare, processes=2)
    rate = len(bare) / (time.perf_counter() - began)
    kinds = ["+".join(sorted(scripts(party.name))) for party in parties]
    alarms = Counter(k for k, s in zip(kinds, by_name, strict=True) if s >= DEFAULT_THRESHOLD)
    return {
        "listed_names": index.names, "clean_names": len(parties), "search": search,
        "batch_names_per_second": round(rate), "parent_cpu_seconds": time.process_time() - cpu,
        "curve": [
            {"threshold": t, "per_1000_by_name": 1e3 * float((by_name >= t).mean()),
             "per_1000_with_facts": 1e3 * float((dated >= t).mean()),
             **{kind: round(float((s >= t).mean()), 4) for kind, s in scores.items()}}
            for t in THRESHOLDS
        ],
        "per_1000_by_script": {
            kind: round(1e3 * alarms[kind] / count, 2) for kind, count in Counter(kinds).items()
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", type=Path)
    parser.add_argument("--clean", type=Path)
    parser.add_argument("--limit", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--names", type=int, default=0)
    parser.add_argument("--json", nargs="?", const="-")
    args = parser.parse_args()
    done: dict[str, Any] = growth(args.names) if args.names else {}
    if args.list and args.clean:
        done |= curve(args)
    text = json.dumps(done, indent=2)
    if args.json and args.json != "-":
        Path(args.json).write_text(text)
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
