"""Screening: the operating curve per kind and script, time a search, octets a name.

    python bench/screening.py --data DIR [--limit N] [--page FILE] [--json [FILE]]
    python bench/screening.py [--names 1000000]

`--data`: a folder with names/ and sanctions/ (`_screening_material.py` says what); listed parties
are distorted (seeded) and must be found again, clean ones (the half that nothing was learned from,
and names made in many scripts) must find nothing. `--page` writes the tables as Markdown.
`--names`: memory, building and searching with so many made-up names instead.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import _screening_clean as invented
import _screening_material as material
from paywarden.aml.screening.batch import screen_all
from paywarden.aml.screening.index import DEFAULT_THRESHOLD, ScreeningIndex
from paywarden.aml.screening.index_file import read_index, write_index
from paywarden.aml.screening.model import ListedEntity, ListedName
from paywarden.aml.screening.party import Party
from paywarden.aml.screening.sources.reading import read_folder
from paywarden.aml.screening.writing import scripts

THRESHOLDS = (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99)
LOWEST = 0.3
UN = "un_consolidated_2026-02-27.xml.gz"
SEED = 7
FIRM_KINDS = ("typo", "order", "joined", "spelling")
SCHEMAS = {"Person": ("Person",), "Company": ("Organization", "Company"), "Vessel": ("Vessel",)}


def lists_of(data: Path, names: Sequence[str] = ()) -> list[ListedEntity]:
    """Entries of the files of a folder, or of some of them."""
    if not names:
        return list(read_folder(data / "sanctions").entities)
    with tempfile.TemporaryDirectory() as made:
        for name in names:
            (Path(made) / name).write_bytes((data / "sanctions" / name).read_bytes())
        return list(read_folder(Path(made)).entities)


def best_scores(index: ScreeningIndex, parties: Sequence[Party]) -> Any:
    found = (index.search(party, LOWEST) for party in parties)
    return np.array([hits[0].score if hits else 0.0 for hits in found])


def recalls(index: ScreeningIndex, entities: Sequence[ListedEntity], kinds: Sequence[str],
            asked_as: str, limit: int) -> dict[str, Any]:  # fmt: skip
    """Scores of listed parties asked for by distorted primary names, by kind of distortion."""
    rnd = random.Random(SEED)
    told = [one for one in entities if len(one.names[0].text.split()) > 1]
    told = rnd.sample(told, min(limit, len(told)))
    found: dict[str, Any] = {}
    for kind in kinds:
        scores = []
        for entity in told:
            party = Party(material.distorted(rnd, entity.names[0].text, kind), asked_as)
            hits = index.search(party, LOWEST)
            scores.append(max((h.score for h in hits if h.entity.id == entity.id), default=0.0))
        found[kind] = np.array(scores)
    return found


def curve(alarms: dict[str, Any], found: dict[str, Any], counted: Sequence[str]) -> list[Any]:
    """Rows of the operating curve: alarms per 1,000, recall over `counted` and of each kind."""
    rows = []
    for t in THRESHOLDS:
        row: dict[str, Any] = {"threshold": t}
        row |= {name: round(1e3 * float((s >= t).mean()), 2) for name, s in alarms.items()}
        hit = {kind: float((scores >= t).mean()) for kind, scores in found.items()}
        row["recall"] = round(float(np.mean([hit[kind] for kind in counted])), 4)
        rows.append(row | {kind: round(share, 4) for kind, share in hit.items()})
    return rows


def of_persons(data: Path, names: Sequence[str], limit: int) -> dict[str, Any]:
    entities = lists_of(data, names)
    index = ScreeningIndex.build(entities)
    _, parties = material.halves(material.clean(data))
    parties = parties[:limit]
    bare = [Party(party.name) for party in parties]
    dated = [Party(party.name, party.schema, party.birth_date) for party in parties]
    by_name, by_birth = best_scores(index, bare), best_scores(index, dated)
    persons = [entity for entity in entities if entity.schema == "Person"]
    found = recalls(index, persons, tuple(material.MORE_KINDS), "", max(200, limit // 12))
    alarms = {"per_1000_by_name": by_name, "per_1000_with_birth_date": by_birth}
    return {
        "listed_names": index.names, "clean": len(parties), "asked": len(found["typo"]),
        "curve": curve(alarms, found, tuple(material.KINDS)),
        "scripts": of_scripts(index, parties, by_name, by_birth),
        **of_speed(index, parties),
    }  # fmt: skip


def of_scripts(index: ScreeningIndex, parties: Sequence[Party], by_name: Any, by_birth: Any) -> Any:
    """False alarms at the default by script: of the clean file, and of names made here."""
    rows = []
    told = np.array(["+".join(sorted(scripts(party.name))) for party in parties])
    for name in sorted(set(told), key=lambda one: -int((told == one).sum())):
        of = told == name
        if of.sum() >= 20:
            rows.append(_script(f"{name.title()} (clean file)", by_name[of], by_birth[of]))
    for name in invented.PERSONS:
        scores = best_scores(index, [Party(one) for one in invented.persons(name, 400, SEED)])
        rows.append(_script(f"{name} (made)", scores, None))
    return rows


def _script(name: str, by_name: Any, by_birth: Any) -> dict[str, Any]:
    alarms = int((by_name >= DEFAULT_THRESHOLD).sum())
    dated = None if by_birth is None else int((by_birth >= DEFAULT_THRESHOLD).sum())
    return {"script": name, "names": len(by_name), "alarms": alarms, "with_birth_date": dated}


def of_others(data: Path, schema: str, clean: Sequence[str], limit: int) -> dict[str, Any]:
    """Organisations or vessels of OFAC's lists."""
    entities = material.ofac(data)
    index = ScreeningIndex.build(entities)
    kind = [entity for entity in entities if entity.schema in SCHEMAS[schema]]
    found = recalls(index, kind, FIRM_KINDS, schema, limit)
    alarms = {"per_1000_by_name": best_scores(index, [Party(one, schema) for one in clean])}
    alarms["per_1000_kind_unsaid"] = best_scores(index, [Party(one, "") for one in clean])
    return {"listed": len(kind), "clean": len(clean), "curve": curve(alarms, found, FIRM_KINDS)}


def of_speed(index: ScreeningIndex, parties: Sequence[Party]) -> dict[str, Any]:
    """CPU time of a search, and parties a second with two processes (wall clock)."""
    spent = []
    for party in parties[:2_000]:
        began = time.process_time_ns()
        index.search(party)
        spent.append(time.process_time_ns() - began)
    started = time.perf_counter()
    screen_all(index, parties, processes=2)
    rate = len(parties) / (time.perf_counter() - started)
    points = np.percentile(np.array(spent) / 1e6, [50, 99, 99.9]).round(3).tolist()
    return {
        "search_cpu_ms": dict(zip(("p50", "p99", "p99.9"), points, strict=True)),
        "batch_per_second": round(rate),
    }


def made_up(count: int, rnd: random.Random) -> Iterator[ListedEntity]:
    letters = material.LETTERS
    parts = ["".join(rnd.choices(letters, k=rnd.randint(2, 4))) for _ in range(1_500)]
    stock = ["".join(rnd.choices(parts, k=2)) for _ in range(max(1_000, count // 8))]
    for number in range(count // 2):
        names = tuple(ListedName(" ".join(rnd.choices(stock, k=3))) for _ in range(2))
        yield ListedEntity(f"m-{number}", "made-up", "Person", names)


def growth(count: int) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    index = ScreeningIndex.build(made_up(count, random.Random(5)))
    built = time.process_time() - began
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rnd, spent = random.Random(6), []
    for _ in range(300):
        name = index.entity(rnd.randrange(index.entities)).names[0].text
        asked = Party(material.distorted(rnd, name, rnd.choice(tuple(material.KINDS))))
        began_ns = time.process_time_ns()
        index.search(asked)
        spent.append(time.process_time_ns() - began_ns)
    points = np.percentile(np.array(spent) / 1e6, [50, 99]).round(3).tolist()
    megabytes = {"process_mb": after // 1024, "index_mb": (after - before) // 1024}
    told = {"names": index.names, "build_cpu_seconds": round(built, 1), "search_cpu_ms": points}
    return {**told, **megabytes, **_filed(index)}


def _filed(index: ScreeningIndex) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "index"
        write_index(index, path)
        began = time.process_time()
        read_index(path)
        spent = time.process_time() - began
        return {"file_mb": path.stat().st_size // 1_000_000, "open_cpu_seconds": round(spent, 2)}


def measured(args: argparse.Namespace) -> dict[str, Any]:
    firms, ships = (make(args.limit // 4, SEED) for make in (invented.firms, invented.ships))
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "un": of_persons(args.data, (UN,), args.limit),
        "all": of_persons(args.data, (), args.limit),
        "organisations": of_others(args.data, "Company", firms, args.limit // 12),
        "vessels": of_others(args.data, "Vessel", ships, args.limit // 12),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--limit", type=int, default=6_000, help="clean names")
    parser.add_argument("--names", type=int, default=0)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--json", nargs="?", const="-")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    if args.data is None:
        args.names = args.names or (5_000 if args.quick else 60_000)
    done: dict[str, Any] = growth(args.names) if args.names else {}
    if args.data:
        done |= measured(args)
    if args.page and args.data:
        from _screening_page import page

        args.page.write_text(page(done), "utf-8")
    text = json.dumps(done, indent=2)
    if args.json and args.json != "-":
        Path(args.json).write_text(text)
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
