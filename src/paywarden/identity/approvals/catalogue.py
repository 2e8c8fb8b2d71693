"""The catalogue: every act that one person may not do alone. Later rooms add rows.

Guards: an act is in the catalogue or needs no approval; the figures of an act stand in its row and
nowhere else. `high` asks for two approvals beside the maker: three people, as the bootstrap enrols;
another process that verifies a grant sees two independent signatures then, whoever the maker was.
Codes of a TOTP device bind no payload and count for `low` only, which is also where a key may ask
without one approval more: what is done was approved before. Cooling starts with the last
approval needed. Source: PCI DSS 4.0.1, 7.2.3, 3.7.6, 6.5.1 and 10.3; PCI PIN 3.1 objective 6;
GB/T 22239-2019, 8.1.5.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from paywarden.core.scope import Environment
from paywarden.identity.permissions.model import Role

HOUR_SECONDS: Final = 3_600
DAY_SECONDS: Final = 24 * HOUR_SECONDS


class Risk(enum.StrEnum):
    """How bad it would be if one dishonest person could do it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Executor(enum.StrEnum):
    """Which process carries the act out, after verifying the signatures itself."""

    HOUSE = "house"
    CARD_DATA_ENVIRONMENT = "card data environment"


@dataclass(frozen=True, slots=True)
class Action:
    """One row. `approvals` come beside the maker; `environments` where approval is needed.

    `key_adds`: whether a key that asks needs one approval more than a person.
    """

    name: str
    text: str
    risk: Risk
    approvals: int
    makers: frozenset[Role]
    approvers: frozenset[Role]
    cooling_seconds: int = 0
    expiry_seconds: int = DAY_SECONDS
    environments: frozenset[Environment] = frozenset({Environment.LIVE})
    executor: Executor = Executor.HOUSE
    key_adds: bool = True

    def __post_init__(self) -> None:
        if self.approvals != (2 if self.risk is Risk.HIGH else 1):
            raise ValueError(f"{self.name}: high risk takes two approvals, others one")
        if not self.key_adds and self.risk is not Risk.LOW:
            raise ValueError(f"{self.name}: only at low risk is a key's request as a person's")

    @property
    def by_code(self) -> bool:
        """Whether a one-time code, which binds no payload, may approve it."""
        return self.risk is Risk.LOW


def _roles(words: Iterable[Role]) -> frozenset[Role]:
    return frozenset(words)


R = Role
_POLICY_MAKERS = _roles((R.OPERATOR, R.RULE_AUTHOR, R.RISK_MANAGER, R.BREAK_GLASS))
_POLICY_APPROVERS = _roles((R.APPROVER, R.RISK_MANAGER))
_LIST_MAKERS = _roles((R.OPERATOR, R.SENIOR_ANALYST, R.RISK_MANAGER, R.BREAK_GLASS))
_SECURITY_APPROVERS = _roles((R.SECURITY_OFFICER, R.APPROVER))
_ACCESS_MAKERS = _roles((R.SECURITY_ADMIN,))
_REVIEWERS = _roles((R.SECURITY_OFFICER, R.RISK_MANAGER))
_AML_MAKERS = _roles((R.AML_OFFICER, R.OPERATOR))
_AML_APPROVERS = _roles((R.AML_OFFICER, R.RISK_MANAGER, R.APPROVER))
_CDE = Executor.CARD_DATA_ENVIRONMENT

RULESET_PUBLISH: Final = "ruleset.publish"
RULESET_ROLLBACK: Final = "ruleset.rollback"
RULESET_ROLL_OUT: Final = "ruleset.roll_out"
LIST_BULK_EDIT: Final = "list.bulk_edit"
LABEL_FLOOD: Final = "label.flood"
API_KEY_CREATE: Final = "api_key.create"
ROLE_GRANT: Final = "role.grant"
PERSON_ENROL: Final = "person.enrol"
BREAK_GLASS_OPEN: Final = "break_glass.open"
WEBHOOK_DESTINATION: Final = "webhook.destination"
PERSON_ENABLE: Final = "person.enable"
ACCESS_REVOKE: Final = "access.revoke"
SUBJECT_ERASE: Final = "subject.erase"
CUSTOMER_RISK_LOWER: Final = "customer_risk.lower"
RISK_MODEL_PUBLISH: Final = "risk_model.publish"

ROWS: Final = (
    Action(RULESET_PUBLISH, "Let a ruleset decide", Risk.MEDIUM, 1,
           _POLICY_MAKERS, _POLICY_APPROVERS),
    Action(RULESET_ROLL_OUT, "Let a ruleset decide for growing shares of payers", Risk.MEDIUM, 1,
           _POLICY_MAKERS, _POLICY_APPROVERS),
    Action(RULESET_ROLLBACK, "Let a ruleset decide again that did before", Risk.LOW, 1,
           _POLICY_MAKERS, _POLICY_APPROVERS, expiry_seconds=4 * HOUR_SECONDS, key_adds=False),
    Action(LIST_BULK_EDIT, "Add or remove many list entries at once", Risk.MEDIUM, 1,
           _LIST_MAKERS, _POLICY_APPROVERS),
    Action(LABEL_FLOOD, "Release or refuse labels that came in a flood", Risk.MEDIUM, 1,
           _LIST_MAKERS, _POLICY_APPROVERS),
    Action("card_number.reveal", "Show a whole card number", Risk.HIGH, 2,
           _roles((R.SENIOR_ANALYST,)), _roles((R.SECURITY_OFFICER, R.PRIVACY_OFFICER, R.APPROVER)),
           expiry_seconds=HOUR_SECONDS, executor=_CDE),
    Action("card_destination.change", "Let card numbers be sent to a destination", Risk.HIGH, 2,
           _roles((R.OPERATOR, R.SYSTEM_ADMIN)), _SECURITY_APPROVERS, executor=_CDE),
    Action("card_numbers.export", "Hand card numbers to another vault", Risk.HIGH, 2,
           _roles((R.OPERATOR, R.SYSTEM_ADMIN)), _SECURITY_APPROVERS, executor=_CDE),
    Action("audit.export_personal", "Export the audit log with personal data", Risk.HIGH, 2,
           _roles((R.SECURITY_OFFICER, R.PRIVACY_OFFICER)),
           _roles((R.PRIVACY_OFFICER, R.SECURITY_OFFICER, R.APPROVER))),
    Action("data.export", "Export decisions or events in bulk", Risk.MEDIUM, 1,
           _roles((R.OPERATOR, R.RISK_MANAGER, R.SENIOR_ANALYST)),
           _roles((R.PRIVACY_OFFICER, R.SECURITY_OFFICER))),
    Action("key.ceremony", "Make, load or destroy a key of the card data environment", Risk.HIGH,
           2, _roles((R.KEY_CUSTODIAN,)), _roles((R.KEY_CUSTODIAN, R.SECURITY_OFFICER)),
           executor=_CDE),
    Action(ROLE_GRANT, "Grant a role to a person, or withdraw it", Risk.MEDIUM, 1,
           _ACCESS_MAKERS, _SECURITY_APPROVERS),
    Action(PERSON_ENROL, "Enrol a person", Risk.MEDIUM, 1, _ACCESS_MAKERS, _SECURITY_APPROVERS),
    Action(PERSON_ENABLE, "Let a disabled person sign in again", Risk.MEDIUM, 1, _ACCESS_MAKERS,
           _SECURITY_APPROVERS),
    Action(API_KEY_CREATE, "Make an API key that asserts card facts or changes policy",
           Risk.MEDIUM, 1, _ACCESS_MAKERS | {R.OPERATOR}, _SECURITY_APPROVERS),
    Action("retention.change", "Change how long data is kept", Risk.HIGH, 2,
           _roles((R.PRIVACY_OFFICER,)), _roles((R.SECURITY_OFFICER, R.RISK_MANAGER, R.APPROVER)),
           cooling_seconds=HOUR_SECONDS, expiry_seconds=3 * DAY_SECONDS),
    Action("consent.text_change", "Change the text that people consent to", Risk.MEDIUM, 1,
           _roles((R.PRIVACY_OFFICER,)), _roles((R.APPROVER, R.PRIVACY_OFFICER))),
    Action(SUBJECT_ERASE, "Erase a person's data", Risk.HIGH, 2, _roles((R.PRIVACY_OFFICER,)),
           _roles((R.PRIVACY_OFFICER, R.SECURITY_OFFICER, R.APPROVER)),
           cooling_seconds=HOUR_SECONDS, expiry_seconds=3 * DAY_SECONDS),
    Action(CUSTOMER_RISK_LOWER, "Hold a customer for less risky than the model says", Risk.MEDIUM,
           1, _AML_MAKERS, _AML_APPROVERS),
    Action(RISK_MODEL_PUBLISH, "Let a model of customer risk assess", Risk.MEDIUM, 1,
           _AML_MAKERS, _AML_APPROVERS),
    Action(WEBHOOK_DESTINATION, "Send events to another address", Risk.MEDIUM, 1,
           _roles((R.OPERATOR, R.SYSTEM_ADMIN)), _SECURITY_APPROVERS),
    Action(BREAK_GLASS_OPEN, "Hold the sealed role for 60 minutes", Risk.MEDIUM, 1,
           _roles((R.SECURITY_OFFICER, R.OPERATOR, R.RISK_MANAGER)), _SECURITY_APPROVERS,
           expiry_seconds=HOUR_SECONDS),
    Action(ACCESS_REVOKE, "Take away what an access review found unneeded", Risk.MEDIUM, 1,
           _REVIEWERS, _SECURITY_APPROVERS | {R.SECURITY_ADMIN}, expiry_seconds=3 * DAY_SECONDS),
    Action("settings.weaken", "Make a setting less strict", Risk.HIGH, 2,
           _roles((R.SYSTEM_ADMIN,)), _SECURITY_APPROVERS | {R.RISK_MANAGER},
           cooling_seconds=HOUR_SECONDS),
)  # fmt: skip

CATALOGUE: Final = {row.name: row for row in ROWS}


def markdown() -> str:
    """The table of `docs/reference/approvals.md`."""
    lines = ["| action | what | risk | approvals | asked with a key | by code | may ask |"
             " may approve | cooling | expires | carried out by |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    lines += [
        f"| `{row.name}` | {row.text} | {row.risk} | {row.approvals} |"
        f" {row.approvals + row.key_adds} | {'yes' if row.by_code else 'no'} |"
        f" {_words(row.makers)} |"
        f" {_words(row.approvers)} | {_span(row.cooling_seconds)} | {_span(row.expiry_seconds)} |"
        f" {row.executor} |"
        for row in ROWS
    ]
    return "\n".join(lines) + "\n"


def _words(roles: frozenset[Role]) -> str:
    return ", ".join(sorted(roles))


def _span(seconds: int) -> str:
    return f"{seconds // HOUR_SECONDS} h" if seconds else "none"
