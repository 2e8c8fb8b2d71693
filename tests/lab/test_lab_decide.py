"""`decide_file` and the command: summary, results, exit codes, the shipped examples."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import lab_material as material
import polars as pl
import pytest

from paywarden.cli import decide, output
from paywarden.core.clock import FixedClock
from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.lab.decide_file import FileRequest, decide_file
from paywarden.lab.summary import FileSummary

ROOT = Path(__file__).resolve().parents[2]
ROWS = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("decide")
    (root / "map.toml").write_text(material.MAPPING)
    material.frame(ROWS).write_parquet(root / "payments.parquet")
    return root


def _decide(folder: Path, **more: Any) -> FileSummary:
    given: dict[str, Any] = {
        "file": folder / "payments.parquet",
        "mapping": folder / "map.toml",
        "policy": material.POLICY,
        "key": Secret(b"k" * 32),
        **more,
    }
    return decide_file(FileRequest(**given), lambda _done, _total: None, FixedClock())


def test_the_summary_counts_what_the_rows_say(folder: Path) -> None:
    out = folder / "out.parquet"
    summary = _decide(folder, out=out)
    rows = pl.read_parquet(out)
    assert rows.columns == ["row", "payment_id", "outcome", "points", "reasons"]
    assert summary.payments == rows.height == ROWS
    counted = dict(rows["outcome"].value_counts().iter_rows())
    assert {word: n for word, n in summary.outcomes.items() if n} == counted
    frame = material.frame(ROWS)
    stopped = rows["outcome"] != "allow"
    fraud = (frame["fraud"] == 1).fill_null(False)
    genuine = (frame["fraud"] == 0).fill_null(False)
    assert summary.labelled is not None
    assert summary.labelled.fraud == fraud.sum()
    assert summary.labelled.caught == (fraud & stopped).sum()
    assert summary.labelled.genuine == genuine.sum()
    assert summary.labelled.genuine_hurt == (genuine & stopped).sum()
    assert summary.labelled.currency == "EUR"
    yen = frame["money"] == "JPY"
    assert summary.labelled.unvalued == (fraud & yen).sum()
    assert summary.degraded["rate_missing"] == yen.sum()


def test_one_currency_is_valued_as_it_is(folder: Path, tmp_path: Path) -> None:
    frame = material.frame(60).with_columns(money=pl.lit("USD"))
    frame.write_parquet(tmp_path / "usd.parquet")
    labelled = _decide(folder, file=tmp_path / "usd.parquet").labelled
    assert labelled is not None
    fraud = frame.filter(pl.col("fraud") == 1)
    assert labelled.currency == "USD" and labelled.unvalued == 0
    assert labelled.fraud_value_minor == sum(round(x * 100) for x in fraud["amount"].to_list())


def test_the_key_changes_nothing(folder: Path) -> None:
    one, two = folder / "one.csv", folder / "two.csv"
    _decide(folder, out=one)
    _decide(folder, out=two, key=Secret(b"other" * 8))
    assert one.read_bytes() == two.read_bytes()


def test_a_limit_decides_the_first_rows(folder: Path) -> None:
    assert _decide(folder, limit=7).payments == 7
    with pytest.raises(InvalidRequest, match="limit_out_of_range"):
        _decide(folder, limit=0)


def test_repeats_have_the_answer_of_the_first(folder: Path, tmp_path: Path) -> None:
    frame = material.frame(80)
    pl.concat([frame, frame.head(20)]).write_parquet(tmp_path / "twice.parquet")
    frame.write_parquet(tmp_path / "once.parquet")
    twice = _decide(folder, file=tmp_path / "twice.parquet", out=tmp_path / "twice.jsonl")
    _decide(folder, file=tmp_path / "once.parquet", out=tmp_path / "once.jsonl")
    answers = pl.read_ndjson(tmp_path / "twice.jsonl").drop("row")
    assert twice.payments == 100 and twice.repeated == 20
    assert answers.head(80).equals(pl.read_ndjson(tmp_path / "once.jsonl").drop("row"))
    assert answers.tail(20).equals(answers.head(20))


def test_results_hold_no_card_number_and_no_person(folder: Path) -> None:
    for name in ("o.csv", "o.jsonl"):
        _decide(folder, out=folder / name)
        text = (folder / name).read_text()
        for word in ("41111111", "gmail", "203.0.113", "Street", "DE89"):
            assert word not in text


@pytest.mark.parametrize("name", ["out.xlsx", "nowhere/out.csv"])
def test_a_result_file_that_cannot_be_written_is_refused_first(folder: Path, name: str) -> None:
    with pytest.raises(InvalidRequest, match="out_"):
        _decide(folder, out=folder / name)


# --- the command ---------------------------------------------------------------------------


def _run(words: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    decide.add_arguments(parser)
    arguments = parser.parse_args(words)
    return output.guarded(arguments, lambda: decide.run(arguments, FixedClock()))


def test_the_command_prints_one_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(folder / "payments.parquet"), "--map", str(folder / "map.toml")]
    assert _run([*words, "--policy", str(material.POLICY), "--json", "--limit", "50"]) == 0
    seen = capsys.readouterr()
    document = json.loads(seen.out)
    assert document["payments"] == 50
    assert sum(document["outcomes"].values()) == 50
    assert set(document["outcomes"]) == {"allow", "challenge", "review", "block"}
    assert {
        "fraud",
        "fraud_value_minor",
        "caught",
        "caught_value_minor",
        "genuine",
        "genuine_hurt",
    } <= set(document["labelled"])
    assert "50 of 50 payments" in seen.err


def test_bad_input_is_exit_code_three(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(folder / "payments.parquet"), "--map"]
    (folder / "bad.toml").write_text(material.MAPPING.replace('= "when"', '= "wen"'))
    assert _run([*words, str(folder / "bad.toml"), "--json"]) == 3
    seen = capsys.readouterr()
    assert json.loads(seen.out)["error"]["code"] == "unknown_column"
    assert "did you mean `when`?" in seen.err
    assert _run([*words, str(folder / "map.toml"), "--policy", str(folder / "none")]) == 3
    assert _run([str(folder / "none.csv"), "--map", str(folder / "map.toml")]) == 3
    with pytest.raises(SystemExit) as caught:
        _run([str(folder / "payments.parquet")])
    assert caught.value.code == 2


# --- the shipped examples ------------------------------------------------------------------


def test_the_examples_decide_their_sets(data_folder: Path, tmp_path: Path) -> None:
    sets = {
        "handbook.toml": data_folder / "handbook" / "tx_2018-04-01_2018-08-31.parquet",
        "sparkov.toml": data_folder / "sparkov" / "tx.parquet",
    }
    for name, file in sets.items():
        out = tmp_path / "out.jsonl"
        summary = _decide(
            tmp_path,
            file=file,
            mapping=ROOT / "examples" / name,
            policy=policy_folder(),
            out=out,
            limit=3_000,
        )
        assert summary.payments == 3_000
        assert sum(summary.outcomes.values()) == 3_000
        assert summary.labelled is not None and summary.labelled.genuine > 2_000
        assert not summary.degraded
        assert pl.read_ndjson(out).height == 3_000


def test_truth_is_never_a_feature() -> None:
    text = (ROOT / "examples" / "handbook.toml").read_text()
    assert "TX_FRAUD_SCENARIO" not in "".join(line.partition("#")[0] for line in text.splitlines())
