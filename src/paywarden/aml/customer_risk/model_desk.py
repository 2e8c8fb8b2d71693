"""Models of customer risk in a scope: which is in force, keeping another, putting it in force.

Guards: a model is text under its own hash and never changes; the shipped one is pinned the first
time a customer is written, so that a newer program brings no other model by itself; another comes
into force by an approved act alone, at a sequence of the log. From then on every customer is
assessed anew in rounds. Not done here: the rounds (`customers`).
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Final

from paywarden.aml.customer_risk.examples import checked_model
from paywarden.aml.customer_risk.model import RiskModel
from paywarden.aml.customer_risk.payloads import model_payload
from paywarden.aml.customer_risk.ports import ModelUse, RatingLog, Store
from paywarden.core.clock import Clock
from paywarden.core.errors import NotFound, TooLarge
from paywarden.core.instants import to_datetime
from paywarden.core.scope import Scope
from paywarden.identity.approvals.catalogue import RISK_MODEL_PUBLISH
from paywarden.identity.approvals.execution import Approved
from paywarden.identity.ports import Committer
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork

TEXT_LIMIT: Final = 200_000
SYSTEM: Final = "process:customer_risk"
_READ_ANEW: Final = 16


def shipped_text() -> str:
    """The model that Paywarden ships."""
    return files("paywarden.aml.customer_risk.models").joinpath("standard.yaml").read_text("utf-8")


@lru_cache(_READ_ANEW)
def model_of_text(text: str) -> RiskModel:
    """The checked model of a text. Errors: ModelFaults."""
    return checked_model(text)


def stale_tables(model: RiskModel, today: date) -> list[str]:
    """Tables of a model that should have been looked at again by today."""
    return sorted(
        one.name
        for one in model.tables.values()
        if (today - date.fromisoformat(one.as_of)).days > one.refresh_days
    )


class ModelDesk:
    """Models by scope."""

    def __init__(
        self, store: Store, log: RatingLog, writer: Committer, audit: AuditLog, clock: Clock
    ) -> None:
        self._store = store
        self._log = log
        self._writer = writer
        self._audit = audit
        self._clock = clock
        self._in_force: dict[Scope, RiskModel] = {}

    def in_force(self, scope: Scope) -> RiskModel:
        """The model that assesses; the shipped one before any was pinned."""
        found = self._in_force.get(scope)
        if found is None:
            use = self._store.last_use(scope)
            found = model_of_text(shipped_text()) if use is None else self.find(scope, use.model)
            self._in_force[scope] = found
        return found

    def pin(self, unit: UnitOfWork, scope: Scope, seq: int) -> None:
        """With the first customer: write down which model assesses."""
        if self._store.last_use(scope) is None:
            model, now = self.in_force(scope), self._clock.now_us()
            self._store.add_model(unit, scope, model, SYSTEM, now)
            self._store.add_use(unit, scope, ModelUse(1, model.id, SYSTEM, now, seq))

    def find(self, scope: Scope, model: str) -> RiskModel:
        """A model that is kept, or the shipped one. Errors: NotFound `risk_model_unknown`."""
        text = self._store.model_text(scope, model)
        if text is not None:
            return model_of_text(text)
        shipped = model_of_text(shipped_text())
        if shipped.id == model:
            return shipped
        raise NotFound("risk_model_unknown", "no such model is kept here")

    async def keep(self, scope: Scope, text: str, actor: str) -> RiskModel:
        """Check and keep a text; nothing changes yet. Errors: ModelFaults, TooLarge."""
        if len(text.encode()) > TEXT_LIMIT:
            raise TooLarge("risk_model_too_large", f"a model has at most {TEXT_LIMIT} bytes")
        model, unit, now = model_of_text(text), UnitOfWork(), self._clock.now_us()
        self._store.add_model(unit, scope, model, actor, now)
        self._note(unit, scope, "customer_risk:model:keep", actor, model.id)
        await self._writer.commit(unit)
        return model

    async def publish(self, approved: Approved, model_name: str) -> int:
        """Let a kept model assess; the sequence. Errors: NotFound, NotPermitted, Conflict."""
        scope = approved.scope
        approved.require(scope, RISK_MODEL_PUBLISH, model_payload(model_name))
        model, unit = self.find(scope, model_name), UnitOfWork()
        approved.settle(unit)
        last, now, seq = (
            self._store.last_use(scope),
            self._clock.now_us(),
            self._log.next_seq(scope),
        )
        number = 1 if last is None else last.number + 1
        self._store.add_model(unit, scope, model, approved.audit_actor, now)
        use = ModelUse(number, model.id, approved.audit_actor, now, seq)
        self._store.add_use(unit, scope, use)
        self._note(unit, scope, "customer_risk:model:publish", approved.audit_actor, model.id)
        done = await self._log.commit(unit, scope, (), model, "model")
        self._in_force[scope] = model
        return done

    def stale(self, scope: Scope) -> list[str]:
        """Tables of the model in force that are old."""
        today = to_datetime(self._clock.now_us()).date()
        return stale_tables(self.in_force(scope), today)

    def _note(self, unit: UnitOfWork, scope: Scope, action: str, actor: str, model: str) -> None:
        event = AuditEvent(
            scope, action, actor, AuditOutcome.DONE, self._clock.now_us(), {"model": model}
        )
        self._audit.record(unit, event)
