"""Reading `lists/*.csv`: good files whole, bad ones refused by file and line."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.core.errors import InvalidRequest, PaywardenError
from paywarden.risk.lists.model import ListKind, NewEntry
from paywarden.risk.lists.reading import parse_list, read_list

# Neighbours on the machine must not fail a test, and two runs must try the same examples.
CALM = settings(deadline=None, derandomize=True)

GOOD = """# kind: email
# title: Known fraud
value,reason,expires_at
ann@example.org,"chargeback, twice",2026-11-22T01:02:03Z
bob@example.org,,
"""


def test_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "bad_mail.csv"
    path.write_text(GOOD)
    found = read_list(path)
    assert (found.name, found.kind, found.title) == ("bad_mail", ListKind.EMAIL, "Known fraud")
    assert found.entries == (
        NewEntry("ann@example.org", "chargeback, twice", 1795309323000000),
        NewEntry("bob@example.org", "", None),
    )
    packed = tmp_path / "bad_mail.csv.gz"
    packed.write_bytes(gzip.compress(GOOD.encode()))
    assert read_list(packed).entries == found.entries


def test_value_column_alone_is_enough() -> None:
    found = parse_list("names", b"\xef\xbb\xbfvalue\r\nx\r\n# not a comment here\r\n")
    assert found.kind is ListKind.STRING
    assert [e.value for e in found.entries] == ["x", "# not a comment here"]
    assert parse_list("lands", b"value\nde\n", ListKind.COUNTRY).entries == (NewEntry("de"),)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("nobody,,", "list_bad_value"),
        (",,", "list_bad_value"),
        ("ANN@example.org,,", "list_value_repeated"),
        ("ann+x@example.org,,", "list_value_repeated"),
        ("eve@example.org,,tomorrow", "list_bad_expiry"),
        ("eve@example.org,,2026-11-22", "list_bad_expiry"),
        ("eve@example.org,,2026-11-22T01:02:03", "list_bad_expiry"),
        ("eve@example.org,,1969-11-22T01:02:03Z", "list_bad_expiry"),
        ("eve@example.org,,9999-99-99T99:99:99Z", "list_bad_expiry"),
        ("eve@example.org," + "x" * 201 + ",", "list_bad_reason"),
        ("eve@example.org,a\x07b,", "list_bad_reason"),
        ("eve@example.org", "table_row_width"),
        ("eve@example.org,,,", "table_row_width"),
        ('"eve@example.org,,', "table_bad_csv"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, code: str) -> None:
    path = tmp_path / "bad_mail.csv"
    path.write_text(GOOD + line + "\n")
    with pytest.raises(InvalidRequest) as caught:
        read_list(path)
    assert (caught.value.code, caught.value.pointer) == (code, f"{path}:6")
    assert "eve" not in caught.value.detail


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "table_column_missing"),
        ("reason\nx\n", "table_column_missing"),
        ("value,colour\nx,red\n", "table_column_unknown"),
        ("# kind: fruit\nvalue\nx\n", "list_bad_kind"),
        ("value\n4111111111111111\n", "card_number_not_accepted"),
        ("# kind: card\nvalue\n4111 1111 1111 1111\n", "card_number_not_accepted"),
        ("# kind: ip\nvalue\n10.0.0.1/8\n", "list_bad_value"),
    ],
)
def test_bad_files(text: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_list("bad", text.encode())
    assert caught.value.code == code


@pytest.mark.parametrize("name", ["Bad.csv", "1.csv", "..csv", "a b.csv"])
def test_bad_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("value\nx\n")
    with pytest.raises(InvalidRequest, match="list_bad_name"):
        read_list(tmp_path / name)


@CALM
@given(st.binary(max_size=150), st.sampled_from(list(ListKind)))
def test_any_octets_give_a_list_or_our_error(raw: bytes, kind: ListKind) -> None:
    try:
        parse_list("any", b"value,reason,expires_at\n" + raw, kind)
    except PaywardenError as error:
        assert error.pointer is not None and error.pointer.startswith("any.csv")
