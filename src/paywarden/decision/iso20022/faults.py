"""Refusals of whole messages and of single transactions; the texts name place and remedy."""

from __future__ import annotations

from paywarden.core.errors import InvalidRequest, TooLarge, Unavailable, Unparsable


class TransactionFault(Exception):
    """One transaction cannot be taken; `below`: names down from its element to the fault."""

    def __init__(self, code: str, detail: str, *below: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.below = below


def malformed(line: int) -> Unparsable:
    """Not well-formed XML, or in an encoding that it does not have."""
    return Unparsable(
        "xml_malformed",
        "the body is not well-formed XML in its declared encoding",
        pointer=at(line),
    )


def refused_xml(line: int) -> InvalidRequest:
    """A document type, an entity or a reference outside: never needed, always dangerous."""
    return InvalidRequest(
        "xml_refused",
        "the XML declares a document type, entities or types of its own; send the plain message",
        pointer=at(line),
    )


def too_large(what: str, line: int) -> TooLarge:
    """Over a limit; `what` names it."""
    return TooLarge("xml_too_large", f"the XML has {what}; send less at once", pointer=at(line))


def unknown_message(known: str) -> InvalidRequest:
    """No message that this reads, or of a version whose schema is not there."""
    return InvalidRequest(
        "iso20022_message_unknown",
        f"the namespace of Document names no message that is taken here; taken are {known}",
        pointer="/Document",
    )


def no_schema(kind: str) -> Unavailable:
    """The package that carries the schema is not installed."""
    return Unavailable(
        "iso20022_schema_missing",
        f"the schema of {kind} is not installed; install the extra `iso20022` of paywarden",
    )


def schema(detail: str, pointer: str, line: int) -> InvalidRequest:
    """The message does not fit its schema outside of any transaction."""
    return InvalidRequest("iso20022_schema", f"{detail} (line {line})", pointer=pointer)


def message(code: str, detail: str, pointer: str, line: int) -> InvalidRequest:
    """The message contradicts itself, so none of it is taken."""
    return InvalidRequest(code, f"{detail} (line {line})", pointer=pointer)


def at(line: int) -> str:
    """A line as a place."""
    return f"line:{line}"
