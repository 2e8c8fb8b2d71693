"""What each written rule of a policy catches and hurts in simulated worlds.

Guards: decided by `paywarden.lab.deciding`, the machine code that decides live; truth is looked at
only afterwards. A written rule is judged with all the forms that templates stamp it into. `alone`
counts payments that would pass if the rule were absent: what it adds, and what it costs, beside all
others. The first days of a world only fill the windows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from paywarden.core.instants import DAY_US
from paywarden.core.outcome import Outcome
from paywarden.core.secret import Secret
from paywarden.decision.conduct import PolicyRuntime
from paywarden.lab.deciding import Deciding
from paywarden.lab.file_lists import FileLists
from paywarden.lab.verdicts import Verdict, Verdicts
from paywarden.risk.features.digests import Digester
from paywarden.risk.rules.model import Thresholds
from paywarden.simulator.judging.world_table import WorldTable
from paywarden.simulator.rows import Bools, Ints

BLOCKED = 10_000
"""Score of a payment that a rule blocks outright, beyond any sum of points."""


@dataclass(slots=True)
class Record:
    """One written rule. Counts of payments and values in base minor units.

    `matches` = `fraud` + `genuine`; `hurt`: genuine ones that did not pass; `caught_alone`,
    `hurt_alone`: those that would pass without the rule; `by_type`: fraud by attack type."""

    fraud: int = 0
    genuine: int = 0
    value: int = 0
    hurt: int = 0
    caught_alone: int = 0
    hurt_alone: int = 0
    by_type: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True, slots=True)
class Judged:
    """One judged world. Arrays over its payments after the warm-up [n].

    `score`: points, or BLOCKED. `kind`: index into `types`, -1 for genuine."""

    records: Mapping[str, Record]
    types: tuple[str, ...]
    score: Ints
    stopped: Bools
    fraud: Bools
    value: Ints
    kind: Ints
    campaign: Ints


def judge(world: WorldTable, runtime: PolicyRuntime, folder: Path, warm_days: int) -> Judged:
    """Decide a world and weigh each rule on what comes after `warm_days`."""
    digester = Digester(Secret(bytes(32)))
    engine = Deciding(runtime, world.payments, FileLists(runtime.policy.lists, folder))
    decided = engine.run(world.observations(runtime.plan, digester), _silent)
    first_us = world.history.horizon.start_us + warm_days * DAY_US
    late = world.payments.time_us >= first_us
    numbers = decided.numbers[late].astype(np.int64)
    cases = decided.verdicts.cases
    types, kind = _kinds(world, late)
    scores = _scores(cases, runtime.policy.points)
    part = Judged(
        {}, types, scores[numbers], _stops(cases)[numbers], world.fraud[late],
        world.value[late], kind, np.where(world.fraud, world.campaign, -1)[late],
    )  # fmt: skip
    records = _records(runtime, decided.verdicts, numbers, part)
    return Judged(records, *(getattr(part, name) for name in Judged.__slots__[1:]))


def _silent(_done: int, _total: int) -> None:
    """No progress is told."""


def _scores(cases: list[Verdict], thresholds: Thresholds) -> Ints:
    """Points, at least those at which the policy would have come to the same outcome."""
    least = {
        Outcome.ALLOW: 0,
        Outcome.CHALLENGE: thresholds.challenge or 0,
        Outcome.REVIEW: thresholds.challenge or 0,
        Outcome.BLOCK: BLOCKED,
    }
    return np.array(
        [max(case.combined.points, int(least[case.outcome])) for case in cases], dtype=np.int64
    )


def _stops(cases: list[Verdict]) -> Bools:
    return np.array([case.outcome is not Outcome.ALLOW for case in cases], dtype=np.bool_)


def _kinds(world: WorldTable, late: Bools) -> tuple[tuple[str, ...], Ints]:
    types = tuple(sorted({strike.type for strike in world.history.strikes}))
    of = np.array([types.index(strike.type) for strike in world.history.strikes] or [-1])
    return types, np.where(world.fraud, of[world.campaign], -1)[late]


def _records(
    runtime: PolicyRuntime, verdicts: Verdicts, numbers: Ints, part: Judged
) -> dict[str, Record]:
    names = written(runtime)
    size = len(verdicts.cases)
    fraud = np.bincount(numbers[part.fraud], minlength=size)
    genuine = np.bincount(numbers[~part.fraud], minlength=size)
    value = np.bincount(numbers[part.fraud], part.value[part.fraud], minlength=size)
    by_type = [np.bincount(numbers[part.kind == k], minlength=size) for k in range(len(part.types))]
    records: dict[str, Record] = {name: Record() for name in dict.fromkeys(names)}
    for number in np.flatnonzero(fraud + genuine).tolist():
        case = verdicts.cases[number]
        stopped = case.outcome is not Outcome.ALLOW
        for name in {names[rule] for rule in case.fired}:
            record = records[name]
            record.fraud += int(fraud[number])
            record.genuine += int(genuine[number])
            record.value += int(value[number])
            record.hurt += stopped * int(genuine[number])
            if stopped and _passes_without(verdicts, case, names, name):
                record.caught_alone += int(fraud[number])
                record.hurt_alone += int(genuine[number])
            for k, counts in enumerate(by_type):
                if counts[number]:
                    record.by_type[part.types[k]] += int(counts[number])
    return records


def written(runtime: PolicyRuntime) -> list[str]:
    """Id of the written rule behind each compiled one."""
    return [rule.template or rule.id for rule in runtime.compiled.written]


def _passes_without(verdicts: Verdicts, case: Verdict, names: list[str], name: str) -> bool:
    rest = tuple(rule for rule in case.fired if names[rule] != name)
    return verdicts.combined(rest, case.surroundings).outcome is Outcome.ALLOW


def together(judged: Iterable[Judged]) -> dict[str, Record]:
    """Records of several worlds, added up."""
    total: dict[str, Record] = {}
    for one in judged:
        for name, record in one.records.items():
            sum_ = total.setdefault(name, Record())
            for each in Record.__slots__[:-1]:
                setattr(sum_, each, getattr(sum_, each) + getattr(record, each))
            for kind, count in record.by_type.items():
                sum_.by_type[kind] += count
    return total
