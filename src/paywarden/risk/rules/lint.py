"""Cheap doubts about a policy that is sound: every one is a warning with a remedy.

Guards: a warning never depends on traffic. A condition "never holds" when one of its terms is
constant and not true, or when two terms bound the same name apart (`x >= 5 && x < 3`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from paywarden.core.outcome import Outcome
from paywarden.risk.rules.cel.errors import EvaluationError, shown
from paywarden.risk.rules.cel.program import Program
from paywarden.risk.rules.cel.syntax import (
    Call,
    Comprehension,
    Expr,
    ListOf,
    Literal,
    Name,
    Present,
    Reference,
)
from paywarden.risk.rules.cel.tree import AND, nodes_of, terms_of
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.model import Policy, Rule, Source
from paywarden.risk.rules.yaml_source import Scalar

NOBODY_TO_ASK = frozenset({"post_auth", "capture", "refund"})
_MIRRORED = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_", "_==_": "_==_"}


class Linter:
    """Adds warnings about one policy to its findings."""

    def __init__(self, policy: Policy, places: Mapping[str, Source], findings: Findings) -> None:
        self._policy = policy
        self._places = places
        self._findings = findings

    def lint_rule(self, rule: Rule, program: Program, when: Scalar) -> None:
        """Doubts about one rule whose condition is well typed."""
        what = f"the rule `{shown(rule.template or rule.id)}`"
        if not rule.examples:
            remedy = "add one that fires and one that does not"
            self._findings.warning(
                rule.source, "rule_without_example", f"{what} has no example", remedy
            )
        constant = constant_truth(program.expr)
        if constant is not None:
            code = "condition_always_true" if constant else "condition_never_true"
            does = "always holds" if constant else "can never hold"
            message = f"the condition of {what} {does}"
            self._findings.warning(when.source, code, message, "correct its terms")
        if rule.then.outcome is Outcome.CHALLENGE and NOBODY_TO_ASK.issuperset(rule.phases):
            message = f"{what} challenges in phases in which nobody can be asked"
            remedy = "use review, or another phase"
            self._findings.warning(rule.source, "challenge_not_possible", message, remedy)

    def lint_policy(self, used: set[str], files: Mapping[str, bytes]) -> None:
        """Doubts about the whole; `used` holds the names that conditions read."""
        typologies = b"".join(
            content for name, content in files.items() if name.startswith("typologies/")
        ).decode("utf-8", "replace")
        for window in self._policy.aggregates:
            place = self._places.get(f"aggregates.{window.name}")
            if place and f"agg.{window.name}" not in used and window.name not in typologies:
                self._unused(place, "aggregate", "window", window.name)
        acted = {str(v) for v in self._acted_lists()}
        for name in self._policy.lists:
            path = f"lists/{name}.csv"
            place = self._places.get(f"lists.{name}") or Source(path, 1)
            if f"lists.{name}" not in used and name not in acted and name not in typologies:
                self._unused(place, "list", "list", name)
            elif path in files and not _has_rows(files[path]):
                message = f"the list `{name}` is empty"
                remedy = "fill it, or let actions and people fill it"
                self._findings.warning(Source(path, 1), "empty_list", message, remedy)
        self._lint_words()

    def _acted_lists(self) -> list[object]:
        return [
            value
            for rule in self._policy.rules
            for action in rule.then.actions
            for key, value in action.parameters
            if key == "list"
        ]

    def _lint_words(self) -> None:
        reasons = {rule.then.reason for rule in self._policy.rules}
        scenarios = {rule.scenario for rule in self._policy.rules}
        for kind, used, declared in (
            ("reasons", reasons, self._policy.reasons),
            ("scenarios", scenarios, self._policy.scenarios),
        ):
            for name in declared:
                if name not in used:
                    place = self._places.get(f"{kind}.{name}") or Source("policy.yaml", 1)
                    self._unused(place, kind[:-1], kind[:-1], name)

    def _unused(self, place: Source, code: str, kind: str, name: str) -> None:
        message = f"nothing uses the {kind} `{name}`"
        self._findings.warning(place, f"unused_{code}", message, "use it or remove it")


def _has_rows(content: bytes) -> bool:
    lines = (line for line in content.splitlines() if line.strip() and not line.startswith(b"#"))
    next(lines, None)
    return next(lines, None) is not None


def constant_truth(expr: Expr) -> bool | None:
    """True or False where the condition holds always or never, else None."""
    terms = terms_of(expr, AND)
    values = [_constant(term) for term in terms]
    if any(value is False for value in values) or _apart(terms):
        return False
    return True if all(value is True for value in values) else None


def _constant(expr: Expr) -> bool | None:
    """Truth of a term that reads no name; an error counts as not true."""
    if any(isinstance(node, Reference | Present) for node in nodes_of(expr)):
        return None
    if any(isinstance(node, Name) for node in nodes_of(expr)) and not any(
        isinstance(node, Comprehension) for node in nodes_of(expr)
    ):
        return None
    try:
        return Program("", expr, None).evaluate({}) is True
    except EvaluationError:
        return False


def _apart(terms: list[Expr]) -> bool:
    """Whether two terms ask of one name what no value can be."""
    low: dict[str, tuple[float, bool]] = {}
    high: dict[str, tuple[float, bool]] = {}
    texts: dict[str, set[str]] = {}
    for term in terms:
        bound = _bound(term)
        if bound is None:
            continue
        function, path, value = bound
        if isinstance(value, str | bool):
            if function == "_==_":
                texts.setdefault(path, set()).add(repr(value))
            continue
        if function in ("_>_", "_>=_", "_==_"):
            low[path] = max(low.get(path, (-math.inf, False)), (value, function == "_>_"))
        if function in ("_<_", "_<=_", "_==_"):
            open_end = function == "_<_"
            known = high.get(path, (math.inf, False))
            high[path] = min(known, (value, open_end), key=lambda end: (end[0], not end[1]))
    if any(len(found) > 1 for found in texts.values()):
        return True
    return any(_empty(low[path], high[path]) for path in low.keys() & high.keys())


def _empty(low: tuple[float, bool], high: tuple[float, bool]) -> bool:
    return low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1]))


def _bound(term: Expr) -> tuple[str, str, float | str | bool] | None:
    """A comparison of one name with one constant, the name on the left."""
    if isinstance(term, Call) and term.function == "@in":
        inside = term.arguments[1]
        if isinstance(inside, ListOf) and len(inside.items) == 1:
            return _bound(Call("_==_", (term.arguments[0], inside.items[0]), False, term.place))
        return None
    if not isinstance(term, Call) or term.function not in _MIRRORED:
        return None
    left, right = term.arguments
    function = term.function
    if isinstance(left, Literal):
        left, right, function = right, left, _MIRRORED[function]
    if not isinstance(left, Reference) or not isinstance(right, Literal):
        return None
    value = right.value
    if value is None or isinstance(value, bytes):
        return None
    return function, left.path, value
