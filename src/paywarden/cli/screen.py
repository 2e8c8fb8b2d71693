"""`paywarden screen FILE --list DIR`: parties of a file against the lists of a folder.

Guards: a list file that could not be read is told on standard error and in the answer, and a folder
without one readable entry is an error, since a clean answer from no list would deceive. Not done
here: reading lists (`paywarden.aml.screening.sources`), matching (`paywarden.aml.screening.index`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from paywarden.aml.screening.batch import screen_all
from paywarden.aml.screening.index import DEFAULT_THRESHOLD, Hit, ScreeningIndex
from paywarden.aml.screening.sources.reading import FolderOfLists, read_folder
from paywarden.cli import output
from paywarden.cli.screen_file import read_parties
from paywarden.core.errors import InvalidRequest
from paywarden.kit.clock import SystemClock


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `screen`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="parties: CSV, Parquet, JSON lines")
    parser.add_argument("--list", type=Path, required=True, metavar="DIR", help="list files")
    parser.add_argument(
        "--threshold", type=_share, default=DEFAULT_THRESHOLD, help="score that alerts, 0 to 1"
    )


def run(arguments: argparse.Namespace) -> int:
    """Screen the file. Exit code 0 whether or not there are hits; 3 for bad input."""
    parties = read_parties(arguments.file)
    folder = _lists(arguments.list)
    index = ScreeningIndex.build(folder.entities)
    clock = SystemClock()
    began = clock.monotonic_ns()
    found = screen_all(index, parties, arguments.threshold)
    seconds = (clock.monotonic_ns() - began) / 1e9
    hits = [
        _document(row, parties[row].name, hit) for row, hits in enumerate(found) for hit in hits
    ]
    document = {
        "queries": len(parties),
        "hits": hits,
        "seconds": round(seconds, 6),
        "threshold": arguments.threshold,
        "names": index.names,
        "lists": [{"file": file.name, "entities": file.entities} for file in folder.files],
        "unread": [{"file": f.name, "code": f.code, "detail": f.detail} for f in folder.faults],
    }
    output.answer(arguments, document, _words(document))
    return output.DONE


def _share(text: str) -> float:
    value = float(text)
    if not 0.0 < value <= 1.0:
        raise argparse.ArgumentTypeError("a threshold is over 0 and at most 1")
    return value


def _lists(path: Path) -> FolderOfLists:
    folder = read_folder(path)
    for fault in folder.faults:
        output.tell(f"paywarden: {fault.name}: {fault.detail}; {fault.remedy} [{fault.code}]")
    if not folder.entities:
        detail = "holds no list that could be read"
        raise InvalidRequest("lists_missing", detail, pointer=str(path))
    return folder


def _document(row: int, query: str, hit: Hit) -> dict[str, Any]:
    why = [
        {"feature": part.feature, "value": part.value, "contribution": part.contribution}
        for part in hit.judgement.contributions
    ]
    return {
        "row": row,
        "query": query,
        "entry": hit.entity.id,
        "list": hit.entity.source,
        "score": round(hit.score, 6),
        "why": hit.judgement.text,
        "name": hit.judgement.name,
        "features": why,
    }


def _words(document: dict[str, Any]) -> str:
    lines = [
        f"{document['queries']} parties against {document['names']} names in "
        f"{document['seconds']:.2f} s: {len(document['hits'])} hits"
    ]
    for hit in document["hits"]:
        lines.append(
            f"row {hit['row']}: {hit['query']} = {hit['name']} ({hit['entry']}) "
            f"{hit['score']:.2f}: {hit['why']}"
        )
    return "\n".join(lines)
