"""Files of results and labels: what a map says, what rows become, and where a bad one stands."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from paywarden.core.errors import InvalidRequest, Unparsable
from paywarden.core.instants import parse_rfc3339
from paywarden.core.secret import Secret
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.event_files import join, no_events, read_events
from paywarden.lab.event_map import EventMap, read_event_map

SCREEN = CardScreen(Secret(b"k" * 32))
LABELS = """\
[label_files]
payment_id = "ref"
reason = "code"
verdict = "state"
time = { column = "got", unit = "%d.%m.%Y" }
constants = { source = "chargeback", scheme = "visa" }
words = { verdict = { W = "withdrawn", F = "fraud" } }
"""
HEADER = "ref,code,state,got\n"


def mapped(folder: Path, text: str = LABELS, section: str = "label_files") -> EventMap:
    (folder / "map.toml").write_text(text)
    return read_event_map(folder / "map.toml", section)


def file(folder: Path, rows: str, header: str = HEADER, name: str = "cb.csv") -> Path:
    (folder / name).write_text(header + rows)
    return folder / name


def test_rows_become_labels_disputes_and_withdrawals_in_order_of_receipt(tmp_path: Path) -> None:
    rows = "o-1,10.4,,03.11.2026\no-2,13.1,,02.11.2026\no-3,,W,01.11.2026\no-4,12.1,F,04.11.2026\n"
    found = read_events(file(tmp_path, rows), mapped(tmp_path), SCREEN)
    table = found.frame.select("payment_id", "event.kind", "event.verdict").rows()
    assert table == [
        ("o-3", "label", "withdrawn"),
        ("o-2", "dispute", None),
        ("o-1", "label", "fraud"),
        ("o-4", "label", "fraud"),
    ]
    assert found.time_us[0] == parse_rfc3339("2026-11-01T00:00:00Z")
    assert [found.place(row) for row in range(4)] == [f"cb.csv:{n}" for n in (4, 3, 2, 5)]
    assert set(found.frame["event.source"]) == {"chargeback"} and found.frame["attempt"][0] == "1"


def test_the_same_report_has_the_same_id_whatever_file_it_is_in(tmp_path: Path) -> None:
    rows = "o-1,10.4,,03.11.2026\no-1,10.4,,03.11.2026\n"
    one = read_events(file(tmp_path, rows), mapped(tmp_path), SCREEN)
    lines = pl.DataFrame({"ref": ["o-1"], "code": ["10.4"], "state": [None], "got": ["03.11.2026"]})
    lines.write_parquet(tmp_path / "cb.parquet")
    two = read_events(tmp_path / "cb.parquet", mapped(tmp_path), SCREEN)
    lines.write_ndjson(tmp_path / "cb.jsonl")
    three = read_events(tmp_path / "cb.jsonl", mapped(tmp_path), SCREEN)
    assert {*one.frame["id"], *two.frame["id"], *three.frame["id"]} == {one.frame["id"][0]}
    assert one.frame["id"][0].startswith("imp_")


def test_an_issuers_notice_is_one_of_fraud_whatever_its_type(tmp_path: Path) -> None:
    text = LABELS.replace("chargeback", "issuer_notice").replace('verdict = "state"\n', "")
    text = text.replace('words = { verdict = { W = "withdrawn", F = "fraud" } }', "")
    found = read_events(file(tmp_path, "o-1,6,,03.11.2026\n"), mapped(tmp_path, text), SCREEN)
    assert found.frame.select("event.kind", "event.verdict", "event.source").row(0) == (
        "label", "fraud", "issuer_notice",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "code", "place"),
    [
        ("o-1,10.4,,03.11.2026\no-2,10.4,X,03.11.2026\n", "event_word", "cb.csv:3:state"),
        ("o-1,99.9,,03.11.2026\n", "reason_unknown", "cb.csv:2:code"),
        (",10.4,,03.11.2026\n", "field_missing", "cb.csv:2:ref"),
        ("o-1,10.4,,2026-11-03\n", "time_value", "cb.csv:2:got"),
        ("o-1,10.4,,\n", "field_missing", "cb.csv:2:got"),
        (f"{'x' * 129},10.4,,03.11.2026\n", "field_value", "cb.csv:2:ref"),
        ("o-1,4111111111111111,F,03.11.2026\n", "card_number_not_accepted", "cb.csv:2:code"),
        ("4111111111111111,10.4,,03.11.2026\n", "card_number_not_accepted", "cb.csv:2:ref"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, rows: str, code: str, place: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_events(file(tmp_path, rows), mapped(tmp_path), SCREEN)
    assert (caught.value.code, caught.value.pointer) == (code, place)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (LABELS.replace("payment_id", "paymentid"), "mapping_unknown_key", "payment_id"),
        (LABELS.replace("visa", "vsa"), "mapping_value", "visa"),
        (LABELS.replace('F = "fraud"', 'F = "frod"'), "mapping_value", "fraud"),
        (LABELS.replace('unit = "%d.%m.%Y"', 'unit = "days"'), "mapping_value", "datetime"),
        (LABELS.replace('payment_id = "ref"\n', ""), "mapping_incomplete", "payment_id"),
        (LABELS.replace("{ source", "{ reason = '10.4', source"), "mapping_twice", "reason"),
        ("[result_files]\n", "mapping_incomplete", "[label_files]"),
    ],
)
def test_a_bad_map_is_named(tmp_path: Path, text: str, code: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        mapped(tmp_path, text)
    assert caught.value.code == code and said in caught.value.detail
    assert (caught.value.pointer or "").startswith("map.toml")


def test_what_is_no_toml_and_a_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unparsable):
        mapped(tmp_path, "[label_files\n")
    with pytest.raises(InvalidRequest) as caught:
        read_events(file(tmp_path, "", "reff,code,state,got\n"), mapped(tmp_path), SCREEN)
    assert caught.value.code == "unknown_column" and "`reff`" in caught.value.detail


def test_joined_rows_keep_order_and_places(tmp_path: Path) -> None:
    one = read_events(file(tmp_path, "a,10.4,,03.11.2026\nb,10.4,,01.11.2026\n"),
                      mapped(tmp_path), SCREEN)  # fmt: skip
    two = read_events(file(tmp_path, "c,10.4,,02.11.2026\nd,10.4,,03.11.2026\n", name="two.csv"),
                      mapped(tmp_path), SCREEN)  # fmt: skip
    both = join([one, no_events(), two])
    assert both.frame["payment_id"].to_list() == ["b", "c", "a", "d"]
    assert [both.place(n) for n in range(4)] == ["cb.csv:3", "two.csv:2", "cb.csv:2", "two.csv:3"]
    assert [both.slice(1, 3).place(n) for n in range(2)] == ["two.csv:2", "cb.csv:2"]
    assert len(join([])) == 0
