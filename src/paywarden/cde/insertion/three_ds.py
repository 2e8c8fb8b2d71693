"""The card of an EMV 3-D Secure authentication request: `acctNumber` and `cardExpiryDate`.

Guards: the message is an AReq, holds neither field filled (a token, null or empty text may stand
there), and nothing else of it changes. The result is octets that the caller wipes.
Source: EMV 3-D Secure protocol specification 2.3.1, annex A: acctNumber is 13 to 19 digits,
cardExpiryDate is YYMM.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from paywarden.cde.card import Expiry, Pan
from paywarden.core.errors import InvalidRequest

NUMBER: Final = "acctNumber"
EXPIRY: Final = "cardExpiryDate"


def insert_card(message: Mapping[str, Any], token: str, pan: Pan, expiry: Expiry) -> bytearray:
    """The AReq as JSON octets with the card in it.

    Errors: InvalidRequest `areq_expected` for another message, `card_field_taken`.
    """
    if message.get("messageType") != "AReq":
        raise InvalidRequest(
            "areq_expected", "a card goes into an AReq only", pointer="/messageType"
        )
    for name in (NUMBER, EXPIRY):
        if message.get(name) not in (None, "", token):
            raise InvalidRequest(
                "card_field_taken", "the field holds neither the token nor null", pointer=f"/{name}"
            )
    rest = {name: value for name, value in message.items() if name not in (NUMBER, EXPIRY)}
    text = json.dumps(rest, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    made = bytearray(text[:-1].encode())
    made += f',"{EXPIRY}":"{yymm(expiry)}","{NUMBER}":"'.encode() + pan.expose() + b'"}'
    return made


def yymm(expiry: Expiry) -> str:
    """YYMM, as 3-D Secure and ISO 8583 write it."""
    return f"{expiry.year % 100:02d}{expiry.month:02d}"
