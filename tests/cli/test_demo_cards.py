"""Simulated cards in the card data environment: numbers that fit, tokens kept, refusals counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.cli.demo import cards as module
from paywarden.cli.demo.cards import Cards, CardUse, number_of
from paywarden.cli.demo.connection import Reply
from paywarden.core.errors import Unavailable
from paywarden.reference.card_numbers import luhn_valid


class Edge:
    """Answers with the statuses given, then with tokens."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.asked: list[Any] = []

    async def post(self, path: str, body: Any) -> Reply:
        self.asked.append((path, body))
        status = self.statuses.pop(0) if self.statuses else 200
        number = len(self.asked)
        return Reply(status, {}, {"token": f"tk_{number}", "facts": f"f_{number}"})

    async def close(self) -> None:
        """Nothing is open."""


def payment(reference: str = "card-1", merchant: str = "m1") -> dict[str, Any]:
    card = {"kind": "card", "reference": reference, "bin": "411111", "last4": "0007",
            "expiry": "2031-02"}  # fmt: skip
    return {"id": "p", "merchant": {"id": merchant}, "instrument": card}


@given(st.text(max_size=20), st.sampled_from(["411111", "55000012", "371234"]),
       st.from_regex(r"[0-9]{4}", fullmatch=True))  # fmt: skip
def test_numbers_fit_what_is_known_of_the_card(reference: str, first: str, last4: str) -> None:
    number = number_of(reference, first, last4)
    assert number.startswith(first) and number.endswith(last4) and luhn_valid(number)
    assert len(number) == (15 if first.startswith("37") else 16)
    assert number == number_of(reference, first, last4)


async def test_a_card_is_tokenised_once_per_merchant() -> None:
    edge = Edge()
    cards = Cards(edge)  # type: ignore[arg-type]
    sent = [payment(), payment(), payment(merchant="m2")]
    for one in sent:
        await cards.name(one)
    assert [one["instrument"] for one in sent] == [
        {"kind": "card", "token": "tk_1", "facts": "f_1"},
        {"kind": "card", "token": "tk_1", "facts": "f_1"},
        {"kind": "card", "token": "tk_2", "facts": "f_2"},
    ]
    assert cards.use == CardUse(tokens=2, by_token=3)
    assert edge.asked[1][1]["merchant"] == "m2"


async def test_refused_cards_keep_their_reference() -> None:
    cards = Cards(Edge(422))  # type: ignore[arg-type]
    for _ in range(2):
        one = payment()
        await cards.name(one)
        assert one["instrument"]["reference"] == "card-1"
    assert cards.use == CardUse(by_reference=2)


async def test_a_busy_edge_is_asked_again_with_the_next_payment() -> None:
    cards = Cards(Edge(429))  # type: ignore[arg-type]
    for _ in range(2):
        await cards.name(payment())
    assert cards.use == CardUse(tokens=1, by_token=1, by_reference=1)


async def test_an_edge_in_trouble_ends_the_run() -> None:
    with pytest.raises(Unavailable, match="card data environment"):
        await Cards(Edge(500)).name(payment())  # type: ignore[arg-type]


async def test_other_payments_are_left_alone() -> None:
    edge = Edge()
    cards = Cards(edge)  # type: ignore[arg-type]
    for one in ({"id": "t"}, {"id": "a", "instrument": {"kind": "account"}}):
        before = dict(one)
        await cards.name(one)
        assert one == before
    assert edge.asked == []


async def test_what_is_remembered_of_cards_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    edge = Edge()
    cards = Cards(edge)  # type: ignore[arg-type]
    for reference in ("a", "b", "c", "a"):
        await cards.name(payment(reference))
    assert len(edge.asked) == 4
