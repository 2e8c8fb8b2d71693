"""A typology by the reference interpreter: which terms hold, the score, and what they say.

Slow and plain: the oracle of the payment path, of the stream and of the batch, and what explains an
alert. A term whose condition ends in an error does not hold.

Guards: as conditions do (`cel.program`); nothing here is on the way of a payment that alerts
nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paywarden.risk.rules.cel.errors import EvaluationError
from paywarden.risk.rules.cel.program import Program
from paywarden.risk.rules.cel.program import compile as compile_condition
from paywarden.risk.rules.cel.types import BOOL, CelType
from paywarden.risk.rules.typology_model import Typology
from paywarden.risk.rules.typology_scores import score_of, weights_of
from paywarden.risk.rules.typology_texts import MINOR_DIGITS, Sentence, read_sentence, said


@dataclass(frozen=True, slots=True)
class TypologyProgram:
    """A typology with its compiled terms; `conditions` and `sentences` by name of the term."""

    typology: Typology
    weights: Mapping[str, float]
    conditions: Mapping[str, Program]
    sentences: Mapping[str, Sentence]

    def held(self, bindings: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the terms that hold, in order of the file; dotted or nested bindings."""
        return tuple(name for name, one in self.conditions.items() if _true(one, bindings))

    def score(self, bindings: Mapping[str, Any]) -> float:
        """The score over bindings."""
        return score_of(self.typology.score, self.weights, self.held(bindings))

    def says(self, term: str, bindings: Mapping[str, Any], minor_digits: int = MINOR_DIGITS) -> str:
        """What a term says, with its values."""
        return said(self.sentences[term], bindings, minor_digits)


def _true(program: Program, bindings: Mapping[str, Any]) -> bool:
    try:
        return program.evaluate(bindings) is True
    except EvaluationError:
        return False


def typology_program(typology: Typology, types: Mapping[str, CelType]) -> TypologyProgram:
    """Compile the terms over declared names. Errors: CompileError with the place in the text."""
    return TypologyProgram(
        typology,
        weights_of(typology),
        {one.name: compile_condition(one.when, types, result=BOOL) for one in typology.terms},
        {one.name: read_sentence(one.says, types) for one in typology.terms},
    )
