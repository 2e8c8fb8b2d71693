"""Signed card facts: what is believed, and that nothing else is."""

from __future__ import annotations

import base64
import dataclasses
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from paywarden.cde_client.facts import (
    CardFacts,
    FactsRefused,
    payload_of,
    read_facts,
    signed_octets,
    text_of,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
KEYS = {"fk_1": PUBLIC}
FACTS = CardFacts(
    token="tk_test_0123456789abcdefABCDEF",
    fingerprint="fp_0123456789abcdefABCDEF",
    bin="411111",
    last4="1111",
    brand="visa",
    expiry="2030-04",
    funding=None,
    country="DE",
    scope="default/test",
    merchant="m_42",
    issued_at=1_790_000_000,
)


def signed(payload: bytes, key: Ed25519PrivateKey = KEY, key_id: str = "fk_1") -> str:
    return text_of(payload, key_id, key.sign(signed_octets(payload)))


def test_what_was_signed_is_read() -> None:
    assert read_facts(signed(payload_of(FACTS)), KEYS) == FACTS


def test_an_unknown_key_is_told_from_a_wrong_signature() -> None:
    text = signed(payload_of(FACTS))
    other = {"fk_1": Ed25519PrivateKey.from_private_bytes(b"\1" * 32).public_key()}
    assert read_facts(text, {}) == FactsRefused("card_facts_unverifiable")
    assert read_facts(text, {"fk_1": other["fk_1"].public_bytes_raw()}) == REFUSED
    assert read_facts(text, {"fk_1": b"short"}) == REFUSED


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "4111111111111111"},
        {"bin": "41111"},
        {"bin": "٤١١١١١"},
        {"last4": "1111\n"},
        {"expiry": "2030-13"},
        {"issued_at": "now"},
        {"token": None},
        {"number": "4111111111111111"},
    ],
)
def test_members_must_fit_even_when_signed(change: dict[str, object]) -> None:
    payload = json.dumps({**dataclasses.asdict(FACTS), **change}).encode()
    known = "number" in change  # a later member is not known here, and is not read
    assert isinstance(read_facts(signed(payload), KEYS), CardFacts if known else FactsRefused)


@given(st.integers(0, 10_000), st.characters(codec="utf-8"))
def test_no_changed_character_is_believed(place: int, character: str) -> None:
    text = signed(payload_of(FACTS))
    place %= len(text)
    changed = text[:place] + character + text[place + 1 :]
    if changed != text:
        assert isinstance(read_facts(changed, KEYS), FactsRefused)


@given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    assert isinstance(read_facts(text, KEYS), FactsRefused)
    assert isinstance(read_facts(f"pwf1.{text}.fk_1.{'A' * 86}", KEYS), FactsRefused)


def test_other_spellings_of_the_same_octets_are_refused() -> None:
    start, payload, key_id, signature = signed(payload_of(FACTS)).split(".")
    last = "AQgw"["AQgw".index(signature[-1]) - 1]  # the last character holds four unused bits
    for spelled in (signature[:-1] + chr(ord(signature[-1]) + 1), signature[:-1] + last):
        assert read_facts(".".join([start, payload, key_id, spelled]), KEYS) == REFUSED
    padded = base64.urlsafe_b64encode(payload_of(FACTS)).decode() + "=="
    assert read_facts(".".join([start, padded, key_id, signature]), KEYS) == REFUSED


def test_no_text_is_made_that_would_be_refused_by_its_form() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        text_of(b"x" * 4_000, "fk_1", b"s" * 64)
    with pytest.raises(ValueError, match="do not fit"):
        text_of(b"{}", "fk.1", b"s" * 64)


REFUSED = FactsRefused("card_facts_refused")
