"""Leaves of the log: the canonical octets of one audit event.

    {"action":...,"actor":...,"at_us":...,"detail":{...},"index":...,"origin":...,"outcome":...,
     "personal":{...},"scope":...,"v":1}

Guards: one event has one form: JSON by RFC 8785 (sorted names, no blanks, whole numbers within 53
bits, UTF-8), with every name always there, so that a reader can make the octets anew from the
values and compare. `index` and `origin` are inside: a leaf that was moved, or that is another
log's, shows itself. `personal` holds commitments only (`kit.audit_personal`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from paywarden.kit.audit import AuditRow

VERSION: Final = 1
LEAF_LIMIT_OCTETS: Final = 65_535
_encode = msgspec.json.encode


@lru_cache(1_024)
def _text(value: str) -> bytes:
    return _encode(value)


def _octets(value: object) -> bytes:
    """Stored octets; a column that somebody gave another type is a leaf that will not verify."""
    return value if type(value) is bytes else str(value).encode()


def leaf_of(row: AuditRow, origin: str) -> bytes:
    """Octets of the leaf that the stored event `row` is in the log `origin`."""
    # Stored details are canonical already; the rest is put around them in the order of names.
    return (
        b'{"action":%b,"actor":%b,"at_us":%b,"detail":%b,"index":%d,"origin":%b,"outcome":%b,'
        b'"personal":%b,"scope":%b,"v":1}'
    ) % (
        _text(row.action),
        _text(row.actor),
        _octets(row.at_us),
        _octets(row.detail),
        row.id - 1,
        _text(origin),
        _text(row.outcome),
        _octets(row.personal or b"{}"),
        _text(row.scope),
    )
