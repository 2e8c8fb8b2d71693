"""DE 2 and DE 14 put into encoded messages, as pyiso8583 would have written them at once."""

from __future__ import annotations

import copy
from typing import Any

import iso8583
import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso8583.specs import default, default_ascii

from paywarden.cde.card import Expiry, Pan
from paywarden.cde.insertion.iso8583 import Encoding, insert_card
from paywarden.core.errors import InvalidRequest

EXPIRY = Expiry(2031, 4)
WIDTHS = {3: 6, 4: 12, 5: 12, 6: 12, 7: 10, 8: 8, 9: 8, 10: 8, 11: 6, 12: 6, 13: 4}


def luhn(body: str) -> str:
    total = sum(sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(reversed(body)))
    return body + str(-total % 10)


def bcd() -> dict[str, Any]:
    """The specification of a message of packed digits."""
    spec = copy.deepcopy(default)
    for name in ("t", *map(str, WIDTHS), "14"):
        spec[name] |= {"data_enc": "b", "len_count": "nibbles"}
    spec["2"] |= {
        "data_enc": "b",
        "len_enc": "bcd",
        "len_type": 1,
        "len_count": "nibbles",
        "left_pad": "0",
    }
    return spec


def hexadecimal() -> dict[str, Any]:
    spec = copy.deepcopy(default_ascii)
    spec["p"]["data_enc"] = spec["1"]["data_enc"] = "ascii"
    return spec


KINDS = {
    "binary bitmap": (default, Encoding()),
    "hex bitmap": (hexadecimal(), Encoding(hex_bitmap=True)),
    "bcd": (bcd(), Encoding("bcd", "bcd", "bcd")),
}


def numbers() -> st.SearchStrategy[str]:
    return st.builds(
        lambda tail: luhn("9999" + tail), st.from_regex(r"[0-9]{8,14}", fullmatch=True)
    )


@pytest.mark.parametrize("kind", KINDS)
@given(
    number=numbers(),
    present=st.sets(st.sampled_from(sorted(WIDTHS))),
    later=st.sets(st.sampled_from([22, 41, 49, 70, 90])),
    digit=st.sampled_from("0123456789"),
)
def test_the_oracle_would_have_written_the_same(
    kind: str, number: str, present: set[int], later: set[int], digit: str
) -> None:
    spec, how = KINDS[kind]
    widths = {**WIDTHS, 22: 3, 41: 8, 49: 3, 70: 3, 90: 42}
    fields = {str(one): digit * widths[one] for one in present | later}
    plain, _ = iso8583.encode({"t": "0100", **fields}, spec=spec)
    wanted, _ = iso8583.encode({"t": "0100", "2": number, "14": "3104", **fields}, spec=spec)
    pan = Pan.of(number)
    assert isinstance(pan, Pan)
    made = insert_card(bytes(plain), pan, EXPIRY, how)
    assert bytes(made) == bytes(wanted)
    read, _ = iso8583.decode(bytes(made), spec=spec)
    assert (read["2"], read["14"]) == (number, "3104")


@pytest.mark.parametrize("field", ["2", "14"])
def test_a_card_that_is_there_is_not_overwritten(field: str) -> None:
    held = {"2": "4111111111111111", "14": "3001"}[field]
    message, _ = iso8583.encode({"t": "0100", field: held}, spec=default)
    with pytest.raises(InvalidRequest, match="card_field_taken"):
        insert_card(bytes(message), visa(), EXPIRY, Encoding())


@pytest.mark.parametrize(
    "message",
    [b"", b"0100", b"0100" + bytes(7), b"2100" + bytes(8), b"x100" + bytes(8), b"\xff\xff\xff\xff",
     b"0100" + b"\x20" + bytes(7) + b"12345", b"0100\x80" + bytes(7)],
)  # fmt: skip
def test_messages_that_are_none_are_refused(message: bytes) -> None:
    with pytest.raises(InvalidRequest, match="iso_message_invalid"):
        insert_card(message, visa(), EXPIRY, Encoding())


@given(st.binary(max_size=64), st.booleans())
def test_no_octets_break_it(message: bytes, hex_bitmap: bool) -> None:
    try:
        made = insert_card(message, visa(), EXPIRY, Encoding(hex_bitmap=hex_bitmap))
    except InvalidRequest:
        return
    assert b"4111111111111111" in made


def visa() -> Pan:
    made = Pan.of(b"4111111111111111")
    assert isinstance(made, Pan)
    return made
