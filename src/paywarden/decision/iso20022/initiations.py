"""pain.001 (CustomerCreditTransferInitiation): transfers that a customer asks of his bank.

Guards: what a batch (`PmtInf`) says of its debtor holds for each of its transfers; counts and sums
of a batch are checked with those of the message (`taking_in`). Of an equivalent amount the money
that leaves the debtor counts. A transfer to be made later is decided as it comes in, with the day
of execution beside it.
Source: ISO 20022, pain.001.001.03 and .09 to .13.
"""

from __future__ import annotations

from datetime import datetime

from paywarden.decision.iso20022 import parts
from paywarden.decision.iso20022.drafting import Draft, Ids
from paywarden.decision.iso20022.faults import TransactionFault
from paywarden.decision.iso20022.reading import Placed, below, first, text


def transfers(body: Placed) -> list[tuple[Placed, Placed]]:
    """Every transfer of the message, with its batch."""
    return [
        (found, batch) for batch in below(body, "PmtInf") for found in below(batch, "CdtTrfTxInf")
    ]


def sender(body: Placed) -> str | None:
    """Who initiates, as the group header says."""
    header = first(body, "GrpHdr")
    if header is None:
        return None
    found = parts.party(header, "InitgPty")
    return "|".join(found.identifiers) or found.name


def draft(element: Placed, batch: Placed, ids: Ids, occurred_at: datetime) -> Draft:
    """One transfer. Errors: TransactionFault."""
    if text(batch, "PmtMtd") == "CHK":
        raise TransactionFault("iso20022_cheque", "a cheque is no transfer; send it elsewhere")
    paid_from, paid_at = parts.agent(batch, "DbtrAgt"), parts.agent(element, "CdtrAgt")
    equivalent = first(element, "Amt", "EqvtAmt")
    of = ("InstdAmt",) if equivalent is None else ("EqvtAmt", "Amt")
    return Draft(
        ids=ids,
        occurred_at=occurred_at,
        amount=parts.amount(element, "Amt", *of),
        debtor=parts.party(batch, "Dbtr"),
        creditor=parts.party(element, "Cdtr"),
        debtor_account=_debtor_account(batch, paid_from),
        creditor_account=parts.account(element, "CdtrAcct", paid_at),
        remittance=parts.remittance(element),
        further={
            "batch_id": ids.batch,
            "payment_method": text(batch, "PmtMtd"),
            "execution_date": _execution(batch),
            "debtor_agent": paid_from,
            "creditor_agent": paid_at,
            "intermediary_agent": parts.agent(element, "IntrmyAgt1"),
            "transfer_currency": text(equivalent, "CcyOfTrf"),
        },
    )


def _debtor_account(batch: Placed, bank: str | None) -> parts.Account | None:
    try:
        return parts.account(batch, "DbtrAcct", bank)
    except TransactionFault as fault:
        raise TransactionFault(fault.code, fault.detail + " (of the batch's debtor)") from None


def _execution(batch: Placed) -> str | None:
    """A day in .03, a choice of day or instant since."""
    for path in (("Dt",), ("DtTm",), ()):
        if found := text(batch, "ReqdExctnDt", *path):
            return found
    return None
