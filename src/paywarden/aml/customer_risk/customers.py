"""Customers: what people and programs do to their files.

Guards: what lowers a level takes another person, and nothing goes below the floor that factors set;
a batch is taken whole or not at all. Not done here: writing (`writing`), what is done again and
again (`rounds`), HTTP, what decisions do with levels (`decision`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from paywarden.aml.customer_risk.forms import CustomerForm, Screened
from paywarden.aml.customer_risk.keeping import CustomerFile, Step
from paywarden.aml.customer_risk.model import Assessment, Level
from paywarden.aml.customer_risk.model_desk import SYSTEM, ModelDesk
from paywarden.aml.customer_risk.payloads import LowerRisk, lower_payload
from paywarden.aml.customer_risk.ports import HistoryRow, Row, Store
from paywarden.aml.customer_risk.standing import Done, Override
from paywarden.aml.customer_risk.writing import Change, Known, Writing
from paywarden.core.errors import Conflict, InvalidRequest, NotFound
from paywarden.core.instants import DAY_US
from paywarden.core.scope import Scope
from paywarden.identity.approvals.catalogue import CUSTOMER_RISK_LOWER
from paywarden.identity.approvals.execution import Approved
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.turns import Turns

BATCH: Final = 200
"""Customers of one commit."""


class Customers:
    """Use cases over files of customers."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing

    @property
    def store(self) -> Store:
        """Where rows are read."""
        return self._writing.store

    @property
    def models(self) -> ModelDesk:
        """Models by scope."""
        return self._writing.models

    def find(self, scope: Scope, customer: str) -> Known:
        """A customer. Errors: NotFound `customer_unknown`."""
        return self._writing.find(scope, customer)

    def known(self, scope: Scope, row: Row) -> Known:
        """A row with its file."""
        return self._writing.known(scope, row)

    def judged(self, scope: Scope, customer: str) -> Assessment:
        """What the model says now, overrides left aside. Errors: NotFound `customer_unknown`."""
        return self._writing.judged(scope, customer)

    def history(
        self, scope: Scope, ref: str, before: int, limit: int
    ) -> list[tuple[HistoryRow, Step | None]]:
        """Steps below a number, newest first; erased ones without what they said."""
        return self._writing.history(scope, ref, before, limit)

    def load(self, scope: Scope) -> None:
        """Let decisions read what is stored; at start and after a recovery."""
        self._writing.log.load(scope, self.store.rated(scope), self.models.in_force(scope))

    async def put(self, scope: Scope, customer: str, form: CustomerForm, actor: str) -> Known:
        """Take a form in place of the former one, and assess. Errors: InvalidRequest."""
        return (await self.put_many(scope, [(customer, form)], actor))[0]

    async def put_many(
        self, scope: Scope, given: Sequence[tuple[str, CustomerForm]], actor: str
    ) -> list[Known]:
        """Take up to BATCH forms, each customer once, all or none. Errors: InvalidRequest."""
        if len(given) > BATCH or len({customer for customer, _ in given}) < len(given):
            raise InvalidRequest("customers_batch", f"at most {BATCH} customers, each once")
        async with self._writing.turn:
            made = []
            turns = Turns()
            for number, (customer, form) in enumerate(given):
                await turns.give()
                named = self._writing.log.name(scope, customer)
                change = Change("facts", actor, _with_form(form), {})
                try:
                    made.append(
                        self._writing.made(scope, named, change, CustomerFile(named.id, form))
                    )
                except InvalidRequest as refusal:
                    if len(given) > 1:
                        refusal.pointer = f"/customers/{number}{refusal.pointer or ''}"
                    raise
            rows = await self._writing.write(scope, made)
        pairs = zip(rows, made, strict=True)
        return [self._writing.known(scope, row, one.named) for row, one in pairs]

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
        """Hold a customer for at least as risky as now. Errors: Conflict `override_lowers`."""
        if self.lowers(scope, customer, level):
            raise Conflict("override_lowers", "a lower level takes an approval")
        return await self._override(scope, customer, level, days, reason, actor, ())

    def lowers(self, scope: Scope, customer: str, level: Level) -> bool:
        """Whether a level is below what the model says, or below an override that stands.

        Errors: NotFound `customer_unknown`.
        """
        override = self._writing.find_file(scope, customer).override
        least = self._writing.judged(scope, customer).level
        if override is not None and not override.lowers:
            least = max(least, override.level)
        return level < least

    def check_lower(self, scope: Scope, wanted: LowerRisk) -> None:
        """Errors: NotFound, Conflict `override_below_floor` naming factors."""
        assessment = self._writing.judged(scope, wanted.customer)
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
        kept = self._writing.find(scope, customer).file
        if kept is None or kept.override is None:
            raise NotFound("override_unknown", "no override stands for this customer")
        if not kept.override.lowers:
            assessment = self._writing.judged(scope, customer)
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
        async with self._writing.turn:
            known = self._writing.find(scope, customer)
            if known.file is None:
                raise NotFound("customer_unknown", "this customer was erased")
            made = self._writing.made(scope, known.named, change, None)
            unit = UnitOfWork()
            if approved is not None:
                approved.settle(unit)
            (row,) = await self._writing.write(scope, [made], unit)
        return self._writing.known(scope, row, made.named)

    async def touch(self, scope: Scope, customer: str, cause: str = "behaviour") -> bool:
        """Assess one customer anew, if they are known: after an alert, for instance."""
        try:
            change = Change(cause, SYSTEM, lambda kept: kept, {})
            await self.change(scope, customer, change)
        except NotFound:
            return False
        return True

    async def _override(
        self, scope: Scope, customer: str, level: Level, days: int, reason: str, actor: str,
        approvers: tuple[str, ...], approved: Approved | None = None,
    ) -> Known:  # fmt: skip
        now, assessment = self._writing.clock.now_us(), self._writing.judged(scope, customer)
        override = Override(
            level, assessment.level, reason, actor, approvers, now, now + days * DAY_US
        )
        words = {"level": level.word, "reason": reason, "days": str(days)}
        change = Change("override", actor, lambda kept: replace(kept, override=override), words)
        return await self.change(scope, customer, change, approved)


def _with_form(form: CustomerForm) -> Callable[[CustomerFile], CustomerFile]:
    return lambda kept: replace(kept, form=form)


def _without_override(kept: CustomerFile) -> CustomerFile:
    return replace(kept, override=None)
