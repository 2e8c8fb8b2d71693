"""Whether some payment can satisfy a set of formulas: a search that refutes, or gives up counted.

Guards: `False` is a proof that no payment does; `True` says only that none of the steps refuted it;
`None` that the bound of steps was met ("not decided"). Order: everything that must hold narrows
the values of its variables; what must be there, or cannot be, narrows what hangs on it; an `or` of
which one part is left becomes a must; then the shortest `or` is taken apart. The search keeps a
stack of its own. Not done here: which formulas are asked (`prover.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from paywarden.risk.rules.program import Graph
from paywarden.risk.rules.proving.literals import (
    BROKEN,
    ERROR,
    LESS,
    MORE,
    SAME,
    Questions,
    Variable,
)
from paywarden.risk.rules.proving.sets import (
    ABSENT,
    ANYTHING,
    PRESENT,
    Marks,
    Spans,
    ValueSet,
    at_least,
    at_most,
)

MAX_STEPS = 2_000
Goal = tuple[int, bool]
"""A node of the graph and whether it has to hold; (n, False) means "n does not hold"."""
State = dict[Variable, ValueSet]


class Solver:
    """Searches over the formulas of one graph."""

    def __init__(
        self, graph: Graph, questions: Questions, domains: Mapping[str, Spans], steps: int
    ) -> None:
        self._graph = graph
        self._questions = questions
        self._domains = domains
        self._steps = steps
        self._kinds = graph.kinds

    def satisfiable(self, goals: Iterable[Goal]) -> bool | None:
        """Whether all goals can hold for one payment; see the module."""
        left = self._steps
        stack: list[_Branch] = [_Branch({}, list(goals), [])]
        while stack:
            left -= 1
            if left < 0:
                return None
            branch = stack.pop()
            if not self._settle(branch):
                continue
            if not branch.choices:
                return True
            choice = min(branch.choices, key=len)
            rest = [other for other in branch.choices if other is not choice]
            for goal in reversed(choice):
                stack.append(_Branch(dict(branch.state), [goal], list(rest)))
        return False

    def narrowed(self, goals: Iterable[Goal]) -> State | None:
        """Values that remain when the goals hold, without taking any `or` apart; None for none."""
        branch = _Branch({}, list(goals), [])
        return branch.state if self._settle(branch) else None

    def leaves_open(self, state: State, node: int) -> bool:
        """Whether a literal over one value may fail with the values that are left.

        Relations of two names are never said to: they may follow from other relations.
        """
        variable, values = self._literal(node, True)
        if variable[0] in ("pair", "times"):
            return False
        return not _within(self.value(state, variable), values)

    # --- one branch ------------------------------------------------------------------------

    def _settle(self, branch: _Branch) -> bool:
        while True:
            if not self._narrow_all(branch) or not self._propagate(branch.state):
                return False
            if not self._simplify(branch):
                return False
            if not branch.musts:
                return True

    def _narrow_all(self, branch: _Branch) -> bool:
        while branch.musts:
            node, wanted = branch.musts.pop()
            kind, *content = self._graph.nodes[node]
            if kind == "lit":
                variable, values = self._literal(node, wanted)
                if not self._narrow(branch.state, variable, values):
                    return False
            elif (kind == "and") == wanted:
                branch.musts.extend((child, wanted) for child in content[0])
            else:
                branch.choices.append([(child, wanted) for child in content[0]])
        return True

    def _literal(self, node: int, wanted: bool) -> tuple[Variable, ValueSet]:
        _, number, positive = self._graph.nodes[node]
        question = self._questions.of(number, self._graph.atoms[number])
        values = question.true if positive else question.false
        return question.variable, values if wanted else values.complement()

    def value(self, state: State, variable: Variable) -> ValueSet:
        """What a variable may still be."""
        found = state.get(variable)
        return self._whole(variable) if found is None else found

    def _whole(self, variable: Variable) -> ValueSet:
        kind = variable[0]
        if kind == "p":
            return self._domain(variable[1])
        if kind == "times":
            return ANYTHING
        return Marks(31, 5) if kind == "pair" else Marks(7, 3)

    def _domain(self, path: str) -> Spans:
        domain = self._domains.get(path)
        if domain is None:
            double = self._kinds.get(path) == "double"
            return Spans(absent=True, nan=double, low=True)
        return Spans(True, domain.nan, domain.low, domain.cuts)

    def _narrow(self, state: State, variable: Variable, values: ValueSet) -> bool:
        left = _meet(self.value(state, variable), values)
        state[variable] = left
        return not left.empty

    # --- what hangs together ---------------------------------------------------------------

    def _propagate(self, state: State) -> bool:
        """Narrow until nothing changes, at most a few rounds (stopping early only loses proofs)."""
        for _ in range(4):
            before = dict(state)
            for variable in before:
                if variable[0] != "p" and not self._linked(state, variable):
                    return False
            if state == before:
                break
        return True

    def _linked(self, state: State, variable: Variable) -> bool:
        paths: Sequence[str] = self._questions.strict.get(variable, ())
        error = _error_of(variable)
        if _excludes(state[variable], error):
            for path in paths:
                if not self._narrow(state, ("p", path), PRESENT):
                    return False
        else:
            said = self._said(state, variable, error)
            if said is not None and not self._narrow(state, variable, said):
                return False
        if variable[0] == "pair":
            return self._ordered(state, variable)
        if variable[0] == "times" and variable[1] == "gt":
            return self._times(state, variable)
        return True

    def _said(self, state: State, variable: Variable, error: ValueSet) -> ValueSet | None:
        """What the presence of a variable's paths says of it, if anything."""
        values = [
            self.value(state, ("p", path)) for path in self._questions.strict.get(variable, ())
        ]
        if any(not _valued(one) for one in values):
            return error
        plain = variable[0] in ("list", "pair", "times")
        return error.complement() if plain and all(map(_there, values)) else None

    def _ordered(self, state: State, variable: Variable) -> bool:
        """Bounds of one side of a comparison of two names from the other side."""
        _, left, right = variable
        relation = state[variable]
        assert isinstance(relation, Marks)
        if relation.within(Marks(MORE.bits | SAME.bits, 5)):
            return self._bounded(state, right, left)
        if relation.within(Marks(LESS.bits | SAME.bits, 5)):
            return self._bounded(state, left, right)
        return True

    def _bounded(self, state: State, low: str, high: str) -> bool:
        """`low` <= `high`."""
        least, most = (self.value(state, ("p", path)) for path in (low, high))
        assert isinstance(least, Spans) and isinstance(most, Spans)
        bottom, top = least.least(), most.most()
        if bottom is not None and not self._narrow(state, ("p", high), at_least(bottom)):
            return False
        return top is None or self._narrow(state, ("p", low), at_most(top))

    def _times(self, state: State, variable: Variable) -> bool:
        """`x > k * y` says `x >= k * y`: the second family reaches at least as far."""
        other = ("times", "ge", *variable[2:])
        if other not in state:
            return True
        mine, theirs = state[variable], state[other]
        assert isinstance(mine, Spans) and isinstance(theirs, Spans)
        least, most = mine.least(), theirs.most()
        if least is not None and not mine.absent:
            at_or_above = Spans(cuts=((least, 0),))
            if not self._narrow(state, other, at_or_above):
                return False
        if most is None or theirs.absent:
            return True
        return self._narrow(state, variable, Spans(low=True, cuts=((most, 1),)))

    # --- choices ---------------------------------------------------------------------------

    def _simplify(self, branch: _Branch) -> bool:
        """Drop parts that cannot hold, and choices that hold already; one part left is a must."""
        kept: list[list[Goal]] = []
        for choice in branch.choices:
            parts = self._possible(branch.state, choice)
            if parts is None:
                continue
            if not parts:
                return False
            if len(parts) == 1:
                branch.musts.append(parts[0])
            else:
                kept.append(parts)
        branch.choices = kept
        return True

    def _possible(self, state: State, choice: list[Goal]) -> list[Goal] | None:
        """Parts that can still hold; None when one holds for sure."""
        parts: list[Goal] = []
        for node, wanted in choice:
            if self._graph.nodes[node][0] != "lit":
                if not self._graph.nodes[node][1]:
                    if (self._graph.nodes[node][0] == "and") == wanted:
                        return None
                    continue
                parts.append((node, wanted))
                continue
            variable, values = self._literal(node, wanted)
            present = self.value(state, variable)
            if _within(present, values):
                return None
            if not _meet(present, values).empty:
                parts.append((node, wanted))
        return parts


@dataclass(slots=True)
class _Branch:
    """One way through the formulas: values left, what must hold, `or`s that are open."""

    state: State
    musts: list[Goal]
    choices: list[list[Goal]]


def _meet(left: ValueSet, right: ValueSet) -> ValueSet:
    if isinstance(left, Spans):
        assert isinstance(right, Spans)
        return left.meet(right)
    assert isinstance(right, Marks)
    return left.meet(right)


def _within(left: ValueSet, right: ValueSet) -> bool:
    return _meet(left, right.complement()).empty


def _error_of(variable: Variable) -> ValueSet:
    """The values by which a variable says "error"."""
    if variable[0] == "times":
        return ABSENT
    return BROKEN if variable[0] == "pair" else ERROR


def _excludes(values: ValueSet, error: ValueSet) -> bool:
    return _meet(values, error).empty


def _valued(values: ValueSet) -> bool:
    return not isinstance(values, Spans) or values.valued


def _there(values: ValueSet) -> bool:
    return isinstance(values, Spans) and not values.absent
