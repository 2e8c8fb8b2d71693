"""Figures of each rule: what it matches, what only it stops, what is new, who fires beside it.

Guards: a rule is judged on its own matches and on its part in the whole: what would pass without it
(`alone_*`), and what the present policy lets pass (`new_*`). Intervals are those of the bootstrap,
by the same draws for every rule, so that rules can be compared.
Shapes: n payments, r rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from paywarden.core.outcome import Outcome
from paywarden.lab.backtest.bootstrap import Bootstrap, Sums, Turn, interval
from paywarden.lab.backtest.deciding_again import Again
from paywarden.lab.backtest.measures import Period, share, stopped, valued_sum
from paywarden.lab.backtest.result import Intervals, Overlap, RuleFigures
from paywarden.lab.backtest.sweep import lowest_threshold
from paywarden.lab.labels import FRAUD, GENUINE, UNKNOWN
from paywarden.risk.rules.firing import AML

INTERVAL_RULES = 300
"""Rules that get intervals: those that catch most, alone or not."""
OVERLAPPED_RULES = 20
"""Rules for which the rules that fire beside them are looked up."""
OVERLAPS = 5
_NOTHING = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class _Known:
    """What every rule is measured against, and counts and values of all rules at once, [r]."""

    fraud: int
    fraud_value: int
    stopped: npt.NDArray[np.bool_]
    compared: bool
    columns: Mapping[str, npt.NDArray[np.int64]]

    def of(self, name: str, rule: int) -> int:
        """One figure of one rule."""
        return int(self.columns[name][rule])

    def new(self, name: str, rule: int) -> int | None:
        """One figure that only a comparison has."""
        return self.of(name, rule) if self.compared else None


def rule_figures(
    period: Period, again: Again, against: Again | None, bootstrap: Bootstrap
) -> tuple[RuleFigures, ...]:
    """Every rule of the policy, in its order."""
    material = period.material
    frauds = period.rows[material.marks[period.rows] == FRAUD]
    known = _Known(
        len(frauds),
        valued_sum(material, frauds),
        stopped(again.outcome),
        against is not None,
        _columns(period, again, against),
    )
    rules = range(len(again.candidate.runtime.rows))
    figures = [_figures(period, again, rule, known) for rule in rules]
    telling = sorted(rules, key=lambda rule: _worth(figures[rule]))
    spread = telling[:INTERVAL_RULES]
    some = [_inside(period, again.matches.of(rule)) for rule in spread]
    for rule, spans in zip(spread, _intervals(period, some, frauds, bootstrap), strict=True):
        figures[rule] = replace(figures[rule], intervals=spans)
    for rule in telling[:OVERLAPPED_RULES]:
        held = _inside(period, again.matches.of(rule))
        figures[rule] = replace(figures[rule], overlaps=_overlaps(again, rule, held))
    return tuple(figures)


def _worth(one: RuleFigures) -> tuple[int, int, int]:
    """What rules are ordered by: fraud value that only they stop, that they match, matches."""
    return -one.alone_fraud_value_minor, -one.fraud_value_minor, -one.matches


def _inside(period: Period, payments: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    return payments[period.inside[payments]].astype(np.int64)


def _columns(
    period: Period, again: Again, against: Again | None
) -> dict[str, npt.NDArray[np.int64]]:
    """Counts and values of the matches of every rule, each in one pass over all matches."""
    material, matches = period.material, again.matches
    payments, offsets = matches.payments, matches.offsets
    inside, marks = period.inside[payments], material.marks[payments]
    value = np.where(material.valued, material.amount_minor, 0)[payments]
    stop = stopped(again.outcome)
    fraud, genuine = inside & (marks == FRAUD), inside & (marks == GENUINE)

    def each(chosen: npt.NDArray[np.bool_], weigh: bool = False) -> npt.NDArray[np.int64]:
        held = np.where(chosen, value, 0) if weigh else chosen
        running = np.concatenate([[0], np.cumsum(held, dtype=np.int64)])
        return np.asarray(running[offsets[1:]] - running[offsets[:-1]])

    found = {
        "matches": each(inside),
        "fraud": each(fraud),
        "fraud_value": each(fraud, True),
        "genuine": each(genuine),
        "genuine_value": each(genuine, True),
        "unlabelled": each(inside & (marks == UNKNOWN)),
        "stopped": each(inside & stop[payments]),
    }
    if against is not None:
        fresh = (stop & ~stopped(against.outcome))[payments]
        found |= {
            "new_fraud": each(fraud & fresh),
            "new_fraud_value": each(fraud & fresh, True),
            "new_genuine": each(genuine & fresh),
        }
    return found


def _figures(period: Period, again: Again, rule: int, known: _Known) -> RuleFigures:
    material, runtime = period.material, again.candidate.runtime
    only = _only(period, again, rule, known)
    alone = [only[material.marks[only] == mark] for mark in (FRAUD, GENUINE)]
    matches, fraud = known.of("matches", rule), known.of("fraud", rule)
    genuine, value = known.of("genuine", rule), known.of("fraud_value", rule)
    row, written = runtime.rows[rule], runtime.policy.rules[rule]
    return RuleFigures(
        id=row.id,
        title=written.title,
        scenario=row.scenario,
        points=row.points,
        outcome=None if row.outcome is None else row.outcome.word,
        matches=matches,
        errors=int(again.matches.errors[rule]),
        fraud=fraud,
        fraud_value_minor=value,
        genuine=genuine,
        genuine_value_minor=known.of("genuine_value", rule),
        unlabelled=known.of("unlabelled", rule),
        precision=share(fraud, fraud + genuine),
        recall=share(fraud, known.fraud),
        value_recall=share(value, known.fraud_value),
        intervals=Intervals(),
        alone_fraud=len(alone[0]),
        alone_fraud_value_minor=valued_sum(material, alone[0]),
        alone_genuine=len(alone[1]),
        alone_genuine_value_minor=valued_sum(material, alone[1]),
        already_stopped=share(known.of("stopped", rule) - len(only), matches),
        new_fraud=known.new("new_fraud", rule),
        new_fraud_value_minor=known.new("new_fraud_value", rule),
        new_genuine=known.new("new_genuine", rule),
    )


def _only(period: Period, again: Again, rule: int, known: _Known) -> npt.NDArray[np.int64]:
    """Payments that are stopped and would not be without the rule; an allow rule stops nothing."""
    fired = again.matches.of(rule)
    if not len(fired) or again.candidate.runtime.rows[rule].outcome is Outcome.ALLOW:
        return _NOTHING
    asked = fired[known.stopped[fired]]
    row = again.candidate.runtime.rows[rule]
    if row.outcome is None and row.engine != AML:
        # Whoever has points enough without the rule is stopped without it, whatever else holds.
        lowest = lowest_threshold(again.candidate.runtime.policy.points)
        left = again.combination.points[asked] - row.points
        asked = asked[left < lowest] if lowest is not None else asked[:0]
    return _inside(period, asked[~stopped(again.combination.without(rule, asked))])


def _intervals(
    period: Period,
    matched: Sequence[npt.NDArray[np.int64]],
    frauds: npt.NDArray[np.int64],
    bootstrap: Bootstrap,
) -> list[Intervals]:
    material = period.material
    rules = range(len(matched))
    parts: list[list[list[Sums]]] = [[[], [], []] for _ in rules]
    wholes: list[list[Sums]] = [[], []]
    value = np.where(material.valued, material.amount_minor, 0)
    kinds = [
        (rows[material.marks[rows] == FRAUD], rows[material.marks[rows] == GENUINE])
        for rows in matched
    ]
    for turn in bootstrap:
        wholes[0].append(turn.count(material.customer[frauds]))
        wholes[1].append(turn.total(material.customer[frauds], value[frauds]))
        for rule in rules:
            fraud, genuine = kinds[rule]
            caught = _counted(turn, material.customer, fraud)
            parts[rule][0].append(caught)
            parts[rule][1].append(caught + _counted(turn, material.customer, genuine))
            parts[rule][2].append(turn.total(material.customer[fraud], value[fraud]))
    return [
        Intervals(
            interval(held[0], held[1]),
            interval(held[0], wholes[0]),
            interval(held[2], wholes[1]),
        )
        for held in parts
    ]


def _counted(turn: Turn, customer: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> Sums:
    return turn.count(customer[rows])


def _overlaps(again: Again, rule: int, matched: npt.NDArray[np.int64]) -> tuple[Overlap, ...]:
    """The rules that fire most often on the same payments."""
    if not len(matched):
        return ()
    here = np.zeros(len(again.outcome), np.int64)
    here[matched] = 1
    running = np.concatenate([[0], np.cumsum(here[again.matches.payments])])
    both = running[again.matches.offsets[1:]] - running[again.matches.offsets[:-1]]
    both[rule] = 0
    rows = again.candidate.runtime.rows
    most = np.argsort(-both, kind="stable")[:OVERLAPS].tolist()
    return tuple(
        Overlap(rows[other].id, int(both[other]), float(both[other]) / len(matched))
        for other in most
        if both[other]
    )
