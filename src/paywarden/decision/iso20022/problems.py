"""Problem codes of ISO 20022 messages and their transactions, with their remedies."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "iban_invalid": "Correct the IBAN at the place named.",
    "iso20022_amount": "Send a decimal number with as many places as the currency has.",
    "iso20022_answer": "Our fault: an answer of the reader of messages was too large.",
    "iso20022_busy": "Send the same message again after the seconds of Retry-After.",
    "iso20022_cheque": "Transfers alone are decided here; take the cheque out.",
    "iso20022_control_sum": "Send the whole message: its CtrlSum is another sum.",
    "iso20022_count": "Send the whole message: its NbOfTxs is another number.",
    "iso20022_ended": "Send fewer transactions at once.",
    "iso20022_field": "Make the text at the place named shorter.",
    "iso20022_instant": "Write CreDtTm as ISO 8601 says, with a zone.",
    "iso20022_message_unknown": "Send one of the messages and versions that the detail names.",
    "iso20022_repeated": "Give each transaction a UETR of its own.",
    "iso20022_schema": "Make the message fit its schema at the place named.",
    "iso20022_schema_missing": "The operator installs the extra `iso20022`.",
    "iso20022_schema_strange": "The operator installs the package again that carries the schema.",
    "xml_malformed": "Send well-formed XML in the encoding that it declares, UTF-8 at best.",
    "xml_refused": "Send the message without DOCTYPE, entities and xsi:type.",
    "xml_too_large": "Send fewer transactions at once; the limit stands in the detail.",
}
