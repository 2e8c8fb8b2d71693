"""What lint looks at: every rule with its checked tree, its formulas, its place and its names.

Guards: all rules share one prover, so that equal conditions are one node and are judged once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.applying import applies_to
from paywarden.risk.rules.cel.errors import shown
from paywarden.risk.rules.cel.program import Program
from paywarden.risk.rules.cel.syntax import Expr, Present, Reference
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.cel.types import CelType
from paywarden.risk.rules.cel.unparse import unparse
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.lint_codes import LINT_CODES
from paywarden.risk.rules.model import Policy, Rule, Source
from paywarden.risk.rules.program import Lowered
from paywarden.risk.rules.proving.domains import domains_of
from paywarden.risk.rules.proving.prover import Prover
from paywarden.risk.rules.proving.sets import Spans
from paywarden.risk.rules.reader import Reading
from paywarden.risk.rules.yaml_source import Scalar


@dataclass(frozen=True, slots=True)
class Subject:
    """One rule under lint. `name`: of the written rule; `when`: the scalar of its condition.

    `lowered`: its formulas; `applies`: node of where it applies; `fires`: both together.
    """

    rule: Rule
    expr: Expr
    when: Scalar
    name: str
    paths: frozenset[str]
    lowered: Lowered
    applies: int
    fires: int

    @property
    def what(self) -> str:
        """The rule as messages name it."""
        return f"the rule `{shown(self.name)}`"

    @property
    def id(self) -> str:
        """The rule's id, as messages name it when the stamping matters."""
        return f"`{shown(self.rule.id)}`"


@dataclass(slots=True)
class Report:
    """Collects doubts: those that are allowed are left out and counted, stampings are one.

    `allows(names, code)`: whether somebody allowed the doubt about any of the names.
    """

    findings: Findings
    allows: Callable[[tuple[str, ...], str], bool]
    suppressed: dict[str, int] = field(default_factory=dict)
    _told: set[tuple[Source, str]] = field(default_factory=set)

    def about_rule(
        self, subject: Subject, code: str, message: str, place: Source | None = None
    ) -> None:
        """A doubt about a rule, once per written rule and place."""
        names = (subject.rule.id, subject.name)
        self.about(names, place or subject.when.source, code, message)

    def about(self, names: tuple[str, ...], place: Source, code: str, message: str) -> None:
        """A doubt about something that has these names."""
        if (place, code) in self._told:
            return
        self._told.add((place, code))
        if self.allows(names, code):
            self.suppressed[code] = self.suppressed.get(code, 0) + 1
            return
        self.findings.warning(place, code, message, LINT_CODES[code].remedy)


@dataclass(slots=True)
class Material:
    """A policy under lint."""

    reading: Reading
    files: Mapping[str, bytes]
    types: Mapping[str, CelType]
    segment_trees: Mapping[str, Program]
    report: Report
    subjects: list[Subject] = field(default_factory=list)

    def __post_init__(self) -> None:
        aggregates = self.aggregates
        domains = domains_of(self.policy)
        kinds = {path: kind.kind for path, kind in self.types.items()}
        self.domains: Mapping[str, Spans] = domains
        self.prover = Prover(kinds, domains, aggregates)

    domains: Mapping[str, Spans] = field(init=False)
    prover: Prover = field(init=False)

    @property
    def policy(self) -> Policy:
        """The policy as read."""
        return self.reading.policy

    @property
    def aggregates(self) -> dict[str, Aggregate]:
        """Windows by name, those of macros too."""
        return {one.name: one for one in self.policy.aggregates}

    def add(self, rule: Rule, program: Program, when: Scalar) -> None:
        """Take a rule whose condition is well typed."""
        lowered = self.prover.lowered(program.expr)
        graph = self.prover.graph
        applies = applies_to(graph, rule)
        fires = graph.join("and", (applies, lowered.true))
        paths = names_of(program.expr)
        name = rule.template or rule.id
        self.subjects.append(
            Subject(rule, program.expr, when, name, paths, lowered, applies, fires)
        )


def names_of(expr: Expr) -> frozenset[str]:
    """Declared names that a condition reads, lists among them."""
    return frozenset(node.path for node in nodes_of(expr) if isinstance(node, Reference | Present))


def term_text(expr: Expr) -> str:
    """A term as messages show it."""
    return f"`{shown(unparse(expr))}`"


def place_of(subject: Subject, expr: Expr) -> Source:
    """Where a term stands in the file (its operator, for a comparison)."""
    return subject.when.inside(expr.place.line, expr.place.column)
