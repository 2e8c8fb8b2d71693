"""The questions that lint asks of conditions, answered by proof or not at all.

Guards: each answer is True (proved), False (a way around it was not refuted) or None (not decided
within the bound). "Never" means that no payment makes the condition true, missing values and errors
included; "implies" that whenever the first is true the second is too. Sound by construction and
tested against the interpreter: `tests/properties/test_prover_laws.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.cel.syntax import Expr
from paywarden.risk.rules.lowering import lower
from paywarden.risk.rules.program import FALSE, Graph, Lowered
from paywarden.risk.rules.proving.literals import Questions
from paywarden.risk.rules.proving.sets import Spans
from paywarden.risk.rules.proving.solver import MAX_STEPS, Goal, Solver, State


class Prover:
    """Proofs over conditions that share one graph."""

    def __init__(
        self,
        kinds: Mapping[str, str],
        domains: Mapping[str, Spans],
        aggregates: Mapping[str, Aggregate] | None = None,
        steps: int = MAX_STEPS,
    ) -> None:
        """`kinds`: type word by path; `domains`: possible values by path, missing left out."""
        self.graph: Final = Graph(dict(kinds))
        self._questions = Questions(self.graph.kinds, domains, aggregates or {})
        self.solver: Final = Solver(self.graph, self._questions, domains, steps)
        self.undecided = 0

    def lowered(self, expr: Expr) -> Lowered:
        """A checked condition as nodes of the graph."""
        return lower(expr, self.graph)

    def never(self, goals: Iterable[Goal]) -> bool | None:
        """Whether no payment satisfies all goals."""
        found = self.solver.satisfiable(goals)
        if found is None:
            self.undecided += 1
            return None
        return not found

    def never_true(self, condition: Lowered) -> bool | None:
        """Whether a condition is never true."""
        return True if condition.true == FALSE else self.never([(condition.true, True)])

    def always_true(self, condition: Lowered) -> bool | None:
        """Whether a condition is true for every payment, whatever is missing."""
        return self.never([(condition.true, False)])

    def never_false(self, condition: Lowered) -> bool | None:
        """Whether a condition is true wherever it is no error: it tests presence and no more."""
        return self.never([(condition.false, True)])

    def implies(self, first: int, second: int) -> bool | None:
        """Whether wherever the node `first` holds, the node `second` does."""
        return self.never([(first, True), (second, False)])

    def narrowed(self, node: int) -> State | None:
        """Values left by a node that holds, `or`s aside; None when it cannot hold."""
        return self.solver.narrowed([(node, True)])

    def leaves_open(self, state: State, node: int) -> bool:
        """Whether a literal over one value plainly does not follow from what `state` leaves."""
        return self.solver.leaves_open(state, node)
