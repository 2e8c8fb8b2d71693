"""A merchant's exposure as it is told, by the model in force and the windows of the policy."""

from __future__ import annotations

from typing import Protocol

from paywarden.aml.customer_risk.exposure import Exposure, NotReckoned
from paywarden.aml.customer_risk.model import RiskModel
from paywarden.aml.customer_risk.model_desk import ModelDesk
from paywarden.aml.customer_risk.views import MerchantExposure, exposure_view
from paywarden.core.errors import NotFound
from paywarden.core.scope import Scope


class Reckoner(Protocol):
    """Reads windows and reckons."""

    def exposure(
        self, scope: Scope, merchant: str, mcc: str | None, model: RiskModel
    ) -> Exposure | NotReckoned | None:
        """A merchant's exposure now; None where the model has no terms of it."""
        ...


class Exposures:
    """Exposure by the model in force."""

    def __init__(self, models: ModelDesk, reckoner: Reckoner) -> None:
        self._models = models
        self._reckoner = reckoner

    def view(self, scope: Scope, merchant: str, mcc: str | None) -> MerchantExposure:
        """What is told. Errors: NotFound `exposure_terms_absent`."""
        made = self._reckoner.exposure(scope, merchant, mcc, self._models.in_force(scope))
        if made is None:
            raise NotFound("exposure_terms_absent", "the model in force has no terms of exposure")
        if isinstance(made, NotReckoned):
            return MerchantExposure(merchant, False, list(made.windows))
        return exposure_view(merchant, made)
