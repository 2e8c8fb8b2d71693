"""Numbers, codes and expiries: taken or refused by rule, never shown."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from paywarden.cde.card import CardRefusal, Cvv, Expiry, Pan, luhn_passes
from paywarden.reference.card_numbers import luhn_check_digit, luhn_valid
from vault_kit import NOW_US


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("4111111111111112", CardRefusal.CHECK_DIGIT),
        ("411111111111111", CardRefusal.LENGTH),
        ("37828224631000", CardRefusal.LENGTH),
        ("41111111111111111111", CardRefusal.LENGTH),
        ("4111 1111 1111 1111", CardRefusal.NOT_DIGITS),
        ("４１１１１１１１１１１１１１１１", CardRefusal.NOT_DIGITS),
        ("٤١١١١١١١١١١١١١١١", CardRefusal.NOT_DIGITS),
        ("४१११११११११११११११", CardRefusal.NOT_DIGITS),
        ("4111111111111111\n", CardRefusal.NOT_DIGITS),
        ("-411111111111111", CardRefusal.NOT_DIGITS),
        ("²111111111111111", CardRefusal.NOT_DIGITS),
        ("", CardRefusal.NOT_DIGITS),
    ],
)
def test_a_number_is_refused_by_rule(number: str, code: CardRefusal) -> None:
    assert Pan.of(number) is code
    assert Pan.of(number.encode()) is code
    assert not any(digit in code.value for digit in "0123456789")


@pytest.mark.parametrize(
    ("number", "brand", "head"),
    [
        ("4111111111111111", "visa", "41111111"),
        ("5555555555554444", "mastercard", "55555555"),
        ("378282246310005", "amex", "378282"),
        ("6011111111111117", "discover", "60111111"),
    ],
)
def test_a_number_shows_what_may_be_shown(number: str, brand: str, head: str) -> None:
    pan = Pan.of(number)
    assert isinstance(pan, Pan)
    assert (pan.brand, pan.bin, pan.last4) == (brand, head, number[-4:])
    assert pan.expose() == number.encode()


def test_card_data_does_not_print_copy_or_hash() -> None:
    pan, cvv = Pan.of("4111111111111111"), Cvv.of("987")
    assert isinstance(pan, Pan) and isinstance(cvv, Cvv)
    for held, digits in ((pan, "4111"), (cvv, "987")):
        assert digits not in f"{held} {held!r} {held!s} %s" % (held,)
        for leak in (copy.copy, copy.deepcopy, pickle.dumps, hash):
            with pytest.raises(TypeError):
                leak(held)
        held.wipe()
        assert set(held.expose()) == {0}


def test_a_code_has_three_or_four_ascii_digits() -> None:
    assert isinstance(Cvv.of(b"0123"), Cvv)
    for wrong in ("12", "12345", "12a", "１２３", " 12"):
        assert Cvv.of(wrong) is CardRefusal.CODE_FORM


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-11", Expiry(2026, 11)),
        ("2046-11", Expiry(2046, 11)),
        ("2026-10", CardRefusal.EXPIRED),
        ("0001-01", CardRefusal.EXPIRED),
        ("2046-12", CardRefusal.EXPIRY_FAR),
        ("2027-13", CardRefusal.EXPIRY_FORM),
        ("2027-00", CardRefusal.EXPIRY_FORM),
        ("27-01", CardRefusal.EXPIRY_FORM),
        ("2027-1", CardRefusal.EXPIRY_FORM),
        ("2027-01\n", CardRefusal.EXPIRY_FORM),
        ("２０２７-０１", CardRefusal.EXPIRY_FORM),
    ],
)
def test_an_expiry_is_a_month_from_now_to_twenty_years(text: str, wanted: object) -> None:
    assert Expiry.of(text, NOW_US) == wanted


@over(st.text("0123456789", min_size=1, max_size=25))
def test_luhn_agrees_with_the_house(digits: str) -> None:
    assert luhn_passes(digits.encode()) == luhn_valid(digits)
    assert luhn_passes((digits + luhn_check_digit(digits)).encode())


@over(st.one_of(st.text(max_size=24), st.binary(max_size=24)))
def test_whatever_comes_is_taken_or_refused(given: str | bytes) -> None:
    assert isinstance(Pan.of(given), Pan | CardRefusal)
    assert isinstance(Cvv.of(given), Cvv | CardRefusal)
