"""Between which accounts a payment moves money: two texts that are digested alike.

Guards: an account that pays and an account that is paid have one name, so that money can be
followed from payment to payment. The choice: an account number or IBAN where the payment gives one
(of the payer: the reference of an instrument of kind `account`; of the payee: `payee.account`), in
canonical form; else the caller's id, so a wallet's payer id and its payee id are one account.
Cards, shops, cash and whoever is not named are the outside ("").

| type | from | to |
|---|---|---|
| transfer | payer | payee |
| payout | payer, if named (else the outside) | payee |
| withdrawal | payer | payee, if named (else the outside) |
| top_up | the account that the instrument names (else the outside) | payee, else payer |

Not done here: the key of digests (`digests.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from paywarden.reference.canonical import canonical_account

DIGEST_KIND: Final = "account"
TRANSFER, PAYOUT, TOP_UP, WITHDRAWAL = "transfer", "payout", "top_up", "withdrawal"
MOVING: Final = frozenset({TRANSFER, PAYOUT, TOP_UP, WITHDRAWAL})


def sides(fields: Mapping[str, Any]) -> tuple[str, str]:
    """Names of the accounts that pay and are paid; empty: outside, or no such payment."""
    kind = fields.get("payment.type")
    if kind not in MOVING:
        return "", ""
    account = ""
    if fields.get("payment.instrument_kind") == "account":
        account = _name(fields.get("card.fingerprint"))
    payer = _name(fields.get("payer.id"))
    payee = _name(fields.get("payee.account")) or _name(fields.get("payee.id"))
    if kind == TOP_UP:
        return account, payee or payer
    return account or payer, payee


def _name(text: Any) -> str:
    return "" if text is None else canonical_account(text) or str(text)
