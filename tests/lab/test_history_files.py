"""A history in files: one order of time, the same numbers at every run, labels when known."""

from __future__ import annotations

from pathlib import Path

import pytest

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import parse_rfc3339
from paywarden.core.secret import Secret
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.history_files import PAYMENT, HistoryFiles, HistoryRequest, fields_of

MAP = """\
[columns]
"payment.id" = "id"
"payer.id" = "who"
"payment.metadata.shop" = "shop"
[time]
column = "at"
unit = "datetime"
[amount]
column = "amount"
exponent = 2
currency = "EUR"
[label]
column = "fraud"
fraud = 1
delay = "2d"
[result_files]
payment_id = "id"
status = "state"
time = { column = "at", unit = "datetime" }
"""
NOW = parse_rfc3339("2026-11-10T00:00:00Z")


def history(folder: Path, files: list[str], results: str = "", text: str = MAP) -> HistoryFiles:
    paths = []
    for number, rows in enumerate(files):
        paths.append(folder / f"p{number}.csv")
        paths[-1].write_text("id,who,at,amount,fraud,shop\n" + rows)
    (folder / "map.toml").write_text(text)
    (folder / "r.csv").write_text("id,at,state\n" + results)
    given = (folder / "r.csv",) if results else ()
    request = HistoryRequest(tuple(paths), folder / "map.toml", NOW, results=given)
    return HistoryFiles(request, CardScreen(Secret(b"k" * 32)))


def rows_of(files: HistoryFiles, start: int = 0) -> list[tuple[int, str, str]]:
    """(number, kind, payment) of each row."""
    files.check(lambda _text: None)
    found = []
    for block in files.blocks(start, lambda _text: None):
        for number, kind, _time, values, _row in block.rows(start):
            if kind == PAYMENT:
                fields = fields_of(block.paths, values)
                found.append((number, "payment", fields["payment.id"]))
            else:
                found.append((number, values[3], values[1]))
    return found


FIRST = "b,x,2026-11-02T00:00:00Z,1.00,0,s\na,x,2026-11-01T00:00:00Z,1.00,1,\n"
SECOND = "c,y,2026-11-04T00:00:00Z,2.00,1,\nd,y,2026-11-09T00:00:00Z,2.00,1,\n"
RESULTS = "c,2026-11-04T00:00:00Z,declined\na,2026-11-03T00:00:00Z,authorised\n"
ORDER = [
    "payment a", "payment b", "payment_result a", "label a",
    "payment c", "label b", "payment_result c", "label c", "payment d",
]  # fmt: skip


def test_everything_comes_in_one_order_of_time(tmp_path: Path) -> None:
    files = history(tmp_path, [FIRST, SECOND], RESULTS)
    found = rows_of(files)
    assert [number for number, _kind, _name in found] == list(range(9))
    # label b is due when payment c is made, and payments go first; label d is not known yet
    assert sorted(f"{kind} {name}" for _n, kind, name in found) == sorted(ORDER)
    assert [f"{k} {n}" for _, k, n in found if k == "payment"] == [
        "payment a", "payment b", "payment c", "payment d",
    ]  # fmt: skip
    assert found.index((4, "payment", "c")) < [n for _, k, n in found].index("b", 5)
    assert files.not_yet == 1


def test_numbers_are_the_same_from_wherever_one_goes_on(tmp_path: Path) -> None:
    whole = rows_of(history(tmp_path, [FIRST, SECOND], RESULTS))
    for start in range(len(whole) + 1):
        assert rows_of(history(tmp_path, [FIRST, SECOND], RESULTS), start) == whole[start:]


def test_an_event_before_its_payment_comes_with_it(tmp_path: Path) -> None:
    found = rows_of(history(tmp_path, [FIRST], "b,2026-11-01T12:00:00Z,declined\n"))
    assert [f"{kind} {name}" for _n, kind, name in found[:3]] == [
        "payment a", "payment b", "payment_result b",
    ]  # fmt: skip


def test_repeated_rows_count_once_and_metadata_has_its_place(tmp_path: Path) -> None:
    files = history(tmp_path, [FIRST + FIRST])
    assert files.check(lambda _text: None).payments == 2
    block = next(iter(files.blocks(0, lambda _text: None)))
    given = [fields_of(block.paths, v) for _n, kind, _t, v, _r in block.rows(0) if kind == PAYMENT]
    assert [one.get("payment.metadata") for one in given] == [None, {"shop": "s"}]


def test_the_digest_names_content_and_map_not_names(tmp_path: Path) -> None:
    def digest(files: HistoryFiles) -> bytes:
        return files.check(lambda _text: None).digest

    other = tmp_path / "other"
    other.mkdir()
    first = digest(history(tmp_path, [FIRST, SECOND]))
    assert first == digest(history(other, [FIRST, SECOND]))
    assert first != digest(history(other, [FIRST, SECOND], RESULTS))
    assert first != digest(history(other, [FIRST, SECOND], text=MAP.replace("2d", "3d")))


def test_labels_without_a_time_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        history(tmp_path, [FIRST], text=MAP.replace('delay = "2d"\n', ""))
    assert caught.value.code == "label_time_unknown"
