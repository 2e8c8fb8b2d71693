"""Facts of a customer at an instant: the form's, and what the house itself saw of them.

Guards: behaviour comes from windows of the policy and from alerts that exist already; a window that
is not there or not whole gives no fact, and the model says what that counts. Merchants' windows are
read by the id as a merchant, payers' by it as a payer; of both the larger value counts.
"""

from __future__ import annotations

from typing import Any, Final

from paywarden.aml.customer_risk.flattening import facts_of
from paywarden.aml.customer_risk.keeping import CustomerFile
from paywarden.aml.customer_risk.model import RiskModel
from paywarden.aml.customer_risk.ports import AlertFigures, Counted
from paywarden.core.instants import DAY_US, to_datetime
from paywarden.core.scope import Scope

ALERT_DAYS: Final = 90
_VOLUME: Final = "behaviour.volume_30d_minor"
_PAYMENTS: Final = "behaviour.payments_30d"
_CHARGEBACKS: Final = "behaviour.chargebacks_30d"


class Gathering:
    """Reads windows and alerts; either may be absent."""

    def __init__(self, counted: Counted | None, alerts: AlertFigures | None) -> None:
        self._counted = counted
        self._alerts = alerts

    def facts(
        self, scope: Scope, kept: CustomerFile, model: RiskModel, now_us: int
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """(all facts, those of behaviour). Errors: InvalidRequest for a form that is wrong."""
        given = facts_of(kept.form, to_datetime(now_us).date())
        seen = self._windows(scope, kept.id, model)
        if self._alerts is not None:
            since = now_us - ALERT_DAYS * DAY_US
            count, score = self._alerts.about(scope, kept.id, since)
            seen["behaviour.alerts_90d"] = count
            seen["behaviour.typology_score_90d"] = score
        declared = given.get("expected.monthly_minor")
        if declared and _VOLUME in seen:
            seen["behaviour.volume_percent"] = seen[_VOLUME] * 100 // declared
        if seen.get(_PAYMENTS) and _CHARGEBACKS in seen:
            ratio = 100.0 * seen[_CHARGEBACKS] / seen[_PAYMENTS]
            seen["behaviour.chargeback_percent"] = round(ratio, 3)
        return {**given, **seen}, seen

    def _windows(self, scope: Scope, customer: str, model: RiskModel) -> dict[str, Any]:
        if self._counted is None:
            return {}
        found: dict[str, Any] = {}
        for role in ("payer", "merchant"):
            wanted = {
                fact: names[role] for fact, names in model.behaviour.windows.items()
                if role in names
            }  # fmt: skip
            if not wanted:
                continue
            who = {role: customer}
            values = self._counted.values(scope, sorted(set(wanted.values())), **who)
            for fact, name in wanted.items():
                if name in values:
                    found[fact] = max(values[name], found.get(fact, 0))
        return found
