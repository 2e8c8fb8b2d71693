"""Operations on models of customer risk: keep, read, put in force.

Guards: a text is checked and its examples are run before it is kept; putting it in force waits for
another person in live environments.
"""

from __future__ import annotations

from typing import Any, Final

from paywarden.aml.customer_risk.model import RiskModel
from paywarden.aml.customer_risk.model_desk import ModelDesk, stale_tables
from paywarden.aml.customer_risk.payloads import model_payload
from paywarden.aml.customer_risk.ports import Store
from paywarden.aml.customer_risk.requests import (
    CustomerReason,
    RiskModelRequest,
)
from paywarden.aml.customer_risk.views import (
    RiskModelPage,
    RiskModelPublished,
    RiskModelView,
)
from paywarden.core.clock import Clock
from paywarden.core.errors import NotPermitted
from paywarden.core.instants import format_rfc3339, to_datetime
from paywarden.identity.approvals.catalogue import RISK_MODEL_PUBLISH
from paywarden.identity.approvals.http import ApprovalView, maker_of, waiting
from paywarden.identity.approvals.service import Approvals, Waiting
from paywarden.kit.http.operation import Answer, Call, Operation

READ, WRITE = "risk_models:read", "risk_models:write"
ROOT: Final = "/v1/aml/risk-models"
_PATH: Final[dict[str, Any]] = {
    "tag": "aml",
    "path_texts": {"model": "Id of a model, `rm_...`"},
    "path_patterns": {"model": "^rm_[0-9a-f]{64}$"},
}


class RiskModelOperations:
    """Handlers over the models of scopes."""

    def __init__(self, models: ModelDesk, store: Store, approvals: Approvals, clock: Clock) -> None:
        self._models = models
        self._store = store
        self._approvals = approvals
        self._clock = clock

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            Operation("GET", ROOT, "list_risk_models", "List models of customer risk", self.page,
                      RiskModelPage, permission=READ, tag="aml"),
            Operation("POST", ROOT, "keep_risk_model", "Check a model and keep it", self.keep,
                      RiskModelView, RiskModelRequest, permission=WRITE, tag="aml",
                      body_limit=512 * 1024),
            Operation("GET", ROOT + "/{model}", "get_risk_model", "Read a model with its text",
                      self.read, RiskModelView, permission=READ, **_PATH),
            Operation("POST", ROOT + "/{model}/publish", "publish_risk_model",
                      "Let a model assess customers, once it is approved", self.publish,
                      RiskModelPublished, CustomerReason, permission=WRITE,
                      also_answers={202: ApprovalView}, **_PATH),
        ]  # fmt: skip

    async def page(self, call: Call) -> Answer:
        """GET /v1/aml/risk-models."""
        _whole_house(call)
        scope = call.asker.scope
        kept = self._store.models(scope)
        in_force = self._models.in_force(scope)
        items = [
            self._view(self._models.find(scope, model), in_force, at_us, actor)
            for model, _name, at_us, actor in kept[:100]
        ]
        if all(one.model != in_force.id for one in items):
            items.append(self._view(in_force, in_force, None, None))
        return Answer(RiskModelPage(items))

    async def keep(self, call: Call) -> Answer:
        """POST /v1/aml/risk-models. Errors: InvalidRequest `risk_model_invalid`, TooLarge."""
        _whole_house(call)
        asker = call.asker
        model = await self._models.keep(asker.scope, call.body.text, asker.actor)
        in_force, now = self._models.in_force(asker.scope), self._clock.now_us()
        return Answer(self._view(model, in_force, now, asker.actor))

    async def read(self, call: Call) -> Answer:
        """GET /v1/aml/risk-models/{model}. Errors: NotFound."""
        _whole_house(call)
        scope = call.asker.scope
        model = self._models.find(scope, call.path["model"])
        return Answer(self._view(model, self._models.in_force(scope), None, None, text=True))

    async def publish(self, call: Call) -> Answer:
        """POST /v1/aml/risk-models/{model}/publish. Errors: NotFound."""
        _whole_house(call)
        asker, name = call.asker, call.path["model"]
        model = self._models.find(asker.scope, name)
        done = await self._approvals.perform(
            asker.scope, RISK_MODEL_PUBLISH, model_payload(model.id), maker_of(asker),
            call.body.reason,
        )  # fmt: skip
        if isinstance(done, Waiting):
            return waiting(self._approvals, done)
        return Answer(RiskModelPublished(model.id, done.result))

    def _view(
        self, model: RiskModel, in_force: RiskModel, at_us: int | None, actor: str | None,
        *, text: bool = False,
    ) -> RiskModelView:  # fmt: skip
        today = to_datetime(self._clock.now_us()).date()
        return RiskModelView(
            model.id, model.name, model.id == in_force.id, len(model.factors),
            format_rfc3339(at_us) if at_us is not None else None, actor,
            stale_tables(model, today), model.text if text else None,
        )  # fmt: skip


def _whole_house(call: Call) -> None:
    if call.asker.merchant is not None:
        raise NotPermitted("other_merchant", "models are the operator's; this key is not")
