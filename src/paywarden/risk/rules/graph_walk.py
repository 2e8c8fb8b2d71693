"""A lowered graph over one payment, plainly: every atom and node, no index, no generated code.

Guards: linear in the graph whatever its shape, since nodes refer only to smaller numbers. Used
where exactness matters and speed does not: which rules erred, and what stands in for generated code
that failed. Not done here: the codes of errors, which the interpreter gives (`slow_path.py`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paywarden.risk.rules.online_fallback import (
    ERROR,
    Lists,
    binding_of,
    evaluate_tree,
    timestamps_in,
)
from paywarden.risk.rules.plain_tree import expr_of
from paywarden.risk.rules.program import PAIRS, Atom, Node

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ge": operator.ge,
    "gt": operator.gt,
    "le": operator.le,
    "lt": operator.lt,
    "eqp": operator.eq,
    "gep": operator.ge,
    "gtp": operator.gt,
}


def atom_value(atom: Atom, values: Mapping[str, Any], lists: Lists) -> Any:
    """True, False or ERROR. `values`: path -> value as in the vector, missing or None: absent."""
    kind = atom[0]
    if kind == "expr":
        return _opaque(atom, values, lists)
    value = values.get(atom[1])
    if kind == "has":
        return value is not None
    if value is None:
        return ERROR
    if kind == "true":
        return value if type(value) is bool else ERROR
    if kind == "list":
        return value in lists.get(atom[2], ())
    if kind == "in":
        return value in atom[2]
    other = values.get(atom[2]) if kind in PAIRS else atom[2]
    if other is None:
        return ERROR
    try:
        return bool(_COMPARE[kind](value, other))
    except TypeError:
        return ERROR


def _opaque(atom: Atom, values: Mapping[str, Any], lists: Lists) -> Any:
    _, tree, paths, names = atom
    expr = expr_of(tree)
    times = timestamps_in(expr)
    bindings = {path: binding_of(values.get(path), path in times) for path in paths}
    bindings.update({f"lists.{name}": lists.get(name, ()) for name in names})
    return evaluate_tree(expr, bindings)


def held_nodes(
    atoms: Sequence[Atom], nodes: Sequence[Node], values: Mapping[str, Any], lists: Lists
) -> list[bool]:
    """For every node whether it holds."""
    answers = [atom_value(atom, values, lists) for atom in atoms]
    held: list[bool] = []
    for kind, *content in nodes:
        if kind == "lit":
            held.append(answers[content[0]] is content[1])
        elif kind == "and":
            held.append(all(held[child] for child in content[0]))
        else:
            held.append(any(held[child] for child in content[0]))
    return held
