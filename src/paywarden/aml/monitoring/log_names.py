"""Names that terms of `runs: log` may read, with their types.

`flow.<name>`: the features that the typology declares, of one account at one transfer.
`transfer.*`: the transfer that was just added. `account.*`: the account whose features are read.
An empty text of a transfer counts as absent. Functions of features: `functions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from paywarden.risk.rules.cel.types import DOUBLE, INT, STRING, CelType

TRANSFER_NAMES: Final[Mapping[str, tuple[CelType, str]]] = MappingProxyType(
    {
        "transfer.amount_minor": (INT, "Amount in minor units of the base currency"),
        "transfer.kind": (STRING, "transfer, cash_in, cash_out, card_payment, payout, ..."),
        "transfer.channel": (STRING, "branch, online, atm, agent, crypto, ..."),
        "transfer.direction": (STRING, "in or out, as the account sees it"),
        "transfer.from_country": (STRING, "ISO 3166-1 alpha-2 of the account that pays"),
        "transfer.to_country": (STRING, "ISO 3166-1 alpha-2 of the account that receives"),
        "transfer.from_bank": (STRING, "Bank of the account that pays"),
        "transfer.to_bank": (STRING, "Bank of the account that receives"),
    }
)
ACCOUNT_NAMES: Final[Mapping[str, tuple[CelType, str]]] = MappingProxyType(
    {
        "account.country": (STRING, "Country of the account in this transfer"),
        "account.bank": (STRING, "Bank of the account in this transfer"),
        "account.age_days": (INT, "Whole days since its first transfer in the log"),
    }
)
KINDS: Final[Mapping[str, CelType]] = MappingProxyType(
    {"int": INT, "double": DOUBLE, "string": STRING}
)


def log_types(flow: Mapping[str, CelType]) -> dict[str, CelType]:
    """All names in scope of a typology; `flow`: type of each feature by its name alone."""
    types = {path: kind for path, (kind, _) in {**TRANSFER_NAMES, **ACCOUNT_NAMES}.items()}
    types.update({f"flow.{name}": kind for name, kind in flow.items()})
    return types
