"""What a condition costs, in microseconds, by a model of its operations.

Guards: the model adds fixed costs of the operations that a condition has to do when every term is
asked; it is deterministic, so that a finding never depends on the machine. The figures were
measured on the online back end (`bench/rule_costs.py`) and serve to tell dear from cheap. What a
rule really costs is less: rules that share terms pay them once.
"""

from __future__ import annotations

from collections.abc import Mapping

from paywarden.risk.rules.cel.syntax import (
    Call,
    Comprehension,
    Expr,
    ListOf,
    MapOf,
    Reference,
)
from paywarden.risk.rules.cel.tree import AND, OR, nodes_of
from paywarden.risk.rules.linting.subjects import Material, Subject
from paywarden.risk.rules.program import Graph

LIMIT_US = 20.0
SHOWN = 10
LOOP_LENGTH = 20
"""Elements that a loop is taken to go over (metadata holds at most 50)."""

ATOM_US: Mapping[str, float] = {
    **dict.fromkeys(("eq", "ge", "gt", "le", "lt", "in", "true", "has"), 0.03),
    **dict.fromkeys(("eqp", "gep", "gtp"), 0.04),
    "list": 0.1,
}
OPERATION_US = 0.1
TEXT_US = 0.3
PATTERN_US = 9.0
ELEMENT_US = 8.0
"""One element of a loop: loops are walked by the interpreter."""
_TEXTS = frozenset({"contains", "startsWith", "endsWith", "size", "string", "bytes", "timestamp"})


def lint_costs(material: Material) -> dict[str, float]:
    """Doubt the conditions that cost more than LIMIT_US; the costs of the dearest written rules."""
    costs: dict[str, float] = {}
    for subject in material.subjects:
        cost = cost_us(material.prover.graph, subject)
        costs[subject.name] = max(costs.get(subject.name, 0.0), round(cost, 2))
        if cost > LIMIT_US:
            message = f"{subject.what} costs about {cost:.0f} us a payment by the cost model"
            material.report.about_rule(subject, "expensive_rule", message)
    dearest = sorted(costs.items(), key=lambda item: (-item[1], item[0]))
    return dict(dearest[:SHOWN])


def cost_us(graph: Graph, subject: Subject) -> float:
    """Microseconds of one rule when all its terms are asked."""
    seen: set[int] = set()
    waiting = [subject.lowered.true]
    total = 0.0
    opaque = False
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        content = graph.nodes[node]
        if content[0] != "lit":
            waiting.extend(content[1])
            continue
        kind = graph.atoms[content[1]][0]
        opaque = opaque or kind == "expr"
        total += ATOM_US.get(kind, 0.0)
    return total + (_written_us(subject.expr) if opaque else 0.0)


def _written_us(expr: Expr) -> float:
    """Cost of the parts of a condition that are no plain comparisons."""
    total = 0.0
    for node in nodes_of(expr):
        if isinstance(node, Comprehension):
            inner = (part for part in (node.condition, node.result) if part is not None)
            total += (LOOP_LENGTH - 1) * sum(map(_written_us, inner)) + LOOP_LENGTH * ELEMENT_US
        elif isinstance(node, Call):
            total += _call_us(node)
        elif isinstance(node, ListOf | MapOf):
            total += OPERATION_US
    return total


def _call_us(call: Call) -> float:
    if call.function in (AND, OR, "!_") or all(isinstance(a, Reference) for a in call.arguments):
        return ATOM_US["eq"]
    if call.function == "matches":
        return PATTERN_US
    return TEXT_US if call.function in _TEXTS else OPERATION_US
