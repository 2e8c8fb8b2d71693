"""`paywarden screen`: files in every form against a folder of lists."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from paywarden.entrypoints.main import main

ROWS = [
    {"full_name": "Sechin, Igor", "date_of_birth": "1960-09-07", "nationality": "Russia"},
    {"full_name": "John Miller", "date_of_birth": "", "nationality": ""},
    {"full_name": "", "date_of_birth": "", "nationality": ""},
]
SDN = (
    '1001,"SECHIN, Igor Ivanovich","individual","RUSSIA-EO14024",-0- ,-0- ,-0- ,'
    '-0- ,-0- ,-0- ,-0- ,"DOB 07 Sep 1960; nationality Russia."\n'
)


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "sdn.csv").write_text(SDN)
    return folder


def written(folder: Path, ending: str) -> Path:
    path = folder / f"parties{ending}"
    frame = pl.DataFrame(ROWS)
    if ending == ".parquet":
        frame.write_parquet(path)
    elif ending == ".jsonl":
        frame.write_ndjson(path)
    elif ending == ".csv.gz":
        path.write_bytes(gzip.compress(frame.write_csv().encode()))
    else:
        frame.write_csv(path)
    return path


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".jsonl"])
def test_every_form_of_file_gives_the_same_hit(
    tmp_path: Path, lists: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, ending)
    assert main(["screen", str(file), "--list", str(lists), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["queries"] == 3
    assert [hit["row"] for hit in answer["hits"]] == [0]
    hit = answer["hits"][0]
    assert hit["query"] == "Sechin, Igor"
    assert {"entry", "list", "score", "why"} <= set(hit)
    assert 0.7 <= hit["score"] <= 1.0
    assert answer["seconds"] >= 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("person\nA\n", "unknown_column"),
        ("name,date_of_birth\nA,soon\n", "bad_date"),
        ("name,schema\nA,Dragon\n", "unknown_schema"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_place(
    tmp_path: Path, lists: Path, text: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)
    assert main(["screen", str(file), "--list", str(lists), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code


def test_a_folder_without_a_list_is_no_clean_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none").mkdir()
    file = written(tmp_path, ".csv")
    assert main(["screen", str(file), "--list", str(tmp_path / "none"), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "lists_missing"
