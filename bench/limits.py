"""Rate limits: processor time of one request, and a flood of a million distinct addresses.

    python bench/limits.py [--quick] [--json [FILE]]

The flood comes from one million IPv4 addresses in an order of chance, three requests each, within
ten seconds of the limits' clock; printed are what was let through (of two a sender at the most) and
the memory before and after.
"""

from __future__ import annotations

import random
import time
from typing import Any

import _report
from paywarden.core.clock import FixedClock
from paywarden.core.scope import Environment, Scope
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.limits.addresses import Origins
from paywarden.kit.http.limits.gate import Limits, Policies, RateLimited
from paywarden.kit.http.limits.gcra import Policy

POLICIES = Policies(
    Policy("address", 1.0, 2), Policy("key", 1_000_000.0, 1_000_000),
    Policy("principal", 1_000_000.0, 1_000_000),
)  # fmt: skip


def gate(clock: FixedClock) -> Limits:
    """Limits with default sizes."""
    return Limits(POLICIES, Origins(["127.0.0.1"]), clock, SystemRandomness())


def one_request(count: int) -> dict[str, Any]:
    """Microseconds of processor time by limit."""
    rates = gate(FixedClock())
    principal = Principal("key_a", Scope("a", Environment.LIVE), frozenset())
    requests = [{"client": (f"198.51.{n >> 8 & 255}.{n & 255}", 1)} for n in range(4_096)]
    started = time.process_time()
    for number in range(count):
        try:
            rates.by_address(requests[number % 4_096], {})
        except RateLimited:
            continue
    middle = time.process_time()
    for _ in range(count):
        rates.by_key(principal)
    ended = time.process_time()
    return {
        "requests": count,
        "by_address_us": round((middle - started) / count * 1e6, 2),
        "by_key_and_principal_us": round((ended - middle) / count * 1e6, 2),
    }


def flood(senders: int) -> dict[str, Any]:
    """A million addresses at once."""
    clock = FixedClock()
    rates = gate(clock)
    before, turns = rates.octets, random.Random(1)
    resident, accepted, asked = _report.resident_mib(), 0, 3 * senders
    started = time.process_time()
    for _ in range(asked):
        number = turns.randrange(senders)
        clock.advance(10 / asked)
        host = f"{11 + (number >> 16)}.{number >> 8 & 255}.{number & 255}.1"
        try:
            rates.by_address({"client": (host, 1)}, {})
        except RateLimited:
            continue
        accepted += 1
    took = time.process_time() - started
    return {
        "addresses": senders,
        "requests": asked,
        "let_through": accepted,
        "table_MiB_before": round(before / (1 << 20), 2),
        "table_MiB_after": round(rates.octets / (1 << 20), 2),
        "resident_grew_MiB": round(_report.resident_mib() - resident, 1),
        "us_a_request": round(took / asked * 1e6, 2),
    }


def main() -> None:
    """Measure and report."""
    options = _report.arguments(__doc__ or "").parse_args()
    report = {
        "machine": _report.machine(),
        "request": one_request(20_000 if options.quick else 200_000),
        "flood": flood(100_000 if options.quick else 1_000_000),
    }
    shown = "\n\n".join(_report.table([report[name]]) for name in ("request", "flood"))
    _report.finish(report, shown, options.json)


if __name__ == "__main__":
    main()
