"""Findings: what is wrong, or doubtful, in a policy, each with its place and its remedy.

Guards: reading a policy collects all findings instead of stopping at the first; a policy with an
error is never handed out (`PolicyErrors`). Texts are ours: they name keys, words and identifiers of
the policy (shortened), never a value that may be personal.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from paywarden.core.errors import InvalidRequest
from paywarden.risk.rules.cel.errors import CompileError, shown
from paywarden.risk.rules.model import Source

MAX_FINDINGS = 1_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One error or warning; line and column count from 1."""

    file: str
    line: int
    column: int
    code: str
    message: str
    remedy: str
    severity: str = "error"

    def as_dict(self) -> dict[str, object]:
        """The form that `paywarden policy check --json` prints."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
            "severity": self.severity,
        }

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}; {self.remedy}"


class PolicyErrors(InvalidRequest):
    """A policy that cannot be accepted; `findings` holds every error and warning found."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        errors = [finding for finding in self.findings if finding.severity == "error"]
        first = errors[0]
        detail = f"{first.message}; {first.remedy}"
        if len(errors) > 1:
            detail += f" (and {len(errors) - 1} more)"
        place = f"{first.file}:{first.line}:{first.column}"
        super().__init__("policy_invalid", detail, pointer=place)


class Findings:
    """A collector; equal findings are kept once, at most MAX_FINDINGS in all."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}

    def error(self, source: Source, code: str, message: str, remedy: str) -> None:
        """Add an error."""
        self._add(source, code, message, remedy, "error")

    def warning(self, source: Source, code: str, message: str, remedy: str) -> None:
        """Add a warning: the policy is accepted, but somebody should look."""
        self._add(source, code, message, remedy, "warning")

    def compile_error(self, source: Source, what: str, error: CompileError) -> None:
        """Add the refusal of a condition, at its place in the file."""
        message, _, remedy = error.detail.partition("; ")
        remedy = remedy or "see the policy format, section Conditions"
        self.error(source, error.code, f"{what}: {message}", remedy)

    def _add(self, source: Source, code: str, message: str, remedy: str, severity: str) -> None:
        if len(self._found) < MAX_FINDINGS:
            place = (source.file, source.line, source.column)
            self._found.setdefault(Finding(*place, code, message, remedy, severity))

    @property
    def items(self) -> tuple[Finding, ...]:
        """All findings in order of file and line."""
        return tuple(sorted(self._found, key=lambda f: (f.file, f.line, f.column, f.code)))

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return any(finding.severity == "error" for finding in self._found)

    def as_dict(self) -> dict[str, list[dict[str, object]]]:
        """`{"errors": [...], "warnings": [...]}` as `paywarden policy check --json` prints it."""
        items = self.items
        return {
            "errors": [one.as_dict() for one in items if one.severity == "error"],
            "warnings": [one.as_dict() for one in items if one.severity == "warning"],
        }

    def raise_errors(self) -> None:
        """Errors: PolicyErrors when there is an error."""
        if self.failed:
            raise PolicyErrors(self.items)


def one_of(words: Iterable[str], given: str) -> str:
    """Remedy for an unknown word: the nearest known one, else the known ones."""
    known = sorted(words)
    near = difflib.get_close_matches(given[:100], known, 1, 0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    if not known:
        return "none is declared"
    more = ", ..." if len(known) > 12 else ""
    return "use one of " + ", ".join(shown(word) for word in known[:12]) + more
