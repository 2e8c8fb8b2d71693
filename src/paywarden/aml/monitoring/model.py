"""A typology as its file says it: features, weighted terms, an expression, two thresholds. Pure.

Guards: one form for every reader of the file: the payment path, the stream over the log, and the
batch over tables; none of them adds meaning of its own. Not done here: reading YAML, evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

Runs = Literal["payment", "log"]
"""In the payment path (conditions over the policy's names), or continuously over the log."""
Operator = Literal["sum", "max", "min", "product"]
OPERATORS: Final[tuple[str, ...]] = get_args(Operator)


@dataclass(frozen=True, slots=True)
class FlowFeature:
    """A feature of an account at a transfer, read as `flow.<name>`; `settings` as in the file."""

    name: str
    function: str
    settings: Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Term:
    """A condition in CEL and what it adds when it is true; an error counts as not true."""

    name: str
    when: str
    weight: float
    says: str


@dataclass(frozen=True, slots=True)
class Combined:
    """Parts under one operator: names of terms, numbers, or further expressions."""

    operator: Operator
    parts: tuple[Expression, ...]


Expression = str | float | Combined
"""A term's name (its weight where it holds, else 0), a number, or a combination."""


@dataclass(frozen=True, slots=True)
class Typology:
    """One way of laundering. `entity`: whom an alert is about. `interdict`: None never holds.

    `quiet_days`: days for which the same entity is not alerted again for it. `sources`: where it is
    described (standard, publication, peer's rule number).
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
