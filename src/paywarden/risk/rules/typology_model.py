"""A typology as its file says it: features, weighted terms, an expression, two thresholds. Pure.

Guards: one form for every reader of the file: the payment path, the stream over the log, and the
batch over tables; none of them adds meaning of its own. Not done here: reading YAML
(`typology_reader.py`), scores (`typology_scores.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

Runs = Literal["payment", "log"]
"""In the payment path (conditions over the policy's names), or continuously over the log."""
Operator = Literal["sum", "max", "min", "product"]
EntityWord = Literal["payer", "payee", "account", "merchant", "customer"]
RUNS: Final[tuple[str, ...]] = get_args(Runs)
OPERATORS: Final[tuple[str, ...]] = get_args(Operator)
ENTITY_WORDS: Final[tuple[str, ...]] = get_args(EntityWord)


@dataclass(frozen=True, slots=True)
class FlowFeature:
    """A feature of an account at a transfer, read as `flow.<name>`; `settings` as in the file."""

    name: str
    function: str
    settings: Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Term:
    """A condition in CEL and what it adds when it is true; an error counts as not true.

    `when` is complete: no window macro is left in it; `written` is the text of the file. `says` may
    show values: `{count(payer, "7d")} payments`; macros in it are complete too.
    """

    name: str
    when: str
    weight: float
    says: str
    written: str = ""


@dataclass(frozen=True, slots=True)
class Combined:
    """Parts under one operator: names of terms, numbers, or further expressions."""

    operator: Operator
    parts: tuple[Expression, ...]


Expression = str | float | Combined
"""A term's name (its weight where it holds, else 0), a number, or a combination."""


@dataclass(frozen=True, slots=True)
class TypologyExample:
    """Given values (nested mapping) and the score that they come to; `line` in the file."""

    given: Mapping[str, Any]
    score: float
    line: int = 1


@dataclass(frozen=True, slots=True)
class Typology:
    """One way of laundering. `entity`: whom an alert is about. `interdict`: None never holds.

    `quiet_days`: days for which the same entity is not alerted again for it. `sources`: where it is
    described (standard, publication, peer's rule number). `phases`: of a payment; empty for all.
    `allow_partial`: terms count on windows that are longer than the log. `file`, `line`: its place.
    `values`: names that its terms use, with their expressions as written; terms are complete.
    """

    id: str
    title: str
    family: str
    explanation: str
    sources: tuple[str, ...]
    runs: Runs
    entity: str
    features: tuple[FlowFeature, ...]
    terms: tuple[Term, ...]
    score: Expression
    alert: float
    interdict: float | None = None
    quiet_days: int = 30
    phases: tuple[str, ...] = ()
    allow_partial: bool = False
    examples: tuple[TypologyExample, ...] = field(default=())
    file: str = ""
    line: int = 1
    values: tuple[tuple[str, str], ...] = ()
