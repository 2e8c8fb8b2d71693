"""Operations of models: which lie in this home, which decide, and their cards.

Guards: reading only. A model comes to serve by a roll-out (`rollout/http.py`), never from here.
What does not pass its checks is listed with the reason and shown no further.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from paywarden.core.errors import NotFound, PaywardenError
from paywarden.core.scope import Scope
from paywarden.decision.ledger import Ledger
from paywarden.decision.ports import Models
from paywarden.kit.http.operation import Answer, Call, Operation


class ModelSummary(msgspec.Struct, frozen=True):
    """A model of this home. `role`: live, tried or null; `refused`: why it may not serve.

    `kind`: trees, onnx, or anomaly where it gives no probability; `anomaly`: whether it says how
    unlike others a payment is.
    """

    name: str
    role: str | None
    refused: str | None
    kind: str | None
    anomaly: bool
    inputs: int | None
    trees: int | None
    base_currency: str | None
    challenge: float | None
    block: float | None


class ModelPage(msgspec.Struct, frozen=True):
    """Models by name."""

    items: list[ModelSummary]
    has_more: bool
    next: str | None


class ModelView(msgspec.Struct, frozen=True):
    """A model with its card."""

    model: ModelSummary
    card: dict[str, Any]


class ModelOperations:
    """Handlers over the models of a home."""

    def __init__(self, models: Models, ledger: Ledger) -> None:
        self._models = models
        self._ledger = ledger

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            Operation("GET", "/v1/models", "list_models", "Models of this home", self.listing,
                      ModelPage, permission="rulesets:read", tag="policy"),
            Operation("GET", "/v1/models/{name}", "get_model", "A model and its card", self.read,
                      ModelView, permission="rulesets:read", tag="policy",
                      path_texts={"name": "Name of a model, `md_...`"},
                      path_patterns={"name": "^md_[0-9a-f]{32}$"}),
        ]  # fmt: skip

    async def listing(self, call: Call) -> Answer:
        """GET /v1/models."""
        scope = call.asker.scope
        found = await asyncio.to_thread(self._all, scope)
        return Answer(ModelPage(found, False, None))

    async def read(self, call: Call) -> Answer:
        """GET /v1/models/{name}."""
        name = call.path["name"]
        if name not in self._models.names():
            raise NotFound("model_missing", "no model of that name in this home")
        card = await asyncio.to_thread(self._models.card, name)
        return Answer(ModelView(self._summary(call.asker.scope, name), card))

    def _all(self, scope: Scope) -> list[ModelSummary]:
        return [self._summary(scope, name) for name in self._models.names()]

    def _summary(self, scope: Scope, name: str) -> ModelSummary:
        role = self._role(scope, name)
        try:
            held = self._models.artefact(name)
        except PaywardenError as fault:
            return ModelSummary(
                name, role, fault.code, None, False, None, None, None, None, None
            )  # fmt: skip
        operating = held.operating
        return ModelSummary(
            name, role, None, held.kind, held.anomaly is not None, len(held.inputs), held.trees,
            held.base_currency,
            operating.challenge if operating is not None else None,
            operating.block if operating is not None else None,
        )  # fmt: skip

    def _role(self, scope: Scope, name: str) -> str | None:
        state = self._ledger.states.get(scope)
        if state is None:
            return None
        if state.decider is not None and state.decider.model == name:
            return "live"
        tried = state.trial is not None and state.trial.entry.model == name
        return "tried" if tried else None
