"""Walks over a syntax tree: children, depth, chains of `&&` and `||`, rewriting bottom-up.

Guards: nothing here recurses on a tree whose depth has not been checked; `refuse_deep` and
`nodes_of` use a stack of their own, so they are safe on any tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from paywarden.risk.rules.cel.errors import CompileError
from paywarden.risk.rules.cel.syntax import (
    Call,
    Comprehension,
    Expr,
    ListOf,
    MapOf,
    Place,
    Select,
)

MAX_DEPTH = 128
AND = "_&&_"
OR = "_||_"
LOGIC = {"&&": AND, "||": OR}

Hook = Callable[[Call], Expr | None]


def children_of(expr: Expr) -> tuple[Expr, ...]:
    """Direct sub-expressions in source order."""
    if isinstance(expr, Call):
        return expr.arguments
    if isinstance(expr, Select):
        return (expr.operand,)
    if isinstance(expr, ListOf):
        return expr.items
    if isinstance(expr, MapOf):
        return tuple(part for entry in expr.entries for part in entry)
    if isinstance(expr, Comprehension):
        parts = (expr.range, expr.condition, expr.result)
        return tuple(part for part in parts if part is not None)
    return ()


def nodes_of(expr: Expr) -> Iterator[Expr]:
    """Every node of the tree, parents before children."""
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children_of(node)))


def refuse_deep(expr: Expr) -> None:
    """Refuse a tree of more than MAX_DEPTH levels. Errors: CompileError."""
    level: list[Expr] = [expr]
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            detail = f"the condition has more than {MAX_DEPTH} levels; split it"
            raise CompileError("condition_too_deep", detail, level[0].place)
        level = [child for node in level for child in children_of(node)]


def terms_of(expr: Expr, function: str) -> list[Expr]:
    """Terms of a chain of `_&&_` or `_||_` in source order; `[expr]` when it is none."""
    terms: list[Expr] = []
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Call) and node.function == function:
            waiting.extend(reversed(node.arguments))
        else:
            terms.append(node)
    return terms


def balanced(function: str, terms: list[Expr], place: Place) -> Expr:
    """A tree of logarithmic depth over `terms`, in order; at least one term."""
    while len(terms) > 1:
        pairs = [
            Call(function, (terms[i], terms[i + 1]), False, place)
            for i in range(0, len(terms) - 1, 2)
        ]
        terms = pairs + terms[len(terms) - len(terms) % 2 :]
    return terms[0]


def transform(expr: Expr, hook: Hook) -> Expr:
    """The tree with every call replaced by what `hook` gives for it, bottom-up.

    `hook` sees a call whose arguments are already rewritten and answers None to keep it.
    """
    if isinstance(expr, Call):
        arguments = tuple(transform(part, hook) for part in expr.arguments)
        if any(new is not old for new, old in zip(arguments, expr.arguments, strict=True)):
            expr = replace(expr, arguments=arguments)
        return hook(expr) or expr
    if isinstance(expr, Select):
        operand = transform(expr.operand, hook)
        return expr if operand is expr.operand else replace(expr, operand=operand)
    if isinstance(expr, ListOf):
        return replace(expr, items=tuple(transform(item, hook) for item in expr.items))
    if isinstance(expr, MapOf):
        entries = tuple((transform(k, hook), transform(v, hook)) for k, v in expr.entries)
        return replace(expr, entries=entries)
    if isinstance(expr, Comprehension):
        return _transform_loop(expr, hook)
    return expr


def _transform_loop(loop: Comprehension, hook: Hook) -> Expr:
    return replace(
        loop,
        range=transform(loop.range, hook),
        condition=None if loop.condition is None else transform(loop.condition, hook),
        result=None if loop.result is None else transform(loop.result, hook),
    )
