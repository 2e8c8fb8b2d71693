"""One order for what has none: terms of `&&` and `||`, sides of `==` and `!=`.

Guards: the rewritten tree has the same value on every input. An error may change its text, never
whether there is one, because `&&` and `||` absorb errors from either side.
Source: google/cel-spec, doc/langdef.md, "Logical Operators".
"""

from __future__ import annotations

from dataclasses import replace

from paywarden.risk.rules.cel.syntax import Call, Expr, Literal
from paywarden.risk.rules.cel.tree import AND, OR, balanced, terms_of, transform
from paywarden.risk.rules.cel.unparse import unparse

_SYMMETRIC = frozenset({"_==_", "_!=_"})


def ordered(expr: Expr) -> Expr:
    """`expr` with sorted, distinct terms and with literals on the right of `==`."""
    return transform(expr, _ordered)


def _ordered(call: Call) -> Expr | None:
    if call.function in (AND, OR):
        terms = {unparse(term): term for term in terms_of(call, call.function)}
        return balanced(call.function, [terms[text] for text in sorted(terms)], call.place)
    if call.function in _SYMMETRIC:
        left, right = call.arguments
        if isinstance(left, Literal) and not isinstance(right, Literal):
            return replace(call, arguments=(right, left))
    return None
