"""Judges the rule library on simulated worlds and writes docs/reference/rule-library.md.

    python bench/rule_library.py [--tune 101,102] [--unseen 201,202] [--write] [--json]

Each world is decided by the machine code that decides live (`paywarden.simulator.judging`). The
threshold of the one-per-cent figures is found on the seeds of `--tune` and frozen for those of
`--unseen`; rules are weighed on all of them. One world more, without attacks, shows what the
library costs in quiet times. Fraud is ten times as dense as in life (preset `dense`): the column
`in life` says what that means.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from paywarden.decision.conduct import PolicyRuntime
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.reader import read_policy
from paywarden.simulator.history import simulate
from paywarden.simulator.judging.judge import Judged, judge, together
from paywarden.simulator.judging.page import Quiet, Verdict, page
from paywarden.simulator.judging.stopping import figures, threshold_at
from paywarden.simulator.judging.world_table import world_table

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "rule-library.md"
PRESET = "dense"
BUDGET = 0.01


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--policy", type=Path, default=policy_folder())
    parser.add_argument("--tune", type=_seeds, default=(101, 102))
    parser.add_argument("--unseen", type=_seeds, default=(201, 202))
    parser.add_argument("--quiet", type=int, default=301)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--warm", type=int, default=33)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    tasks = [(given.quiet, ()), *((seed, None) for seed in (*given.tune, *given.unseen))]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        work = [pool.submit(_judged, *task, given.days, given.warm, given.policy) for task in tasks]
        quiet, *rest = [one.result() for one in work]
    tune, unseen = rest[: len(given.tune)], rest[len(given.tune) :]
    verdict = Verdict(
        records=together([*tune, *unseen]),
        payments=sum(len(one.fraud) for one in (*tune, *unseen)),
        fraud=sum(int(one.fraud.sum()) for one in (*tune, *unseen)),
        own=figures(unseen, None),
        budget=figures(unseen, threshold_at(tune, BUDGET)),
        quiet=Quiet(len(quiet.fraud), int(quiet.stopped.sum())),
        seeds=(given.tune, given.unseen),
        days=(given.days, given.warm),
    )
    if given.json:
        print(json.dumps(asdict(verdict), indent=1, default=dict))
    text = page(read_policy(given.policy), verdict)
    if given.write:
        PAGE.write_text(text, encoding="utf-8")
    elif not given.json:
        print(text)
    return 0


def _judged(seed: int, only: tuple[str, ...] | None, days: int, warm: int, folder: Path) -> Judged:
    """One world, in a process of its own."""
    runtime = PolicyRuntime(compile_policy(read_policy(folder)))
    judged = judge(world_table(simulate(PRESET, seed, days, only=only)), runtime, folder, warm)
    print(f"world {seed}: {len(judged.fraud)} payments judged", file=sys.stderr, flush=True)
    return judged


def _seeds(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
