"""Lint in order: conditions, pairs, bands, values, texts, missing values, effects, declarations.

Guards: every doubt is a warning with a place and a remedy; what somebody allowed with a reason is
left out, and an allowance that nothing needs is doubted itself. The whole is bounded: each proof in
steps, pairs in number. The same policy gives the same answer on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paywarden.risk.rules.cel.program import Program
from paywarden.risk.rules.cel.types import CelType
from paywarden.risk.rules.linting.bands import lint_bands
from paywarden.risk.rules.linting.conditions import lint_conditions
from paywarden.risk.rules.linting.costs import lint_costs
from paywarden.risk.rules.linting.effects import lint_effects
from paywarden.risk.rules.linting.missing import lint_missing
from paywarden.risk.rules.linting.pairs import lint_pairs
from paywarden.risk.rules.linting.subjects import Material, Report
from paywarden.risk.rules.linting.texts import lint_texts
from paywarden.risk.rules.linting.unused import lint_unused
from paywarden.risk.rules.linting.values import lint_values
from paywarden.risk.rules.model import Rule, Source
from paywarden.risk.rules.reader import Reading
from paywarden.risk.rules.suppressions import Suppression
from paywarden.risk.rules.yaml_source import Scalar


@dataclass(frozen=True, slots=True)
class Proofs:
    """What lint did: rules judged, conditions that stayed undecided, comparisons of rules that were
    left out by the bound, doubts that somebody allowed, by code, and what the dearest written rules
    cost a payment, in microseconds by the cost model."""

    rules: int
    undecided: int
    pairs_left_out: int
    suppressed: Mapping[str, int]
    costs_us: Mapping[str, float]

    def as_dict(self) -> dict[str, object]:
        """The form of `paywarden policy check --json`."""
        return {
            "rules": self.rules,
            "undecided": self.undecided,
            "pairs_left_out": self.pairs_left_out,
            "suppressed": dict(self.suppressed),
            "costs_us": dict(self.costs_us),
        }


class Linter:
    """Lints one policy that was read."""

    def __init__(
        self,
        reading: Reading,
        files: Mapping[str, bytes],
        types: Mapping[str, CelType],
        segment_trees: Mapping[str, Program],
    ) -> None:
        """`types`: names of conditions; `segment_trees`: checked conditions of segments."""
        self._allowed = _Allowed(reading)
        self._report = Report(reading.findings, self._allowed.allows)
        self._material = Material(reading, files, types, segment_trees, self._report)
        self._reading = reading
        self._files = files

    def add(self, rule: Rule, program: Program, when: Scalar) -> None:
        """Take a rule whose condition is well typed."""
        self._material.add(rule, program, when)

    def lint(self, used: set[str], *, prove: bool = True) -> Proofs:
        """Everything; `used` holds the names that conditions read."""
        material, left_out = self._material, 0
        if prove:
            lint_conditions(material)
            left_out = lint_pairs(material)
            lint_bands(material)
        for part in (lint_values, lint_texts, lint_missing, lint_effects):
            part(material)
        costs = lint_costs(material)
        lint_unused(material, used, self._files)
        if left_out:
            message = f"too many rules are alike; {left_out} comparisons of rules were left out"
            place = Source("policy.yaml", 1)
            self._report.about(("policy",), place, "not_decided", message)
        if prove:
            self._unneeded()
        undecided = material.prover.undecided
        suppressed = self._report.suppressed
        return Proofs(len(material.subjects), undecided, left_out, suppressed, costs)

    def _unneeded(self) -> None:
        for suppression, codes in self._allowed.unneeded():
            listed = ", ".join(f"`{code}`" for code in codes)
            message = f"nothing here needs to allow {listed}"
            self._report.about((), suppression.source, "unused_suppression", message)


class _Allowed:
    """Who allowed what, and what of it was needed."""

    def __init__(self, reading: Reading) -> None:
        self._rules = reading.allowed
        self._everywhere = reading.allowed_everywhere
        self._needed: set[tuple[int, str]] = set()

    def allows(self, names: tuple[str, ...], code: str) -> bool:
        found = [self._rules[name] for name in names if name in self._rules]
        found += [one for one in self._everywhere if not one.of or set(one.of) & set(names)]
        allowing = [one for one in found if code in one.codes]
        self._needed.update((id(one), code) for one in allowing)
        return bool(allowing)

    def unneeded(self) -> list[tuple[Suppression, list[str]]]:
        """Suppressions with codes that nothing needed."""
        every = {id(one): one for one in (*self._rules.values(), *self._everywhere)}
        found = []
        for one in every.values():
            codes = [code for code in one.codes if (id(one), code) not in self._needed]
            if codes:
                found.append((one, codes))
        return found
