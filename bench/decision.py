"""A decision in the process: windows, rules and combination, without network and disk.

    python bench/decision.py [--cards 1000000] [--growth] [--quick] [--json [FILE]]

The fixed policy (`_policy`) over the fixed traffic (`_traffic`): 5,000 rules, 200 aggregates over
10 keys, a million cards and 100,000 merchants warm. One core, one payment after the other, one
millisecond of payment time apart. `windows` adds the payment and reads 200 values in one step,
`rules` is vector, segment, rules and combination as the server runs them (`decision.conduct`);
`decision` is both with the look-up of partial windows. `links` and `posteriors` are what a policy
that reads `link.*` or `posterior.*` pays beside: reading and counting the payment in a store of the
same past. `prepare` (JSON,
enrichment, digests) stands beside it. `--growth` repeats over 10^2 to 10^4 rules and 10^3 to 10^6
cards.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

import _policy
import _report
import _traffic
from _traffic import SECOND_US, World
from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.decision.companions import FIELDS_OF, Companions
from paywarden.decision.conduct import PolicyRuntime, Situation, conduct
from paywarden.decision.derive import Deriver
from paywarden.decision.intake import PaymentReader
from paywarden.decision.messages import DecisionRequest
from paywarden.reference.bins import load_bins
from paywarden.reference.currencies import active_currency
from paywarden.reference.ip_ranges import load_ip_facts, load_ip_set
from paywarden.reference.reading import TableFile
from paywarden.risk.enrichment.enricher import Enricher
from paywarden.risk.enrichment.rates import load_rates
from paywarden.risk.enrichment.tables import EnrichmentTables
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.observing import observe_fields
from paywarden.risk.lists.model import EditAction, ListEdit, ListKind
from paywarden.risk.lists.reading import parse_list
from paywarden.risk.lists.store import Lists
from paywarden.risk.lists.view import ListsView
from paywarden.risk.rules.compile_process import compile_in_child
from paywarden.risk.rules.reader import files_of

SCOPE = Scope("bench", Environment.LIVE)
END_US = 1_760_000_000 * SECOND_US
EVER_US = -(2**62)
PAST_PER_CARD = 2
RULE_SIZES, CARD_SIZES = (100, 1_000, 5_000, 10_000), (1_000, 10_000, 100_000, 1_000_000)


@dataclass(slots=True)
class Ready:
    """A payment whose windows and rules are still to come."""

    fields: dict[str, Any]
    observation: Observation


async def compiled(folder: Path) -> PolicyRuntime:
    """A policy folder, read and compiled as the server does."""
    return PolicyRuntime(await compile_in_child(files_of(folder)))


def lists_of(folder: Path) -> ListsView:
    """The policy's lists, sealed and folded."""
    key = Digester(Secret(b"l" * 32))
    lists = Lists(lambda scope, kind, text: f"{key.digest(kind.value, text):016x}")
    for seq, path in enumerate(sorted((folder / "lists").glob("*.csv")), 1):
        number = int(path.stem.rsplit("_", 1)[1])
        kind = ListKind(_policy.LISTED[number % len(_policy.LISTED)][1])
        found = parse_list(path.stem, path.read_bytes(), kind).entries
        edit = ListEdit(SCOPE, path.stem, kind, EditAction.ADD, found, "", "bench", END_US)
        lists.apply(lists.seal(edit), seq)
    return ListsView(lists, SCOPE)


def deriver_of(folder: Path) -> Deriver:
    """Enrichment over the operator's tables that `_policy.tables` writes."""
    _policy.tables(folder)

    def file(name: str) -> TableFile:
        return TableFile(folder / name)

    tables = EnrichmentTables(
        load_rates(file("rates.csv"), "EUR"),
        load_bins(file("bins.csv")),
        load_ip_facts(file("ip_country.csv"), "ip_country"),
        load_ip_facts(file("ip_asn.csv"), "ip_asn"),
        load_ip_set(file("datacenters.txt"), "datacenters"),
        load_ip_set(file("vpns.txt"), "vpns"),
    )
    return Deriver(Enricher(tables))


class Preparation:
    """From a body to fields and observation, as the server prepares a payment."""

    def __init__(self, deriver: Deriver, digester: Digester) -> None:
        self._decoder = msgspec.json.Decoder(DecisionRequest)
        self._reader = PaymentReader(lambda text: text, active_currency)
        self._deriver, self._digester = deriver, digester

    def ready(self, body: bytes, seq: int, t_us: int) -> Ready:
        request = self._decoder.decode(body)
        intake = self._reader.payment(SCOPE, request.payment, may_assert=True, plain=True)
        self._deriver.derive(intake.fields, t_us, False)
        seen = observe_fields(
            intake.fields, self._digester.digest, seq=seq, t_us=t_us, s_us=t_us, identity=seq
        )
        return Ready(intake.fields, seen)


class Lap(NamedTuple):
    """Nanoseconds of one payment, by the clock and of the processor, and how many rules fired."""

    windows: int
    rules: int
    windows_cpu: int
    rules_cpu: int
    beside: dict[str, tuple[int, int]]
    fired: int


@dataclass(slots=True)
class Warm:
    """Windows and companions with a past, and the payments that come next."""

    windows: Windows
    companions: Companions
    prepared: list[Ready]
    past: int
    past_us: float
    prepare_us: float


def warm(runtime: PolicyRuntime, cards: int, count: int, tables: Path) -> Warm:
    """Windows over the past of `cards` cards, and `count` prepared payments."""
    world, digester = World(cards), Digester(Secret(bytes(32)))
    windows = Windows(runtime.plan, EVER_US)
    companions = Companions.fresh(frozenset(FIELDS_OF))
    companions.warm()
    past = _traffic.Past(world, digester.digest, END_US)
    total, spent = PAST_PER_CARD * cards, 0.0
    for chunk in past.chunks(total):
        started = time.process_time()
        windows.observe_columns(chunk, np.zeros(len(chunk), np.bool_))
        spent += time.process_time() - started
        companions.add_columns(chunk)
    preparation = Preparation(deriver_of(tables), digester)
    bodies = []
    for number, body in enumerate(_traffic.bodies(world, count)):
        instant = format_rfc3339(END_US + (number + 1) * 1_000)
        bodies.append(_traffic.patched(body, f"order-{number:015d}", instant))
    started = time.process_time()
    prepared = [
        preparation.ready(body, total + 1 + number, END_US + (number + 1) * 1_000)
        for number, body in enumerate(bodies)
    ]
    took = (time.process_time() - started) / count * 1e6
    return Warm(windows, companions, prepared, total, spent / total * 1e6, took)


def decide(
    runtimes: dict[int, PolicyRuntime], held: Warm, lists: ListsView, skip: int
) -> dict[int, dict[str, Any]]:
    """Each payment through the windows once and through every runtime; figures by rules."""
    laps: dict[int, list[Lap]] = {size: [] for size in runtimes}
    outcomes: dict[int, dict[int, int]] = {size: {} for size in runtimes}
    clock, spent, windows, nothing = (
        time.perf_counter_ns, time.thread_time_ns, held.windows, Situation()
    )  # fmt: skip
    gc.collect()
    gc.freeze()
    for number, one in enumerate(held.prepared):
        seen = one.observation
        cpu, started = spent(), clock()
        values = windows.observe(seen)
        partial = frozenset(windows.partial(seen.t_us))
        observed = clock() - started
        observed_cpu = spent() - cpu
        beside = {}
        for name, companion in held.companions.kept:
            cpu, started = spent(), clock()
            companion.fields(seen.keys, seen.t_us)
            companion.add(seen)
            beside[name] = clock() - started, spent() - cpu
        for size, runtime in runtimes.items():
            cpu, before = spent(), clock()
            now = lists.at(seen.t_us)
            result = conduct(runtime, one.fields, values, partial, now, nothing)
            ruled = clock() - before
            ruled_cpu = spent() - cpu
            if number >= skip:
                fired = len(result.fired)
                lap = Lap(observed, ruled, observed_cpu, ruled_cpu, beside, fired)
                laps[size].append(lap)
                outcomes[size][result.outcome] = outcomes[size].get(result.outcome, 0) + 1
    gc.unfreeze()
    return {size: figures(found, outcomes[size]) for size, found in laps.items()}


def figures(laps: list[Lap], outcomes: dict[int, int]) -> dict[str, Any]:
    """Percentiles of the stages in microseconds, by the clock and by the processor."""
    counts = sorted(lap.fired for lap in laps)
    cpu = [lap.windows_cpu + lap.rules_cpu for lap in laps]
    return {
        "decision_us": _report.percentiles([lap.windows + lap.rules for lap in laps]),
        "decision_cpu_us": _report.percentiles(cpu),
        "windows_us": _report.percentiles([lap.windows for lap in laps]),
        "windows_cpu_us": _report.percentiles([lap.windows_cpu for lap in laps]),
        "rules_us": _report.percentiles([lap.rules for lap in laps]),
        "rules_cpu_us": _report.percentiles([lap.rules_cpu for lap in laps]),
        **{
            f"{name}_{unit}": _report.percentiles([lap.beside[name][place] for lap in laps])
            for name in FIELDS_OF
            for place, unit in enumerate(("us", "cpu_us"))
        },
        "per_second_one_core": round(1e9 * len(cpu) / sum(cpu)),
        "fired": {
            "mean": round(sum(counts) / len(counts), 2),
            "p10": counts[len(counts) // 10],
            "p50": counts[len(counts) // 2],
            "p90": counts[len(counts) * 9 // 10],
            "most": counts[-1],
            "share_5_to_20": round(sum(5 <= c <= 20 for c in counts) / len(counts), 3),
        },
        "outcomes": {str(k): v for k, v in sorted(outcomes.items())},
        "payments": len(laps),
    }


def row(cards: int, rules: int, held: Warm, one: dict[str, Any]) -> dict[str, Any]:
    """One line of the table."""
    memory = held.windows.memory()
    return {
        "cards": cards,
        "rules": rules,
        "fired": one["fired"]["mean"],
        "p50_us": one["decision_us"]["p50"],
        "p99_us": one["decision_us"]["p99"],
        "cpu_p50": one["decision_cpu_us"]["p50"],
        "cpu_p99": one["decision_cpu_us"]["p99"],
        "cpu_p999": one["decision_cpu_us"]["p999"],
        "windows_p50": one["windows_cpu_us"]["p50"],
        "windows_p99": one["windows_cpu_us"]["p99"],
        "rules_p50": one["rules_cpu_us"]["p50"],
        "rules_p99": one["rules_cpu_us"]["p99"],
        "links_p50": one["links_cpu_us"]["p50"],
        "links_p99": one["links_cpu_us"]["p99"],
        "posteriors_p50": one["posteriors_cpu_us"]["p50"],
        "posteriors_p99": one["posteriors_cpu_us"]["p99"],
        "per_s": one["per_second_one_core"],
        "windows_MiB": round(memory["bytes_used"] / (1 << 20)),
        "rss_MiB": _report.resident_mib(),
    }


def measure(options: Any, folder: Path) -> dict[str, Any]:
    """Everything that was asked for."""
    sizes = RULE_SIZES if options.growth else (_policy.RULES,)
    runtimes = {}
    for size in sizes:
        _report.say(f"compiling {size} rules")
        files = _policy.write(folder / f"policy_{size}", _policy.policy_files(size))
        runtimes[size] = asyncio.run(compiled(files))
    standard = runtimes[_policy.RULES]
    lists = lists_of(folder / f"policy_{_policy.RULES}")
    report: dict[str, Any] = {
        "machine": _report.machine(),
        "ruleset": standard.ruleset,
        "policy": {**standard.compiled.counts, "aggregates": len(standard.plan.names)},
        "runs": [],
        "rows": [],
    }
    cards = CARD_SIZES if options.growth else (options.cards,)
    for size in [one for one in cards if one <= options.cards]:
        _report.say(f"warming {size} cards")
        held = warm(standard, size, options.payments + options.payments // 10, folder / "tables")
        largest = size == options.cards
        wanted = runtimes if largest else {_policy.RULES: standard}
        found = decide(wanted, held, lists, options.payments // 10)
        for rules, one in found.items():
            report["rows"].append(row(size, rules, held, one))
            extra = {"past": held.past, "past_cpu_us": round(held.past_us, 2)}
            extra["prepare_cpu_us"] = round(held.prepare_us, 1)
            report["runs"].append(
                {
                    "cards": size,
                    "rules": rules,
                    **one,
                    **extra,
                    "memory": held.windows.memory(),
                    "beside": {
                        name: companion.memory() for name, companion in held.companions.kept
                    },
                }
            )
        del held
    report["machine"]["load_average_after"] = _report.machine()["load_average"]
    return report


def shown(report: dict[str, Any]) -> str:
    """The table for people."""
    targets = "targets at 5,000 rules and 1,000,000 cards: p50 <= 300 us, p99 <= 1,500 us"
    run = report["runs"][-1]
    about = (
        f"ruleset {report['ruleset'][:16]}, {report['policy']}\n"
        f"prepare {run['prepare_cpu_us']} us CPU a payment; past {run['past']} payments, "
        f"{run['past_cpu_us']} us CPU each; outcomes {run['outcomes']}; fired {run['fired']}\n"
        f"machine {report['machine']}"
    )
    return f"{_report.table(report['rows'])}\n{targets}\n{about}"


def main() -> None:
    """Measure and report."""
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--cards", type=int)
    parser.add_argument("--payments", type=int, help="payments that are measured")
    parser.add_argument("--growth", action="store_true", help="over rules and cards, too")
    options = parser.parse_args()
    options.cards = options.cards or (100_000 if options.quick else 1_000_000)
    options.payments = options.payments or (3_000 if options.quick else 20_000)
    with tempfile.TemporaryDirectory(prefix="paywarden-bench-") as folder:
        report = measure(options, Path(folder))
    _report.finish(report, shown(report), options.json)


if __name__ == "__main__":
    main()
