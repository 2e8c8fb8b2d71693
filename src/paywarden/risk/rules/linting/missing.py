"""Missing-value traps: rules that stay silent where somebody meant them to fire.

Guards: a missing value makes a comparison an error and the rule silent. That is right for "at
least" and "is on the list", and a trap for a denial (`country != "DE"` says nothing of a payment
without a country) and for windows that are absent while they are empty, read as if they were 0.
A term that asks has(), or that needs the value in a plain comparison, shows that somebody thought
of it; a least count over the same key guards a mean.
"""

from __future__ import annotations

from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.cel.syntax import Call, Expr, Present, Reference
from paywarden.risk.rules.cel.tree import AND, OR, nodes_of, terms_of
from paywarden.risk.rules.linting.comparisons import comparisons_of
from paywarden.risk.rules.linting.subjects import Material, Subject, place_of, term_text

ALWAYS = frozenset(
    {
        "payment.id",
        "payment.attempt",
        "payment.type",
        "payment.phase",
        "payment.initiator",
        "payment.occurred_at",
        "payment.amount_minor",
        "payment.currency",
        "payment.hour",
        "payment.weekday",
        "payment.late",
        "segment",
        "merchant_group",
    }
)
"""Fields that every payment has."""
_COUNTING = frozenset({"count", "sum"})
_DENIALS = frozenset({"_!=_"})
_LOGIC = frozenset({AND, OR, "!_", "_?_:_"})


def lint_missing(material: Material) -> None:
    """Judge what every condition says of missing values."""
    for subject in material.subjects:
        asked = {node.path for node in nodes_of(subject.expr) if isinstance(node, Present)}
        _denials(material, subject, asked | _needed(subject.expr))
        _empty_windows(material, subject, asked)


def _denials(material: Material, subject: Subject, guarded: set[str]) -> None:
    for term, denied in _denied(subject.expr):
        paths = {
            node.path
            for node in nodes_of(denied)
            if isinstance(node, Reference) and _may_be_missing(material, node)
        }
        if paths and not paths & guarded:
            path = sorted(paths)[0]
            message = f"{subject.what} is silent where `{path}` is missing: {term_text(term)}"
            place = place_of(subject, term)
            material.report.about_rule(subject, "missing_value_trap", message, place)


def _denied(expr: Expr) -> list[tuple[Expr, Expr]]:
    """Denials as written: `a != b`, `!a`, `!(a == b)`, `!(a in l)`; the term and what it denies."""
    found: list[tuple[Expr, Expr]] = []
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Call):
            continue
        if node.function in _DENIALS:
            found.append((node, node))
        elif node.function == "!_":
            inner = node.arguments[0]
            plain = not (isinstance(inner, Call) and inner.function in _LOGIC)
            if plain and not isinstance(inner, Present):
                found.append((node, inner))
            elif not plain:
                waiting.append(inner)
        elif node.function in _LOGIC:
            waiting.extend(node.arguments)
    return found


def _needed(expr: Expr) -> set[str]:
    """Names that a plain term of the outermost `&&` needs with a value."""
    found: set[str] = set()
    for term in terms_of(expr, AND):
        if isinstance(term, Call) and term.function not in (*_LOGIC, *_DENIALS):
            found.update(node.path for node in nodes_of(term) if isinstance(node, Reference))
        elif isinstance(term, Reference):
            found.add(term.path)
    return found


def _may_be_missing(material: Material, node: Reference) -> bool:
    if node.type.kind == "members" or node.path in ALWAYS:
        return False
    one = material.aggregates.get(node.path.removeprefix("agg."))
    return one is None or one.function not in _COUNTING


def _empty_windows(material: Material, subject: Subject, asked: set[str]) -> None:
    windows = {
        path: one
        for path in subject.paths
        if path.startswith("agg.")
        and (one := material.aggregates.get(path.removeprefix("agg."))) is not None
    }
    counted = {
        windows[c.path].by
        for c in comparisons_of(subject.expr)
        if c.path in windows and windows[c.path].function in (*_COUNTING, "distinct")
        and c.function in ("_>_", "_>=_") and c.number is not None and c.number > -1
    }  # fmt: skip
    for path, one in sorted(windows.items()):
        if path in asked or one.by in counted or not _trapping(subject.expr, path, one):
            continue
        message = f"{subject.what} reads `{path}`, which is absent while its window is empty"
        material.report.about_rule(subject, "absent_when_empty", message)


def _trapping(expr: Expr, path: str, one: Aggregate) -> bool:
    """Whether nothing in the window would be taken for 0: not for counts, nor for lower bounds."""
    if one.function in _COUNTING:
        return False
    own = [c for c in comparisons_of(expr) if c.path == path]
    if one.function == "distinct":
        return any(c.function in ("_<_", "_<=_") or c.value == 0 for c in own)
    lower = bool(own) and all(c.function in ("_>_", "_>=_") for c in own)
    elsewhere = sum(isinstance(node, Reference) and node.path == path for node in nodes_of(expr))
    return not (lower and elsewhere == len(own))
