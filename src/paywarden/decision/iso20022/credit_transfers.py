"""pacs.008 (FIToFICustomerCreditTransfer): each credit transfer between banks as a draft.

Guards: the amount is the one that is settled between the banks; what was instructed in another
currency stands beside it. Settlement instructions and cover payments are not looked at.
Source: ISO 20022, pacs.008.001.08 to .13.
"""

from __future__ import annotations

from datetime import datetime

from paywarden.decision.iso20022 import parts
from paywarden.decision.iso20022.drafting import Draft, Ids
from paywarden.decision.iso20022.reading import Placed, below, first, text


def transfers(body: Placed) -> list[tuple[Placed, None]]:
    """Every transfer of the message; none belongs to a batch."""
    return [(found, None) for found in below(body, "CdtTrfTxInf")]


def sender(body: Placed) -> str | None:
    """Who instructs, as the group header says."""
    header = first(body, "GrpHdr")
    return parts.agent(header, "InstgAgt") if header is not None else None


def draft(element: Placed, _batch: None, ids: Ids, occurred_at: datetime) -> Draft:
    """One transfer. Errors: TransactionFault."""
    paid_from, paid_at = parts.agent(element, "DbtrAgt"), parts.agent(element, "CdtrAgt")
    if ids.sender is None:
        ids = ids._replace(sender=parts.agent(element, "InstgAgt") or paid_from)
    accepted = parts.instant(text(element, "AccptncDtTm"))
    debtor, creditor = parts.party(element, "Dbtr"), parts.party(element, "Cdtr")
    instructed = first(element, "InstdAmt")
    return Draft(
        ids=ids,
        occurred_at=accepted or occurred_at,
        amount=parts.amount(element, "IntrBkSttlmAmt"),
        debtor=debtor,
        creditor=creditor,
        debtor_account=parts.account(element, "DbtrAcct", paid_from),
        creditor_account=parts.account(element, "CdtrAcct", paid_at),
        remittance=parts.remittance(element),
        further={
            "debtor_agent": paid_from,
            "creditor_agent": paid_at,
            "instructing_agent": parts.agent(element, "InstgAgt"),
            "intermediary_agent": parts.agent(element, "IntrmyAgt1"),
            "settlement_date": text(element, "IntrBkSttlmDt"),
            "settlement_priority": text(element, "SttlmPrty"),
            "charges": _charges(element),
            "instructed_amount": None if instructed is None else instructed.text,
            "instructed_currency": None if instructed is None else instructed.get("Ccy"),
            "previous_agent": parts.agent(element, "PrvsInstgAgt1"),
        },
    )


def _charges(element: Placed) -> str | None:
    """`EUR 1.50, USD 2`: charges that agents took already."""
    found = list(below(element, "ChrgsInf", "Amt"))
    return ", ".join(f"{one.get('Ccy', '')} {(one.text or '').strip()}" for one in found) or None
