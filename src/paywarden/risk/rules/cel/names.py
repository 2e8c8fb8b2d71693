"""Dotted names: the chain that a tree spells, and the value of a path in nested or dotted bindings.

Guards: a chain holds plain names only (a quoted field such as `a.b` between backticks is no part of
a name). A path is looked up by its longest dotted key first, then deeper, so that
`{"payment.id": 1}` and `{"payment": {"id": 1}}` both answer `payment.id`. Source: google/cel-spec,
doc/langdef.md, "Name Resolution".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paywarden.risk.rules.cel.syntax import Expr, Name, Select


def chain_of(expr: Expr) -> list[str]:
    """Parts of a dotted chain, `has(...)` of a chain included; empty when `expr` is no chain."""
    parts: list[str] = []
    node = expr
    while isinstance(node, Select) and (not node.test_only or node is expr):
        if not node.field.isidentifier():
            return []
        parts.append(node.field)
        node = node.operand
    if not isinstance(node, Name):
        return []
    parts.append(node.name)
    parts.reverse()
    return parts


def find(bindings: Mapping[str, Any], parts: Sequence[str]) -> Any:
    """The value at a path, or None when it is absent or null."""
    for count in range(len(parts), 0, -1):
        value = bindings.get(".".join(parts[:count]))
        if value is None:
            continue
        if count == len(parts):
            return value
        inner = find(value, parts[count:]) if isinstance(value, Mapping) else None
        if inner is not None:
            return inner
    return None
