"""The travel rule: what a transfer has to say of who pays and who is paid. Pure.

Guards: only transfers and payouts are asked; each missing piece is named by what a caller can give.
The amount from which it counts is the policy's (`risk.rules.model.TravelRule`), so what is missing
is found whatever the amount. Names alone are not judged here: screening does that.
Sources: FATF recommendation 16 and its interpretive note; Regulation (EU) 2023/1113, article 4
(name, account, and address or customer number or birth date of the payer; name and account of the
payee) and article 14 (the same for crypto-assets, every amount).

>>> missing_of({"payment.type": "payout", "payer.name": "A", "payer.id": "c", "payee.name": "B"})
('payer.account', 'payee.account')
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

TYPES: Final = frozenset({"transfer", "payout"})
_ACCOUNTS: Final = frozenset({"account", "wallet", "card"})
_PROOFS: Final = (
    "payer.id",
    "payer.birth_date",
    "payment.billing_address.line1",
    "payment.billing_address.city",
)
"""Any of these tells one payer from another of the same name (article 4(1)(c) and (d))."""
_WALLET: Final = re.compile(
    r"(?:0x[0-9a-fA-F]{40}|(?:bc1|BC1)[0-9a-zA-Z]{25,87}|[13][1-9A-HJ-NP-Za-km-z]{25,34}"
    r"|T[1-9A-HJ-NP-Za-km-z]{33}|r[1-9A-HJ-NP-Za-km-z]{24,34})\Z"
)
"""Addresses of Ethereum and its kin, Bitcoin, Tron and XRP, by their shape."""
_CRYPTO_MCC: Final = "6051"


def travel_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`travel_rule.*` of a payment; empty where the rule does not ask."""
    if fields.get("payment.type") not in TYPES:
        return {}
    found: dict[str, Any] = {"travel_rule.missing": ",".join(missing_of(fields))}
    if to_crypto(fields):
        found["travel_rule.crypto"] = True
    return found


def missing_of(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """What is not said, in the words of the contract; empty when all is there."""
    found = []
    if not _said(fields, "payer.name"):
        found.append("payer.name")
    if not _payer_account(fields):
        found.append("payer.account")
    if not any(_said(fields, path) for path in _PROOFS):
        found.append("payer.id_or_address_or_birth_date")
    if not _said(fields, "payee.name"):
        found.append("payee.name")
    if not _said(fields, "payee.account"):
        found.append("payee.account")
    return tuple(found)


def to_crypto(fields: Mapping[str, Any]) -> bool:
    """Whether the money becomes or is a crypto-asset, as far as account and category tell."""
    account = fields.get("payee.account")
    if isinstance(account, str) and _WALLET.match(account):
        return True
    return fields.get("merchant.mcc") == _CRYPTO_MCC


def _payer_account(fields: Mapping[str, Any]) -> bool:
    kind = fields.get("payment.instrument_kind")
    return kind in _ACCOUNTS and _said(fields, "card.fingerprint")


def _said(fields: Mapping[str, Any], path: str) -> bool:
    value = fields.get(path)
    return isinstance(value, str) and any(char.isalnum() for char in value)
