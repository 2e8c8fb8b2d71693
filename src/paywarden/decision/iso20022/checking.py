"""A message against its official schema; what does not fit is laid to the transaction it is in.

Guards: runs only in the process that reads messages (`entrypoints.iso20022_child`) and in the
command; the checker loads on first use. It fetches nothing: a schema that would include another
file is refused by its digest already, and a message's own hints were dropped. A fault is told by
what the schema says of the place, never by what the message holds there. After `MOST_FAULTS` the
message is refused as a whole. Source: W3C XML Schema 1.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from paywarden.decision.iso20022 import faults
from paywarden.decision.iso20022.reading import Placed, local, place
from paywarden.decision.iso20022.schemas import installed_schema

MOST_FAULTS: Final = 1_000
TRANSACTION: Final = "CdtTrfTxInf"
_FACETS: Final = {
    "Enumeration": "the value is none of those that the schema lists",
    "Length": "the text is longer or shorter than the schema allows",
    "Pattern": "the value has not the form that the schema demands",
    "Digits": "the number has more digits than the schema allows",
    "Attribute": "an attribute is missing, or one is too many",
}
"""Words by part of the name of what refused, from `xmlschema`."""


class SchemaFault(NamedTuple):
    """What does not fit, where, and on which line."""

    detail: str
    pointer: str
    line: int


def check(document: Placed, kind: str) -> Mapping[Placed, SchemaFault]:
    """The first fault of each transaction that has one.

    Errors: Unavailable `iso20022_schema_missing`; InvalidRequest `iso20022_schema` for a fault
    outside of transactions, and for too many.
    """
    found: dict[Placed, SchemaFault] = {}
    for number, error in enumerate(_schema(kind).iter_errors(document)):
        at = error.elem if isinstance(error.elem, Placed) else document
        fault = SchemaFault(_words(error), place(at), _line(error, at))
        holder = _transaction_of(at)
        if holder is None or number >= MOST_FAULTS:
            raise faults.schema(fault.detail, fault.pointer, fault.line)
        found.setdefault(holder, fault)
    return found


def _transaction_of(element: Placed) -> Placed | None:
    found: Placed | None = element
    while found is not None and local(found) != TRANSACTION:
        found = found.parent
    return found


def _line(error: Any, at: Placed) -> int:
    """Of the child that should not stand there, where it is one; else of the element."""
    index = getattr(error, "index", None)
    child = at[index] if isinstance(index, int) and 0 <= index < len(at) else at
    return child.line if isinstance(child, Placed) else at.line


def _words(error: Any) -> str:
    """What the schema says; names come from the schema alone."""
    expected = {found.local_name for found in getattr(error, "expected", None) or ()}
    names = " or ".join(sorted(name for name in expected if name)[:6])
    if names:
        return f"the schema expects {names} here"
    return next(
        (said for kind, said in _FACETS.items() if kind in type(error.validator).__name__),
        "the element does not fit the schema",
    )


@cache
def _schema(kind: str) -> Any:
    written = installed_schema(kind)
    if written is None:
        raise faults.no_schema(kind)
    try:
        from xmlschema import XMLSchema10
    except ImportError:
        raise faults.no_schema(kind) from None
    return XMLSchema10(written, allow="none", defuse="always")
