"""Judges a policy on a mapped, labelled file: what each family of rules catches and hurts.

    python bench/library_on_file.py FILE --map MAP.toml [--policy DIR] [--limit N] [--json]

A family is a rule with all its stamped-out forms (the id before the first dot); `card-X` and
`payer-X` are one family `X`, since files often have one card for each payer. `fired`, `fraud` and
`genuine` count payments on which any form fired; `hurt` those genuine ones that did not pass.
`hurt_alone` and `caught_alone` count payments that would pass if the family were absent: a family
with many of the first and few of the second costs more than it gives.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

from paywarden.core.outcome import Outcome
from paywarden.core.secret import Secret
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.kit.clock import SystemClock
from paywarden.lab.decide_file import FileRequest, decide_file
from paywarden.lab.summary import CaseCount, FileSummary

COUNTS = ("fired", "fraud", "genuine", "caught", "hurt", "caught_alone", "hurt_alone")


def families(summary: FileSummary) -> dict[str, dict[str, int]]:
    """Counts per family, by what its absence would change."""
    table: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
    for case in summary.cases:
        for family in {_family(rule) for rule in case.rules}:
            row = table[family]
            stopped = case.outcome is not Outcome.ALLOW
            rest = [rule for rule in case.rules if _family(rule) != family]
            alone = stopped and case.without(rest) is Outcome.ALLOW
            _add(row, case, stopped, alone)
    return dict(table)


def _add(row: dict[str, int], case: CaseCount, stopped: bool, alone: bool) -> None:
    row["fired"] += case.payments
    row["fraud"] += case.fraud
    row["genuine"] += case.genuine
    row["caught"] += stopped * case.fraud
    row["hurt"] += stopped * case.genuine
    row["caught_alone"] += alone * case.fraud
    row["hurt_alone"] += alone * case.genuine


def _family(rule: str) -> str:
    name = rule.partition(".")[0]
    return name.removeprefix("card-").removeprefix("payer-")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--map", type=Path, required=True, dest="mapping")
    parser.add_argument("--policy", type=Path, default=policy_folder())
    parser.add_argument("--limit", type=int)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    request = FileRequest(
        given.file, given.mapping, given.policy, Secret(bytes(32)), limit=given.limit
    )
    summary = decide_file(request, lambda _done, _total: None, SystemClock())
    table = families(summary)
    document = {**summary.document(), "stages": dict(summary.stages), "families": table}
    if given.json:
        print(json.dumps(document, indent=1))
        return 0
    print(json.dumps({k: v for k, v in document.items() if k != "families"}, indent=1))
    print(f"{'family':32}" + "".join(f"{name:>13}" for name in COUNTS))
    for family, row in sorted(table.items(), key=lambda pair: -pair[1]["hurt"]):
        print(f"{family:32}" + "".join(f"{row[name]:13}" for name in COUNTS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
