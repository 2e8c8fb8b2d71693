"""International bank account numbers: published examples pass, every single slip is seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.reference.ibans import electronic, iban_fault

PUBLISHED = (
    "AD1200012030200359100100", "AE070331234567890123456", "AT611904300234573201",
    "BE68539007547034", "BR1800360305000010009795493C1", "CH9300762011623852957",
    "CY17002001280000001200527600", "CZ6508000000192000145399", "DE89370400440532013000",
    "DK5000400440116243", "EE382200221020145685", "ES9121000418450200051332",
    "FI2112345600000785", "FR1420041010050500013M02606", "GB29NWBK60161331926819",
    "GR1601101250000000012300695", "HU42117730161111101800000000", "IE29AIBK93115212345678",
    "IL620108000000099999999", "IT60X0542811101000000123456", "LI21088100002324013AA",
    "LT121000011101001000", "LU280019400644750000", "MT84MALT011000012345MTLCAST001S",
    "NL91ABNA0417164300", "NO9386011117947", "PL61109010140000071219812874",
    "PT50000201231234567890154", "SA0380000000608010167519", "SE4550000000058398257466",
    "SI56263300012039086", "TR330006100519786457841326",
)  # fmt: skip
"""Examples of the register that belongs to ISO 13616."""


@pytest.mark.parametrize("iban", PUBLISHED)
def test_published_examples_pass(iban: str) -> None:
    assert iban_fault(iban) is None
    assert iban_fault(iban + "0") == "length"
    spaced = " ".join(iban[start : start + 4] for start in range(0, len(iban), 4)).lower()
    assert electronic(spaced) == iban


@given(st.sampled_from(PUBLISHED), st.data())
def test_a_slip_of_one_digit_or_two_neighbours_is_seen(iban: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(2, len(iban) - 1))
    digit = data.draw(st.sampled_from("0123456789"))
    if iban[at].isdigit() and digit != iban[at]:
        assert iban_fault(iban[:at] + digit + iban[at + 1 :]) == "check_digits"
    if at + 1 < len(iban) and iban[at : at + 2].isdigit() and iban[at] != iban[at + 1]:
        swapped = iban[:at] + iban[at + 1] + iban[at] + iban[at + 2 :]
        assert iban_fault(swapped) == "check_digits"


@pytest.mark.parametrize("wrong", ["", "DE", "de89370400440532013000", "DE8937040044053201300é"])
def test_what_has_not_the_form(wrong: str) -> None:
    assert iban_fault(wrong) == "form"
