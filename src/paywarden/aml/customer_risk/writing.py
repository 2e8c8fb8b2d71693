"""One change of a customer's file made ready and written: the only way that a rating moves.

Guards: one change at a time (`turn`); file, history, leaf, message and the place in the log that
decisions read are one commit. An assessment that says nothing new writes no history. What is to be
alerted of is a debt in the row, committed with the change (`rounds` pays it).
Order of a change: open the file, change it, gather facts, assess, settle the override, reckon due
days, seal, commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from paywarden.aml.customer_risk.gathering import Gathering
from paywarden.aml.customer_risk.keeping import CustomerFile, Keeper, Step
from paywarden.aml.customer_risk.model import Assessment, Level, RiskModel
from paywarden.aml.customer_risk.model_desk import SYSTEM, ModelDesk
from paywarden.aml.customer_risk.ports import (
    NEVER_US,
    HistoryRow,
    Named,
    Rated,
    RatingLog,
    Row,
    Store,
)
from paywarden.aml.customer_risk.scoring import assess
from paywarden.aml.customer_risk.standing import (
    effective,
    ended,
    required,
    review_due_us,
    undone,
)
from paywarden.aml.customer_risk.webhook_types import (
    LEVEL_CHANGED,
    REVIEW_OVERDUE,
    LevelChanged,
    ReviewOverdue,
)
from paywarden.core.clock import Clock
from paywarden.core.errors import NotFound
from paywarden.core.instants import HOUR_US, format_rfc3339
from paywarden.core.scope import Scope
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.crypto.ports import Erased
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.outbox import enqueue

LEVEL_HIGH: Final = "level_high"
OVERDUE: Final = "review_overdue"


@dataclass(frozen=True, slots=True)
class Known:
    """A customer as they stand: the row, and the file unless it was erased."""

    named: Named
    row: Row
    file: CustomerFile | None


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to a customer. `reviewed`: it is a review. `words`: for the history."""

    cause: str
    actor: str
    edit: Callable[[CustomerFile], CustomerFile]
    words: Mapping[str, str]
    reviewed: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A change that is ready to be written; `quiet`: nothing new, the row alone is touched."""

    named: Named
    before: Row | None
    row: Row
    step: Step
    cause: str
    actor: str
    quiet: bool


class Writing:
    """Files of every scope over a store, a log and models."""

    def __init__(
        self,
        store: Store,
        keeper: Keeper,
        log: RatingLog,
        models: ModelDesk,
        gathering: Gathering,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self.store = store
        self.models = models
        self.log = log
        self.clock = clock
        self.turn = asyncio.Lock()
        self._keeper = keeper
        self._gathering = gathering
        self._audit = audit

    def find(self, scope: Scope, customer: str) -> Known:
        """A customer. Errors: NotFound `customer_unknown`."""
        named = self.log.name(scope, customer)
        row = self.store.find(scope, named.ref)
        if row is None:
            raise NotFound("customer_unknown", "no such customer is kept here")
        return self.known(scope, row, named)

    def known(self, scope: Scope, row: Row, named: Named | None = None) -> Known:
        """A row with its file."""
        opened = self._keeper.open(scope, row)
        kept = None if isinstance(opened, Erased) else opened
        name = kept.id if kept is not None else (named.id if named is not None else "")
        return Known(Named(name, row.ref, row.subject), row, kept)

    def history(
        self, scope: Scope, ref: str, before: int, limit: int
    ) -> list[tuple[HistoryRow, Step | None]]:
        """Steps below a number, newest first; erased ones without what they said."""
        found = []
        for row in self.store.history(scope, ref, before, limit):
            step = self._keeper.open_step(scope, row)
            found.append((row, None if isinstance(step, Erased) else step))
        return found

    def find_file(self, scope: Scope, customer: str) -> CustomerFile:
        """The file of a customer. Errors: NotFound `customer_unknown`, also once erased."""
        kept = self.find(scope, customer).file
        if kept is None:
            raise NotFound("customer_unknown", "this customer was erased")
        return kept

    def judged(self, scope: Scope, customer: str) -> Assessment:
        """What the model says now, overrides left aside. Errors: NotFound `customer_unknown`."""
        model, now = self.models.in_force(scope), self.clock.now_us()
        facts, _ = self._gathering.facts(scope, self.find_file(scope, customer), model, now)
        return assess(model, facts)

    def made(self, scope: Scope, named: Named, change: Change, fresh: CustomerFile | None) -> Made:
        """The change, ready to be written. `fresh`: the file of a customer who is new."""
        before = self.store.find(scope, named.ref)
        opened = self._keeper.open(scope, before) if before is not None else None
        kept = opened if isinstance(opened, CustomerFile) else fresh
        if kept is None:
            raise NotFound("customer_unknown", "no such customer is kept here")
        model, now = self.models.in_force(scope), self.clock.now_us()
        kept = change.edit(kept)
        facts, behaviour = self._gathering.facts(scope, kept, model, now)
        assessment = assess(model, facts)
        gone = ended(kept.override, assessment, now) if kept.override is not None else None
        cause, words = change.cause, dict(change.words)
        if gone is not None:
            kept = replace(kept, override=None)
            words["override"] = gone
            cause = "override_ended" if cause == "time" else cause
        kept = replace(kept, behaviour=behaviour)
        row = self._row(scope, named, kept, assessment, before, model, now, change.reviewed)
        quiet = before is not None and cause in ("time", "behaviour") and _same(before, row)
        if quiet and before is not None:
            row = replace(row, number=before.number, seq=before.seq)
        step = Step(assessment, words)
        return Made(named, before, row, step, cause, change.actor, quiet)

    def put_off(self, known: Known) -> Made:
        """An erased customer is not looked at again."""
        row = replace(known.row, next_us=NEVER_US, owed="")
        nothing = Assessment(row.model, row.score, Level(row.model_level), Level.LOW, (), ())
        return Made(known.named, known.row, row, Step(nothing, {}), "time", SYSTEM, quiet=True)

    async def write(
        self, scope: Scope, made: Sequence[Made], unit: UnitOfWork | None = None
    ) -> list[Row]:
        """One commit of all, the rows as written; what is quiet touches its row alone."""
        if not made:
            return []
        unit = unit or UnitOfWork()
        seq, now = self.log.next_seq(scope), self.clock.now_us()
        rows, rated = [], []
        self.models.pin(unit, scope, seq)
        for one in made:
            row = one.row if one.quiet else replace(one.row, seq=seq)
            self.store.put(unit, scope, row)
            rows.append(row)
            if not one.quiet:
                self._add_step(unit, scope, one, row, now)
                rated.append(Rated(row.ref, Level(row.level).word, row.score))
                self._tell(unit, scope, one, row, now)
        causes = {one.cause for one in made if not one.quiet}
        cause = causes.pop() if len(causes) == 1 else "several" if causes else ""
        await self.log.commit(unit, scope, rated, self.models.in_force(scope), cause)
        return rows

    def _row(
        self, scope: Scope, named: Named, kept: CustomerFile, assessment: Assessment,
        before: Row | None, model: RiskModel, now: int, reviewed: bool,
    ) -> Row:  # fmt: skip
        level = effective(assessment, kept.override)
        rose = before is not None and level > before.level
        first = before is None
        reviewed_us = now if first or reviewed else before.reviewed_us if before else now
        risen_us = now if rose else before.risen_us if before is not None else None
        due = review_due_us(model, level, reviewed_us, risen_us)
        kind = "person" if kept.form.person is not None else "company"
        items = required(model, level, kind, assessment.factors)
        override_until = kept.override.until_us if kept.override is not None else None
        owed = set(filter(None, (before.owed if before is not None else "").split(",")))
        if level >= Level.HIGH and (first or (before is not None and before.level < Level.HIGH)):
            owed.add(LEVEL_HIGH)
        told = before is not None and before.review_due_us == due and before.next_us > due
        if due <= now and not told:
            owed.add(OVERDUE)
        next_us = now + model.behaviour.every_hours * HOUR_US
        marks = [override_until, due if due > now else None]
        next_us = min([next_us, *(mark for mark in marks if mark is not None)])
        return Row(
            named.ref, kind, named.subject, self._keeper.seal(scope, named, kept),
            1 if before is None else before.number + 1,
            self._keeper.digest(scope, kept.form, kept.behaviour), model.id, assessment.score,
            int(level), int(assessment.level), override_until, reviewed_us, risen_us, due,
            len(undone(items, kept.diligence)), next_us, ",".join(sorted(owed)), 0, now,
        )  # fmt: skip

    def _add_step(self, unit: UnitOfWork, scope: Scope, one: Made, row: Row, now: int) -> None:
        box = self._keeper.seal_step(scope, one.named, row.number, one.step)
        self.store.add_history(
            unit, scope,
            HistoryRow(
                row.ref, row.number, now, one.cause, one.actor, row.digest, row.model, row.score,
                row.level, row.model_level, row.seq, row.subject, box,
            ),
        )  # fmt: skip
        detail: dict[str, str | int] = {
            "customer": row.ref, "cause": one.cause, "level": Level(row.level).word,
            "score": row.score, "model": row.model, "number": row.number,
        }  # fmt: skip
        event = AuditEvent(
            scope, "customer_risk:customer:assess", one.actor, AuditOutcome.DONE, now, detail
        )
        self._audit.record(unit, event)

    def _tell(self, unit: UnitOfWork, scope: Scope, one: Made, row: Row, now: int) -> None:
        before = Level(one.before.level).word if one.before is not None else None
        level = Level(row.level).word
        if before != level:
            told = LevelChanged(row.ref, before, level, one.cause, row.seq)
            enqueue(unit, scope, LEVEL_CHANGED, msgspec.json.encode(told), now)
        former = one.before.owed if one.before is not None else ""
        if OVERDUE in row.owed and OVERDUE not in former:
            late = ReviewOverdue(row.ref, level, format_rfc3339(row.review_due_us))
            enqueue(unit, scope, REVIEW_OVERDUE, msgspec.json.encode(late), now)


def _same(before: Row, after: Row) -> bool:
    """Whether an assessment says nothing new."""
    facts: Callable[[Row], tuple[Any, ...]] = lambda row: (  # noqa: E731
        row.model, row.score, row.level, row.model_level, row.override_until_us,
        row.review_due_us, row.undone, row.owed,
    )  # fmt: skip
    return facts(before) == facts(after)
