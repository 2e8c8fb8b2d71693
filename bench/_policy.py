"""The fixed policy of the benchmarks, written as a policy folder like anybody's.

5,000 rules with over 9,000 distinct atoms and 30 lists, 200 aggregates over 10 keys; 5 to 20 rules
fire for most payments of `_traffic`. Thresholds stand at quantiles that a small copy of the traffic
gave the windows, so the policy depends on nothing but the seed. `python bench/_policy.py DIR`
writes it; `paywarden policy check DIR` accepts it.
"""

from __future__ import annotations

import functools
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

import _traffic
from _traffic import COUNTRIES, DAY_US, MAILS, SECOND_US, World
from paywarden.core.secret import Secret
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.rules.filters import FilterSet
from paywarden.risk.rules.reader import read_policy_files

RULES, AGGREGATES, LISTS = 5_000, 200, 30
KEYS: tuple[tuple[str, ...], ...] = (
    ("card",), ("payer",), ("device",), ("ip",), ("email",),
    ("phone",), ("card", "merchant"), ("ip_prefix",), ("merchant",), ("bin",),
)  # fmt: skip
HOT = {("merchant",), ("bin",), ("ip_prefix",)}
"""Keys whose short windows grow with the load; rules read only their long ones."""
AMOUNT = "payment.amount_base_minor"
DECLINED = 'event.status == "declined"'
WINDOWS = {"1m": 60, "10m": 600, "1h": 3_600, "1d": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400,
           "90d": 90 * 86_400}  # fmt: skip
SHAPES: tuple[tuple[str, str, str | None, str | None, bool], ...] = (
    *(("count", window, None, None, False) for window in ("1m", "10m", "1h", "1d", "7d", "30d")),
    *(("sum", window, AMOUNT, None, False) for window in ("1h", "1d", "30d", "90d")),
    ("avg", "30d", AMOUNT, None, True),
    ("max", "1d", AMOUNT, None, False),
    ("max", "90d", AMOUNT, None, False),
    ("stddev", "30d", AMOUNT, None, False),
    *(("distinct", window, "", None, False) for window in ("1h", "1d", "30d")),
    ("since_last", "90d", None, None, True),
    ("count", "1h", None, DECLINED, False),
    ("count", "7d", None, DECLINED, False),
)
"""function, window, field, filter, leaving out the present payment; twenty for each key."""
COUNTERPART = {"card": "merchant.id", "merchant": "card.fingerprint", "bin": "card.fingerprint"}
TUNING_CARDS, TUNING_PAST, TUNING_LIVE = 50_000, 100_000, 2_000
FIRING = 0.0042
"""Share of payments that one rule is drawn to fire for, if its terms were independent."""

TEXTS: dict[str, tuple[tuple[str, ...], float]] = {
    "merchant.mcc": (_traffic.CATEGORIES, 1 / 40),
    "payer.country": (COUNTRIES, 1 / 60),
    "card.country": (COUNTRIES, 1 / 60),
    "ip.country": (COUNTRIES, 1 / 60),
    "payment.billing_address.country": (COUNTRIES, 1 / 60),
    "payment.shipping_address.country": (COUNTRIES, 1 / 60),
    "merchant.country": (COUNTRIES[:20], 1 / 20),
    "payment.channel": (("ecommerce", "in_app", "pos", "moto", "recurring"), 1 / 5),
    "payment.entry_mode": (_traffic.ENTRIES, 1 / 5),
    "device.language": (_traffic.LANGUAGES, 1 / 8),
    "payment.checks.avs": (_traffic.CHECKS, 1 / 4),
    "payment.checks.cvv": (_traffic.CHECKS, 1 / 4),
    "card.funding": (_traffic.FUNDING, 1 / 4),
    "payment.currency": (("EUR", "USD", "GBP", "SEK", "PLN", "CHF"), 1 / 6),
}
RARE = tuple(path for path, (words, _) in TEXTS.items() if len(words) >= 20)
NUMBERS = {"payer.age_days": (500, 5_000), "merchant.age_days": (500, 5_500),
           "ip.asn": (64_000, 65_000)}  # fmt: skip
LISTED: tuple[tuple[str, str, int], ...] = (
    ("card.fingerprint", "card", 2_000), ("device.id", "device", 2_000),
    ("ip.address", "ip", 2_000), ("email.canonical", "email", 2_000),
    ("payer.id", "payer", 2_000), ("merchant.id", "merchant", 2_000),
    ("email.domain", "email_domain", 5), ("card.bin", "bin", 20),
    ("payer.country", "country", 6), ("ip.country", "country", 6),
)  # fmt: skip


def list_name(number: int) -> str:
    """Name of a list; its kind is that of LISTED[number % 10]."""
    return f"{LISTED[number % len(LISTED)][1]}_list_{number}"


def aggregates_of(count: int = AGGREGATES) -> list[Aggregate]:
    """The first `count` aggregates, key by key within each shape."""
    made = []
    for function, window, of, where, before in SHAPES:
        for by in KEYS:
            field = COUNTERPART.get(by[-1], "card.fingerprint") if of == "" else of
            if by == ("card", "merchant") and of == "":
                field = "device.id"
            tail = "_declined" if where else ""
            made.append(
                Aggregate(f"{'_'.join(by)}_{function}_{window}{tail}", function, field, by,
                          WINDOWS[window] * SECOND_US, False, where, before)
            )  # fmt: skip
    return made[:count]


@functools.cache
def window_plan() -> WindowPlan:
    """The plan of the aggregates, read from the policy's own text."""
    files = {"policy.yaml": _head(), "aggregates.yaml": "".join(map(_aggregate, aggregates_of()))}
    read = read_policy_files({name: text.encode() for name, text in files.items()}).aggregates
    filters = FilterSet([one.where for one in read if one.where is not None])
    return WindowPlan(read, filters.filters)


@functools.cache
def quantiles() -> dict[str, np.ndarray[Any, Any]]:
    """Sorted values of each aggregate over live payments of a small copy of the traffic."""
    world = World(TUNING_CARDS)
    digester = Digester(Secret(bytes(32)))
    end_us = 1_700_000_000 * SECOND_US
    windows = Windows(window_plan(), 0)
    past = _traffic.Past(world, digester.digest, end_us)
    for chunk in past.chunks(TUNING_PAST):
        windows.observe_columns(chunk, np.zeros(len(chunk), np.bool_))
    live = past.live(TUNING_LIVE, TUNING_PAST + 1, end_us, gap_us=40_000)
    read = windows.observe_columns(live, np.ones(len(live), np.bool_))
    found = {}
    for place, name in enumerate(read.names):
        values, valid = read.column(place)
        found[name] = np.sort(values[valid][-TUNING_LIVE // 2 :])
    return found


class Writer:
    """Draws conditions of three to six terms whose product of shares is about FIRING."""

    def __init__(self, seed: int, aggregates: list[Aggregate]) -> None:
        self._random = random.Random(seed)
        self._windows = [a for a in aggregates if self._steady(a)]
        self._quantiles = quantiles()

    @staticmethod
    def _steady(aggregate: Aggregate) -> bool:
        long = aggregate.window_us is not None and aggregate.window_us >= 7 * DAY_US
        whole = aggregate.function in ("avg", "max", "stddev")
        return aggregate.by not in HOT or (long and aggregate.where is None) or whole

    def condition(self) -> str:
        """One condition."""
        draw = self._random
        terms: list[str] = []
        share = 1.0
        used: set[str] = set()
        while len(terms) < 3 or (share > FIRING and len(terms) < 6):
            text, part, about = self._rare() if not terms else self._term()
            # Windows of one entity rise together: one key at most once in a rule.
            if about in used or share * part < FIRING / 4:
                continue
            used.add(about)
            terms.append(text)
            share *= part
        draw.shuffle(terms)
        if draw.random() < 0.05:
            terms[0] = f"({terms[0]} || {self._rare()[0]})"
        if draw.random() < 0.05:
            terms.append(f"{AMOUNT} * {draw.randint(2, 9)} > {draw.randint(5, 90) * 10}")
        return " && ".join(terms)

    def _rare(self) -> tuple[str, float, str]:
        draw = self._random
        kind = draw.random()
        if kind < 0.25:
            return self._window(0.005, 0.05)
        if kind < 0.40:
            return self._listed()
        path = draw.choice(RARE)
        words, part = TEXTS[path]
        return f'{path} == "{draw.choice(words)}"', part, path

    def _term(self) -> tuple[str, float, str]:
        draw = self._random
        kind = draw.random()
        if kind < 0.42:
            return self._window(0.1, 0.7)
        if kind < 0.65:
            path, (low, high) = draw.choice(list(NUMBERS.items()))
            bound = draw.randrange(low, high)
            part = (bound - low) / (high - low)
            if draw.random() < 0.5:
                return f"{path} < {bound}", part, path
            return f"{path} >= {bound}", 1 - part, path
        if kind < 0.75:
            path = draw.choice(list(TEXTS))
            words, part = TEXTS[path]
            some = draw.sample(words, min(len(words) - 1, draw.randint(2, 5)))
            listed = ", ".join(f'"{word}"' for word in some)
            return f"{path} in [{listed}]", part * len(some), path
        if kind < 0.88:
            path = draw.choice(list(TEXTS))
            words, part = TEXTS[path]
            return f'{path} == "{draw.choice(words)}"', part, path
        if kind < 0.95:
            path = draw.choice(["card.is_prepaid", "ip.is_datacenter", "ip.is_vpn"])
            if draw.random() < 0.3:
                return path, 0.1, path
            return f"!{path}", 0.9, path
        return self._listed()

    def _listed(self) -> tuple[str, float, str]:
        number = self._random.randrange(LISTS)
        path, kind, _ = LISTED[number % len(LISTED)]
        part = 0.1 if kind in ("country", "email_domain") else 0.01
        return f"{path} in lists.{list_name(number)}", part, path

    def _window(self, low: float, high: float) -> tuple[str, float, str]:
        draw = self._random
        for _ in range(50):
            aggregate = draw.choice(self._windows)
            column = self._quantiles[aggregate.name]
            if len(column) < 200:
                continue
            tail = low + (high - low) * draw.random()
            bound = column[int(len(column) * (1 - tail))]
            part = float(np.mean(column >= bound))
            if part > 2 * high:
                continue
            if aggregate.function == "count" and draw.random() < 0.7:
                # Sums of money have many thresholds, counts have few: keep atoms distinct.
                continue
            path = f"agg.{aggregate.name}"
            shown = f"{float(bound):.2f}" if column.dtype == np.float64 else str(int(bound))
            return f"{path} >= {shown}", part, "_".join(aggregate.by)
        raise RuntimeError("no window is rare enough; the traffic is out of shape")


# --- files ----------------------------------------------------------------------------------


def policy_files(
    rules: int = RULES, aggregates: int = AGGREGATES, seed: int = 7, changed: int = 0
) -> dict[str, str]:
    """The files of the policy by path; `changed` of its rules are drawn anew."""
    windows = aggregates_of(aggregates)
    files = {"policy.yaml": _head(), "aggregates.yaml": "".join(map(_aggregate, windows))}
    writer, other = Writer(seed, windows), Writer(seed + 1_000, windows)
    draw = random.Random(seed + 1)
    step = max(1, rules // changed) if changed else 0
    parts: list[list[str]] = [[] for _ in range(12)]
    for number in range(rules):
        text = writer.condition()
        segment = draw.choice(("web", "shop", "other")) if draw.random() < 0.3 else ""
        if step and number % step == 0 and number // step < changed:
            text = other.condition()
        parts[number % 12].append(_rule(number, text, segment))
    for number, part in enumerate(parts):
        if part:
            files[f"rules/scenario_{number:02d}.yaml"] = "".join(part)
    for number in range(LISTS):
        files[f"lists/{list_name(number)}.csv"] = _list(number)
    return files


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write policy files; the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _head() -> str:
    lists = "".join(f"  {list_name(n)}: {LISTED[n % len(LISTED)][1]}\n" for n in range(LISTS))
    scenarios = "".join(f"  scenario_{n:02d}: Scenario {n}\n" for n in range(12))
    return (
        "name: benchmark\nbase_currency: EUR\n"
        "thresholds:\n  points: {challenge: 150, review: 220, block: 300}\n"
        "segments:\n"
        '  - {name: web, when: \'payment.channel in ["ecommerce", "in_app"]\'}\n'
        "  - {name: shop, when: 'payment.channel == \"pos\"'}\n"
        '  - {name: other, when: "true"}\n'
        "merchant_groups:\n"
        '  - {name: risky, when: \'merchant.mcc_group in ["gambling", "crypto"]\'}\n'
        '  - {name: plain, when: "true"}\n'
        f"lists:\n{lists}scenarios:\n{scenarios}reasons:\n  BENCH: A pattern of the benchmark\n"
    )


def _aggregate(one: Aggregate) -> str:
    window = next(word for word, s in WINDOWS.items() if s * SECOND_US == one.window_us)
    more = f", of: {one.of}" if one.of else ""
    more += f", where: '{one.where}'" if one.where else ""
    more += ", exclude_current: true" if one.exclude_current else ""
    by = ", ".join(one.by)
    return f"- {{name: {one.name}, function: {one.function}, by: [{by}], window: {window}{more}}}\n"


def _rule(number: int, text: str, segment: str) -> str:
    only = f"  segments: [{segment}]\n" if segment else ""
    return (
        f"- id: r{number:05d}\n  title: Rule {number}\n  scenario: scenario_{number % 12:02d}\n"
        f"  when: '{text}'\n  then: {{points: {5 + number % 20}, reason: BENCH}}\n{only}"
    )


def _list(number: int) -> str:
    _path, kind, size = LISTED[number % len(LISTED)]
    draw = random.Random(1_000 + number)
    if kind == "country":
        values = draw.sample(COUNTRIES, size)
    elif kind == "email_domain":
        values = draw.sample(MAILS, size)
    elif kind == "bin":
        values = [_traffic.bin_text(n) for n in draw.sample(range(1_000), size)]
    else:
        spaces: dict[str, tuple[int, Any]] = {
            "card": (1_000_000, lambda n: f"card-{n}"),
            "device": (1_000_000, lambda n: f"dev-{n}"),
            "ip": (1_000_000, _traffic.address_text),
            "email": (900_000, lambda n: f"u{n}@{MAILS[n % 50]}"),
            "payer": (900_000, lambda n: f"cus-{n}"),
            "merchant": (100_000, lambda n: f"m-{n}"),
        }
        space, name = spaces[kind]
        values = [name(n) for n in draw.sample(range(space), size)]
    return "value,reason,expires_at\n" + "".join(f"{value},benchmark,\n" for value in values)


def tables(folder: Path) -> str:
    """Write the operator's own tables beside the policy; the settings that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{_traffic.bin_text(n)},{_traffic.BRANDS[n % 4]},{_traffic.FUNDING[n % 4]},"
        f"{'yes' if n % 4 == 2 else 'no'},{COUNTRIES[n % 60]},Bank {n % 97}\n"
        for n in range(9_000)
    ]
    bins = "iin_start,brand,type,prepaid,country,issuer\n" + "".join(rows)
    (folder / "bins.csv").write_text(bins)
    nets = [f"{11 + n // 256}.{n % 256}.0.0/16" for n in range(512)]
    (folder / "ip_country.csv").write_text(
        "network,country\n" + "".join(f"{net},{COUNTRIES[n % 60]}\n" for n, net in enumerate(nets))
    )
    (folder / "ip_asn.csv").write_text(
        "network,asn,name\n"
        + "".join(f"{t},{64_000 + n * 7 % 997},AS\n" for n, t in enumerate(nets))
    )
    (folder / "datacenters.txt").write_text("".join(f"{net}\n" for net in nets[3::11]))
    (folder / "vpns.txt").write_text("".join(f"{net}\n" for net in nets[5::13]))
    as_of = "2026-11-01"
    rates = {"USD": "0.92", "GBP": "1.17", "SEK": "0.088", "PLN": "0.23", "CHF": "1.05"}
    (folder / "rates.csv").write_text(
        "currency,rate,as_of\n" + "".join(f"{c},{r},{as_of}\n" for c, r in rates.items())
    )
    names = ("bins.csv", "ip_country.csv", "ip_asn.csv", "datacenters.txt", "vpns.txt", "rates.csv")
    lines = [f'{name.split(".")[0]} = "{folder / name}"\n' for name in names]
    return "[tables]\n" + "".join(lines)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python bench/_policy.py DIR")
    write(Path(sys.argv[1]), policy_files())
