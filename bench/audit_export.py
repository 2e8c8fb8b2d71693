"""An export of many leaves, written without a server, and its offline verification.

    python bench/audit_export.py generate DIR [--leaves 10000000] [--processes 2]
    python bench/audit_export.py verify DIR [--processes 2] [--json]

`generate` writes what `audit export` writes: files of 65,536 records (leaves of decisions, made
by the program's own `leaf_of`), their tiles of the lowest level, a signed checkpoint each 1,037
leaves, verify.py, and beside the folder the file of pinned keys. `verify` runs the exported script
as a process of its own and takes its time.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any

from paywarden.core.secret import Secret
from paywarden.evidence import verify
from paywarden.evidence.checkpoint import Checkpoint
from paywarden.evidence.leaf import leaf_of
from paywarden.evidence.log_key import LogKey
from paywarden.evidence.tiles import tile_path
from paywarden.kit.audit import AuditRow

PER_FILE, TILE, EVERY = 65_536, 256, 1_037
NAME = "bench.example/log"
T0_US, STEP_US = 1_795_309_323_000_000, 1_000
Stack = list[tuple[bytes, int]]


def leaf(index: int) -> bytes:
    """The octets of one leaf; every decision's hash differs."""
    decision = base64.b64encode(hashlib.sha256(b"%d" % index).digest())
    detail = b'{"decision":"%b","outcome":"allow","seq":%d}' % (decision, index + 1)
    row = AuditRow(
        index + 1, "bench/live", "decision:payment:decide", "key:key_aaaaaaaa", "done",
        T0_US + index * STEP_US, detail, None, None,
    )  # fmt: skip
    return leaf_of(row, NAME)


def write_file(given: tuple[str, int, int, list[int]]) -> tuple[Stack, dict[int, Stack]]:
    """Write one file of records with its tiles; its stack, and that of each checkpoint in it."""
    folder, first, count, sizes = given
    stack: Stack = []
    marks, wanted = {}, set(sizes)
    hashes: list[bytes] = []
    root = Path(folder)
    with (root / "records" / f"{first // PER_FILE:06d}.jsonl").open("wb") as file:
        for index in range(first, first + count):
            octets = leaf(index)
            file.write(octets + b"\n")
            hashes.append(verify.leaf_hash(octets))
            if index + 1 in wanted:
                marks[index + 1] = verify.together(stack, hashes)
            if len(hashes) == TILE or index + 1 == first + count:
                write_tile(root, index // TILE, hashes)
                if len(hashes) == TILE:
                    verify.push(stack, verify.complete_root(hashes), TILE)
                else:
                    stack = verify.together(stack, hashes)
                hashes = []
    return stack, marks


def write_tile(root: Path, number: int, hashes: list[bytes]) -> None:
    """One tile of the lowest level: what names the first altered record."""
    path = root / tile_path(0, number, len(hashes))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(hashes))


def work(folder: Path, leaves: int) -> Iterator[tuple[str, int, int, list[int]]]:
    """The files of an export, each with the sizes of the checkpoints in it."""
    for first in range(0, leaves, PER_FILE):
        last = min(first + PER_FILE, leaves)
        sizes = [at for at in range(first - first % EVERY, last + 1, EVERY) if first < at <= last]
        yield (
            str(folder),
            first,
            last - first,
            sorted({*sizes, *([last] if last == leaves else [])}),
        )


def generate(folder: Path, leaves: int, processes: int) -> dict[str, Any]:
    """Write the export; what it holds, and the seconds it took."""
    started = time.perf_counter()
    (folder / "records").mkdir(parents=True)
    signer = LogKey(NAME, Secret(b"\x07" * 32)).signer()
    stack: Stack = []
    checkpoints = 0
    with (
        ProcessPoolExecutor(processes) as pool,
        (folder / "checkpoints.jsonl").open("w", encoding="utf-8") as notes,
    ):
        for part, marks in pool.map(write_file, work(folder, leaves)):
            for size, held in sorted(marks.items()):
                joined = list(stack)
                for one, count in held:
                    verify.push(joined, one, count)
                at_us = T0_US + size * STEP_US
                made = Checkpoint(NAME, size, verify.root_of(joined), at_us)
                notes.write(json.dumps(made.signed(signer)) + "\n")
                checkpoints += 1
            for one, count in part:
                verify.push(stack, one, count)
    script = resources.files("paywarden.evidence").joinpath("verify.py").read_text("utf-8")
    (folder / "verify.py").write_text(script, encoding="utf-8")
    trust_of(folder).write_text(f"log {signer.verifier.text}\n", encoding="utf-8")
    octets = sum(one.stat().st_size for one in (folder / "records").iterdir())
    seconds = time.perf_counter() - started
    return {"leaves": leaves, "checkpoints": checkpoints, "record_octets": octets,
            "generate_seconds": round(seconds, 1)}  # fmt: skip


def trust_of(folder: Path) -> Path:
    """The pinned keys lie beside an export, never in it."""
    return folder.with_name(folder.name + ".trust")


def run(folder: Path, processes: int) -> tuple[int, dict[str, Any], float]:
    """(exit code, verdict, seconds) of the exported script."""
    words = [sys.executable, "-I", str(folder / "verify.py"), str(folder), "--json",
             "--trust", str(trust_of(folder)), "--processes", str(processes)]  # fmt: skip
    started = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    return done.returncode, json.loads(done.stdout), seconds


def measured(folder: Path, processes: int) -> dict[str, Any]:
    """Seconds of the offline verification of a whole export."""
    code, found, seconds = run(folder, processes)
    if code != verify.GOOD:
        raise SystemExit(f"the export does not verify: {found}")
    return {
        "records": found["records"], "checkpoints": found["checkpoints"],
        "processes": processes, "verify_seconds": round(seconds, 1),
        "microseconds_a_record": round(seconds / found["records"] * 1e6, 2),
    }  # fmt: skip


def main() -> int:
    """Run one task."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("task", choices=("generate", "verify"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--leaves", type=int, default=10_000_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.task == "generate":
        found = generate(given.folder, given.leaves, given.processes)
    else:
        found = measured(given.folder, given.processes)
    print(json.dumps(found) if given.json else "\n".join(f"{k}: {v}" for k, v in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
