"""Doubts about one condition: never, always, terms that add nothing. All of them are proofs.

Guards: equal nodes are judged once; a condition that was not decided within the bound is told so.
Order: the whole condition, the rule with where it applies (segments with their own conditions),
then its terms.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from paywarden.risk.rules.cel.syntax import Call, Expr, Present
from paywarden.risk.rules.cel.tree import AND, OR, nodes_of, terms_of
from paywarden.risk.rules.linting.subjects import Material, Subject, place_of, term_text
from paywarden.risk.rules.program import SEGMENT, Graph
from paywarden.risk.rules.proving.solver import Goal

MAX_TERMS = 40
"""Terms of one `&&` that are set against each other."""


def lint_conditions(material: Material) -> None:
    """Judge every rule."""
    judge = _Judge(material)
    for subject in material.subjects:
        judge.judge(subject)


class _Judge:
    def __init__(self, material: Material) -> None:
        self._prover = material.prover
        self._graph: Graph = material.prover.graph
        self._report = material.report
        self._segments = _segment_goals(material)
        self._whole: dict[int, str] = {}
        self._terms: dict[tuple[int, ...], bool] = {}

    def judge(self, subject: Subject) -> None:
        verdict = self._verdict(subject)
        if verdict:
            self._tell(subject, verdict)
        if verdict == "condition_never_true":
            return
        if self._contradicts_place(subject):
            message = f"{subject.what} can never fire in the phases, segments and groups it names"
            self._report.about_rule(subject, "rule_never_applies", message)
        elif verdict != "condition_always_true":
            self._judge_terms(subject, subject.expr)

    def _verdict(self, subject: Subject) -> str:
        """The code of the whole condition, or an empty text."""
        node = subject.lowered.true
        found = self._whole.get(node)
        if found is None:
            before = self._prover.undecided
            found = self._whole[node] = self._proved(subject)
            if not found and self._prover.undecided > before:
                found = self._whole[node] = "not_decided"
        return found

    def _proved(self, subject: Subject) -> str:
        if self._prover.never_true(subject.lowered):
            return "condition_never_true"
        if self._prover.always_true(subject.lowered):
            return "condition_always_true"
        presence = isinstance(subject.expr, Present) or not subject.paths
        if not presence and self._prover.never_false(subject.lowered):
            return "condition_only_presence"
        return ""

    def _tell(self, subject: Subject, code: str) -> None:
        words = {
            "condition_never_true": "can never hold",
            "condition_always_true": "always holds",
            "condition_only_presence": "holds wherever its values are there",
            "not_decided": "is too involved to judge",
        }
        message = f"the condition of {subject.what} {words[code]}"
        if code == "condition_never_true":
            message += self._why(subject)
        self._report.about_rule(subject, code, message)

    def _why(self, subject: Subject) -> str:
        """The smallest part that shows it: one term, or two."""
        terms = terms_of(subject.expr, AND)[:MAX_TERMS]
        nodes = [self._prover.lowered(term).true for term in terms]
        for term, node in zip(terms, nodes, strict=True):
            if self._prover.never([(node, True)]):
                return f": {term_text(term)} never does" if len(terms) > 1 else ""
        for (first, a), (second, b) in combinations(zip(terms, nodes, strict=True), 2):
            if self._prover.never([(a, True), (b, True)]):
                return f": {term_text(first)} and {term_text(second)} exclude each other"
        return ""

    def _contradicts_place(self, subject: Subject) -> bool:
        goals: list[Goal] = [(subject.fires, True)]
        places = [self._segments[name] for name in subject.rule.segments if name in self._segments]
        if not subject.rule.segments:
            return bool(self._prover.never(goals))
        node = self._graph.join("or", [self._graph.join("and", made) for made, _ in places])
        denied = [miss for _, misses in places for miss in misses] if len(places) == 1 else []
        goals.append((node, True))
        goals += [(miss, False) for miss in denied]
        return bool(self._prover.never(goals))

    # --- terms -----------------------------------------------------------------------------

    def _judge_terms(self, subject: Subject, expr: Expr) -> None:
        for chain, function in _chains(expr):
            terms = terms_of(chain, function)[:MAX_TERMS]
            nodes = [self._prover.lowered(term).true for term in terms]
            if function == OR:
                self._dead_sides(subject, terms, nodes)
            else:
                self._redundant(subject, terms, nodes)

    def _dead_sides(self, subject: Subject, terms: list[Expr], nodes: list[int]) -> None:
        for term, node in zip(terms, nodes, strict=True):
            if self._dead(node):
                message = f"in {subject.what} {term_text(term)} can never hold"
                place = place_of(subject, term)
                self._report.about_rule(subject, "term_never_true", message, place)

    def _redundant(self, subject: Subject, terms: list[Expr], nodes: list[int]) -> None:
        for index, term in enumerate(terms):
            if any(isinstance(part, Present) for part in nodes_of(term)):
                continue  # has(x) && x > 3: said twice on purpose
            rest = tuple(node for other, node in enumerate(nodes) if other != index)
            if self._follows(nodes[index], rest):
                message = f"in {subject.what} {term_text(term)} follows from the other terms"
                place = place_of(subject, term)
                self._report.about_rule(subject, "term_redundant", message, place)
                return

    def _dead(self, node: int) -> bool:
        found = self._terms.get((node,))
        if found is None:
            found = self._terms[(node,)] = bool(self._prover.never([(node, True)]))
        return found

    def _follows(self, node: int, rest: tuple[int, ...]) -> bool:
        if not rest:
            return False
        found = self._terms.get((node, *rest))
        if found is None:
            goals = [(node, False), *((other, True) for other in rest)]
            found = self._terms[(node, *rest)] = bool(self._prover.never(goals))
        return found


def _chains(expr: Expr) -> Iterator[tuple[Expr, str]]:
    """Every chain of `&&` or `||` in a condition, the outer ones first."""
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Call):
            continue
        if node.function in (AND, OR):
            yield node, node.function
            waiting.extend(terms_of(node, node.function))
        elif node.function in ("!_", "_?_:_"):
            waiting.extend(node.arguments)


def _segment_goals(material: Material) -> dict[str, tuple[list[int], list[int]]]:
    """Per segment: nodes that hold in it, and nodes that do not (the segments before it)."""
    graph = material.prover.graph
    found: dict[str, tuple[list[int], list[int]]] = {}
    before: list[int] = []
    for segment in material.policy.segments:
        program = material.segment_trees.get(f"the segment `{segment.name}`")
        graph.kinds[SEGMENT] = "string"
        own = graph.literal(("eq", SEGMENT, segment.name), True)
        holds = [own]
        if program is not None:
            node = material.prover.lowered(program.expr).true
            holds.append(node)
            found[segment.name] = (holds, list(before))
            before.append(node)
        else:
            found[segment.name] = (holds, list(before))
    return found
