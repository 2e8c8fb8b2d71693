"""Customers: facts in, assessed, overridden, reviewed; each change logged, with its history.

Guards: one change at a time; file, history, leaf, message and the place in the log that decisions
read are one commit. An assessment that says nothing new writes no history. A level that rises to
high, and a review that is overdue, owe an alert: the debt is committed with the change and paid
after it, again after a crash (an alert's id follows from its content, so it is raised once).
Order of a change: open the file, change it, gather facts, assess, settle the override, reckon due
days, seal, commit. Not done here: HTTP, what decisions do with levels (`decision`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from paywarden.aml.alerts.model import Alert, Entity, Reason
from paywarden.aml.alerts.ports import Alerts
from paywarden.aml.customer_risk.forms import CustomerForm, Screened
from paywarden.aml.customer_risk.gathering import Gathering
from paywarden.aml.customer_risk.keeping import CustomerFile, Keeper, Step
from paywarden.aml.customer_risk.model import Assessment, Level, RiskModel
from paywarden.aml.customer_risk.model_desk import SYSTEM, ModelDesk
from paywarden.aml.customer_risk.payloads import LowerRisk, lower_payload
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
    Done,
    Override,
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
from paywarden.core.errors import Conflict, InvalidRequest, NotFound
from paywarden.core.instants import DAY_US, HOUR_US, format_rfc3339
from paywarden.core.scope import Scope
from paywarden.identity.approvals.catalogue import CUSTOMER_RISK_LOWER
from paywarden.identity.approvals.execution import Approved
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.crypto.ports import Erased
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger
from paywarden.kit.outbox import enqueue
from paywarden.kit.turns import Turns

BATCH: Final = 200
"""Customers of one commit, and of one round."""
LEVEL_HIGH, OVERDUE = "level_high", "review_overdue"


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


class Customers:
    """Use cases over a store, a log and models."""

    def __init__(
        self,
        store: Store,
        keeper: Keeper,
        log: RatingLog,
        models: ModelDesk,
        gathering: Gathering,
        alerts: Alerts | None,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self.store = store
        self.models = models
        self._keeper = keeper
        self._log = log
        self._gathering = gathering
        self._alerts = alerts
        self._audit = audit
        self._clock = clock
        self._turn = asyncio.Lock()
        self._current: dict[Scope, str] = {}

    # --- reading --------------------------------------------------------------------------

    def find(self, scope: Scope, customer: str) -> Known:
        """A customer. Errors: NotFound `customer_unknown`."""
        named = self._log.name(scope, customer)
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

    def load(self, scope: Scope) -> None:
        """Let decisions read what is stored; at start and after a recovery."""
        self._log.load(scope, self.store.rated(scope), self.models.in_force(scope))

    # --- changing -------------------------------------------------------------------------

    async def put(self, scope: Scope, customer: str, form: CustomerForm, actor: str) -> Known:
        """Take a form in place of the former one, and assess. Errors: InvalidRequest."""
        return (await self.put_many(scope, [(customer, form)], actor))[0]

    async def put_many(
        self, scope: Scope, given: Sequence[tuple[str, CustomerForm]], actor: str
    ) -> list[Known]:
        """Take up to BATCH forms, each customer once, all or none. Errors: InvalidRequest."""
        if len(given) > BATCH or len({customer for customer, _ in given}) < len(given):
            raise InvalidRequest("customers_batch", f"at most {BATCH} customers, each once")
        async with self._turn:
            made = []
            turns = Turns()
            for number, (customer, form) in enumerate(given):
                await turns.give()
                named = self._log.name(scope, customer)
                change = Change("facts", actor, _with_form(form), {})
                try:
                    made.append(self._made(scope, named, change, CustomerFile(named.id, form)))
                except InvalidRequest as refusal:
                    if len(given) == 1:
                        raise
                    raise InvalidRequest(
                        refusal.code, refusal.detail,
                        pointer=f"/customers/{number}{refusal.pointer or ''}",
                    ) from None  # fmt: skip
            rows = await self._write(scope, made)
        pairs = zip(rows, made, strict=True)
        return [self.known(scope, row, one.named) for row, one in pairs]

    async def screened(self, scope: Scope, customer: str, found: Screened, actor: str) -> Known:
        """Take the results of a screening; what they do not say stays."""

        def edit(kept: CustomerFile) -> CustomerFile:
            former = kept.form.screening or Screened()
            given = {k: v for k, v in msgspec.structs.asdict(found).items() if v is not None}
            screening = msgspec.structs.replace(former, **given)
            return replace(kept, form=msgspec.structs.replace(kept.form, screening=screening))

        return await self.change(scope, customer, Change("screening", actor, edit, {}))

    async def raise_level(
        self, scope: Scope, customer: str, level: Level, days: int, reason: str, actor: str
    ) -> Known:
        """Hold a customer for riskier than the model says. Errors: Conflict `override_lowers`."""
        if level < self.judged(scope, customer).level:
            raise Conflict("override_lowers", "a lower level than the model's takes an approval")
        return await self._override(scope, customer, level, days, reason, actor, ())

    def check_lower(self, scope: Scope, wanted: LowerRisk) -> None:
        """Errors: NotFound, Conflict `override_below_floor` naming factors."""
        assessment = self.judged(scope, wanted.customer)
        level = Level.parse(wanted.level)
        if level < assessment.floor:
            words = ", ".join(line.factor for line in assessment.lines if line.at_least > level)
            raise Conflict("override_below_floor", f"these factors leave no choice: {words}"[:400])

    async def lower_level(self, approved: Approved, wanted: LowerRisk) -> Known:
        """Carry out an approved override that lowers. Errors: as `check_lower`."""
        scope = approved.scope
        approved.require(scope, CUSTOMER_RISK_LOWER, lower_payload(wanted))
        self.check_lower(scope, wanted)
        return await self._override(
            scope, wanted.customer, Level.parse(wanted.level), wanted.days, wanted.reason,
            approved.audit_actor, approved.approvers, approved,
        )  # fmt: skip

    async def end_override(self, scope: Scope, customer: str, reason: str, actor: str) -> Known:
        """Let the model's level count again. Errors: NotFound `override_unknown`."""
        kept = self.find(scope, customer).file
        if kept is None or kept.override is None:
            raise NotFound("override_unknown", "no override stands for this customer")
        if not kept.override.lowers:
            assessment = self.judged(scope, customer)
            if assessment.level < kept.override.level:
                raise Conflict("override_lowers", "ending it lowers the level: ask to lower")
        change = Change("override_ended", actor, _without_override, {"reason": reason})
        return await self.change(scope, customer, change)

    async def review(self, scope: Scope, customer: str, note: str, actor: str) -> Known:
        """A person looked at everything: the next review is due by the level."""
        change = Change("review", actor, lambda kept: kept, {"note": note}, reviewed=True)
        return await self.change(scope, customer, change)

    async def diligence(
        self, scope: Scope, customer: str, item: str, done: Done | None, actor: str
    ) -> Known:
        """Set an item of diligence, or open it again (None). Errors: NotFound `item_unknown`."""
        if item not in {one.id for one in self.models.in_force(scope).diligence}:
            raise NotFound("diligence_item_unknown", "the model has no such item")

        def edit(kept: CustomerFile) -> CustomerFile:
            rest = {name: one for name, one in kept.diligence.items() if name != item}
            return replace(kept, diligence=rest if done is None else {**rest, item: done})

        words = {"item": item, "state": done.state if done else "open"}
        if done is not None:
            words["note"] = done.note
        return await self.change(scope, customer, Change("diligence", actor, edit, words))

    async def change(
        self, scope: Scope, customer: str, change: Change, approved: Approved | None = None
    ) -> Known:
        """Change one file and assess anew. Errors: NotFound `customer_unknown`."""
        async with self._turn:
            known = self.find(scope, customer)
            if known.file is None:
                raise NotFound("customer_unknown", "this customer was erased")
            made = self._made(scope, known.named, change, None)
            unit = UnitOfWork()
            if approved is not None:
                approved.settle(unit)
            (row,) = await self._write(scope, [made], unit)
        return self.known(scope, row, made.named)

    # --- rounds ---------------------------------------------------------------------------

    async def look(self, scope: Scope) -> int:
        """Assess anew whoever is due: other model, ages, behaviour, overrides; pay alerts."""
        async with self._turn:
            model, now = self.models.in_force(scope), self._clock.now_us()
            rows = self._due(scope, model, now)
            made = []
            turns = Turns()
            for row in rows:
                await turns.give()
                known = self.known(scope, row)
                if known.file is None:
                    made.append(self._put_off(known))
                    continue
                cause = "model" if row.model != model.id else "time"
                change = Change(cause, SYSTEM, lambda kept: kept, {})
                made.append(self._made(scope, known.named, change, None))
            await self._write(scope, made)
        await self.pay(scope)
        return len(rows)

    async def touch(self, scope: Scope, customer: str, cause: str = "behaviour") -> bool:
        """Assess one customer anew, if they are known: after an alert, for instance."""
        try:
            change = Change(cause, SYSTEM, lambda kept: kept, {})
            await self.change(scope, customer, change)
        except NotFound:
            return False
        return True

    async def pay(self, scope: Scope) -> int:
        """Raise the alerts that are owed; how many."""
        if self._alerts is None:
            return 0
        rows = self.store.owing(scope, BATCH)
        for row in rows:
            raised = self._alerts_of(scope, row)
            await asyncio.to_thread(self._alerts.raise_all, scope, raised)
        if rows:
            async with self._turn:
                unit = UnitOfWork()
                for row in rows:
                    now = self.store.find(scope, row.ref)
                    if now is not None and now.owed == row.owed:
                        self.store.put(unit, scope, replace(now, owed=""))
                await self._log.commit(unit, scope, (), self.models.in_force(scope), "")
        return len(rows)

    # --- within ---------------------------------------------------------------------------

    def _due(self, scope: Scope, model: RiskModel, now_us: int) -> Sequence[Row]:
        """Customers to look at; once nobody has another model, only those whose day has come."""
        if self._current.get(scope) != model.id:
            rows = self.store.of_other_models(scope, model.id, BATCH)
            if rows:
                return rows
            self._current[scope] = model.id
        return self.store.due(scope, now_us, BATCH)

    def judged(self, scope: Scope, customer: str) -> Assessment:
        """What the model says now, overrides left aside. Errors: NotFound `customer_unknown`."""
        known = self.find(scope, customer)
        if known.file is None:
            raise NotFound("customer_unknown", "this customer was erased")
        model, now = self.models.in_force(scope), self._clock.now_us()
        facts, _ = self._gathering.facts(scope, known.file, model, now)
        return assess(model, facts)

    async def _override(
        self, scope: Scope, customer: str, level: Level, days: int, reason: str, actor: str,
        approvers: tuple[str, ...], approved: Approved | None = None,
    ) -> Known:  # fmt: skip
        now, assessment = self._clock.now_us(), self.judged(scope, customer)
        override = Override(
            level, assessment.level, reason, actor, approvers, now, now + days * DAY_US
        )
        words = {"level": level.word, "reason": reason, "days": str(days)}
        change = Change("override", actor, lambda kept: replace(kept, override=override), words)
        return await self.change(scope, customer, change, approved)

    def _made(self, scope: Scope, named: Named, change: Change, fresh: CustomerFile | None) -> Made:
        """The change, ready to be written. `fresh`: the file of a customer who is new."""
        before = self.store.find(scope, named.ref)
        opened = self._keeper.open(scope, before) if before is not None else None
        kept = opened if isinstance(opened, CustomerFile) else fresh
        if kept is None:
            raise NotFound("customer_unknown", "no such customer is kept here")
        model, now = self.models.in_force(scope), self._clock.now_us()
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

    def _put_off(self, known: Known) -> Made:
        """An erased customer is not looked at again."""
        row = replace(known.row, next_us=NEVER_US, owed="")
        nothing = Assessment(row.model, row.score, Level(row.model_level), Level.LOW, (), ())
        return Made(known.named, known.row, row, Step(nothing, {}), "time", SYSTEM, quiet=True)

    async def _write(
        self, scope: Scope, made: Sequence[Made], unit: UnitOfWork | None = None
    ) -> list[Row]:
        """One commit of all, the rows as written; what is quiet touches its row alone."""
        if not made:
            return []
        unit = unit or UnitOfWork()
        seq, now = self._log.next_seq(scope), self._clock.now_us()
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
        await self._log.commit(unit, scope, rated, self.models.in_force(scope), cause)
        return rows

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

    def _alerts_of(self, scope: Scope, row: Row) -> list[Alert]:
        """Alerts of a row's debts; none of a customer who was erased meanwhile."""
        known = self.known(scope, row)
        if known.file is None:
            return []
        steps = self.history(scope, row.ref, row.number + 1, 1)
        step = steps[0][1] if steps else None
        lines = step.assessment.lines if step is not None else ()
        reasons = tuple(Reason(one.factor, float(one.points), one.says) for one in lines)
        model = self.models.find(scope, row.model)
        least = model.thresholds.get(Level.HIGH, 0)
        found = []
        for debt in row.owed.split(","):
            sequence = row.seq
            late = Reason(OVERDUE, 0.0, f"due {format_rfc3339(row.review_due_us)}")
            found.append(Alert(
                "customer_risk", Entity("customer", known.named.id), debt, float(row.score),
                float(least), row.updated_us, sequence,
                (late, *reasons) if debt == OVERDUE else reasons,
                versions=(("risk_model", row.model),),
            ))  # fmt: skip
        logger().info("customer_alerts", count=len(found))
        return found


def _with_form(form: CustomerForm) -> Callable[[CustomerFile], CustomerFile]:
    return lambda kept: replace(kept, form=form)


def _without_override(kept: CustomerFile) -> CustomerFile:
    return replace(kept, override=None)


def _same(before: Row, after: Row) -> bool:
    """Whether an assessment says nothing new."""
    facts: Callable[[Row], tuple[Any, ...]] = lambda row: (  # noqa: E731
        row.model, row.score, row.level, row.model_level, row.override_until_us,
        row.review_due_us, row.undone, row.owed,
    )  # fmt: skip
    return facts(before) == facts(after)
