"""Which decisions a change of policy changes: "312 of last week's decisions change, here they are".

Guards: both policies decide the same payments by the same windows and lists; where the old policy
is the one that decided live, its outcomes are the record's (`parity.py` shows it). The sample is
bounded and masked, and follows from the seed. Used by `policy changes` and by the life of a rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import format_rfc3339
from paywarden.lab.backtest import measures, work_folder
from paywarden.lab.backtest.deciding_again import Again, Candidate, decide_again
from paywarden.lab.backtest.material import Material
from paywarden.lab.backtest.measures import Period, period_of
from paywarden.lab.backtest.result import Change, Options, Sample
from paywarden.lab.backtest.running import Surroundings
from paywarden.lab.backtest.samples import drawn_rows, shown


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule whose matches differ: how many payments before and after; None: not in the policy."""

    rule: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class ChangedDecisions:
    """What differs between two policies over the payments of a period."""

    old: str
    new: str
    first: str
    last: str
    decisions: int
    changed: int
    changes: tuple[Change, ...]
    rules: tuple[RuleChange, ...]
    samples: tuple[Sample, ...]

    def document(self) -> Mapping[str, Any]:
        """Plain JSON types."""
        plain: Mapping[str, Any] = msgspec.to_builtins(self)
        return plain


def changed_decisions(
    material: Material,
    old: Candidate,
    new: Candidate,
    options: Options,
    around: Surroundings,
) -> ChangedDecisions:
    """Decide the period by both and compare. Errors: InvalidRequest `period_empty`; of `run`."""
    period = period_of(material, options)
    if not len(period.rows):
        raise InvalidRequest("period_empty", "no payment lies in the period asked for")
    with ExitStack() as stack:
        folder = around.work
        if folder is None:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="paywarden-diff-")))
        work = stack.enter_context(work_folder.opened(folder, material))

        def decided(one: Candidate) -> Again:
            return decide_again(
                material, one, work.features, work.rules, around.processes, around.progress
            )

        before, after = decided(old), decided(new)
    return _compared(period, before, after, options)


def _compared(period: Period, before: Again, after: Again, options: Options) -> ChangedDecisions:
    rows, time_us = period.rows, period.material.table.time_us
    changed = rows[before.outcome[rows] != after.outcome[rows]]
    some = drawn_rows(changed, options.samples, options.seed)
    return ChangedDecisions(
        old=before.candidate.runtime.ruleset,
        new=after.candidate.runtime.ruleset,
        first=format_rfc3339(int(time_us[rows[0]])),
        last=format_rfc3339(int(time_us[rows[-1]])),
        decisions=len(rows),
        changed=len(changed),
        changes=measures.changes(period, before.outcome, after.outcome),
        rules=_rules(period, before, after),
        samples=shown(after, before, [("changed", some)], period.material),
    )


def _rules(period: Period, before: Again, after: Again) -> tuple[RuleChange, ...]:
    was, now = _matches(period, before), _matches(period, after)
    names = dict.fromkeys([*was, *now])
    found = (RuleChange(name, was.get(name), now.get(name)) for name in names)
    return tuple(one for one in found if one.before != one.after)


def _matches(period: Period, again: Again) -> dict[str, int]:
    rules = again.candidate.runtime.rows
    inside = np.concatenate([[0], np.cumsum(period.inside[again.matches.payments])])
    counts = np.diff(inside[again.matches.offsets])
    return {row.id: int(count) for row, count in zip(rules, counts, strict=True)}
