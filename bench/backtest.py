"""A back-test of the fixed policy over a file: seconds by stage, a changed rule, growth.

Run: python bench/backtest.py [--payments 250000,500000,1000000] [--rules 5000] [--cards 100000]
     [--processes 2] [--json FILE]

Writes a Parquet file of seeded payments over 90 days (a tenth of them wear an attack's pattern and
carry a label), maps it, and runs the policy of `_policy.py` (5,000 rules, 200 aggregates, 30 lists)
over it: cold, then with one rule changed on the stored windows and matches. `read` is reading,
mapping and derived fields; `policy` reading and compiling the folder.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import _policy
import _report
import _traffic
from paywarden.kit.clock import SystemClock
from paywarden.lab.backtest.file_backtest import candidate_of, runtime_of_folder
from paywarden.lab.backtest.file_material import FileSource, file_material
from paywarden.lab.backtest.result import Options
from paywarden.lab.backtest.running import Surroundings, run

START_US = 1_700_000_000 * _traffic.SECOND_US

MAPPING = """
[columns]
"payment.id" = "id"
"payment.currency" = "currency"
"payment.channel" = "channel"
"payment.entry_mode" = "entry"
"payment.checks.avs" = "avs"
"payment.checks.cvv" = "cvv"
"payment.billing_address.country" = "there"
"payment.shipping_address.country" = "there"
"payment.amount_base_minor" = "amount"
"payment.amount_minor" = "amount"
"merchant.id" = "shop"
"merchant.mcc" = "mcc"
"merchant.country" = "shop_country"
"merchant.age_days" = "shop_age"
"payer.id" = "payer"
"payer.email" = "mail"
"payer.phone" = "phone"
"payer.country" = "country"
"payer.age_days" = "age"
"card.fingerprint" = "card"
"card.bin" = "bin"
"card.country" = "card_country"
"card.funding" = "funding"
"card.is_prepaid" = "prepaid"
"device.id" = "device"
"device.ip" = "ip"
"device.language" = "language"
"ip.country" = "ip_country"
"ip.asn" = "asn"
"ip.is_datacenter" = "datacenter"
"ip.is_vpn" = "vpn"

[time]
column = "when"
unit = "us"

[label]
column = "fraud"
fraud = 1
delay = "7d"
"""


def frame(count: int, cards: int) -> pl.DataFrame:
    """Payments in order of time."""
    world = _traffic.World(cards)
    rng = np.random.default_rng(world.seed)
    draw = world.draw(rng, count)
    payer = world.payer_of(draw.card)
    span = _traffic.PAST_DAYS * _traffic.DAY_US
    pick, bins = draw.pick, draw.card % world.bins

    def words(table: Any, rows: Any) -> pl.Series:
        return pl.Series(table).gather(rows % len(table))

    def named(prefix: str, rows: Any, tail: str = "") -> pl.Series:
        return pl.select(pl.lit(prefix) + pl.Series(rows).cast(pl.String) + tail).to_series()

    addresses = [_traffic.address_text(n) for n in range(cards)]
    there = np.where(pick % 10 < 8, payer, pick)
    attack = draw.amount < 400
    return pl.DataFrame(
        {
            "id": named("p", np.arange(count)),
            "when": START_US + np.sort(rng.integers(0, span, count)),
            "amount": draw.amount,
            "currency": words(["EUR"], pick),
            "channel": words(_traffic.CHANNELS, pick // 8),
            "entry": words(_traffic.ENTRIES, pick // 48),
            "avs": words(_traffic.CHECKS, pick // 240),
            "cvv": words(_traffic.CHECKS, pick // 960),
            "there": words(_traffic.COUNTRIES, there),
            "shop": named("m-", draw.merchant),
            "mcc": words(_traffic.CATEGORIES, draw.merchant),
            "shop_country": words(_traffic.COUNTRIES[:20], draw.merchant),
            "shop_age": draw.merchant % 5_500,
            "payer": named("cus-", payer),
            "mail": named("u", payer, "@mail.example"),
            "phone": named("+4930", 1_000_000 + payer),
            "country": words(_traffic.COUNTRIES, payer),
            "age": draw.card % 5_000,
            "card": named("card-", draw.card),
            "bin": named("", 400_000 + bins * 17),
            "card_country": words(_traffic.COUNTRIES, bins),
            "funding": words(_traffic.FUNDING, bins),
            "prepaid": bins % 4 == 2,
            "device": named("dev-", draw.device),
            "ip": pl.Series(addresses).gather(draw.address),
            "language": words(_traffic.LANGUAGES, pick // 3840),
            "ip_country": words(_traffic.COUNTRIES, draw.address // 4_096),
            "asn": 64_000 + draw.address % 1_000,
            "datacenter": pick % 16 == 3,
            "vpn": pick % 32 == 5,
            "fraud": (attack & (pick % 3 == 0)).astype(np.int8),
        }
    )


class Laps:
    """Seconds between marks."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.seconds: dict[str, float] = {}

    def mark(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = round(now - self._last, 2)
        self._last = now


def measure(folder: Path, count: int, cards: int, policy: Path, processes: int) -> dict[str, Any]:
    """One size: cold, then one rule changed."""
    file = folder / f"payments-{count}.parquet"
    frame(count, cards).write_parquet(file)
    (folder / "map.toml").write_text(MAPPING)
    source = FileSource(file, folder / "map.toml")
    stages: dict[str, float] = {}

    def progress(stage: str, done: int, total: int) -> None:
        if done == total:
            stages[stage] = round(time.monotonic() - began, 1)

    around = Surroundings(SystemClock(), progress, folder / "work", processes)
    laps = Laps()
    runtime = runtime_of_folder(policy)
    laps.mark("policy")
    material = file_material(source, [runtime.policy])
    laps.mark("read")
    began = time.monotonic()
    result = run(material, candidate_of(runtime, policy, material), None, Options(), around)
    laps.mark("run")
    matched = sum(one.matches for one in result.rules)
    changed = folder / "changed"
    _policy.write(changed, _changed(policy))
    laps.mark("-")
    other = runtime_of_folder(changed)
    laps.mark("policy_changed")
    again = run(material, candidate_of(other, changed, material), None, Options(), around)
    laps.mark("run_changed")
    seconds = laps.seconds
    print(result.stages, again.stages, stages, again.notes, file=sys.stderr)
    return {
        "payments": count,
        "rules": len(result.rules),
        "matches_each": round(matched / count, 1),
        "policy": seconds["policy"],
        "read": seconds["read"],
        "run": seconds["run"],
        "all": round(seconds["policy"] + seconds["read"] + seconds["run"], 1),
        "us_each": round(seconds["run"] / count * 1e6, 1),
        "changed_policy": seconds["policy_changed"],
        "changed_run": seconds["run_changed"],
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _changed(policy: Path) -> dict[str, str]:
    """The policy with the threshold of one rule moved."""
    files = {
        str(path.relative_to(policy)): path.read_text()
        for path in policy.rglob("*")
        if path.is_file()
    }
    name = next(name for name in sorted(files) if name.startswith("rules/"))
    head, mark, tail = files[name].partition("  when: ")
    line, end, rest = tail.partition("\n")
    condition = line.strip().strip("'")
    files[name] = f"{head}{mark}'{condition} && payment.amount_minor >= 0'{end}{rest}"
    return files


def main() -> None:
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--payments", default="250000,500000,1000000")
    parser.add_argument("--rules", type=int, default=5_000)
    parser.add_argument("--cards", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--policy", type=Path, help="a folder written by _policy.py before")
    given = parser.parse_args()
    sizes = [20_000] if given.quick else [int(one) for one in given.payments.split(",")]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        policy = given.policy
        if policy is None:
            _report.say("writing the policy")
            policy = _policy.write(folder / "policy", _policy.policy_files(given.rules))
        for count in sizes:
            _report.say(f"{count} payments")
            rows.append(measure(folder, count, given.cards, policy, given.processes))
    report = {"machine": _report.machine(), "rows": rows}
    _report.finish(report, _report.table(rows), given.json)


if __name__ == "__main__":
    main()
