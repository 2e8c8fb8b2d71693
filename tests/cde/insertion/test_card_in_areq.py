"""The card in an AReq: two fields, the rest as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from paywarden.cde.card import Expiry, Pan
from paywarden.cde.insertion.three_ds import insert_card
from paywarden.core.errors import InvalidRequest

TOKEN = "tk_test_" + "a" * 22


def made(message: dict[str, Any]) -> dict[str, Any]:
    pan = Pan.of(b"4111111111111111")
    assert isinstance(pan, Pan)
    read: dict[str, Any] = json.loads(insert_card(message, TOKEN, pan, Expiry(2031, 4)))
    return read


def test_number_and_expiry_go_in_and_the_rest_stays() -> None:
    message = {"messageType": "AReq", "acctNumber": TOKEN, "purchaseAmount": "12345",
               "acctInfo": {"chAccAgeInd": "05"}, "cardholderName": "Zoë"}  # fmt: skip
    card = {"acctNumber": "4111111111111111", "cardExpiryDate": "3104"}
    assert made(message) == message | card


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"messageType": "RReq"}, "areq_expected"),
        ({}, "areq_expected"),
        ({"messageType": "AReq", "acctNumber": "4000000000000002"}, "card_field_taken"),
        ({"messageType": "AReq", "cardExpiryDate": "3001"}, "card_field_taken"),
    ],
)
def test_what_is_no_fresh_areq_is_refused(message: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidRequest, match=code):
        made(message)
