"""Everything that can be said about a policy before it runs: faults, failing examples, doubts.

    findings = check_folder(Path("policy"))
    findings.as_dict()          {"errors": [...], "warnings": [...]}

Order: reader (shape and words), types of every condition, examples through the reference
interpreter, lint. Errors keep a policy out; warnings are cheap doubts: a window, list, scenario or
reason that nothing uses, an empty list, a rule without an example, a condition that can never or
will always hold, a challenge where nobody can be asked. Not done here: proofs over thresholds and
effects on traffic (the back-test), compiling.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from paywarden.risk.rules.cel.checker import check
from paywarden.risk.rules.cel.errors import CompileError, shown
from paywarden.risk.rules.cel.program import Program
from paywarden.risk.rules.cel.syntax import Expr, Present, Reference
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.cel.types import BOOL, CelType
from paywarden.risk.rules.examples import ExampleRunner
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.lint import Linter
from paywarden.risk.rules.reader import Reading, files_of, read_all
from paywarden.risk.rules.scope import condition_types, segment_types
from paywarden.risk.rules.yaml_source import Scalar


def check_folder(folder: Path) -> Findings:
    """Findings about the policy of a folder. Errors: NotFound when there is no such folder."""
    return check_files(files_of(folder))


def check_files(files: Mapping[str, bytes]) -> Findings:
    """Findings about the policy of files by relative path."""
    return check_reading(read_all(files), files)


def check_reading(reading: Reading, files: Mapping[str, bytes]) -> Findings:
    """Findings about a policy that was read; added to those of the reading."""
    findings = reading.findings
    policy = reading.policy
    used = _check_conditions(reading, segment_types(policy.lists), findings)
    types = condition_types(policy.aggregates, policy.lists)
    runner = ExampleRunner(types, findings)
    linter = Linter(policy, reading.places, findings)
    for rule in policy.rules:
        found = reading.trees.get(rule.id)
        if found is None:
            continue
        what = f"the rule `{shown(rule.template or rule.id)}`"
        expr = _checked(found, what, types, findings)
        if expr is None:
            continue
        used |= _names(expr.expr)
        runner.run(rule, expr)
        linter.lint_rule(rule, expr, found[1])
    linter.lint_policy(used, files)
    return findings


def _check_conditions(
    reading: Reading, types: Mapping[str, CelType], findings: Findings
) -> set[str]:
    """Types of the conditions of segments and merchant groups; names that they use."""
    used: set[str] = set()
    for what, found in reading.conditions.items():
        program = _checked(found, what, types, findings)
        if program is not None:
            used |= _names(program.expr)
    return used


def _checked(
    found: tuple[Expr, Scalar], what: str, types: Mapping[str, CelType], findings: Findings
) -> Program | None:
    expr, scalar = found
    try:
        checked = check(expr, types, BOOL)
    except CompileError as error:
        findings.compile_error(scalar.inside(error.line, error.column), what, error)
        return None
    return Program(scalar.text, checked.expr, checked)


def _names(expr: Expr) -> set[str]:
    return {node.path for node in nodes_of(expr) if isinstance(node, Reference | Present)}
