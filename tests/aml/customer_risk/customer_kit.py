"""Customers of a town: forms as onboarding sends them, facts as a model reads them."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from paywarden.aml.customer_risk.examples import checked_model
from paywarden.aml.customer_risk.forms import CustomerForm
from paywarden.aml.customer_risk.model import RiskModel
from paywarden.aml.customer_risk.model_desk import shipped_text

TODAY = date(2026, 11, 22)
PERSON: dict[str, Any] = {
    "person": {
        "name": "Ann Example", "birth_date": "1985-03-01", "country": "DE", "nationalities": ["DE"],
        "occupation": "employed", "industry": "software", "operations": ["DE"],
        "cash_intensive": False,
    },
    "customer_since": "2024-01-10",
    "channel": "face_to_face",
    "products": ["account", "transfers"],
    "expected_monthly_minor": 400_000,
    "verification": {
        "level": "standard", "source_of_funds": "declared",
        "documents": [{"kind": "passport", "checked": True, "number": "C01X00T47",
                       "country": "DE", "expires_on": "2031-01-01"}],
    },
    "screening": {"sanctions": "clear", "pep": "none", "adverse_media": "none",
                  "at": "2026-11-20"},
}  # fmt: skip
COMPANY: dict[str, Any] = {
    "company": {
        "name": "Muster GmbH", "registration_number": "HRB 12345", "country": "DE",
        "founded_on": "2010-05-05", "legal_form": "limited", "industry": "manufacturing",
        "operations": ["DE", "FR"], "listed": False, "regulated": False, "cash_intensive": False,
        "ownership": {
            "parties": [{"id": "owner", "kind": "person", "name": "Otto Owner", "country": "DE"}],
            "holdings": [{"owner": "owner", "owned": "self", "percent": 100}],
            "bearer_shares": False,
        },
    },
    "customer_since": "2024-01-10",
    "channel": "electronic_identity",
    "products": ["card_acquiring", "payouts"],
    "expected_monthly_minor": 2_000_000,
    "verification": {
        "level": "standard", "source_of_funds": "verified",
        "documents": [{"kind": "register", "checked": True}],
    },
    "screening": {"sanctions": "clear", "owner_sanctions": "clear", "pep": "none",
                  "adverse_media": "none", "at": "2026-11-20"},
}  # fmt: skip
CIRCLE: dict[str, Any] = {
    "parties": [
        {"id": "a", "kind": "company", "country": "CY"},
        {"id": "b", "kind": "company", "country": "PA"},
        {"id": "p", "kind": "person", "name": "Petra Person", "country": "DE"},
    ],
    "holdings": [
        {"owner": "a", "owned": "self", "percent": 100},
        {"owner": "b", "owned": "a", "percent": 60},
        {"owner": "a", "owned": "b", "percent": 50},
        {"owner": "p", "owned": "a", "percent": 40},
    ],
}


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with changes, mappings within mappings merged; None takes a key away."""
    found = dict(base)
    for name, value in changes.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, dict) and isinstance(found.get(name), dict):
            found[name] = merged(found[name], value)
        else:
            found[name] = value
    return found


def form(base: dict[str, Any] = PERSON, **changes: Any) -> CustomerForm:
    """A form as the API decodes it."""
    return msgspec.json.decode(msgspec.json.encode(merged(base, changes)), type=CustomerForm)


def shipped() -> RiskModel:
    """The model that is shipped."""
    return checked_model(shipped_text())
