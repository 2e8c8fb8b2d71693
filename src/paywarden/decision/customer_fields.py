"""What a payment reads of customer risk: levels of who takes part, exposure of a payout's merchant.

Guards: read before the payment is counted, recorded among its derived fields, so that a replay has
the values of that day whatever was decided since. Whoever is not known has no level: rules ask with
`has()`. Exposure costs a read of the windows and is reckoned for payouts of a merchant alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from paywarden.aml.customer_risk.exposure import Exposure, NotReckoned, reckon, windows_of
from paywarden.aml.customer_risk.model import ExposureTerms, Level
from paywarden.decision.customer_standings import CustomerStandings
from paywarden.decision.intake import Fields
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.catalogue import KEY_KINDS
from paywarden.risk.features.digests import Digester

KIND: Final = "customer"
"""The kind under which customers' ids are digested."""
_WHO: Final = (("customer", "payer.id"), ("payee", "payee.id"), ("merchant", "merchant.id"))
_PAYOUTS: Final = ("payout",)


class Standings(Protocol):
    """What is read of a scope's state."""

    @property
    def windows(self) -> Windows | None:
        """Windows of the policy that decides."""
        ...

    @property
    def digester(self) -> Digester:
        """Digests of the scope."""
        ...

    @property
    def customers(self) -> CustomerStandings:
        """Levels and terms."""
        ...


def risk_fields(state: Standings, fields: Fields, t_us: int) -> dict[str, Any]:
    """Fields `risk.*` of a payment."""
    customers, digest = state.customers, state.digester.digest
    found: dict[str, Any] = {}
    if customers.known:
        for role, path in _WHO:
            name = fields.get(path)
            standing = customers.known.get(digest(KIND, name)) if name is not None else None
            if standing is not None:
                found[f"risk.{role}_level"], found[f"risk.{role}_score"] = standing
        percent = customers.percents.get(found.get("risk.customer_level", ""))
        if percent is not None:
            found["risk.customer_threshold_percent"] = percent
    if customers.exposure is not None and _is_payout(fields):
        level = found.get("risk.merchant_level")
        found.update(_exposed(state, customers.exposure, fields, level, t_us))
    return found


def _is_payout(fields: Fields) -> bool:
    paid_out = fields.get("payment.type") in _PAYOUTS or fields.get("payment.phase") in _PAYOUTS
    return paid_out and fields.get("merchant.id") is not None


def _exposed(
    state: Standings, terms: ExposureTerms, fields: Fields, level: str | None, t_us: int
) -> dict[str, Any]:
    made = merchant_exposure(
        state, terms, fields["merchant.id"], fields.get("merchant.mcc_group"), level, t_us
    )
    if isinstance(made, NotReckoned):
        return {}
    return {
        "risk.merchant_exposure_minor": made.exposure_minor,
        "risk.merchant_exposure_limit_minor": made.limit_minor,
        "risk.merchant_reserve_percent": made.reserve_percent,
        "risk.merchant_hold": made.hold_payouts,
    }


def merchant_exposure(
    state: Standings, terms: ExposureTerms, merchant: str, mcc_group: str | None,
    level: str | None, t_us: int,
) -> Exposure | NotReckoned:  # fmt: skip
    """The exposure of a merchant by the windows of the policy that decides."""
    values = window_values(state, windows_of(terms), {"merchant": merchant}, t_us)
    return reckon(terms, values, mcc_group, Level.parse(level) if level else None)


def window_values(
    state: Standings, names: Sequence[str], who: Mapping[str, str], t_us: int
) -> dict[str, int]:
    """Whole-number values of windows, by name, of entities (kind to id); counts nothing.

    A window that the policy lacks, that is not whole yet, or that reads another kind of entity has
    none; an empty sum is 0.
    """
    if state.windows is None:
        return {}
    plan, partial = state.windows.plan, state.windows.partial(t_us)
    places = {name: index for index, name in enumerate(plan.names)}
    wanted = [(name, places[name]) for name in names if name in places]
    wanted = [(name, index) for name, index in wanted if index not in partial]
    if not wanted:
        return {}
    keys = [0] * len(KEY_KINDS)
    for kind, name in who.items():
        keys[KEY_KINDS.index(kind)] = state.digester.digest(kind, name)
    read = state.windows.read(keys, t_us)
    values = ((name, read[index]) for name, index in wanted)
    return {name: int(value) for name, value in values if isinstance(value, int | float)}
