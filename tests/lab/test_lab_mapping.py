from __future__ import annotations

import pytest

from paywarden.core.errors import InvalidRequest, Unparsable
from paywarden.lab.mapping_file import parse_mapping

GOOD = """
[columns]
payment.id = "ID"
"instrument.reference" = "CARD"
payer = {id = "WHO"}
checks.cvv = "CVV"

[constants]
metadata.origin = "file"

[time]
column = "T"
unit = "s"

[amount]
column = "A"
exponent = 2
currency = "EUR"

[label]
column = "F"
fraud = [1, "yes"]
delay = "36h"
reported_share = 0.5
"""


def test_paths_in_every_spelling_reach_the_catalogue() -> None:
    mapping = parse_mapping(GOOD.encode(), "m.toml")
    assert dict(mapping.fields) == {
        "payment.id": "ID",
        "card.fingerprint": "CARD",
        "payer.id": "WHO",
        "payment.checks.cvv": "CVV",
    }
    assert dict(mapping.constants) == {"payment.metadata.origin": "file"}
    assert mapping.label is not None
    assert mapping.label.fraud == (1, "yes")
    assert mapping.label.delay_us == 36 * 3600 * 1_000_000
    assert mapping.label.reported_share == 0.5


def test_without_a_delay_no_label_is_reported() -> None:
    text = GOOD.replace('delay = "36h"\n', "")
    label = parse_mapping(text.encode(), "m.toml").label
    assert label is not None and label.delay_us is None


@pytest.mark.parametrize(
    ("old", "new", "code", "pointer", "words"),
    [
        ("[label]", "[labels]", "mapping_unknown_key", "m.toml:20", "`label`"),
        ('unit = "s"', 'units = "s"', "mapping_unknown_key", "m.toml:13", "`unit`"),
        ('unit = "s"', 'unit = "sec"', "mapping_value", "m.toml:13", "us"),
        ('unit = "s"', "", "mapping_incomplete", "m.toml:11", "unit"),
        ("payment.id =", "payment.ids =", "mapping_unknown_field", "m.toml:3", "payment.id"),
        ("payment.id =", "payment.hour =", "mapping_derived_field", "m.toml:3", "[time]"),
        ("payment.id =", "email.canonical =", "mapping_derived_field", "m.toml:3", "payer.email"),
        ("metadata.origin", "payer.id", "mapping_twice", "m.toml:9", "constant"),
        ("exponent = 2", "exponent = 9", "mapping_value", "m.toml:17", "0 to 6"),
        ('"EUR"', '"EURO"', "mapping_value", "m.toml:18", "ISO 4217"),
        ('"36h"', '"36x"', "mapping_value", "m.toml:23", "7d"),
        ("0.5", "1.5", "mapping_value", "m.toml:24", "0 to 1"),
        ("0.5", "true", "mapping_value", "m.toml:24", "0 to 1"),
        ('"ID"', "7", "mapping_value", "m.toml:3", "quotes"),
    ],
)
def test_faults_name_line_and_remedy(
    old: str, new: str, code: str, pointer: str, words: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_mapping(GOOD.replace(old, new).encode(), "m.toml")
    assert caught.value.code == code
    assert caught.value.pointer == pointer
    assert words in caught.value.detail


def test_text_that_is_no_toml_names_its_line() -> None:
    with pytest.raises(Unparsable) as caught:
        parse_mapping(b"[time]\ncolumn = \n", "m.toml")
    assert caught.value.pointer == "m.toml:2"
    with pytest.raises(Unparsable):
        parse_mapping(b"\xff\xfe", "m.toml")
