"""`run`: a policy, and another to compare with, over a material; everything that is reported.

Guards: nothing here decides: passes do, by the compiled policy that decides live. Order: windows,
rules, outcomes of `against` and of the policy, figures, intervals, thresholds, samples. Progress is
told as (stage, done, total). Not done here: making materials, printing, reports.

    result = run(material, candidate, against, Options(), folder, threads=2, ...)
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import format_rfc3339
from paywarden.lab.backtest import measures, parity, work_folder
from paywarden.lab.backtest.bootstrap import Bootstrap
from paywarden.lab.backtest.deciding_again import Again, Candidate, Stage, decide_again
from paywarden.lab.backtest.material import Material
from paywarden.lab.backtest.measures import Period, period_of
from paywarden.lab.backtest.result import BacktestResult, Options
from paywarden.lab.backtest.rule_figures import rule_figures
from paywarden.lab.backtest.samples import samples
from paywarden.lab.backtest.spread import spread
from paywarden.lab.backtest.sweep import sweeps
from paywarden.lab.backtest.work_folder import Work

MAX_REPLICATES = 2_000
MAX_SAMPLES = 200


@dataclass(frozen=True, slots=True)
class Surroundings:
    """How to run: where to keep work (None: nowhere), how many processors, clock, progress."""

    clock: Clock
    progress: Stage
    work: Path | None = None
    processes: int = 2


def run(
    material: Material,
    candidate: Candidate,
    against: Candidate | None,
    options: Options,
    around: Surroundings,
) -> BacktestResult:
    """The whole back-test. Errors: InvalidRequest for options; Unavailable for the work folder."""
    _check(options, around)
    laps = _Laps(around.clock)
    with ExitStack() as stack:
        folder = around.work
        if folder is None:
            made = tempfile.TemporaryDirectory(prefix="paywarden-backtest-")
            folder = Path(stack.enter_context(made))
        work = stack.enter_context(work_folder.opened(folder, material))
        return _run(material, candidate, against, options, around, work, laps)


def _run(
    material: Material,
    candidate: Candidate,
    against: Candidate | None,
    options: Options,
    around: Surroundings,
    work: Work,
    laps: _Laps,
) -> BacktestResult:
    def decided(one: Candidate) -> Again:
        return decide_again(
            material, one, work.features, work.rules, around.processes, around.progress
        )

    before = None if against is None else decided(against)
    again = decided(candidate)
    laps.mark("decide")
    period = period_of(material, options)
    if not len(period.rows):
        raise InvalidRequest("period_empty", "no payment lies in the period asked for")
    result = _judged(period, again, before, options, laps)
    laps.mark("groups")
    same = parity.compared(material, again, work.features)
    laps.mark("parity")
    return replace(result, parity=same, stages=laps.seconds(), notes=_notes(again, before, work))


def _judged(
    period: Period, again: Again, before: Again | None, options: Options, laps: _Laps
) -> BacktestResult:
    material = period.material
    was = None if before is None else before.outcome
    draws = Bootstrap(int(material.customer.max()) + 1, options.replicates, options.seed)
    total = measures.tally(material, again.outcome, period.rows)
    whole, each = spread(period, again.outcome, again.matches, draws)
    laps.mark("intervals")
    rules = rule_figures(period, again, before, each)
    laps.mark("per_rule")
    time_us = material.table.time_us
    return BacktestResult(
        source=material.source,
        material=material.digest,
        ruleset=again.candidate.runtime.ruleset,
        against=None if before is None else before.candidate.runtime.ruleset,
        first=format_rfc3339(int(time_us[period.rows[0]])),
        last=format_rfc3339(int(time_us[period.rows[-1]])),
        payments=len(period.rows),
        customers=int(np.count_nonzero(np.bincount(material.customer[period.rows]))),
        currency=material.currency,
        labels=measures.labels_of(period),
        total=total,
        intervals=whole,
        total_against=None if was is None else measures.tally(material, was, period.rows),
        workload=measures.workload(period, again.outcome, was, options),
        rules=rules,
        changes=() if was is None else measures.changes(period, was, again.outcome),
        segments=measures.by_segment(period, again),
        scenarios=measures.by_scenario(period, again),
        weeks=measures.by_week(period, again.outcome),
        sweeps=sweeps(period, again, options.costs),
        samples=samples(period, again, before, options.samples, options.seed),
        parity=None,
        costs=options.costs,
        replicates=options.replicates,
        seed=options.seed,
        stages={},
    )


class _Laps:
    """Seconds of the stages, in order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._marks = [("start", clock.monotonic_ns())]

    def mark(self, name: str) -> None:
        self._marks.append((name, self._clock.monotonic_ns()))

    def seconds(self) -> dict[str, float]:
        found = pairwise(self._marks)
        return {name: round((now - then) / 1e9, 3) for (_, then), (name, now) in found}


def _check(options: Options, around: Surroundings) -> None:
    bounds = (
        ("replicates", options.replicates, 20, MAX_REPLICATES),
        ("samples", options.samples, 0, MAX_SAMPLES),
        ("analysts", options.analysts, 1, 100_000),
        ("processes", around.processes, 1, 64),
    )
    for name, value, least, most in bounds:
        if not least <= value <= most:
            detail = f"{name} is {least} to {most}"
            raise InvalidRequest("option_out_of_range", detail, pointer=name)


def _notes(again: Again, before: Again | None, work: Work) -> tuple[str, ...]:
    told = []
    for name, one in (("policy", again), ("against", before)):
        if one is not None:
            told.append(
                f"{name}: {one.features_computed} of {len(one.features)} windows computed, "
                f"{one.rules_evaluated} of {len(one.candidate.runtime.rows)} rules evaluated"
            )
    told.append("work of an earlier run was found" if work.resumed else "nothing was there before")
    return tuple(told)
