"""What raising alerts needs from others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from paywarden.aml.alerts.model import Alert
from paywarden.core.scope import Scope


class Alerts(Protocol):
    """Where alerts are kept, per tenant and environment."""

    def raise_all(self, scope: Scope, alerts: Sequence[Alert]) -> int:
        """Keep those that are new by id, durably, and announce them; how many were new."""
        ...
