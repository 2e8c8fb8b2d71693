"""What typologies cost a payment, and how often each alerts and holds in a simulated world.

    python bench/typologies.py [--payments 8000] [--seed 501] [--days 20] [--quick] [--json [FILE]]

`cost`: the shipped library alone, and the library with its typologies, over the same payments, one
after the other as the server decides (windows and `decision.conduct`), in processor time; runs of
the two alternate, and the ratio of medians is the answer. `hits`: a simulated world (preset `demo`,
without campaigns of laundering) decided with the typologies, by typology: alerts and holds among
payments that are part of an attack and among genuine ones, after half of the days. A world whose
people launder nothing shows what the typologies cost innocents.
"""

from __future__ import annotations

import gc
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import _report
import _traffic
from _traffic import SECOND_US, World
from decision import END_US, EVER_US, Preparation, Ready, deriver_of
from paywarden.aml.shipped_typologies import with_typologies
from paywarden.core.instants import format_rfc3339
from paywarden.core.secret import Secret
from paywarden.decision.conduct import PolicyRuntime, Situation, conduct
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.digests import Digester
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.reader import files_of, read_policy, read_policy_files
from paywarden.simulator.history import simulate
from paywarden.simulator.judging.judge import judge
from paywarden.simulator.judging.world_table import world_table

CARDS = 20_000
ROUNDS = 5


def runtime_of(files: dict[str, bytes]) -> PolicyRuntime:
    return PolicyRuntime(compile_policy(read_policy_files(files)))


def prepared(count: int, folder: Path) -> list[Ready]:
    """Payments with all their fields, a millisecond apart."""
    world = World(CARDS)
    preparation = Preparation(deriver_of(folder), Digester(Secret(bytes(32))))
    ready = []
    for number, body in enumerate(_traffic.bodies(world, count)):
        t_us = END_US + number * SECOND_US // 1_000
        given = _traffic.patched(body, f"order-{number:015d}", format_rfc3339(t_us))
        ready.append(preparation.ready(given, number + 1, t_us))
    return ready


def round_of(runtime: PolicyRuntime, payments: list[Ready]) -> list[tuple[int, int]]:
    """Nanoseconds of processor time of windows and of rules, by payment."""
    windows, spent, found = Windows(runtime.plan, EVER_US), time.thread_time_ns, []
    gc.collect()
    for one in payments:
        before = spent()
        values = windows.observe(one.observation)
        partial = frozenset(windows.partial(one.observation.t_us))
        between = spent()
        conduct(runtime, one.fields, values, partial, {}, Situation())
        found.append((between - before, spent() - between))
    return found[len(found) // 4 :]


def cost(count: int, files: dict[str, bytes], folder: Path) -> dict[str, Any]:
    """Medians of both policies in microseconds, and their ratio."""
    payments = prepared(count, folder)
    runtimes = {"library": runtime_of(files), "typologies": runtime_of(with_typologies(files))}
    laps: dict[str, list[tuple[int, int]]] = {name: [] for name in runtimes}
    for _ in range(ROUNDS):
        for name, runtime in runtimes.items():
            laps[name] += round_of(runtime, payments)
    rows = []
    for name, found in laps.items():
        times = np.array(found, np.int64)
        both = times.sum(axis=1)
        rows.append({
            "policy": name,
            "rules": len(runtimes[name].rows),
            "windows": len(runtimes[name].plan.names),
            "p50_us": round(float(np.median(both)) / 1e3, 1),
            "p99_us": round(float(np.percentile(both, 99)) / 1e3, 1),
            "windows_p50": round(float(np.median(times[:, 0])) / 1e3, 1),
            "rules_p50": round(float(np.median(times[:, 1])) / 1e3, 1),
        })  # fmt: skip
    ratio = rows[1]["p50_us"] / rows[0]["p50_us"]
    return {"rows": rows, "ratio_p50": round(ratio, 3)}


def hits(files: dict[str, bytes], seed: int, days: int, folder: Path) -> dict[str, Any]:
    """Alerts and holds of each typology in one world."""
    for path, octets in with_typologies(files).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(octets)
    runtime = PolicyRuntime(compile_policy(read_policy(folder)))
    judged = judge(world_table(simulate("demo", seed, days)), runtime, folder, days // 2)
    rows = []
    for row in runtime.typologies.rows:
        alert = judged.records[runtime.rows[row.alert].id]
        held = None if row.hold is None else judged.records[runtime.rows[row.hold].id]
        rows.append({
            "typology": row.typology.id,
            "alerts": alert.fraud + alert.genuine,
            "of attacks": alert.fraud,
            "holds": 0 if held is None else held.fraud + held.genuine,
            "innocents held": 0 if held is None else held.genuine,
            "held alone": 0 if held is None else held.hurt_alone,
        })  # fmt: skip
    genuine = int((~judged.fraud).sum())
    return {"rows": rows, "payments": len(judged.fraud), "genuine": genuine}


def main() -> None:
    """Measure and report."""
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--payments", type=int, help="payments of one round")
    parser.add_argument("--seed", type=int, default=501)
    parser.add_argument("--days", type=int, default=20)
    options = parser.parse_args()
    count = options.payments or (2_000 if options.quick else 8_000)
    files = files_of(policy_folder())
    with tempfile.TemporaryDirectory(prefix="paywarden-bench-") as folder:
        report = {
            "machine": _report.machine(),
            "cost": cost(count, files, Path(folder) / "tables"),
            "hits": hits(files, options.seed, options.days, Path(folder) / "policy"),
        }
    found = report["hits"]
    text = "\n".join((
        _report.table(report["cost"]["rows"]),
        f"ratio of medians {report['cost']['ratio_p50']}",
        _report.table([one for one in found["rows"] if one["alerts"]]),
        f"{found['payments']} payments judged, {found['genuine']} genuine",
    ))  # fmt: skip
    _report.finish(report, text, options.json)


if __name__ == "__main__":
    main()
