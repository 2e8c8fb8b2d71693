"""A whole message: octets to payments, each transaction taken or refused by itself.

Order: the XML (`reading`), the message kind by its namespace, the schema (`checking`), what the
message says of itself (its id, its instant, counts and sums, compared exactly), then transaction by
transaction. A fault outside of transactions refuses the message, one inside refuses that
transaction alone.
Not done here: deciding (`http`, the command), the process around it (`reading_process`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from paywarden.core.instants import format_rfc3339, from_datetime
from paywarden.decision.iso20022 import credit_transfers, faults, initiations, parts
from paywarden.decision.iso20022.checking import SchemaFault, check
from paywarden.decision.iso20022.drafting import Draft, Ids, payment, payment_id
from paywarden.decision.iso20022.faults import TransactionFault
from paywarden.decision.iso20022.model import Refused, TakenIn, Transaction
from paywarden.decision.iso20022.reading import Placed, below, first, local, place, read_xml, text
from paywarden.decision.iso20022.schemas import kind_of
from paywarden.reference.card_numbers import looks_like_card_number

KNOWN: Final = "pacs.008.001.08 to .13 and pain.001.001.03, .09 to .13"
ELEMENTS_A_TRANSACTION: Final = 200
OUTSIDE_ELEMENTS: Final = 2_000
"""On average of a message; a usual transaction has 30 to 60. An element costs about 1.4 KiB."""
READERS: Final[Mapping[str, Any]] = {
    "pacs.008": ("FIToFICstmrCdtTrf", credit_transfers),
    "pain.001": ("CstmrCdtTrfInitn", initiations),
}
_SUMMED: Final = (("Amt", "InstdAmt"), ("Amt", "EqvtAmt", "Amt"), ("IntrBkSttlmAmt",))


def take_in(octets: bytes, limit: int) -> TakenIn:
    """The message, of at most `limit` transactions.

    Errors: Unparsable, InvalidRequest and TooLarge for the message as a whole; Unavailable where
    its schema is not installed.
    """
    elements = OUTSIDE_ELEMENTS + limit * ELEMENTS_A_TRANSACTION
    document, kind = _document(read_xml(octets, elements))
    name, reader = READERS[kind[:8]]
    marked = check(document, kind)
    body = first(document, name)
    assert body is not None  # the schema allows no other
    found: list[tuple[Placed, Any]] = reader.transfers(body)
    if len(found) > limit:
        raise faults.too_large(f"over {limit} transactions", body.line)
    _compare(body, [element for element, _batch in found])
    for batch in below(body, "PmtInf"):
        _compare(batch, list(below(batch, "CdtTrfTxInf")), header=batch)
    message, said, at = _header(body)
    taking = _Taking(reader, message, reader.sender(body), at, marked)
    return TakenIn(kind, message, said, [taking.one(*pair) for pair in found])


class _Taking:
    """The transactions of one message, in order."""

    def __init__(
        self,
        reader: Any,
        message: str,
        sender: str | None,
        at: datetime,
        marked: Mapping[Placed, SchemaFault],
    ) -> None:
        self._reader = reader
        self._message = message
        self._sender = sender
        self._at = at
        self._marked = marked
        self._names: set[str] = set()
        self._number = 0

    def one(self, element: Placed, batch: Any) -> Transaction:
        """One transaction, taken or refused."""
        self._number += 1
        ids = self._ids(element, batch)
        told = Transaction(
            place(element), element.line, _echo(ids.end_to_end), _echo(ids.transaction),
            _echo(ids.uetr),
        )  # fmt: skip
        if (mark := self._marked.get(element)) is not None:
            refused = Refused("iso20022_schema", mark.detail, mark.pointer, mark.line)
            return msgspec.structs.replace(told, refused=refused)
        try:
            made = self._reader.draft(element, batch, ids, self._at)
            self._add_common(made, element, batch)
            packed = payment(made, payment_id(made.ids, self._names))
            return msgspec.structs.replace(told, payment=msgspec.msgpack.encode(packed))
        except TransactionFault as fault:
            return msgspec.structs.replace(told, refused=_refused(fault, element))

    def _ids(self, element: Placed, batch: Placed | None) -> Ids:
        named = first(element, "PmtId")
        return Ids(
            message=self._message,
            batch=text(batch, "PmtInfId"),
            instruction=text(named, "InstrId"),
            end_to_end=text(named, "EndToEndId"),
            transaction=text(named, "TxId"),
            uetr=text(named, "UETR"),
            sender=self._sender,
            number=self._number,
        )

    def _add_common(self, made: Draft, element: Placed, batch: Placed | None) -> None:
        """What both messages name alike; of the batch where the transfer says nothing."""

        def either(*path: str) -> str | None:
            return text(element, *path) or text(batch, *path)

        ultimate_debtor = parts.party(element, "UltmtDbtr")
        if ultimate_debtor is parts.NOBODY and batch is not None:
            ultimate_debtor = parts.party(batch, "UltmtDbtr")
        ultimate_creditor = parts.party(element, "UltmtCdtr")
        made.further.update(
            message_id=made.ids.message,
            end_to_end_id=made.ids.end_to_end,
            instruction_id=made.ids.instruction,
            transaction_id=made.ids.transaction,
            priority=either("PmtTpInf", "InstrPrty"),
            service_level=either("PmtTpInf", "SvcLvl", "Cd"),
            local_instrument=either("PmtTpInf", "LclInstrm", "Cd"),
            category_purpose=either("PmtTpInf", "CtgyPurp", "Cd"),
            charge_bearer=either("ChrgBr"),
            purpose=text(element, "Purp", "Cd") or text(element, "Purp", "Prtry"),
            ultimate_debtor=ultimate_debtor.name,
            ultimate_debtor_country=ultimate_debtor.country,
            ultimate_creditor=ultimate_creditor.name,
            ultimate_creditor_country=ultimate_creditor.country,
            debtor_identifiers=", ".join(made.debtor.identifiers) or None,
            creditor_identifiers=", ".join(made.creditor.identifiers) or None,
            creditor_birth_date=_day(made.creditor),
            creditor_city=made.creditor.city,
        )


def _document(root: Placed) -> tuple[Placed, str]:
    """The Document, alone or beside a header within one envelope, and its kind."""
    found = [root] if local(root) == "Document" else list(below(root, "Document"))
    kind = kind_of(found[0].tag.rpartition("}")[0][1:]) if len(found) == 1 else None
    if kind is None:
        raise faults.unknown_message(KNOWN)
    return found[0], kind


def _header(body: Placed) -> tuple[str, str, datetime]:
    header = first(body, "GrpHdr")
    assert header is not None
    message, at = text(header, "MsgId"), parts.instant(text(header, "CreDtTm"))
    if message is None:
        raise faults.message("iso20022_schema", "MsgId is blank", place(header), header.line)
    if at is None:
        detail = "CreDtTm is no instant of the years 1 to 9999"
        raise faults.message("iso20022_instant", detail, place(header, "CreDtTm"), header.line)
    if looks_like_card_number(message):
        # It stands in answers and names; a card number stands nowhere.
        detail = "MsgId looks like a card number; give the message another id"
        code = "card_number_not_accepted"
        raise faults.message(code, detail, place(header, "MsgId"), header.line)
    return message, format_rfc3339(from_datetime(at)), at


def _compare(holder: Placed, transfers: list[Placed], header: Placed | None = None) -> None:
    """Counts and sums that the message states, against what it holds. Exact."""
    stated = header if header is not None else first(holder, "GrpHdr")
    assert stated is not None
    count, total = text(stated, "NbOfTxs"), text(stated, "CtrlSum")
    if count is not None and int(count) != len(transfers):
        at = _nearest(stated, "NbOfTxs")
        detail = f"NbOfTxs says another number than the {len(transfers)} that are here"
        raise faults.message("iso20022_count", detail, place(at), at.line)
    if total is not None and _decimal(total) != sum(_amounts(transfers), Decimal(0)):
        at = _nearest(stated, "CtrlSum")
        detail = "CtrlSum is not the sum of the amounts that are here"
        raise faults.message("iso20022_control_sum", detail, place(at), at.line)


def _amounts(transfers: Iterable[Placed]) -> Iterable[Decimal]:
    for one in transfers:
        said = next((found for path in _SUMMED if (found := text(one, *path))), "0")
        yield _decimal(said)


def _decimal(said: str) -> Decimal:
    try:
        found = Decimal(said)
    except InvalidOperation:
        return Decimal(0)  # the schema has marked it already
    return found if found.is_finite() else Decimal(0)


def _refused(fault: TransactionFault, element: Placed) -> Refused:
    """With the deepest element of its path that is there."""
    at = _nearest(element, *fault.below)
    return Refused(fault.code, fault.detail, place(at), at.line)


def _nearest(element: Placed, *path: str) -> Placed:
    """The deepest element down a path that is there."""
    for name in path:
        found = first(element, name)
        if found is None:
            break
        element = found
    return element


def _echo(said: str | None) -> str | None:
    return None if said is None or looks_like_card_number(said) else said


def _day(party: parts.Party) -> str | None:
    return party.birth_date.isoformat() if party.birth_date else None
