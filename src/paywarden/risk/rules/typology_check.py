"""What can be said about a typology before it runs: types of its terms, its texts, its examples.

Guards: every fault at its place in the file; a text that would show a field which only its person's
key opens is an error, since alerts outlive erasure; an example whose score differs is an error.
Not done here: shape (`typology_reader.py`), functions of features (`paywarden.aml.monitoring`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from paywarden.risk.rules.cel.checker import check
from paywarden.risk.rules.cel.errors import CompileError, EvaluationError, shown
from paywarden.risk.rules.cel.program import Program
from paywarden.risk.rules.cel.syntax import Expr
from paywarden.risk.rules.cel.types import BOOL, CelType
from paywarden.risk.rules.examples import MISSING, ExampleRunner
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.model import Source
from paywarden.risk.rules.typology_model import Typology, TypologyExample
from paywarden.risk.rules.typology_scores import score_of, weights_of
from paywarden.risk.rules.typology_texts import read_sentence, sealed_names
from paywarden.risk.rules.yaml_source import Scalar

TOLERANCE: Final = 1e-9
Trees = Mapping[tuple[str, str], tuple[Expr, Scalar]]
Texts = Mapping[tuple[str, str], Scalar]


class TypologyCheck:
    """Checks typologies over the trees and texts that one reader left."""

    def __init__(self, trees: Trees, texts: Texts, findings: Findings) -> None:
        self._trees = trees
        self._texts = texts
        self._findings = findings

    def run(self, typology: Typology, types: Mapping[str, CelType]) -> dict[str, Program]:
        """Everything about one typology; its checked terms by name, those without faults."""
        programs: dict[str, Program] = {}
        for term in typology.terms:
            program = self._condition(typology, term.name, types)
            if program is not None:
                programs[term.name] = program
            self._sentence(typology, term.name, term.says, types)
        if len(programs) == len(typology.terms):
            self._examples(typology, programs, types)
        return programs

    def _condition(
        self, typology: Typology, term: str, types: Mapping[str, CelType]
    ) -> Program | None:
        found = self._trees.get((typology.id, term))
        if found is None:
            return None
        expr, scalar = found
        try:
            checked = check(expr, types, BOOL)
        except CompileError as error:
            place = scalar.inside(error.line, error.column)
            self._findings.compile_error(place, _what(typology, term), error)
            return None
        return Program(scalar.text, checked.expr, checked)

    def _sentence(
        self, typology: Typology, term: str, text: str, types: Mapping[str, CelType]
    ) -> None:
        scalar = self._texts.get((typology.id, term))
        if scalar is None:
            return
        what = f"`says` of {_what(typology, term)}"
        try:
            hidden = sealed_names(read_sentence(text, types))
        except CompileError as error:
            self._findings.compile_error(scalar.source, what, error)
            return
        for name in hidden:
            message = f"{what} shows `{shown(name)}`, which is sealed under its person's key"
            remedy = "show counts, amounts, countries or words; an alert outlives erasure"
            self._findings.error(scalar.source, "sealed_field_shown", message, remedy)

    def _examples(
        self, typology: Typology, programs: Mapping[str, Program], types: Mapping[str, CelType]
    ) -> None:
        runner = ExampleRunner(types, self._findings)
        what = f"an example of the typology `{shown(typology.id)}`"
        for example in typology.examples:
            source = Source(typology.file, example.line)
            given = runner.bindings(example.given, source, what)
            held = None if given is None else self._held(programs, given, source, what)
            if held is not None:
                self._compare(typology, example, held, source, what)

    def _held(
        self, programs: Mapping[str, Program], given: dict[str, object], source: Source, what: str
    ) -> set[str] | None:
        held: set[str] = set()
        for name, program in programs.items():
            try:
                if program.evaluate(given) is True:
                    held.add(name)
            except EvaluationError as error:
                if error.code not in MISSING:
                    message = f"{what} cannot be evaluated: {error.detail}"
                    remedy = "give values that the conditions can work with"
                    self._findings.error(source, "example_error", message, remedy)
                    return None
        return held

    def _compare(
        self,
        typology: Typology,
        example: TypologyExample,
        held: Iterable[str],
        source: Source,
        what: str,
    ) -> None:
        names = sorted(held)
        score = score_of(typology.score, weights_of(typology), names)
        if abs(score - example.score) <= TOLERANCE:
            return
        terms = ", ".join(names) or "no term"
        message = f"{what} fails: the score is {score:g}, not {example.score:g} ({terms} held)"
        remedy = "correct conditions or weights, or what the example gives or expects"
        self._findings.error(source, "example_failed", message, remedy)


def _what(typology: Typology, term: str) -> str:
    return f"the term `{shown(term)}` of the typology `{shown(typology.id)}`"
