"""What is told of customers, models and exposure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paywarden.aml.customer_risk.exposure import Exposure
from paywarden.aml.customer_risk.forms import CustomerForm
from paywarden.aml.customer_risk.keeping import CustomerFile, Step
from paywarden.aml.customer_risk.model import Level, RiskModel
from paywarden.aml.customer_risk.ports import Counts, HistoryRow, Row
from paywarden.aml.customer_risk.standing import required
from paywarden.aml.customer_risk.writing import Known
from paywarden.core.instants import format_rfc3339


class ExplanationLine(msgspec.Struct, frozen=True, omit_defaults=True):
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


class CustomerOverride(msgspec.Struct, frozen=True):
    """An override that stands."""

    level: str
    model_level: str
    reason: str
    by: str
    approved_by: list[str]
    since: str
    until: str


class DiligenceView(msgspec.Struct, frozen=True, omit_defaults=True):
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
    explanation: list[ExplanationLine]
    missing: list[str]
    override: CustomerOverride | None
    diligence: list[DiligenceView]


class CustomerPage(msgspec.Struct, frozen=True):
    """Customers in order of their reference."""

    items: list[CustomerSummary]
    has_more: bool
    next: str | None


class AssessmentView(msgspec.Struct, frozen=True):
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
    explanation: list[ExplanationLine]


class AssessmentPage(msgspec.Struct, frozen=True):
    """Assessments, newest first; `next` is the number to go on before."""

    items: list[AssessmentView]
    has_more: bool
    next: int | None


class CustomerCalendar(msgspec.Struct, frozen=True):
    """Customers by level, and who waits; `stale_tables`: tables of the model that are old."""

    model: str
    by_level: dict[str, int]
    reviews_overdue: int
    high_without_diligence: int
    overridden: int
    stale_tables: list[str]


class CustomersAnswer(msgspec.Struct, frozen=True):
    """How those customers stand now, in order."""

    customers: list[CustomerSummary]


class RiskModelView(msgspec.Struct, frozen=True):
    """A model; `text` is absent in lists."""

    model: str
    name: str
    in_force: bool
    factors: int
    stored_at: str | None
    stored_by: str | None
    stale_tables: list[str]
    text: str | None = None


class RiskModelPage(msgspec.Struct, frozen=True):
    """Models that are kept, newest first."""

    items: list[RiskModelView]


class RiskModelPublished(msgspec.Struct, frozen=True):
    """A model is in force from `log_sequence` on."""

    model: str
    log_sequence: int


class MerchantExposure(msgspec.Struct, frozen=True):
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


def lines(step: Step | None) -> list[ExplanationLine]:
    """The explanation of a step."""
    if step is None:
        return []
    return [
        ExplanationLine(
            one.factor, one.group, one.state, one.points, one.says, list(one.missing),
            one.at_least.word if one.at_least > Level.LOW else None, list(one.sources),
        )
        for one in step.assessment.lines
    ]  # fmt: skip


def history_page(found: Sequence[tuple[HistoryRow, Step | None]], limit: int) -> AssessmentPage:
    """Up to `limit` steps; one more says that there are others."""
    items = [
        AssessmentView(
            row.number, format_rfc3339(row.at_us), row.cause, row.actor, row.model, row.score,
            Level(row.level).word, Level(row.model_level).word, row.digest.hex(), row.seq,
            dict(step.detail) if step is not None else {}, lines(step),
        )
        for row, step in found[:limit]
    ]  # fmt: skip
    more = len(found) > limit
    return AssessmentPage(items, more, items[-1].number if more else None)


def calendar(counts: Counts, model: RiskModel, stale: list[str]) -> CustomerCalendar:
    """Figures of a scope."""
    by_level = {level.word: counts.by_level.get(int(level), 0) for level in Level}
    return CustomerCalendar(
        model.id, by_level, counts.overdue, counts.undone_high, counts.overridden, stale
    )


def exposure_view(merchant: str, made: Exposure) -> MerchantExposure:
    """An exposure that is known."""
    return MerchantExposure(
        merchant, True, [], made.exposure_minor, made.undelivered_minor,
        made.expected_loss_minor, made.loss_percent, made.refund_percent,
        made.chargeback_percent, made.delay_days, made.reserve_percent, made.limit_minor,
        made.hold_payouts, made.level.word, list(made.says),
    )  # fmt: skip


def _override(kept: CustomerFile | None) -> CustomerOverride | None:
    one = kept.override if kept is not None else None
    if one is None:
        return None
    return CustomerOverride(
        one.level.word, one.model_level.word, one.reason, one.actor, list(one.approvers),
        format_rfc3339(one.at_us), format_rfc3339(one.until_us),
    )  # fmt: skip


def _items(
    row: Row, kept: CustomerFile | None, step: Step | None, model: RiskModel
) -> list[DiligenceView]:
    if kept is None or step is None:
        return []
    found = []
    for item in required(model, Level(row.level), row.kind, step.assessment.factors):
        done = kept.diligence.get(item.id)
        if done is None:
            found.append(DiligenceView(item.id, item.text, "open"))
        else:
            at = format_rfc3339(done.at_us)
            found.append(DiligenceView(item.id, item.text, done.state, done.actor, at, done.note))
    return found
