"""The quick look at a whole body never overlooks a card number that the exact search finds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.decision.screening import no_card_digits, place_of_card_number, refusal_of

CALM = settings(deadline=None, derandomize=True, max_examples=300)
CARD = "4111111111111111"
PIECES = st.sampled_from(
    ["4111", "1111", CARD, " ", "-", ".", "/", "_", "e", "E", "+", ":", ",", "x", "\u00a0", "\\"]
)
TEXTS = st.lists(PIECES, max_size=9).map("".join)
BODIES = st.recursive(
    TEXTS | st.sampled_from([int(CARD), -int(CARD), float(CARD), 4.111, None, True]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@CALM
@given(BODIES, st.booleans())
def test_the_quick_look_overlooks_nothing(body: Any, ascii_only: bool) -> None:
    raw = json.dumps(body, ensure_ascii=ascii_only).encode()
    if place_of_card_number(body) is not None:
        assert not no_card_digits(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"payment":{"id":"3f5e-00000000001","at":"2026-11-25T00:00:07.355825Z","n":1234}}',
        b'{"payment":{"id":"550e8400-e29b-41d4-a716-446655440000","ip":"255.255.255.255"}}',
        b'{"payment":{"phone":"+49301234567","amount":1.5,"id":"order-20261125-0000000017"}}',
        b'{"payment":{"id":"1e5","number":1e-7}, "a": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}',
    ],
)
def test_usual_bodies_hold_none(raw: bytes) -> None:
    assert refusal_of(raw) is None


@pytest.mark.parametrize(
    "number", [b"4111111111111111", b"4.111111111111111e15", b"41111111111111110E-1"]
)
def test_numbers_are_searched_too(number: bytes) -> None:
    refusal = refusal_of(b'{"payment":{"amount_minor":' + number + b"}}")
    assert refusal is not None
    assert refusal.pointer == "/payment/amount_minor"


@pytest.mark.parametrize(
    "text", ["4111.1111.1111.1111", "4111/1111/1111/1111", "4111_1111_1111_1111"]
)
def test_marks_between_groups_do_not_hide(text: str) -> None:
    refusal = refusal_of(json.dumps({"payment": {"payer": {"name": text}}}).encode())
    assert refusal is not None
    assert refusal.pointer == "/payment/payer/name"
