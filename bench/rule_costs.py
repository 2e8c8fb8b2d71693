"""What one term of a condition costs online: the figures behind lint's cost model.

    python bench/rule_costs.py [--rounds 2000] [--json]

For each kind of term a rule of TERMS different terms, all of which hold, joined by `&&`, so that
every payment asks all of them; what a rule of one term costs is taken off. Prints microseconds a
term beside the figure of `paywarden.risk.rules.linting.costs`. Absolute times depend on the
machine.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from paywarden.risk.rules.compiler import CompiledPolicy, compile_policy
from paywarden.risk.rules.linting.costs import (
    ATOM_US,
    ELEMENT_US,
    LOOP_LENGTH,
    OPERATION_US,
    PATTERN_US,
    TEXT_US,
)
from paywarden.risk.rules.reader import read_policy_files

TERMS = 12
HEAD = "name: t\nbase_currency: EUR\nlists: {l: string}\nscenarios: {s: x}\n"
WINDOWS = "".join(
    f"- {{name: n{i}, function: count, by: [card], window: {i + 1}h}}\n" for i in range(TERMS + 1)
)
TEXTS = (
    "payment.channel", "payment.type", "payment.entry_mode", "payment.wallet", "merchant.mcc",
    "merchant.id", "card.brand", "card.funding", "card.bin", "payment.checks.cvv",
    "payment.checks.avs", "payment.currency",
)  # fmt: skip
KINDS: dict[str, tuple[list[str], float]] = {
    "ge": ([f"agg.n{i} >= 1" for i in range(TERMS)], ATOM_US["ge"]),
    "eq": ([f'{path} == "something"' for path in TEXTS], ATOM_US["eq"]),
    "in": ([f'{path} in ["something", "ever"]' for path in TEXTS], ATOM_US["in"]),
    "list": ([f"{path} in lists.l" for path in TEXTS], ATOM_US["list"]),
    "pair": ([f"agg.n{i} >= agg.n{i + 1}" for i in range(TERMS)], ATOM_US["gtp"]),
    "operation": ([f"agg.n{i} * 9 > agg.n{i + 1} * 2" for i in range(TERMS)], 3 * OPERATION_US),
    "text": ([f'{path}.startsWith("some")' for path in TEXTS], TEXT_US),
    "pattern": ([f'{path}.matches("^some.*g$")' for path in TEXTS], PATTERN_US),
    "loop": (
        [f'payment.metadata.exists(k, k == "key{i}")' for i in range(TERMS)],
        LOOP_LENGTH * ELEMENT_US,
    ),
}


def compiled(condition: str) -> CompiledPolicy:
    """A policy of one rule."""
    quoted = json.dumps(condition)
    rule = f"- {{id: r, scenario: s, when: {quoted}, then: {{points: 1}}}}\n"
    files = {"policy.yaml": HEAD, "aggregates.yaml": WINDOWS, "rules/a.yaml": rule}
    return compile_policy(read_policy_files({name: text.encode() for name, text in files.items()}))


def microseconds(policy: CompiledPolicy, rounds: int) -> float:
    """Best of five: one evaluation."""
    values: list[Any] = [None] * policy.width
    for path in TEXTS:
        values[policy.slots[path]] = "something"
    values[policy.slots["payment.phase"]] = "pre_auth"
    values[policy.slots["payment.metadata"]] = {f"key{i}": i for i in range(LOOP_LENGTH)}
    values[policy.aggregate_start :] = [3] * (policy.width - policy.aggregate_start)
    lists = {"l": frozenset({"something", "b"})}
    evaluate = policy.online.evaluate
    assert evaluate(values, lists)
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(rounds):
            evaluate(values, lists)
        best = min(best, time.perf_counter() - began)
    return best / rounds * 1e6


def main() -> None:
    """Measure every kind and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    empty = microseconds(compiled("agg.n0 >= 1"), arguments.rounds)
    found = {}
    for kind, (terms, model) in KINDS.items():
        cost = microseconds(compiled(" && ".join(terms)), arguments.rounds) - empty
        found[kind] = {
            "measured_us": round(cost / (len(terms) - 1), 3),
            "model_us": round(model, 3),
        }
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"{'term':12} {'measured us':>12} {'model us':>9}")
    for kind, row in found.items():
        print(f"{kind:12} {row['measured_us']:12.3f} {row['model_us']:9.3f}")


if __name__ == "__main__":
    main()
