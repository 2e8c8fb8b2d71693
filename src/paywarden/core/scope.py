"""Scope: the tenant (the operator's legal entity) and the environment; part of every key.

No store method, journal entry, window key or idempotency key exists without a Scope, so data of
two tenants, or of test and live, cannot meet.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")


class Environment(enum.StrEnum):
    """Test and live never mix."""

    TEST = "test"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Scope:
    """Tenant and environment together."""

    tenant: str
    environment: Environment

    def __post_init__(self) -> None:
        if not _TENANT.match(self.tenant):
            raise ValueError("tenant must be 1-63 of a-z, 0-9, _ and -, starting alphanumeric")

    def __hash__(self) -> int:
        # Scopes are dictionary keys several times per payment; Enum's own hash is slow Python.
        return hash((self.tenant, self.environment._value_))

    @property
    def text(self) -> str:
        """`tenant/environment`, used as a database column and key prefix."""
        return f"{self.tenant}/{self.environment._value_}"

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Inverse of `text`."""
        tenant, _, environment = text.partition("/")
        return cls(tenant, Environment(environment))
