"""Who of a payment is asked about, by role; what each is known by.

Guards: a name that holds no letter or digit asks nothing and is no party. One role may have several
parties. What is not given is not guessed: without a birth date a payer may be a person or company.

>>> [(role, one.name) for role, one in parties_of({"payee.name": "Acme", "payee.country": "DE"})]
[('payee', 'Acme')]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from paywarden.aml.screening.serving.messages import AskedParty

MERCHANT_SCHEMA: Final = "LegalEntity"
"""A person or an organisation, no ship."""
ULTIMATE: Final = (("payer", "ultimate_debtor"), ("payee", "ultimate_creditor"))
"""Role and key in `payment.metadata` of those behind payer and payee."""
SHORTEST_IDENTIFIER: Final = 8
"""Shorter account names are labels, which other lists' numbers could equal by chance."""


def parties_of(fields: Mapping[str, Any]) -> list[tuple[str, AskedParty]]:
    """Role and party, in the order of `SCREENED_ROLES`."""
    found: list[tuple[str, AskedParty]] = []
    name = fields.get("payer.name")
    born = fields.get("payer.birth_date") or ""
    if name and _names(name):
        schema = "Person" if born else ""
        found.append(("payer", AskedParty(name, schema, born, _country(fields, "payer"))))
    name, account = fields.get("payee.name") or "", fields.get("payee.account") or ""
    identifiers = (account,) if len(account) >= SHORTEST_IDENTIFIER else ()
    if _names(name) or identifiers:
        payee = AskedParty(name, "", "", _country(fields, "payee"), identifiers)
        found.append(("payee", payee))
    name = fields.get("merchant.name")
    if name and _names(name):
        countries = _country(fields, "merchant")
        found.append(("merchant", AskedParty(name, MERCHANT_SCHEMA, "", countries)))
    text = fields.get("payment.remittance_information")
    if text and _names(text):
        found.append(("remittance", AskedParty(text, free_text=True)))
    found += _ultimate(fields)
    return found


def _ultimate(fields: Mapping[str, Any]) -> list[tuple[str, AskedParty]]:
    """Those on whose behalf it is paid and received, where the caller names them (ISO 20022)."""
    given = fields.get("payment.metadata") or {}
    found = []
    for role, key in ULTIMATE:
        name, country = given.get(key), given.get(f"{key}_country")
        if isinstance(name, str) and _names(name):
            countries = (country,) if isinstance(country, str) and country else ()
            found.append((role, AskedParty(name, "", "", countries)))
    return found


def _names(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _country(fields: Mapping[str, Any], party: str) -> tuple[str, ...]:
    country = fields.get(f"{party}.country")
    return (country,) if country else ()
