"""From entries of the log to transfers between accounts, as monitoring reads them.

Guards: accounts are the keyed hashes of observations (`risk.features.flows`), 16 hex digits; the
outside is "". A payment counts once it may move money: at its decision unless that is a block or a
challenge, after a challenge with the decision that continues it; what was imported counts too. A
payment without an amount in the base currency cannot be summed; it is left out and counted.
Not done here: payments that are refused elsewhere afterwards (they were tried, and count).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paywarden.aml.monitoring.payment_alerts import entity_id
from paywarden.aml.monitoring.transfers import OUTSIDE, Transfer
from paywarden.core.outcome import Outcome
from paywarden.decision import entries
from paywarden.decision.entries import ImportedEntry, PaymentEntry
from paywarden.decision.stored_fields import one
from paywarden.kit.journal.model import Entry
from paywarden.risk.features.observation import Observation

_PAYMENTS = frozenset({entries.PAYMENT, entries.CONTINUE, entries.IMPORTED})
_TIMED = frozenset({*_PAYMENTS, entries.EVENT})
_WITHOUT_MONEY = frozenset({Outcome.BLOCK, Outcome.CHALLENGE})


@dataclass(frozen=True, slots=True)
class Told:
    """What one entry tells: the decision clock (None: no time), and a transfer, if it is one."""

    clock_us: int | None
    transfer: Transfer | None = None
    unpriced: bool = False


def told_by(entry: Entry) -> Told:
    """What an entry tells monitoring. Errors: ValueError for a body that is none."""
    if entry.kind not in _TIMED:
        return Told(None)
    body: Any = entries.decode(entry.kind, entry.body)
    seen: Observation = body.observation
    if entry.kind not in _PAYMENTS or not (seen.flow_from or seen.flow_to):
        return Told(seen.t_us)
    if isinstance(body, PaymentEntry) and body.result.answer in _WITHOUT_MONEY:
        return Told(seen.t_us)
    amount = one(body.clear, "payment.amount_base_minor")
    if amount is None:
        return Told(seen.t_us, unpriced=True)
    return Told(seen.t_us, _transfer(body, seen, amount))


def _transfer(body: PaymentEntry | ImportedEntry, seen: Observation, amount: int) -> Transfer:
    return Transfer(
        sequence=seen.seq,
        at_us=seen.s_us,
        from_account=_account(seen.flow_from),
        to_account=_account(seen.flow_to),
        amount_minor=amount,
        kind=one(body.clear, "payment.type") or "",
        channel=one(body.clear, "payment.channel") or "",
        from_country=one(body.clear, "payer.country") or "",
        to_country=one(body.clear, "payee.country") or "",
        reference=body.payment_id,
    )


def _account(digest: int) -> str:
    return entity_id(digest) if digest else OUTSIDE
