"""Laws of messages: amounts and texts come back as they were, and no octets confuse the reader."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from iso20022_kit import needs_schemas, pacs008, transfer
from paywarden.core.errors import PaywardenError
from paywarden.decision.iso20022.parts import MOST_MINOR, minor_units
from paywarden.decision.iso20022.taking_in import take_in
from paywarden.decision.messages import Payment
from paywarden.reference.card_numbers import looks_like_card_number
from paywarden.reference.currencies import active_currency, currencies

pytestmark = needs_schemas

CODES = sorted(code for code in currencies() if active_currency(code))
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co")),
    min_size=1, max_size=140,
).filter(lambda text: bool(text.split()))  # fmt: skip


def payment_of(octets: bytes) -> Payment:
    (one,) = take_in(octets, 1).transactions
    assert one.payment is not None, one.refused
    return msgspec.msgpack.decode(one.payment, type=Payment)


@given(st.integers(0, MOST_MINOR), st.sampled_from(CODES), st.integers(0, 3))
def test_minor_units_round_trip(minor: int, code: str, zeros: int) -> None:
    known = currencies()[code]
    written = f"{Decimal(minor).scaleb(-(known.exponent or 0)):f}"
    if "." in written:
        written += "0" * zeros
    assert minor_units(written, code) == minor


@settings(max_examples=50, deadline=None)
@given(NAMES, NAMES)
def test_names_come_back_but_for_white_space(debtor: str, creditor: str) -> None:
    made = payment_of(pacs008(transfer(debtor=debtor, creditor=creditor)))
    assert made.payer is not None
    assert made.payee is not None
    assert made.payer.name == " ".join(debtor.split())
    assert made.payee.name == " ".join(creditor.split())


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_octets_changed_anywhere_give_an_answer_or_a_refusal(data: st.DataObject) -> None:
    message = bytearray(pacs008(transfer(1), transfer(2)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(message)))
    try:
        taken = take_in(bytes(message[cut:]) if cut < 40 else bytes(message), 10)
    except PaywardenError as refusal:
        assert refusal.code.startswith(("xml_", "iso20022_", "card_number"))
        return
    for one in taken.transactions:
        assert (one.payment is None) != (one.refused is None)
        assert not looks_like_card_number(one.end_to_end_id or "")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_octets_are_refused_in_words(octets: bytes) -> None:
    try:
        take_in(octets, 10)
    except PaywardenError as refusal:
        assert refusal.code in ("xml_malformed", "xml_refused", "iso20022_message_unknown")
    else:
        raise AssertionError("random octets were taken")
