"""What customer risk needs from others, and the rows that it keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from paywarden.aml.alerts.model import Entity
from paywarden.aml.customer_risk.model import RiskModel
from paywarden.core.scope import Scope
from paywarden.kit.db.unit import UnitOfWork

NEVER_US: Final = 2**62
"""`next_us` of a customer who was erased: there is nothing to look at any more."""


SUBJECT: Final = "payer-"
"""How subjects of customers begin; what follows is the hash under which alerts know the payer."""


class Named(NamedTuple):
    """A customer's id in its stored form, its keyed digest, and the subject of its data.

    `ref`: 16 hex digits. `subject`: the one that payments of the same payer are sealed under, so
    that one erasure ends both.
    """

    id: str
    ref: str
    subject: str


class Rated(NamedTuple):
    """What decisions read of a customer."""

    ref: str
    level: str
    score: int


class RatingLog(Protocol):
    """The ordered log that decisions stand in: a change of a rating has its place there."""

    def name(self, scope: Scope, customer: str) -> Named:
        """How a customer is named within a scope. Errors: Unavailable."""
        ...

    def next_seq(self, scope: Scope) -> int:
        """The place that the next `commit` takes, if nothing is awaited before.

        Errors: Unavailable.
        """
        ...

    async def commit(
        self, unit: UnitOfWork, scope: Scope, rated: Sequence[Rated], model: RiskModel, cause: str
    ) -> int:
        """Log the ratings with the unit and let decisions read them; the sequence.

        With no cause there is nothing to log: the unit alone is written, and the answer is 0.
        """
        ...

    def load(self, scope: Scope, rated: Sequence[Rated], model: RiskModel | None) -> None:
        """Let decisions read these from the start."""
        ...


class Counted(Protocol):
    """Reads windows of the policy that decides."""

    def values(
        self, scope: Scope, names: Sequence[str], *, payer: str = "", merchant: str = ""
    ) -> dict[str, int]:
        """Values of those windows that exist, are whole and have one for this payer or merchant."""
        ...


class AlertFigures(Protocol):
    """How often somebody was alerted."""

    def about(self, scope: Scope, customer: str, since_us: int) -> tuple[int, int]:
        """(alerts since then, highest score of a typology among them)."""
        ...

    def fresh(self, scope: Scope) -> Iterable[Entity]:
        """Whom alerts were raised about since the last call."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """A customer as it is stored; `box`: form, override, diligence under the subject's key.

    `number` counts history. `undone`: items of diligence. `next_us`: when to look again anyway.
    `owed`: words of alerts that are to be raised, between commas.
    """

    ref: str
    kind: str
    subject: str
    box: bytes
    number: int
    digest: bytes
    model: str
    score: int
    level: int
    model_level: int
    override_until_us: int | None
    reviewed_us: int
    risen_us: int | None
    review_due_us: int
    undone: int
    next_us: int
    owed: str
    seq: int
    updated_us: int


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One step of a customer's history; `box`: explanation and note, under the subject's key."""

    ref: str
    number: int
    at_us: int
    cause: str
    actor: str
    digest: bytes
    model: str
    score: int
    level: int
    model_level: int
    seq: int
    subject: str
    box: bytes


@dataclass(frozen=True, slots=True)
class ModelUse:
    """From `seq` on this model assessed."""

    number: int
    model: str
    actor: str
    at_us: int
    seq: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which customers a listing asks for; None: any. `now_us` decides what is overdue."""

    level: int | None = None
    overdue: bool = False
    undone: bool = False
    overridden: bool = False
    now_us: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """Customers by level, and those who wait."""

    by_level: Mapping[int, int]
    overdue: int
    undone_high: int
    overridden: int


class Store(Protocol):
    """Customers, their history, models and their use; every method is of one scope."""

    def find(self, scope: Scope, ref: str) -> Row | None:
        """A customer."""
        ...

    def of_subject(self, scope: Scope, subject: str) -> Row | None:
        """The customer whose file is sealed for a subject."""
        ...

    def put(self, unit: UnitOfWork, scope: Scope, row: Row) -> None:
        """Write a customer with the unit, new or in place of the former row."""
        ...

    def add_history(self, unit: UnitOfWork, scope: Scope, row: HistoryRow) -> None:
        """Write a step of history with the unit."""
        ...

    def history(self, scope: Scope, ref: str, before: int, limit: int) -> Sequence[HistoryRow]:
        """Steps below a number, newest first."""
        ...

    def page(self, scope: Scope, wanted: Wanted, after: str, limit: int) -> Sequence[Row]:
        """Customers whose ref is above `after`, in order of ref."""
        ...

    def due(self, scope: Scope, now_us: int, limit: int) -> Sequence[Row]:
        """Customers whose `next_us` has come, those who wait longest first."""
        ...

    def of_other_models(self, scope: Scope, model: str, limit: int) -> Sequence[Row]:
        """Customers whom another model assessed; erased ones left out."""
        ...

    def owing(self, scope: Scope, limit: int) -> Sequence[Row]:
        """Customers of whom alerts are owed."""
        ...

    def rated(self, scope: Scope) -> Sequence[Rated]:
        """Everybody's level and score."""
        ...

    def counts(self, scope: Scope, now_us: int) -> Counts:
        """Figures for the calendar and metrics."""
        ...

    def add_model(
        self, unit: UnitOfWork, scope: Scope, model: RiskModel, actor: str, at_us: int
    ) -> None:
        """Keep the text of a model with the unit."""
        ...

    def model_text(self, scope: Scope, model: str) -> str | None:
        """The text of a model."""
        ...

    def models(self, scope: Scope) -> Sequence[tuple[str, str, int, str]]:
        """(id, name, when, by whom) of the models kept, newest first."""
        ...

    def add_use(self, unit: UnitOfWork, scope: Scope, use: ModelUse) -> None:
        """Write with the unit which model assesses from now on."""
        ...

    def last_use(self, scope: Scope) -> ModelUse | None:
        """The model that assesses; None before the first customer."""
        ...
