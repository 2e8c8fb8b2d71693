"""Numbers of stored fields: they never change, and no path of the catalogue lacks one."""

from __future__ import annotations

import hashlib

import pytest

from paywarden.decision.stored_fields import CLEAR, SEALED, by_path, one, values_of
from paywarden.risk.features.catalogue import EVENT_FIELDS, FIELDS

CANONICAL = {"phone.canonical", "shipping_address.key"}
"""Derived from personal fields, and no names of the catalogue."""


@pytest.mark.parametrize(
    ("table", "length", "digest"),
    [
        # After appending to a table add a row; a row that stands here is never changed.
        (CLEAR, 55, "3456834d4b91a7b0"),
        (CLEAR, 60, "cb8e6d3f00a101e0"),
        (SEALED, 30, "e941670163bde4cc"),
    ],
)
def test_numbers_never_change(table: tuple[str, ...], length: int, digest: str) -> None:
    first = "\n".join(table[:length]).encode()
    assert hashlib.sha256(first).hexdigest()[:16] == digest


def test_every_path_has_one_number() -> None:
    assert len({*CLEAR, *SEALED}) == len(CLEAR) + len(SEALED)
    assert set(SEALED) == {path for path, field in FIELDS.items() if field.sealed} | CANONICAL
    clear = {path for path, field in FIELDS.items() if not field.sealed}
    assert set(CLEAR) == clear | set(EVENT_FIELDS)


def test_what_is_stored_by_number_comes_back_by_path() -> None:
    fields = {"payment.id": "p", "merchant.id": "m", "payment.late": False, "ip.asn": 0}
    stored = values_of(fields, CLEAR)
    assert len(stored) == len(CLEAR) and by_path(stored, CLEAR) == fields
    assert one(stored, "payment.late") is False and one(stored, "event.kind") is None


def test_an_entry_of_before_a_number_lacks_it() -> None:
    stored = values_of({"payment.id": "p"}, CLEAR[:3])
    assert by_path(stored, CLEAR) == {"payment.id": "p"}
    assert one(stored, "event.result") is None


def test_maps_of_before_are_read_as_they_are() -> None:
    stored = {"payment.id": "p", "payer.id": "in the clear"}
    assert by_path(stored, CLEAR) == stored and by_path(stored, CLEAR) is not stored
    assert one(stored, "payment.id") == "p" and one(stored, "merchant.id") is None
