"""The table: every role with what it may do. What is not here is denied.

Guards: a permission exists once an operation needs it, not before. Tenant and environment are no
columns: they follow from the key or the session, stand in every store method, and another tenant's
things are not found. Explanations of decisions (and with them the reasons of the engine against
money laundering) are never a merchant's. Changes that bind many people need a proof of presence of
the last five minutes, and beyond that an approval (`identity.approvals.catalogue`).
Source: PCI DSS 4.0.1, 7.2.1, 7.2.2, 7.2.5 and 7.3; GB/T 22239-2019, 8.1.5.1 to 8.1.5.3.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from paywarden.core.scope import Environment
from paywarden.identity.permissions.model import Kind, Role, Rule

FRESH_SECONDS: Final = 300
_PEOPLE: Final = frozenset({Kind.PERSON})
_KEYS: Final = frozenset({Kind.SERVICE})
_TEST: Final = frozenset({Environment.TEST})

PERMISSIONS: Final = {
    "access_reviews:decide": "Confirm or revoke what an access review found",
    "access_reviews:manage": "Open and close access reviews",
    "access_reviews:read": "Read access reviews and their evidence",
    "aml_alerts:read": "Read alerts against money laundering, and have them sent to a system",
    "approvals:decide": "Approve, reject or withdraw, where the catalogue lets the role",
    "approvals:read": "Read requests for approval",
    "approvals:request": "Ask for approval, cancel and execute what one asked for",
    "audit:read": "Read the audit log with its proofs",
    "cards:describe": "Read what a card token stands for, without its number",
    "cards:destinations": "Bring an approved change of where card numbers may be sent",
    "cards:forward": "Have a request sent on with the number in place of its token",
    "cards:reveal": "Ask for a card number itself; needs a signed grant each time",
    "cards:tokenise": "Turn card numbers into tokens, open hosted card fields",
    "customers:judge": "Override, review and do diligence for customers",
    "customers:read": "Read customers with their facts and what was found risky",
    "customers:write": "Send facts of customers and results of screening",
    "decisions:create": "Have payments decided",
    "decisions:explain": "Read the whole record of a decision, internal reasons included",
    "decisions:read": "Read decisions with their neutral reasons",
    "decisions:replay": "Make recorded decisions again",
    "events:create": "Send events",
    "events:label": "Send labels as an analyst",
    "features:read": "Read the feature catalogue",
    "instrument:assert": "Assert card facts with a reference of one's own",
    "lists:read": "Read which lists there are",
    "lists:write": "Edit lists",
    "people:manage": "Invite and disable people, end their sessions",
    "people:read": "Read who is enrolled, with which roles",
    "risk_models:read": "Read models of customer risk",
    "risk_models:write": "Store models of customer risk, ask for one to assess",
    "rulesets:backtest": "Try rulesets on recorded decisions",
    "rulesets:emergency": "Add rules to the live policy for hours, without approval",
    "rulesets:publish": "Ask for a ruleset to decide",
    "rulesets:read": "Read rulesets",
    "rulesets:write": "Store rulesets",
    "screening:decide": "Say of a party whether it is the listed one",
    "screening:read": "Read which lists are in force, and people's verdicts on hits",
    "subjects:erase": "Ask for the erasure of a person's data",
    "subjects:read": "Find whether a person is known here, or erased",
    "webhooks:read": "Read endpoints and deliveries",
    "webhooks:write": "Change endpoints, rotate secrets, send again",
}
READS: Final = frozenset(name for name in PERMISSIONS if name.endswith((":read", ":explain")))
_CASE_WORK = ("decisions:read", "decisions:explain", "features:read", "lists:read", "rulesets:read")
_ASKING = ("approvals:read", "approvals:request")
_BOTH = ("approvals:read", "approvals:request", "approvals:decide")
_DECIDING = ("approvals:read", "approvals:decide")
_REVIEWING = ("access_reviews:read", "access_reviews:decide")


def _rules(role: Role, permissions: Iterable[str], **conditions: Any) -> tuple[Rule, ...]:
    return tuple(Rule(role, permission, **conditions) for permission in permissions)


def _fresh(role: Role, *permissions: str) -> tuple[Rule, ...]:
    """People only after a fresh proof; keys of the role as they are."""
    return _rules(role, permissions, fresh_seconds=FRESH_SECONDS)


RULES: Final[tuple[Rule, ...]] = (
    *_rules(Role.MERCHANT, ("cards:describe", "cards:forward", "cards:tokenise",
                            "decisions:create", "decisions:read", "events:create",
                            "webhooks:read", "webhooks:write"),
            kinds=_KEYS, own_merchant=True),
    *_rules(Role.OPERATOR, ("audit:read", "decisions:create", "decisions:replay", "events:create",
                            "events:label", "rulesets:backtest", "rulesets:write",
                            "webhooks:read",
                            *_CASE_WORK, *_ASKING)),
    *_rules(Role.OPERATOR, ("cards:describe", "cards:destinations", "cards:forward",
                            "cards:reveal", "cards:tokenise", "instrument:assert"), kinds=_KEYS),
    *_rules(Role.OPERATOR, ("aml_alerts:read",), kinds=_KEYS),
    *_rules(Role.OPERATOR, ("subjects:erase", "subjects:read"), environments=_TEST),
    *_rules(Role.OPERATOR, ("customers:read", "customers:write", "risk_models:read"),
            kinds=_KEYS),
    *_rules(Role.OPERATOR, ("customers:judge", "risk_models:write"), kinds=_KEYS,
            environments=_TEST),
    *_rules(Role.OPERATOR, ("screening:read",)),
    *_fresh(Role.OPERATOR, "screening:decide"),
    *_fresh(Role.OPERATOR, "lists:write", "rulesets:emergency", "rulesets:publish",
            "webhooks:write"),
    *_rules(Role.ANALYST, ("events:label", *_CASE_WORK), kinds=_PEOPLE),
    *_rules(Role.SENIOR_ANALYST, ("events:label", "decisions:replay", *_CASE_WORK, *_ASKING),
            kinds=_PEOPLE),
    *_fresh(Role.SENIOR_ANALYST, "lists:write"),
    *_rules(Role.AML_OFFICER, ("aml_alerts:read", "customers:read", "customers:write",
                               "events:label", "risk_models:read", "screening:read",
                               *_CASE_WORK, *_BOTH), kinds=_PEOPLE),
    *_fresh(Role.AML_OFFICER, "customers:judge", "risk_models:write", "screening:decide"),
    *_rules(Role.RISK_MANAGER, ("customers:read", "decisions:replay", "risk_models:read",
                                "rulesets:backtest", "rulesets:write",
                                *_CASE_WORK, *_BOTH, *_REVIEWING), kinds=_PEOPLE),
    *_fresh(Role.RISK_MANAGER, "lists:write", "rulesets:emergency", "rulesets:publish"),
    *_rules(Role.RULE_AUTHOR, ("decisions:replay", "rulesets:backtest", "rulesets:write",
                               *_CASE_WORK, *_ASKING),
            kinds=_PEOPLE),
    *_fresh(Role.RULE_AUTHOR, "rulesets:publish"),
    *_rules(Role.APPROVER, ("decisions:read", "features:read", "lists:read", "rulesets:read",
                            "subjects:read", *_DECIDING), kinds=_PEOPLE),
    *_rules(Role.SECURITY_OFFICER, ("audit:read", "people:read",
                                    "subjects:read", "webhooks:read", *_REVIEWING,
                                    *_BOTH), kinds=_PEOPLE),
    *_fresh(Role.SECURITY_OFFICER, "access_reviews:manage"),
    *_rules(Role.KEY_CUSTODIAN, _BOTH, kinds=_PEOPLE),
    *_rules(Role.PRIVACY_OFFICER, ("decisions:read", "subjects:read", *_BOTH), kinds=_PEOPLE),
    *_fresh(Role.PRIVACY_OFFICER, "subjects:erase"),
    *_rules(Role.AUDITOR, ("access_reviews:read", "audit:read")),
    *_rules(Role.AUDITOR, ("aml_alerts:read", "approvals:read", "customers:read", "people:read",
                           "risk_models:read", "screening:read", "webhooks:read", *_CASE_WORK),
            kinds=_PEOPLE),
    *_rules(Role.SYSTEM_ADMIN, ("features:read", "webhooks:read", *_ASKING), kinds=_PEOPLE),
    *_fresh(Role.SYSTEM_ADMIN, "webhooks:write"),
    *_rules(Role.SECURITY_ADMIN, ("access_reviews:read", "people:read", *_BOTH), kinds=_PEOPLE),
    *_fresh(Role.SECURITY_ADMIN, "people:manage"),
    *_rules(Role.AUDIT_ADMIN, ("access_reviews:read", "approvals:read", "audit:read"),
            kinds=_PEOPLE),
    *_rules(Role.BREAK_GLASS, ("decisions:create", "decisions:replay", "events:create",
                               "rulesets:backtest", "rulesets:write", "webhooks:read",
                               *_CASE_WORK, *_ASKING),
            kinds=_PEOPLE),
    *_fresh(Role.BREAK_GLASS, "lists:write", "rulesets:emergency", "rulesets:publish",
            "webhooks:write"),
)  # fmt: skip

RECORDED_ROLES: Final = frozenset({Role.AUDITOR, Role.AUDIT_ADMIN, Role.BREAK_GLASS})
"""Whoever holds one of these leaves an audit event with every request."""
