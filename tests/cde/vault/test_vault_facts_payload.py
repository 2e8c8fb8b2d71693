"""The vault writes the payload of card facts by hand: it must be what `cde_client.facts` writes."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from paywarden.cde.vault.facts import payload_of_record
from paywarden.cde.vault.model import Record
from paywarden.cde_client.facts import CardFacts, payload_of

RECORD = Record(
    record_id="rec_1", scope="default/test", merchant="m_1", token="tk_test_x", form="tk",
    fingerprint="fp_x", bin="411111", last4="1111", brand="visa", expiry="2030-01", funding=None,
    country=None, period="2026-11", sealed=b"", revision=1, created_at_us=0, expires_at_us=None,
)  # fmt: skip
TEXTS = st.text(max_size=12)


@given(TEXTS, TEXTS | st.none(), TEXTS | st.none(), st.integers(0, 2**40))
def test_the_payload_is_that_of_card_facts(
    merchant: str, brand: str | None, country: str | None, issued_at: int
) -> None:
    record = dataclasses.replace(RECORD, merchant=merchant, brand=brand or None, country=country)
    facts = CardFacts(
        record.token, record.fingerprint, record.bin, record.last4, record.brand or "unknown",
        record.expiry, record.funding, record.country, record.scope, record.merchant, issued_at,
    )  # fmt: skip
    assert payload_of_record(record, issued_at) == payload_of(facts)
