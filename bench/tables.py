"""What a look-up costs: p50 of single calls from Python, and the column form on a large file.

Run: `python bench/tables.py [--rows N] [--json]`. Process time is used, so that neighbours on a
shared machine count less; the cost of an empty call is reported and not taken off. Tables of
realistic size are made up from a fixed seed; none are read from outside the package.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl

from paywarden.core.scope import Environment, Scope
from paywarden.reference.bins import BinFacts, BinTable
from paywarden.reference.canonical import canonical_email, canonical_ip, canonical_phone, parse_ip
from paywarden.reference.card_brands import card_brands
from paywarden.reference.card_numbers import looks_like_card_number
from paywarden.reference.currencies import currency
from paywarden.reference.ip_ranges import IpFacts, IpSet, IpTable
from paywarden.reference.mcc import merchant_category
from paywarden.reference.provenance import Provenance
from paywarden.risk.enrichment.columns import enrich_columns
from paywarden.risk.enrichment.enricher import Enricher
from paywarden.risk.enrichment.rates import Rates, freeze
from paywarden.risk.enrichment.tables import EnrichmentTables
from paywarden.risk.lists.model import EditAction, ListEdit, ListKind, NewEntry
from paywarden.risk.lists.store import Lists, unhashed

ORIGIN = Provenance("made", "bench", "none", date(2026, 11, 1), "00" * 32, 1, None)
PAYMENT = {
    "device.ip": "203.0.113.9",
    "payer.email": "Ann.Example+a@gmail.com",
    "instrument.bin": "45717360",
    "merchant.mcc": "5732",
    "payment.amount_minor": 12345,
    "payment.currency": "USD",
}
BATCH, ROUNDS = 200, 101


def tables(seed: int = 1) -> EnrichmentTables:
    """300,000 IP ranges, 50,000 networks, 100,000 issuer ranges."""
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.choice(2**32, 300_000, replace=False)).tolist()
    facts = [IpFacts(f"{chr(65 + n % 26)}{chr(65 + n // 26 % 26)}", n) for n in range(1, 601)]
    ranges = [(a, b - 1, n % 600) for n, (a, b) in enumerate(pairwise(starts))]
    nets = [(a << 8, (a << 8) + 255, 0) for a in rng.choice(2**24, 50_000, replace=False).tolist()]
    heads = rng.choice(9 * 10**7, 100_000, replace=False) + 10**7
    issuers = [BinFacts("visa", "credit", False, "US", f"issuer {n}") for n in range(5_000)]
    bins = [(h * 1000, h * 1000 + 999, n % 5_000) for n, h in enumerate(heads.tolist())]
    bins.append((45_717_360_000, 45_717_360_999, 7))
    ip, owners = IpTable(ranges, [], facts, ORIGIN), IpTable(ranges, [], facts, ORIGIN)
    networks = IpSet(nets, [], ORIGIN)
    rates = {c: freeze(c, "EUR", r, None) for c, r in {"USD": "0.9214", "JPY": "0.0061"}.items()}
    return EnrichmentTables(
        Rates("EUR", rates), BinTable(bins, issuers, ORIGIN), ip, owners, networks, networks
    )


def median_us(call: Callable[[], object]) -> float:
    """Median over rounds of the mean of a batch, in microseconds."""
    samples = []
    for _ in range(ROUNDS):
        begin = time.process_time_ns()
        for _ in range(BATCH):
            call()
        samples.append((time.process_time_ns() - begin) / BATCH / 1000)
    return statistics.median(samples)


def calls() -> dict[str, Callable[[], object]]:
    """Everything that is measured, by name."""
    held = tables()
    assert held.bins and held.ip_country and held.vpns
    bins, ip, vpns = held.bins, held.ip_country, held.vpns
    enricher = Enricher(held)
    scope = Scope("bench", Environment.TEST)
    lists = Lists(unhashed)
    entries = tuple(NewEntry(f"c{n}") for n in range(200_000))
    edit = ListEdit(scope, "cards", ListKind.CARD, EditAction.ADD, entries, "", "bench", 0)
    lists.apply(lists.seal(edit), 1)
    cards = lists.get(scope, "cards")
    assert cards is not None
    brands = card_brands()
    return {
        "empty_call": lambda: None,
        "ip_country_find": lambda: ip.find(4, 3405803785),
        "ip_set_holds": lambda: vpns.holds(4, 3405803785),
        "parse_ipv4": lambda: parse_ip("203.0.113.9"),
        "bin_find": lambda: bins.find("45717360"),
        "card_brand_of": lambda: brands.brand_of("41111111"),
        "mcc": lambda: merchant_category("5732"),
        "currency": lambda: currency("KWD"),
        "disposable_domain": lambda: "mail.example.org" in held.disposable,
        "list_holds": lambda: cards.holds("c777", 5),
        "list_contains": lambda: cards.contains("c777", 5),
        "canonical_email": lambda: canonical_email("Ann.Example+a@gmail.com"),
        "canonical_ip": lambda: canonical_ip("203.0.113.9"),
        "canonical_phone": lambda: canonical_phone("+49 30 1234567"),
        "card_number_short": lambda: looks_like_card_number("cus_12345"),
        "card_number_no_13_digits": lambda: looks_like_card_number("ann.example@example.org"),
        "card_number_16_digits": lambda: looks_like_card_number("4111 1111 1111 1112"),
        "enrich_payment": lambda: enricher.enrich(PAYMENT),
    }


def payments(rows: int, seed: int = 2) -> pl.DataFrame:
    """A file of made-up payments: 60,000 payers and addresses, 5,000 BINs."""
    rng = np.random.default_rng(seed)
    ips = [".".join(map(str, q)) for q in rng.integers(0, 256, (60_000, 4)).tolist()]
    mails = [f"user{n}@mail{n % 97}.example" for n in range(60_000)]
    bins = rng.integers(10**7, 10**8, 5_000).astype(str).tolist()
    codes = ["EUR", "USD", "JPY", "GBP"]
    return pl.DataFrame(
        {
            "device.ip": pl.Series(ips).gather(rng.integers(0, len(ips), rows)),
            "payer.email": pl.Series(mails).gather(rng.integers(0, len(mails), rows)),
            "instrument.bin": pl.Series(bins).gather(rng.integers(0, len(bins), rows)),
            "merchant.mcc": pl.Series(rng.integers(5000, 6000, rows)).cast(pl.String),
            "payment.amount_minor": rng.integers(0, 10**6, rows),
            "payment.currency": pl.Series(codes).gather(rng.integers(0, len(codes), rows)),
        }
    )


def main() -> None:
    """Print medians in microseconds, and seconds for the column form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_400_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {name: round(median_us(call), 3) for name, call in calls().items()}
    frame, enricher = payments(options.rows), Enricher(tables())
    begin = time.perf_counter()
    enrich_columns(enricher, frame)
    seconds = round(time.perf_counter() - begin, 3)
    if options.json:
        print(json.dumps({"p50_us": found, "columns": {"rows": options.rows, "seconds": seconds}}))
        return
    for name, value in found.items():
        print(f"{name:28} p50 {value:8.3f} us")
    print(f"{'columns':28} {options.rows} rows in {seconds} s")


if __name__ == "__main__":
    main()
