"""Money: exact sums, refused mixtures, and rescaling by an integer rate."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.core.money import INT64_MAX, Money, rescale

SMALL = st.integers(min_value=-(10**15), max_value=10**15)
CURRENCY = st.sampled_from(["EUR", "JPY", "KWD"])


@given(SMALL, SMALL, SMALL, CURRENCY)
def test_sums_are_exact_in_any_order(a: int, b: int, c: int, currency: str) -> None:
    one, two, three = Money(a, currency), Money(b, currency), Money(c, currency)
    assert (one + two) + three == one + (two + three) == Money(a + b + c, currency)
    assert one + two == two + one
    assert one - two == one + -two
    assert one - one == Money(0, currency)


@given(SMALL, SMALL, CURRENCY)
def test_order_is_the_order_of_minor_units(a: int, b: int, currency: str) -> None:
    one, two = Money(a, currency), Money(b, currency)
    assert (one < two) == (a < b)
    assert (one <= two) == (a <= b)
    assert (one > two) == (a > b)


def test_two_currencies_never_meet() -> None:
    euro, yen = Money(1, "EUR"), Money(1, "JPY")
    for combine in (
        lambda: euro + yen,
        lambda: euro - yen,
        lambda: euro < yen,
        lambda: euro <= yen,
    ):
        with pytest.raises(ValueError, match="two currencies"):
            combine()
    assert euro != yen


@pytest.mark.parametrize("amount", [1.0, True, "1", None])
def test_only_whole_integers_are_amounts(amount: object) -> None:
    with pytest.raises(TypeError, match="never a float"):
        Money(amount, "EUR")  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["eur", "EU", "EURO", "A12", "ÀBC", "EUR\n", "", b"EUR", None])
def test_a_currency_is_three_capital_letters(currency: object) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, currency)  # type: ignore[arg-type]


def test_plain_numbers_cannot_be_added() -> None:
    with pytest.raises(TypeError, match="only Money"):
        Money(1, "EUR") + 1  # type: ignore[operator]


def test_sixty_four_bits_are_the_limit() -> None:
    top = Money(INT64_MAX, "EUR")
    assert -top == Money(-INT64_MAX, "EUR")
    with pytest.raises(OverflowError):
        top + Money(1, "EUR")
    with pytest.raises(OverflowError):
        -top - Money(1, "EUR")


def test_money_is_frozen_and_usable_as_a_key() -> None:
    money = Money(5, "EUR")
    with pytest.raises(AttributeError):
        money.amount_minor = 6  # type: ignore[misc]
    assert {money: "five"}[Money(5, "EUR")] == "five"


@given(SMALL, st.integers(0, 10**12), st.integers(1, 10**12))
def test_rescale_rounds_half_to_even(amount: int, rate: int, scale: int) -> None:
    assert rescale(amount, rate, scale) == round(Fraction(amount * rate, scale))


@pytest.mark.parametrize(("amount", "expected"), [(1, 0), (3, 2), (5, 2), (-1, 0), (-3, -2)])
def test_rescale_ties_go_to_the_even_neighbour(amount: int, expected: int) -> None:
    assert rescale(amount, 1, 2) == expected


@pytest.mark.parametrize("scale", [0, -1])
def test_rescale_refuses_a_scale_below_one(scale: int) -> None:
    with pytest.raises(ValueError, match="rate_scale"):
        rescale(1, 1, scale)
