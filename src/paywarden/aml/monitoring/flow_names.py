"""Values of `transfer.*` and `account.*` for one account at one transfer (`log_names` has types).

Guards: an empty text is absent. Where the account is only a member of a motif and no party of the
transfer, its direction, country and bank are absent too.
"""

from __future__ import annotations

from paywarden.aml.monitoring.transfers import Transfer
from paywarden.core.instants import DAY_US


def names_at(one: Transfer, account: str, first_at_us: int) -> dict[str, str | int | None]:
    """All names but `flow.*`; `first_at_us`: the account's first transfer in the log."""
    pays, is_paid = account == one.from_account, account == one.to_account
    return {
        "transfer.amount_minor": one.amount_minor,
        "transfer.kind": one.kind or None,
        "transfer.channel": one.channel or None,
        "transfer.direction": "out" if pays else "in" if is_paid else None,
        "transfer.from_country": one.from_country or None,
        "transfer.to_country": one.to_country or None,
        "transfer.from_bank": one.from_bank or None,
        "transfer.to_bank": one.to_bank or None,
        "account.country": (one.from_country if pays else one.to_country if is_paid else "")
        or None,
        "account.bank": (one.from_bank if pays else one.to_bank if is_paid else "") or None,
        "account.age_days": (one.at_us - first_at_us) // DAY_US,
    }
