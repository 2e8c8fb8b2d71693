"""Conditions measured: one payment, many payments, compiling, memory, and two peers beside it.

    python bench/rules.py [--sizes 100,1000,5000,10000] [--payments 400] [--json FILE]

Prints a table and writes JSON. Online: time of `evaluate` per payment in microseconds. Columns:
time per payment over blocks. Compile: in the compiler's process, cold and with 100 of the rules
changed, wall seconds until the policy is live, and the longest gap that another task of the same
loop saw. Peers (zen-engine, the Rust binding of CEL) run the same conditions without lists, fewer
rules, scaled to the size; the share of answers in which they differ from ours is printed. Absolute
times depend on the machine and its load: compare within one run.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from paywarden.risk.rules.columns import columns_of_vectors
from paywarden.risk.rules.compile_process import CompilerProcess
from paywarden.risk.rules.compiler import CompiledPolicy
from paywarden.risk.rules.file_pack import PolicyFiles, pack_files
from paywarden.risk.rules.model import Policy
from rules_policy import fields_of, files_of, lists_of, policy_of, windows_of

COLUMN_PAYMENTS = 65_536
PEER_RULES = 300
PEER_PAYMENTS = 30


def vectors_of(compiled: CompiledPolicy, count: int) -> list[list[Any]]:
    """Vectors of synthetic payments, segment and group filled in."""
    made = []
    windows = windows_of(count, compiled.aggregates)
    for fields, row in zip(fields_of(count), windows, strict=True):
        values: list[Any] = [None] * compiled.width
        for path, value in fields.items():
            values[compiled.slots[path]] = value
        values[compiled.aggregate_start :] = row
        values[compiled.slots["segment"]] = compiled.segment_of(values)
        values[compiled.slots["merchant_group"]] = compiled.merchant_group_of(values)
        made.append(values)
    return made


def online(compiled: CompiledPolicy, rows: list[list[Any]], lists: Any) -> dict[str, float]:
    """Percentiles in microseconds, and the mean number of rules that fire."""
    evaluate = compiled.online.evaluate
    fired = [len(evaluate(row, lists)) for row in rows]
    gc.freeze()
    times = []
    started = time.process_time()
    for _ in range(5):
        for row in rows:
            before = time.perf_counter_ns()
            evaluate(row, lists)
            times.append(time.perf_counter_ns() - before)
    spent = time.process_time() - started
    gc.unfreeze()
    times.sort()
    return {
        "p50_us": times[len(times) // 2] / 1e3,
        "p99_us": times[len(times) * 99 // 100] / 1e3,
        "p999_us": times[len(times) * 999 // 1000] / 1e3,
        "cpu_us": spent / len(times) * 1e6,
        "fired_mean": statistics.fmean(fired),
        "fired_most": max(fired),
    }


def columns(compiled: CompiledPolicy, lists: Any, count: int) -> dict[str, float]:
    """Processor and wall time per payment in microseconds, second of two runs."""
    rows = vectors_of(compiled, count)
    slots = [(path, slot, compiled.types[path].kind) for path, slot in compiled.slots.items()]
    given = columns_of_vectors(rows, slots)
    for _ in range(2):
        wall, spent = time.perf_counter(), time.process_time()
        found = compiled.columns.evaluate(given, lists, count)
        wall, spent = time.perf_counter() - wall, time.process_time() - spent
    checked = range(0, count, max(1, count // 200))
    wrong = sum(found.of(n) != compiled.online.evaluate(rows[n], lists) for n in checked)
    return {
        "us": wall / count * 1e6,
        "cpu_us": spent / count * 1e6,
        "payments": count,
        "differ_from_online": wrong,
    }


async def compiling(policy: Policy, other: Policy) -> tuple[CompiledPolicy, dict[str, float]]:
    """Cold and changed compile in the compiler's process."""
    gaps: list[float] = []

    async def beat() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    changed = list(policy.rules)
    step = max(1, len(changed) // 100)
    for place in range(0, len(changed), step):
        changed[place] = replace(other.rules[place], id=changed[place].id)
    first, second = (
        PolicyFiles(pack_files(files_of(replace(policy, rules=tuple(rules)))))
        for rules in (policy.rules, changed)
    )
    async with CompilerProcess() as compiler:
        started = time.perf_counter()
        compiled = (await compiler.compile(first)).policy
        cold = time.perf_counter() - started
        await asyncio.sleep(0.2)
        beating = asyncio.create_task(beat())
        await asyncio.sleep(0.05)
        gaps.clear()
        started = time.perf_counter()
        await compiler.compile(second)
        hot = time.perf_counter() - started
        beating.cancel()
    return compiled, {
        "cold_s": cold,
        "changed_s": hot,
        "changed_rules": len(range(0, len(changed), step)),
        "longest_gap_ms": max(gaps) * 1e3,
    }


def resident_mb() -> float:
    """Resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / (1 << 20)


# --- peers ----------------------------------------------------------------------------------


def nested(compiled: CompiledPolicy, row: list[Any]) -> dict[str, Any]:
    """The vector as nested bindings, absent values left out."""
    root: dict[str, Any] = {}
    for path, slot in compiled.slots.items():
        if row[slot] is None:
            continue
        at = root
        *groups, leaf = path.split(".")
        for group in groups:
            at = at.setdefault(group, {})
        at[leaf] = row[slot]
    return root


def zen_text(text: str) -> str:
    """A condition in zen's expression language."""
    spelled = text.replace("&&", "and").replace("||", "or")
    return re.sub(r"!(?!=)", "not ", spelled)


def peers(compiled: CompiledPolicy, rows: list[list[Any]], size: int) -> dict[str, Any]:
    """Both peers over the first conditions without lists, scaled linearly to `size` rules."""
    texts = [
        (row.index, row.text)
        for row in compiled.rules
        if "lists." not in row.text and not row.segments
    ][:PEER_RULES]
    found = {}
    for name, make in (("zen", _zen), ("rust_cel", _rust_cel)):
        try:
            programs = [(index, make(text)) for index, text in texts]
        except ImportError as error:
            found[name] = {"absent": str(error)}
            continue
        asked = rows[:PEER_PAYMENTS]
        bindings = [_context(name, nested(compiled, row)) for row in asked]
        found[name] = _timed(compiled, bindings, asked, programs, size)
    return found


def _context(name: str, given: dict[str, Any]) -> Any:
    """The form of bindings that the peer takes fastest, made outside of the measured time."""
    if name != "rust_cel":
        return given
    import cel

    return cel.Context(variables=given)


def _timed(
    compiled: CompiledPolicy, bindings: Any, rows: Any, programs: Any, size: int
) -> dict[str, float]:
    differ = 0
    times = []
    for row, given in zip(rows, bindings, strict=True):
        started = time.perf_counter()
        answers = [run(given) for _, run in programs]
        times.append(time.perf_counter() - started)
        fired = set(compiled.online.evaluate(row, {}))
        differ += sum(
            answer != (index in fired) for (index, _), answer in zip(programs, answers, strict=True)
        )
    return {
        "p50_us_scaled": statistics.median(times) * 1e6 * size / len(programs),
        "rules_measured": len(programs),
        "answers_differ_share": differ / (len(rows) * len(programs)),
    }


def _zen(text: str) -> Any:
    import zen

    program = zen.compile_expression(zen_text(text))

    def run(given: Any) -> bool:
        try:
            return program.evaluate(given) is True
        except Exception:
            return False

    return run


def _rust_cel(text: str) -> Any:
    import cel

    program = cel.compile(text)

    def run(given: Any) -> bool:
        try:
            return program.execute(given) is True
        except Exception:
            return False

    return run


# --- report ---------------------------------------------------------------------------------


def measured(size: int, payments: int, column_payments: int, with_peers: bool) -> dict[str, Any]:
    """Everything about one size."""
    policy, other = policy_of(size), policy_of(size, seed=99)
    lists = lists_of()
    before = resident_mb()
    compiled, compile_times = asyncio.run(compiling(policy, other))
    memory = resident_mb() - before
    rows = vectors_of(compiled, payments)
    result: dict[str, Any] = {
        "rules": size,
        "atoms": compiled.counts["atoms"],
        "compile": compile_times,
        "memory_mb": memory,
        "online": online(compiled, rows, lists),
        "columns": columns(compiled, lists, column_payments),
    }
    if with_peers:
        result["peers"] = peers(compiled, rows, size)
    return result


def table(results: list[dict[str, Any]]) -> str:
    """The figures for people."""
    lines = [
        f"{'rules':>6} {'atoms':>6} {'fired':>6} {'p50 us':>8} {'p99 us':>9} {'p99.9':>9}"
        f" {'cpu us':>8} {'col us':>7} {'cold s':>7} {'100 s':>6} {'gap ms':>7} {'MB':>6}"
    ]
    for one in results:
        on, col, comp = one["online"], one["columns"], one["compile"]
        lines.append(
            f"{one['rules']:>6} {one['atoms']:>6} {on['fired_mean']:>6.1f} {on['p50_us']:>8.1f}"
            f" {on['p99_us']:>9.1f} {on['p999_us']:>9.1f} {on['cpu_us']:>8.1f}"
            f" {col['cpu_us']:>7.1f}"
            f" {comp['cold_s']:>7.2f} {comp['changed_s']:>6.2f} {comp['longest_gap_ms']:>7.1f}"
            f" {one['memory_mb']:>6.0f}"
        )
    for one in results:
        for name, peer in one.get("peers", {}).items():
            lines.append(f"{one['rules']:>6} {name}: {json.dumps(peer)}")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default="100,1000,5000,10000")
    parser.add_argument("--payments", type=int, default=400)
    parser.add_argument("--column-payments", type=int, default=COLUMN_PAYMENTS)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    results = []
    for size in map(int, given.sizes.split(",")):
        results.append(measured(size, given.payments, given.column_payments, size == 5_000))
        print(table(results[-1:]), flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
