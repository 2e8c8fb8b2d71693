"""What is done again and again: assess whoever is due, raise the alerts that are owed.

Guards: at most BATCH customers a round, with turns for payments; an alert is raised after the
commit that owes it and again after a crash in between (its id follows from its content, so it is
kept once); whoever was erased meanwhile is not looked at any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from paywarden.aml.alerts.model import Alert, Entity, Reason
from paywarden.aml.alerts.ports import Alerts
from paywarden.aml.customer_risk.model import Level, RiskModel
from paywarden.aml.customer_risk.model_desk import SYSTEM
from paywarden.aml.customer_risk.ports import NEVER_US, SUBJECT, AlertFigures, Row
from paywarden.aml.customer_risk.writing import OVERDUE, Change, Writing
from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Scope
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger
from paywarden.kit.turns import Turns

BATCH: Final = 200
"""Customers of one round."""


class Rounds:
    """Looks at customers of a scope; without a place for alerts they stay owed."""

    def __init__(
        self, writing: Writing, alerts: Alerts | None, figures: AlertFigures | None
    ) -> None:
        self._writing = writing
        self._alerts = alerts
        self._figures = figures
        self._current: dict[Scope, str] = {}

    async def look(self, scope: Scope) -> int:
        """Assess anew whoever is due: other model, ages, behaviour, overrides; pay alerts."""
        async with self._writing.turn:
            model, now = self._writing.models.in_force(scope), self._writing.clock.now_us()
            rows = [*self._alerted(scope), *self._due(scope, model, now)]
            rows = list({row.ref: row for row in rows}.values())
            made = []
            turns = Turns()
            for row in rows:
                await turns.give()
                known = self._writing.known(scope, row)
                if known.file is None:
                    made.append(self._writing.put_off(known))
                    continue
                cause = "model" if row.model != model.id else "time"
                if row.model == model.id and row.next_us > now:
                    cause = "behaviour"
                change = Change(cause, SYSTEM, lambda kept: kept, {})
                made.append(self._writing.made(scope, known.named, change, None))
            await self._writing.write(scope, made)
        await self.pay(scope)
        return len(rows)

    async def pay(self, scope: Scope) -> int:
        """Raise the alerts that are owed; how many."""
        if self._alerts is None:
            return 0
        rows = self._writing.store.owing(scope, BATCH)
        for row in rows:
            raised = self.owed(scope, row)
            await asyncio.to_thread(self._alerts.raise_all, scope, raised)
        if rows:
            async with self._writing.turn:
                unit = UnitOfWork()
                for row in rows:
                    now = self._writing.store.find(scope, row.ref)
                    if now is not None and now.owed == row.owed:
                        self._writing.store.put(unit, scope, replace(now, owed=""))
                await self._writing.log.commit(
                    unit, scope, (), self._writing.models.in_force(scope), ""
                )
        return len(rows)

    def owed(self, scope: Scope, row: Row) -> list[Alert]:
        """Alerts of a row's debts; none of a customer who was erased meanwhile."""
        known = self._writing.known(scope, row)
        if known.file is None:
            return []
        steps = self._writing.history(scope, row.ref, row.number + 1, 1)
        step = steps[0][1] if steps else None
        lines = step.assessment.lines if step is not None else ()
        # What the facts are stands in the file alone, where an erasure reaches it.
        reasons = tuple(
            Reason(one.factor, float(one.points), one.factor.replace("-", " ")) for one in lines
        )
        model = self._writing.models.find(scope, row.model)
        least = model.thresholds.get(Level.HIGH, 0)
        entity, found = Entity("customer", row.subject.removeprefix(SUBJECT)), []
        for debt in row.owed.split(","):
            late = (Reason(OVERDUE, 0.0, f"due {format_rfc3339(row.review_due_us)}"),)
            made = Alert(
                "customer_risk", entity, debt, float(row.score), float(least), row.updated_us,
                row.seq, (*late, *reasons) if debt == OVERDUE else reasons,
                versions=(("risk_model", row.model),),
            )  # fmt: skip
            found.append(made)
        logger().info("customer_alerts", count=len(found))
        return found

    def _alerted(self, scope: Scope) -> list[Row]:
        """Customers whom an alert was just raised about."""
        found = []
        for entity in self._figures.fresh(scope) if self._figures is not None else ():
            if entity.kind == "merchant":
                ref = self._writing.log.name(scope, entity.id).ref
                row = self._writing.store.find(scope, ref)
            else:
                row = self._writing.store.of_subject(scope, f"{SUBJECT}{entity.id}")
            if row is not None and row.next_us < NEVER_US:
                found.append(row)
        return found

    def _due(self, scope: Scope, model: RiskModel, now_us: int) -> Sequence[Row]:
        """Customers to look at; once nobody has another model, only those whose day has come."""
        if self._current.get(scope) != model.id:
            rows = self._writing.store.of_other_models(scope, model.id, BATCH)
            if rows:
                return rows
            self._current[scope] = model.id
        return self._writing.store.due(scope, now_us, BATCH)
