"""Rate limits of a process from its settings."""

from __future__ import annotations

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import InvalidRequest
from paywarden.entrypoints.settings import Limits as LimitSettings
from paywarden.kit.http.limits.addresses import Origins
from paywarden.kit.http.limits.gate import Limits, Policies, RateGate
from paywarden.kit.http.limits.gcra import Policy


def rate_gate(settings: LimitSettings, clock: Clock, randomness: Randomness) -> RateGate | None:
    """The gate that the settings ask for; None when every limit is off. Errors: InvalidRequest."""
    policies = Policies(
        _policy("address", settings.address_per_second, settings.address_burst),
        _policy("key", settings.key_per_second, settings.key_burst),
        _policy("principal", settings.principal_per_second, settings.principal_burst),
    )
    if policies == Policies():
        return None
    senders = senders_of(settings)
    return Limits(policies, senders, clock, randomness, exempt=_listed(settings.exempt_keys))


def senders_of(settings: LimitSettings) -> Origins:
    """Who tells from where a request comes. Errors: InvalidRequest."""
    try:
        return Origins(_listed(settings.trusted_proxies))
    except ValueError as fault:
        raise InvalidRequest(
            "settings_invalid", str(fault), pointer="limits.trusted_proxies"
        ) from None


def _policy(name: str, per_second: float, burst: int) -> Policy | None:
    return Policy(name, per_second, burst) if per_second else None


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]
