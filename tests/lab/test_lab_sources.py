"""Outside files: kinds, columns, values, card numbers, repeats."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from paywarden.core.errors import InvalidRequest, Unparsable
from paywarden.core.secret import Secret
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.files import open_file
from paywarden.lab.labels import reported
from paywarden.lab.mapping_file import parse_mapping
from paywarden.lab.sources import Given, read_given

CARD = "4111111111111111"
MAP = """
[columns]
payment.id = "id"
{columns}
[time]
column = "t"
unit = "{unit}"
[amount]
column = "a"
{exponent}
currency = "{currency}"
"""
HEAD = "id,t,a,x\n"
ROW = "p1,2026-01-02T03:04:05Z,12.34,abc\n"


def _given(
    path: Path,
    content: str | bytes,
    columns: str = "",
    unit: str = "datetime",
    exponent: str = "exponent = 2",
    currency: str = "EUR",
    extra: str = "",
    limit: int | None = None,
) -> Given:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    text = MAP.format(columns=columns, unit=unit, exponent=exponent, currency=currency) + extra
    mapping = parse_mapping(text.encode(), "m.toml")
    return read_given(mapping, open_file(path), limit, CardScreen(Secret(b"k" * 32)))


def _refusal(path: Path, content: str | bytes, **more: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        _given(path, content, **more)
    return caught.value


# --- kinds of files ------------------------------------------------------------------------


def test_csv_cells_keep_leading_zeros(tmp_path: Path) -> None:
    given = _given(tmp_path / "f.csv", HEAD + "007,2026-01-02 03:04:05,1,00123\n", 'payer.id = "x"')
    assert given.fields["payment.id"].to_list() == ["007"]
    assert given.fields["payer.id"].to_list() == ["00123"]
    assert given.fields["payment.amount_minor"].to_list() == [100]
    assert given.time_us.tolist() == [1767323045000000]


def test_objects_of_json_lines_are_dotted_columns(tmp_path: Path) -> None:
    line = '{"id": "p1", "t": 1767323045.5, "a": 3, "payer": {"id": 9}}\n'
    given = _given(tmp_path / "f.jsonl", line, 'payer.id = "payer.id"', unit="s")
    assert given.fields["payer.id"].to_list() == ["9"]
    assert given.time_us.tolist() == [1767323045500000]


def test_limit_takes_the_first_rows(tmp_path: Path) -> None:
    content = HEAD + "".join(f"p{n},{n},1,x\n" for n in range(9))
    given = _given(tmp_path / "f.csv", content, unit="us", limit=4)
    assert given.fields["payment.id"].to_list() == ["p0", "p1", "p2", "p3"]


@pytest.mark.parametrize(
    ("name", "content", "pointer"),
    [
        ("f.csv", HEAD.encode() + b"p1,1,2,x\np2,1,2,x,y\n", "f.csv:3"),
        ("f.csv", HEAD.encode() + b"p1,1,2,x\np\xff2,1,2,x\n", "f.csv:3"),
        ("f.jsonl", b'{"id": 1}\n{"id": \n', "f.jsonl:2"),
        ("f.jsonl", b'{"id": 1}\n[1]\n', "f.jsonl:2"),
        ("f.parquet", b"nothing", "f.parquet"),
        ("f.csv.gz", gzip.compress(HEAD.encode() * 99, mtime=0)[:-9], "f.csv.gz"),
        ("f.csv", b"", "f.csv"),
    ],
)
def test_broken_files_name_the_line(
    tmp_path: Path, name: str, content: bytes, pointer: str
) -> None:
    error = _refusal(tmp_path / name, content)
    assert isinstance(error, Unparsable)
    assert error.pointer == pointer


def test_unknown_kinds_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="file_kind"):
        open_file(tmp_path / "f.xlsx")
    with pytest.raises(InvalidRequest, match="file_not_found"):
        open_file(tmp_path / "f.csv")
    assert _refusal(tmp_path / "f.csv", HEAD).code == "file_empty"
    assert _refusal(tmp_path / "g.csv", "id,t,a,a\n").code == "column_twice"


# --- columns and values --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "code", "pointer", "words"),
    [
        ('payer.id = "xx"', "unknown_column", "m.toml:4", "`x`"),
        ('payer.id = "fingerprint(xy)"', "unknown_column", "m.toml:4", "`x`"),
        ('payer.id = "x + 1"', "no_such_overload", "m.toml:4", "1:"),
        ('payer.id = "size(x) > 1 ? y : x"', "unknown_name", "m.toml:4", "expression"),
        ('merchant.mcc = "x"', "field_value", "f.csv:2:x", "four digits"),
        ('payment.type = "x"', "field_value", "f.csv:2:x", "card_payment"),
        ('payer.age_days = "x"', "field_type", "f.csv:2:x", "whole"),
        ('card.is_prepaid = "x"', "field_type", "f.csv:2:x", "true"),
        ('payer.created_at = "x"', "time_value", "f.csv:2:x", "RFC 3339"),
        ('payer.country = "int(x) > 1 ? x : x"', "expression_failed", "f.csv:2:expression", "row"),
    ],
)
def test_faults_of_columns(
    tmp_path: Path, columns: str, code: str, pointer: str, words: str
) -> None:
    error = _refusal(tmp_path / "f.csv", HEAD + ROW, columns=columns)
    assert (error.code, error.pointer) == (code, pointer)
    assert words in error.detail
    assert "abc" not in str(error)


def test_expressions_see_numbers_and_missing_cells(tmp_path: Path) -> None:
    content = "id,t,a,n,w\np1,1,1,5,u\np2,2,1,,v\np3,3,1,0,\n"
    columns = (
        'payer.age_days = "n * 2"\n'
        'payment.channel = \'w == "u" ? "pos" : "moto"\'\n'
        'payer.id = "has(row.w) ? row.w : string(n)"\n'
        'payment.metadata.big = "n > 4"'
    )
    given = _given(tmp_path / "f.csv", content, columns, unit="ms")
    assert given.fields["payer.age_days"].to_list() == [10, None, 0]
    assert given.fields["payment.channel"].to_list() == ["pos", "moto", None]
    assert given.fields["payer.id"].to_list() == ["u", "v", "0"]
    assert given.fields["payment.metadata.big"].to_list() == [True, None, False]


@pytest.mark.parametrize(
    ("cell", "exponent", "currency", "minor"),
    [
        ("12.34", "exponent = 2", "EUR", 1234),
        ("1.005", "exponent = 2", "EUR", 100),
        ("1234", "exponent = 0", "JPY", 1234),
        ("1234", "", "JPY", 1234),
        ("1.234", "", "KWD", 1234),
        ("0.29", "", "EUR", 29),
        ("57.16", "", "EUR", 5716),
        ("1e3", "", "EUR", 100_000),
    ],
)
def test_amounts(tmp_path: Path, cell: str, exponent: str, currency: str, minor: int) -> None:
    content = f"id,t,a\np1,1,{cell}\n"
    given = _given(tmp_path / "f.csv", content, unit="s", exponent=exponent, currency=currency)
    assert given.fields["payment.amount_minor"].to_list() == [minor]


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("-1", "amount_out_of_range"),
        ("1e300", "amount_out_of_range"),
        ("nan", "field_type"),
        ("twelve", "field_type"),
        ("", "field_missing"),
    ],
)
def test_no_amounts(tmp_path: Path, cell: str, code: str) -> None:
    error = _refusal(tmp_path / "f.csv", f"id,t,a\np0,1,1\np1,1,{cell}\n", unit="s")
    assert error.code == code
    assert (error.pointer or "").startswith("f.csv:3")


@pytest.mark.parametrize(
    ("cell", "unit", "microseconds"),
    [
        ("1", "s", 1_000_000),
        ("1.5", "s", 1_500_000),
        ("-1", "ms", -1000),
        ("2026-01-02T03:04:05.123456+01:00", "datetime", 1767319445123456),
        ("2026-01-02", "datetime", 1767312000000000),
        ("02/01/2026 03:04", "%d/%m/%Y %H:%M", 1767323040000000),
        ("02/01/2026", "%d/%m/%Y", 1767312000000000),
    ],
)
def test_times(tmp_path: Path, cell: str, unit: str, microseconds: int) -> None:
    given = _given(tmp_path / "f.csv", f"id,t,a\np1,{cell},1\n", unit=unit)
    assert given.time_us.tolist() == [microseconds]


@pytest.mark.parametrize(
    ("cell", "unit", "code"),
    [
        ("soon", "datetime", "time_value"),
        ("2026-02-30T00:00:00Z", "datetime", "time_value"),
        ("1767323045000000", "s", "time_value"),
        ("x", "s", "time_value"),
        ("", "s", "field_missing"),
        ("2026", "%d/%m/%Y", "time_value"),
    ],
)
def test_no_times(tmp_path: Path, cell: str, unit: str, code: str) -> None:
    error = _refusal(tmp_path / "f.csv", f"id,t,a\np1,{cell},1\n", unit=unit)
    assert (error.code, error.pointer) == (code, "f.csv:2:t")


# --- card numbers --------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["payer.id", "card.fingerprint", "payer.name", "payment.id"])
def test_a_column_of_card_numbers_is_refused(tmp_path: Path, path: str) -> None:
    content = f"id,t,a,pan\n{CARD},1,1,{CARD}\np2,1,1,4111 1111 1111 1111\n"
    columns = "" if path == "payment.id" else f'{path} = "pan"'
    error = _refusal(tmp_path / "f.csv", content, columns=columns, unit="s")
    assert error.code == "card_number_not_accepted"
    assert "1111" not in str(error)


def test_expressions_and_constants_hide_no_card_number(tmp_path: Path) -> None:
    content = "id,t,a,n,m\np1,1,1,41111111,11111111\n"
    columns = "merchant.name = 'string(n) + string(m)'"
    error = _refusal(tmp_path / "f.csv", content, columns=columns, unit="s")
    assert error.code == "card_number_not_accepted"
    extra = f'[constants]\nmetadata.note = "card {CARD}"\n'
    error = _refusal(tmp_path / "f.csv", content, unit="s", extra=extra)
    assert (error.code, error.pointer) == ("card_number_not_accepted", "m.toml:13")
    content = f"id,t,a,n\np1,1,1,{CARD}\n"
    error = _refusal(tmp_path / "g.csv", content, columns='metadata.n = "n"', unit="s")
    assert error.code == "card_number_not_accepted"


def test_a_fingerprint_is_stable_and_says_nothing(tmp_path: Path) -> None:
    content = f"id,t,a,pan\np1,1,1,{CARD}\np2,1,1,4111 1111-11111111\np3,1,1,\n"
    given = _given(tmp_path / "f.csv", content, 'card.fingerprint = "fingerprint(pan)"', unit="s")
    first, second, third = given.fields["card.fingerprint"].to_list()
    assert first == second and third is None
    assert first.startswith("fp_") and CARD not in first


def test_chance_likeness_among_identifiers_is_hashed(tmp_path: Path) -> None:
    rows = [f"order-{n},{n},1\n" for n in range(20)] + [f"{CARD},30,1\n"]
    given = _given(tmp_path / "f.csv", "id,t,a\n" + "".join(rows), unit="s")
    ids = given.fields["payment.id"].to_list()
    assert ids[:20] == [f"order-{n}" for n in range(20)]
    assert ids[20].startswith("h_") and CARD not in ids[20]


def test_hexadecimal_names_are_no_card_numbers(tmp_path: Path) -> None:
    name = "a0bb4111111111111111ccdd4567eeff"
    given = _given(tmp_path / "f.csv", f"id,t,a\n{name},1,1\n", unit="s")
    assert given.fields["payment.id"].to_list() == [name]


# --- repeats and labels --------------------------------------------------------------------


def test_a_repeated_payment_counts_once_and_a_changed_one_is_refused(tmp_path: Path) -> None:
    given = _given(tmp_path / "f.csv", "id,t,a\np1,1,1\np2,2,1\np1,1,1\n", unit="s")
    assert given.repeats is not None
    assert given.repeats.tolist() == [0, 1, 0]
    error = _refusal(tmp_path / "f.csv", "id,t,a\np1,1,1\np2,2,1\np1,1,2\n", unit="s")
    assert (error.code, error.pointer) == ("duplicate_payment", "f.csv:4")
    assert "f.csv:2" in error.detail


@pytest.mark.parametrize(
    ("fraud", "cells", "marks"),
    [
        ("1", ["1", "0", ""], [1, 0, -1]),
        ("true", ["true", "false", "True"], [1, 0, 1]),
        ('"bad"', ["bad", "good", ""], [1, 0, -1]),
        ('["cb", 2]', ["cb", "2", "3"], [1, 1, 0]),
    ],
)
def test_labels(tmp_path: Path, fraud: str, cells: list[str], marks: list[int]) -> None:
    rows = "".join(f"p{n},1,1,{cell}\n" for n, cell in enumerate(cells))
    extra = f'[label]\ncolumn = "f"\nfraud = {fraud}\n'
    given = _given(tmp_path / "f.csv", "id,t,a,f\n" + rows, unit="s", extra=extra)
    assert given.labels.tolist() == marks


def test_labels_of_numbers_need_a_number(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pl.DataFrame({"id": ["p1"], "t": [1], "a": [1.0], "f": [1]}).write_parquet(path)
    extra = '[label]\ncolumn = "f"\nfraud = "fraud"\n'
    error = _refusal(path, path.read_bytes(), unit="s", extra=extra)
    assert (error.code, error.pointer) == ("label_value", "m.toml:14")


def test_reported_share_is_stable_and_near() -> None:
    import numpy as np

    marks = np.array([1, 0] * 2_000, np.int8)
    ids = pl.Series([f"p{n}" for n in range(4_000)])
    some = reported(marks, ids, 0.4)
    assert (some == reported(marks, ids, 0.4)).all()
    assert (marks[some] == 0).sum() == 2_000
    assert 700 < (marks[some] == 1).sum() < 900
    assert len(reported(marks, ids, 0.0)) == 2_000
