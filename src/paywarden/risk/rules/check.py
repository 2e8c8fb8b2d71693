"""Everything that can be said about a policy before it runs: faults, failing examples, doubts.

    findings = check_folder(Path("policy"))
    findings.as_dict()          {"errors": [...], "warnings": [...]}

Order: reader (shape and words), types of every condition, examples through the reference
interpreter, typologies the same way, lint with its proofs (`linting`, `proving`). Errors keep a
policy out; warnings are doubts, each listed in docs/reference/lint.md. Not done here: effects on
traffic (the back-test), compiling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paywarden.risk.rules.cel.checker import check
from paywarden.risk.rules.cel.errors import CompileError, shown
from paywarden.risk.rules.cel.program import Program
from paywarden.risk.rules.cel.syntax import Expr
from paywarden.risk.rules.cel.types import BOOL, CelType
from paywarden.risk.rules.examples import ExampleRunner
from paywarden.risk.rules.findings import Finding, Findings
from paywarden.risk.rules.linting.linter import Linter, Proofs
from paywarden.risk.rules.linting.subjects import names_of
from paywarden.risk.rules.reader import Reading, files_of, read_all
from paywarden.risk.rules.scope import condition_types, segment_types
from paywarden.risk.rules.typology_check import TypologyCheck
from paywarden.risk.rules.typology_model import Typology
from paywarden.risk.rules.yaml_source import Scalar


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, and what was proved of it (None when an error kept proofs out)."""

    findings: Findings
    proofs: Proofs | None

    @property
    def items(self) -> tuple[Finding, ...]:
        """All findings in order of file and line."""
        return self.findings.items

    def as_dict(self) -> dict[str, Any]:
        """`{"errors": [...], "warnings": [...], "proofs": {...} or null}`."""
        proofs = None if self.proofs is None else self.proofs.as_dict()
        return {**self.findings.as_dict(), "proofs": proofs}


LogTypes = Callable[[Typology, Findings], Mapping[str, CelType]]
"""Names that terms over the log may read; faults of the typology's features are added."""


def check_folder(folder: Path, *, prove: bool = True, log_types: LogTypes | None = None) -> Checked:
    """Findings about the policy of a folder. Errors: NotFound when there is no such folder."""
    return check_files(files_of(folder), prove=prove, log_types=log_types)


def check_files(
    files: Mapping[str, bytes], *, prove: bool = True, log_types: LogTypes | None = None
) -> Checked:
    """Findings about the policy of files by relative path; `prove`: with proofs over conditions.

    `log_types`: the names of typologies that run over the log, which are known in AML alone;
    without them those typologies are checked for shape.
    """
    reading = read_all(files)
    findings = reading.findings
    policy = reading.policy
    segments = _checked_conditions(reading, segment_types(policy.lists), findings)
    used = {name for program in segments.values() for name in names_of(program.expr)}
    types = condition_types(policy.aggregates, policy.lists)
    runner = ExampleRunner(types, findings)
    linter = Linter(reading, files, types, segments)
    for rule in policy.rules:
        found = reading.trees.get(rule.id)
        if found is None:
            continue
        program = _checked(found, f"the rule `{shown(rule.template or rule.id)}`", types, findings)
        if program is None:
            continue
        used |= names_of(program.expr)
        runner.run(rule, program)
        linter.add(rule, program, found[1])
    used |= _checked_typologies(reading, types, log_types)
    if findings.failed:
        return Checked(findings, None)
    return Checked(findings, linter.lint(used, prove=prove))


def _checked_typologies(
    reading: Reading, types: Mapping[str, CelType], log_types: LogTypes | None
) -> set[str]:
    """The names that typologies of the payment path read."""
    reader, findings = reading.typologies, reading.findings
    used: set[str] = set()
    if reader is None:
        return used
    checking = TypologyCheck(reader.trees, reader.texts, findings)
    for typology in reader.typologies.values():
        if typology.runs == "payment":
            programs = checking.run(typology, types)
            used.update(*(names_of(program.expr) for program in programs.values()))
        elif log_types is not None:
            checking.run(typology, log_types(typology, findings))
    return used


def _checked_conditions(
    reading: Reading, types: Mapping[str, CelType], findings: Findings
) -> dict[str, Program]:
    """Checked conditions of segments and merchant groups, by what they are."""
    programs = {
        what: _checked(found, what, types, findings) for what, found in reading.conditions.items()
    }
    return {what: program for what, program in programs.items() if program is not None}


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
