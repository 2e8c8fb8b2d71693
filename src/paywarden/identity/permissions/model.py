"""Words of access control: roles, kinds of callers, rules, verdicts. Pure values.

Guards: what no rule allows is denied. A rule names one role and one permission and may narrow them
to an environment, to people or to keys, and to a fresh proof of who is there.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from paywarden.core.instants import MICROSECONDS
from paywarden.core.scope import Environment


class Role(enum.StrEnum):
    """Roles of people and keys; the words are stored and never change their meaning."""

    MERCHANT = "merchant"
    OPERATOR = "operator"
    ANALYST = "analyst"
    SENIOR_ANALYST = "senior_analyst"
    AML_OFFICER = "aml_officer"
    RISK_MANAGER = "risk_manager"
    RULE_AUTHOR = "rule_author"
    APPROVER = "approver"
    SECURITY_OFFICER = "security_officer"
    KEY_CUSTODIAN = "key_custodian"
    PRIVACY_OFFICER = "privacy_officer"
    AUDITOR = "auditor"
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDIT_ADMIN = "audit_admin"
    BREAK_GLASS = "break_glass"


class Kind(enum.StrEnum):
    """Who calls: a person with a session, or a program with a key."""

    PERSON = "person"
    SERVICE = "service"


class Verdict(enum.StrEnum):
    """Answer to one question; `step_up` is a no that a fresh proof of presence turns into a yes."""

    ALLOWED = "allowed"
    DENIED = "denied"
    STEP_UP = "step_up"


ANY_KIND: Final = frozenset(Kind)
ANY_ENVIRONMENT: Final = frozenset(Environment)


@dataclass(frozen=True, slots=True)
class Rule:
    """`role` may use `permission` under the conditions; several rules of one pair add up.

    `fresh_seconds` asks people (never keys, which have no session) for all factors proved so long
    ago at most. `own_merchant`: a caller bound to a merchant sees that merchant alone.
    """

    role: Role
    permission: str
    kinds: frozenset[Kind] = ANY_KIND
    environments: frozenset[Environment] = ANY_ENVIRONMENT
    fresh_seconds: int | None = None
    own_merchant: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the authenticator found; `verified_at_us` is of a person's last full proof."""

    kind: Kind
    roles: frozenset[str]
    environment: Environment
    verified_at_us: int | None = None

    def fresh_at(self, now_us: int, seconds: int) -> bool:
        """Whether the proof is at most `seconds` old; one from the future is none."""
        if self.verified_at_us is None:
            return False
        return 0 <= now_us - self.verified_at_us <= seconds * MICROSECONDS
