"""Cards of the simulated people in the real card data environment: number in, token and facts out.

The simulator knows a card by a reference, its first digits and last four. Here each gets a number
that fits them, is tokenised once per merchant, and is named in payments by token and signed facts,
as a merchant would. What the environment refuses (an expired card, a cap on cards that are tried)
keeps its reference, and is counted. Numbers live here for one request: they are made from the
reference whenever they are needed.

Guards: the numbers are simulated and none can be met by chance in a payment file of the house. At
most `KEPT` tokens are remembered. Not done here: card fields in a browser.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from paywarden.cli.demo.connection import Connection, Reply
from paywarden.core.errors import Unavailable
from paywarden.reference.card_numbers import luhn_valid

KEPT: Final = 200_000
DIGITS: Final = 16
AMEX_DIGITS: Final = 15
_Card = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CardUse:
    """Tokens made, payments that named a card by token, and those that kept a reference."""

    tokens: int = 0
    by_token: int = 0
    by_reference: int = 0

    def document(self) -> dict[str, int]:
        """The answer with --json."""
        return {
            "tokens": self.tokens, "by_token": self.by_token, "by_reference": self.by_reference,
        }  # fmt: skip


class Cards:
    """Names cards by token; `connection` speaks to the edge."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._kept: OrderedDict[_Card, dict[str, str] | None] = OrderedDict()
        self._tokens = self._by_token = self._by_reference = 0

    @property
    def use(self) -> CardUse:
        """Counts of the run."""
        return CardUse(self._tokens, self._by_token, self._by_reference)

    async def name(self, payment: dict[str, Any]) -> None:
        """Put token and facts into a card payment in place of the reference, where there are any.

        Errors: Unavailable when the edge is gone.
        """
        card, merchant = payment.get("instrument"), payment.get("merchant")
        if card is None or card.get("kind") != "card" or merchant is None:
            return
        signed = await self._signed(card, merchant["id"])
        if signed is None:
            self._by_reference += 1
        else:
            self._by_token += 1
            payment["instrument"] = {"kind": "card", **signed}

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def _signed(self, card: dict[str, Any], merchant: str) -> dict[str, str] | None:
        key = (card["reference"], merchant)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        number = number_of(card["reference"], card["bin"], card["last4"])
        body = {"card": {"number": number, "expiry": card["expiry"]}, "merchant": merchant}
        reply = await self._connection.post("/v1/tokens", body)
        if reply.status in (429, 503):
            return None  # too many for now: the next payment of this card asks again
        made = self._kept[key] = self._made(reply)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made

    def _made(self, reply: Reply) -> dict[str, str] | None:
        if reply.status >= 500:
            raise Unavailable("demo_vault_silent", "the card data environment does not answer")
        if reply.status not in (200, 201):
            return None
        self._tokens += 1
        return {"token": reply.body["token"], "facts": reply.body["facts"]}


def number_of(reference: str, first: str, last4: str) -> str:
    """A number with these first digits and last four that passes Luhn; the same each time.

    >>> number_of("card-1", "411111", "1111")[:6], number_of("card-1", "411111", "1111")[-4:]
    ('411111', '1111')
    """
    length = AMEX_DIGITS if first.startswith(("34", "37")) else DIGITS
    missing = length - len(first) - len(last4)
    drawn = int.from_bytes(hashlib.sha256(reference.encode()).digest()[:8], "big")
    middle = str(drawn % 10 ** (missing - 1)).zfill(missing - 1)
    found = (f"{first}{middle}{digit}{last4}" for digit in range(10))
    return next(number for number in found if luhn_valid(number))
