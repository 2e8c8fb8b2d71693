"""What is told of customers, models and exposure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from paywarden.aml.customer_risk.customers import Known
from paywarden.aml.customer_risk.exposure import Exposure
from paywarden.aml.customer_risk.forms import CustomerForm, Screened
from paywarden.aml.customer_risk.keeping import CustomerFile, Step
from paywarden.aml.customer_risk.model import Level, RiskModel
from paywarden.aml.customer_risk.ports import Counts, HistoryRow, Row
from paywarden.aml.customer_risk.standing import required
from paywarden.core.instants import format_rfc3339

LevelWord = Literal["low", "medium", "high", "prohibited"]
Note = Annotated[str, Meta(min_length=1, max_length=1_000)]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]
Ref = Annotated[str, Meta(pattern="^([0-9a-f]{16})?$", max_length=16)]


class LineView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of an explanation; `state`: present, unknown (facts lack) or cap (weight of a group).

    Points of all lines add up to the score.
    """

    factor: str
    group: str
    state: str
    points: int
    says: str
    missing: list[str] = []
    at_least: str | None = None
    sources: list[str] = []


class OverrideView(msgspec.Struct, frozen=True):
    """An override that stands."""

    level: str
    model_level: str
    reason: str
    by: str
    approved_by: list[str]
    since: str
    until: str


class ItemView(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item of diligence that this customer takes; `state`: open, done or not_needed."""

    item: str
    text: str
    state: str
    by: str | None = None
    at: str | None = None
    note: str | None = None


class CustomerSummary(msgspec.Struct, frozen=True):
    """A customer in a list; `id` is absent once the person was erased."""

    customer: str | None
    reference: str
    kind: str
    level: str
    score: int
    review_due_at: str
    overdue: bool
    diligence_open: int
    overridden: bool
    updated_at: str
    log_sequence: int


class CustomerView(msgspec.Struct, frozen=True):
    """A customer with everything that is known; `form` and explanation are absent once erased."""

    summary: CustomerSummary
    model: str
    model_level: str
    form: CustomerForm | None
    explanation: list[LineView]
    missing: list[str]
    override: OverrideView | None
    diligence: list[ItemView]


class CustomerPage(msgspec.Struct, frozen=True):
    """Customers in order of their reference."""

    items: list[CustomerSummary]
    has_more: bool
    next: str | None


class StepView(msgspec.Struct, frozen=True):
    """One assessment; `facts_digest` tells whether facts changed, and nothing else."""

    number: int
    at: str
    cause: str
    by: str
    model: str
    score: int
    level: str
    model_level: str
    facts_digest: str
    log_sequence: int
    detail: dict[str, str]
    explanation: list[LineView]


class HistoryPage(msgspec.Struct, frozen=True):
    """Assessments, newest first; `next` is the number to go on before."""

    items: list[StepView]
    has_more: bool
    next: int | None


class CalendarView(msgspec.Struct, frozen=True):
    """Customers by level, and who waits; `stale_tables`: tables of the model that are old."""

    model: str
    by_level: dict[str, int]
    reviews_overdue: int
    high_without_diligence: int
    overridden: int
    stale_tables: list[str]


class BatchItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer of a batch."""

    customer: Annotated[str, Meta(pattern="^[A-Za-z0-9._:@-]{1,120}$", max_length=120)]
    form: CustomerForm


class BatchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/aml/customers: up to 200, all or none."""

    customers: Annotated[list[BatchItem], Meta(min_length=1, max_length=200)]


class BatchAnswer(msgspec.Struct, frozen=True):
    """How those customers stand now, in order."""

    customers: list[CustomerSummary]


class ScreeningRequest(Screened, frozen=True):
    """Body of a screening's results; what is left out stays as it was."""


class OverrideRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of an override; one that lowers takes an approval."""

    level: LevelWord
    days: Annotated[int, Meta(ge=1, le=366)]
    reason: Reason


class BecauseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


class ReviewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a review that was done."""

    note: Note


class DiligenceRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of an item of diligence."""

    item: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,62}$", max_length=63)]
    state: Literal["open", "done", "not_needed"]
    note: Annotated[str, Meta(max_length=1_000)] = ""


class CustomersQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /v1/aml/customers."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    after: Ref = ""
    level: LevelWord | None = None
    waiting: Literal["review", "diligence", "override"] | None = None


class HistoryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of a customer's history."""

    limit: Annotated[int, Meta(ge=1, le=50)] = 20
    before: Annotated[int, Meta(ge=1, le=2**31)] = 2**31


class ModelRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/aml/risk-models: the text of a model."""

    text: Annotated[str, Meta(min_length=1, max_length=200_000)]


class ModelView(msgspec.Struct, frozen=True):
    """A model; `text` is absent in lists."""

    model: str
    name: str
    in_force: bool
    factors: int
    stored_at: str | None
    stored_by: str | None
    stale_tables: list[str]
    text: str | None = None


class ModelPage(msgspec.Struct, frozen=True):
    """Models that are kept, newest first."""

    items: list[ModelView]


class Published(msgspec.Struct, frozen=True):
    """A model is in force from `log_sequence` on."""

    model: str
    log_sequence: int


class ExposureQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of a merchant's exposure; without `mcc` the delay is that of `other`."""

    mcc: Annotated[str, Meta(pattern="^([0-9]{4})?$", max_length=4)] = ""


class ExposureView(msgspec.Struct, frozen=True):
    """What a merchant could come to owe; amounts in minor units of the policy's base currency.

    `known` is false when windows lack (named in `missing_windows`): then nothing is said.
    """

    merchant: str
    known: bool
    missing_windows: list[str]
    exposure_minor: int | None = None
    undelivered_minor: int | None = None
    expected_loss_minor: int | None = None
    loss_percent: float | None = None
    refund_percent: float | None = None
    chargeback_percent: float | None = None
    delay_days: int | None = None
    reserve_percent: int | None = None
    limit_minor: int | None = None
    hold_payouts: bool | None = None
    level: str | None = None
    explanation: list[str] = []


def summary(known: Known, now_us: int) -> CustomerSummary:
    """A customer in a list."""
    row = known.row
    return CustomerSummary(
        known.file.id if known.file is not None else None,
        row.ref, row.kind, Level(row.level).word, row.score,
        format_rfc3339(row.review_due_us), row.review_due_us < now_us, row.undone,
        row.override_until_us is not None, format_rfc3339(row.updated_us), row.seq,
    )  # fmt: skip


def view(known: Known, step: Step | None, model: RiskModel, now_us: int) -> CustomerView:
    """A customer with the last assessment."""
    row, kept = known.row, known.file
    shown = step if kept is not None else None
    return CustomerView(
        summary(known, now_us), row.model, Level(row.model_level).word,
        kept.form if kept is not None else None, lines(shown),
        list(shown.assessment.missing) if shown is not None else [],
        _override(kept), _items(row, kept, shown, model),
    )  # fmt: skip


def lines(step: Step | None) -> list[LineView]:
    """The explanation of a step."""
    if step is None:
        return []
    return [
        LineView(
            one.factor, one.group, one.state, one.points, one.says, list(one.missing),
            one.at_least.word if one.at_least > Level.LOW else None, list(one.sources),
        )
        for one in step.assessment.lines
    ]  # fmt: skip


def history_page(found: Sequence[tuple[HistoryRow, Step | None]], limit: int) -> HistoryPage:
    """Up to `limit` steps; one more says that there are others."""
    items = [
        StepView(
            row.number, format_rfc3339(row.at_us), row.cause, row.actor, row.model, row.score,
            Level(row.level).word, Level(row.model_level).word, row.digest.hex(), row.seq,
            dict(step.detail) if step is not None else {}, lines(step),
        )
        for row, step in found[:limit]
    ]  # fmt: skip
    more = len(found) > limit
    return HistoryPage(items, more, items[-1].number if more else None)


def calendar(counts: Counts, model: RiskModel, stale: list[str]) -> CalendarView:
    """Figures of a scope."""
    by_level = {level.word: counts.by_level.get(int(level), 0) for level in Level}
    return CalendarView(
        model.id, by_level, counts.overdue, counts.undone_high, counts.overridden, stale
    )


def exposure_view(merchant: str, made: Exposure) -> ExposureView:
    """An exposure that is known."""
    return ExposureView(
        merchant, True, [], made.exposure_minor, made.undelivered_minor,
        made.expected_loss_minor, made.loss_percent, made.refund_percent,
        made.chargeback_percent, made.delay_days, made.reserve_percent, made.limit_minor,
        made.hold_payouts, made.level.word, list(made.says),
    )  # fmt: skip


def _override(kept: CustomerFile | None) -> OverrideView | None:
    one = kept.override if kept is not None else None
    if one is None:
        return None
    return OverrideView(
        one.level.word, one.model_level.word, one.reason, one.actor, list(one.approvers),
        format_rfc3339(one.at_us), format_rfc3339(one.until_us),
    )  # fmt: skip


def _items(
    row: Row, kept: CustomerFile | None, step: Step | None, model: RiskModel
) -> list[ItemView]:
    if kept is None or step is None:
        return []
    found = []
    for item in required(model, Level(row.level), row.kind, step.assessment.factors):
        done = kept.diligence.get(item.id)
        if done is None:
            found.append(ItemView(item.id, item.text, "open"))
        else:
            at = format_rfc3339(done.at_us)
            found.append(ItemView(item.id, item.text, done.state, done.actor, at, done.note))
    return found
