"""Precision and recall of card number discovery on a planted corpus, and its speed.

Each form is planted in files of its own; innocents stand a thousand to a file. Speed is of one
core, by its processor time, over text with few digits, log lines, and text that is mostly digits.
"""

from __future__ import annotations

import io
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import _card_corpus as corpus
import _report
from paywarden.cde.discovery.findings import Findings
from paywarden.cde.discovery.judgement import masked
from paywarden.cde.discovery.streaming import stream_hits
from paywarden.cde.discovery.walking import scan_tree


def accuracy(seed: int, each: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A row for each form, and the whole."""
    with tempfile.TemporaryDirectory(prefix="paywarden-discovery-") as folder:
        planted = corpus.plant(Path(folder), seed, each)
        findings = Findings(b"\1" * 32)
        scan_tree(Path(folder), findings, lambda _name: None)
    found: dict[str, list[Any]] = {}
    for one in findings.found:
        found.setdefault(one.path.split("!")[0].split("#")[0], []).append(one)
    rows = []
    for form, files in planted.items():
        right = sum(
            any(one.masked == masked(number) for one in found.get(path, ()))
            for path, number in files.items() if number
        )  # fmt: skip
        wrong = sum(
            sum(not number or one.masked != masked(number) for one in found.get(path, ()))
            for path, number in files.items()
        )
        total = sum(1 for number in files.values() if number)
        rows.append({"form": form, "planted": total, "found": right, "wrong": wrong})
    planted_all = sum(row["planted"] for row in rows)
    right_all, wrong_all = sum(row["found"] for row in rows), sum(row["wrong"] for row in rows)
    whole = {
        "planted": planted_all,
        "recall": round(right_all / planted_all, 4),
        "precision": round(right_all / max(1, right_all + wrong_all), 4),
        "skipped": len(findings.skipped),
    }
    return rows, whole


def material(rng: random.Random, octets: int) -> dict[str, bytes]:
    """Text of each kind, about `octets` long."""
    words = [
        "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(4000)
    ]
    sparse = " ".join(rng.choices(words, k=octets // 6))
    log = "".join(
        f'203.0.113.9 - - [25/Nov/2026:12:00:{rng.randrange(60):02d} +0000] "GET /v1/x?id='
        f'{rng.randrange(10**9)} HTTP/1.1" 200 {rng.randrange(9999)} "-" "Browser/5.0"\n'
        for _ in range(octets // 105)
    )
    dense = "".join(
        f"{rng.randrange(10**15, 10**16)},{rng.randrange(10**9)},{rng.randrange(10**12)}\n"
        for _ in range(octets // 40)
    )
    groups = "".join(f"{rng.randrange(10**4):04d} " for _ in range(octets // 5))
    return {
        "sparse text": sparse.encode(), "log lines": log.encode(), "digit-dense": dense.encode(),
        "groups of four": groups.encode(), "random octets": rng.randbytes(octets // 4),
    }  # fmt: skip


def speed(seed: int, octets: int) -> list[dict[str, Any]]:
    """MB/s of one core for each kind of text."""
    list(stream_hits(io.BytesIO(b"warm up " * 100).read))
    rows = []
    for name, text in material(random.Random(seed), octets).items():
        best = 0.0
        found = 0
        for _ in range(3):
            began = time.process_time()
            found = sum(1 for _ in stream_hits(io.BytesIO(text).read))
            best = max(best, len(text) / 1e6 / (time.process_time() - began))
        rows.append({"text": name, "MB": round(len(text) / 1e6, 1), "MB/s": round(best, 1),
                     "findings": found})  # fmt: skip
    return rows


def main() -> None:
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    rows, whole = accuracy(given.seed, 5 if given.quick else 25)
    _report.say("planted corpus scanned")
    fast = speed(given.seed, (2 << 20) if given.quick else (16 << 20))
    report = {"machine": _report.machine(), "forms": rows, "whole": whole, "speed": fast,
              "resident_mib": _report.resident_mib()}  # fmt: skip
    shown = "\n\n".join([_report.table(rows), str(whole), _report.table(fast)])
    _report.finish(report, shown, given.json)


if __name__ == "__main__":
    main()
