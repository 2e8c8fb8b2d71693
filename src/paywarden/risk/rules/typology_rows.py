"""Typologies of the payment path as rows of a compiled policy, behind those of its rules.

    rules | terms of every typology, in order | per typology: alert, and hold if it may hold

Guards: a term is a rule like any other for windows, compilers, columns, replay and back-test, but
for its effect, which it has through the score alone. What a payment's record names as fired is
settled: terms of typologies that alert, and the verdicts; terms of others are no news. Verdicts are
of AML and hard: nothing lowers them, nobody snoozes them, and no merchant reads them. One function
of fired terms serves all (`settled`), so that live, shadow, replay and back-test agree.
Not done here: which terms fire, alerts (`paywarden.aml`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from paywarden.core.outcome import Outcome
from paywarden.risk.rules.model import Effect, Policy, Rule, Source
from paywarden.risk.rules.typology_model import Typology
from paywarden.risk.rules.typology_scores import score_of, weights_of

SCENARIO = "typology"
NEVER = "false"


@dataclass(frozen=True, slots=True)
class TypologyRow:
    """One typology and the rows that it has. `first`: of its terms; `hold`: None never holds."""

    typology: Typology
    weights: dict[str, float]
    first: int
    alert: int
    hold: int | None


@dataclass(frozen=True, slots=True)
class Scored:
    """A typology that alerts: the names of its terms that hold, and what they come to."""

    row: TypologyRow
    held: tuple[str, ...]
    score: float
    holds: bool

    @property
    def typology(self) -> Typology:
        """Which."""
        return self.row.typology


class TypologyRows:
    """The rows of one policy's typologies. Immutable once made and shared by every reader."""

    def __init__(self, policy: Policy) -> None:
        self.start = len(policy.rules)
        self.rows: tuple[TypologyRow, ...] = tuple(_rows(policy))
        owners = [row for row in self.rows for _ in row.typology.terms]
        self._owners = tuple(owners)
        self._alerts = {row.alert: row for row in self.rows}
        self.first_alert = self.start + len(owners)
        """From here on stand verdicts."""

    def settled(self, fired: list[int]) -> list[int]:
        """Rows to record and combine, of the rows that fired, both ascending."""
        start = self.start
        if not fired or fired[-1] < start:
            return fired
        cut = bisect_left(fired, start)
        held: dict[int, list[int]] = {}
        owners = self._owners
        for index in fired[cut:]:
            held.setdefault(owners[index - start].alert, []).append(index)
        terms: list[int] = []
        verdicts: list[int] = []
        for alert, indexes in held.items():
            row = self._alerts[alert]
            score = self._score(row, indexes)
            if score >= row.typology.alert:
                terms += indexes
                verdicts.append(alert)
                if row.hold is not None and score >= (row.typology.interdict or 0.0):
                    verdicts.append(row.hold)
        return [*fired[:cut], *terms, *verdicts]

    def scored(self, fired: Sequence[int]) -> Iterator[Scored]:
        """Typologies that alert, of rows that `settled` gave, in order of the policy."""
        if not fired or fired[-1] < self.first_alert:
            return
        held = set(fired)
        for alert in fired[bisect_left(fired, self.first_alert) :]:
            row = self._alerts.get(alert)
            if row is None:
                continue
            terms = row.typology.terms
            indexes = [row.first + n for n in range(len(terms)) if row.first + n in held]
            names = tuple(terms[index - row.first].name for index in indexes)
            yield Scored(row, names, self._score(row, indexes), row.hold in held)

    @staticmethod
    def _score(row: TypologyRow, indexes: Iterable[int]) -> float:
        terms = row.typology.terms
        names = {terms[index - row.first].name for index in indexes}
        return score_of(row.typology.score, row.weights, names)


def compiled_rules(policy: Policy) -> tuple[Rule, ...]:
    """Every row of a policy as a rule: its rules, then terms, then verdicts, which never fire."""
    inner = [one for typology in policy.typologies for one in _terms(typology)]
    outer = [one for typology in policy.typologies for one in _verdicts(typology)]
    return (*policy.rules, *inner, *outer)


def _rows(policy: Policy) -> Iterator[TypologyRow]:
    first = len(policy.rules)
    verdict = first + sum(len(one.terms) for one in policy.typologies)
    for typology in policy.typologies:
        holds = typology.interdict is not None
        hold = verdict + 1 if holds else None
        yield TypologyRow(typology, weights_of(typology), first, verdict, hold)
        first += len(typology.terms)
        verdict += 1 + holds


def _terms(typology: Typology) -> Iterator[Rule]:
    for term in typology.terms:
        yield _rule(
            typology, f"typology:{typology.id}/{term.name}", term.when, Effect(), term.written
        )


def _verdicts(typology: Typology) -> Iterator[Rule]:
    reads = f"score >= {typology.alert:g}"
    yield _rule(typology, f"typology:{typology.id}", NEVER, Effect(), reads)
    if typology.interdict is not None:
        reads = f"score >= {typology.interdict:g}"
        effect = Effect(outcome=Outcome.REVIEW)
        yield _rule(typology, f"typology:{typology.id}:hold", NEVER, effect, reads)


def _rule(typology: Typology, name: str, when: str, effect: Effect, written: str) -> Rule:
    return Rule(
        id=name,
        title=typology.title,
        scenario=SCENARIO,
        phases=typology.phases,
        when=when,
        then=effect,
        source=Source(typology.file, typology.line),
        explanation=typology.explanation,
        hard=True,
        allow_partial=typology.allow_partial,
        written=written,
    )
