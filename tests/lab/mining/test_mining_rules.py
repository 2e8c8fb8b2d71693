"""From payments to drafts: what was planted is found, measured on days that did not teach."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import mining_material as material
import polars as pl
import pytest

from paywarden.cli import mine as command
from paywarden.cli import output
from paywarden.core.clock import FixedClock
from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.lab.deciding import Deciding
from paywarden.lab.mining.features import ALLOWED, PROTECTED
from paywarden.lab.mining.mine import Mined, mine_file
from paywarden.lab.mining.request import MineRequest
from paywarden.risk.rules.check import check_files
from paywarden.risk.rules.reader import files_of


def mined(request: MineRequest) -> Mined:
    return mine_file(request, lambda _stage, _done, _total: None, FixedClock())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return material.files(tmp_path_factory.mktemp("mining"))


@pytest.fixture(scope="module")
def labelled(folder: Path) -> Mined:
    return mined(material.request(folder))


@pytest.fixture(scope="module")
def burst(folder: Path) -> Mined:
    return mined(material.request(folder, burst=True))


def test_the_planted_pattern_is_found(labelled: Mined) -> None:
    first = labelled.drafts[0]
    assert 'payment.channel == "moto"' in first.when
    assert "payment.amount_base_minor >= 15000" in first.when
    assert len(first.conditions) == 2
    assert first.judged.precision > 0.8
    assert first.judged.precision_low <= first.judged.precision <= first.judged.precision_high
    assert first.judged.recall > 0.9
    assert first.judged.customers_hurt <= first.judged.hurt


def test_figures_are_those_of_the_judging_days(labelled: Mined, folder: Path) -> None:
    first = labelled.drafts[0]
    cut = labelled.periods["held_out"]
    assert isinstance(cut, dict)
    later = pl.read_parquet(folder / "payments.parquet").filter(
        pl.col("when") >= pl.lit(cut["from"]).str.to_datetime(time_zone="UTC")
    )
    hit = later.filter((pl.col("channel") == "moto") & (pl.col("amount") >= 150))
    assert first.judged.matches == hit.height
    assert first.judged.caught == hit["fraud"].sum()
    assert first.judged.hurt == hit.height - hit["fraud"].sum()
    value = hit.filter(pl.col("fraud") == 1)["amount"]
    assert first.judged.caught_value_minor == round(value.sum() * 100)


def test_what_comes_later_never_teaches(labelled: Mined, tmp_path: Path) -> None:
    cut = labelled.periods["mined"]
    assert isinstance(cut, dict)
    known = pl.col("when") < pl.lit(cut["to"]).str.to_datetime(time_zone="UTC")
    spoilt = material.frame().with_columns(
        pl.when(known).then(pl.col("fraud")).otherwise(1 - pl.col("fraud")).alias("fraud")
    )
    again = mined(replace(material.request(material.files(tmp_path, spoilt)), min_precision=0.0))
    found = [*(draft.when for draft in again.drafts), *(when for when, _ in again.dropped)]
    assert labelled.drafts[0].when in found


def test_no_condition_speaks_of_who_somebody_is(labelled: Mined, burst: Mined) -> None:
    assert not ALLOWED & PROTECTED
    assert "payer.country" in PROTECTED
    for draft in (*labelled.drafts, *burst.drafts):
        assert not any(path in draft.when for path in PROTECTED)


def test_drafts_pass_the_check_with_their_examples(labelled: Mined, folder: Path) -> None:
    files = files_of(folder / "policy")
    found = check_files({**files, "rules/mined.yaml": labelled.text.encode()})
    about = [str(one) for one in found.items if one.file == "rules/mined.yaml"]
    assert about == []
    for draft in labelled.drafts:
        assert {fires for _, fires in draft.examples} == {True, False}
        given = json.dumps([values for values, _ in draft.examples])
        assert not any(word in given for word in ("fingerprint", "payer", "address"))


def test_the_engine_fires_drafts_where_they_were_measured(
    labelled: Mined, folder: Path, tmp_path: Path
) -> None:
    """The drafts as rules, over the same file: as many matches on the judging days."""
    from paywarden.decision.conduct import PolicyRuntime
    from paywarden.lab.card_screen import CardScreen
    from paywarden.lab.file_lists import FileLists
    from paywarden.lab.files import open_file
    from paywarden.lab.mapping_file import read_mapping
    from paywarden.lab.observations import Observations
    from paywarden.lab.prepared import prepare, reports_of
    from paywarden.lab.sources import read_given
    from paywarden.risk.features.digests import Digester
    from paywarden.risk.rules.compiler import compile_policy
    from paywarden.risk.rules.reader import read_policy_files

    files = {**files_of(folder / "policy"), "rules/mined.yaml": labelled.text.encode()}
    runtime = PolicyRuntime(compile_policy(read_policy_files(files)))
    mapping = read_mapping(folder / "map.toml")
    key = Secret(b"k" * 32)
    given = read_given(mapping, open_file(folder / "payments.parquet", ","), None, CardScreen(key))
    prepared = prepare(given, mapping, [runtime.policy])
    label = mapping.label
    assert label is not None
    reports = reports_of(prepared, label, label.delay_us)
    observations = Observations(prepared.table, runtime.plan, Digester(key), reports, label.source)
    engine = Deciding(runtime, prepared.table, FileLists(runtime.policy.lists, folder / "policy"))
    first = len(prepared.table) - _judged_rows(labelled)
    counts: dict[str, int] = {}

    def watch(start: int, features: object, fired: object) -> None:
        for row in range(max(first - start, 0), len(fired.offsets) - 1):  # type: ignore[attr-defined]
            for rule in fired.of(row):  # type: ignore[attr-defined]
                name = runtime.policy.rules[rule].id
                counts[name] = counts.get(name, 0) + 1

    engine.run(observations, lambda _done, _total: None, watch)
    for draft in labelled.drafts:
        assert counts.get(draft.id, 0) == draft.judged.matches


def _judged_rows(found: Mined) -> int:
    part = found.periods["held_out"]
    assert isinstance(part, dict)
    return int(part["payments"])


def test_a_burst_is_told_from_history_without_labels(burst: Mined) -> None:
    assert burst.mode == "burst"
    first = burst.drafts[0]
    assert first.judged.precision > 0.9
    assert burst.together.caught >= 30  # two fifths of ninety payments, and none of them taught
    text = " ".join(draft.when for draft in burst.drafts)
    assert any(word in text for word in ("419999", "s7", "ip", "merchant", "bin"))


def test_the_same_request_gives_the_same_drafts(folder: Path, labelled: Mined) -> None:
    again = mined(replace(material.request(folder), key=Secret(b"other key of this run" * 2)))
    assert again.text == labelled.text


def test_what_the_policy_stops_already_is_not_mined_again(folder: Path, tmp_path: Path) -> None:
    home = material.files(tmp_path)
    rules = home / "policy" / "rules" / "a.yaml"
    rules.write_text(
        material.RULES
        + """
- id: known
  scenario: unusual_amount
  when: payment.channel == "moto" && payment.amount_base_minor >= 14000
  then: {points: 60, reason: ODD}
"""
    )
    found = mined(material.request(home))
    assert all(draft.judged.new_value_minor == 0 for draft in found.drafts) or not found.drafts


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"max_rules": 0}, "max_rules_out_of_range"),
        ({"min_precision": 1.0}, "min_precision_out_of_range"),
        ({"holdout_share": 0.9}, "holdout_out_of_range"),
        ({"burst": (5, 5)}, "burst_empty"),
        ({"burst": (1, 2)}, "mining_no_history"),
        ({"policy": Path("/nowhere/at/all")}, "policy_folder_missing"),
    ],
)
def test_what_cannot_be_mined_is_refused(
    folder: Path, change: dict[str, object], code: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        mined(replace(material.request(folder), **change))  # type: ignore[arg-type]
    assert caught.value.code == code


def test_too_few_frauds_are_refused(tmp_path: Path) -> None:
    few = material.frame(300).with_columns(pl.lit(0).alias("fraud"))
    with pytest.raises(InvalidRequest) as caught:
        mined(material.request(material.files(tmp_path, few)))
    assert caught.value.code == "mining_too_few"


def test_the_command_writes_drafts_and_report(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    command.add_arguments(parser)
    words = [str(folder / "payments.parquet"), "--map", str(folder / "map.toml"), "--json"]
    words += ["--policy", str(folder / "policy"), "--out", str(tmp_path / "out")]
    assert command.run(parser.parse_args(words), FixedClock()) == output.DONE
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((tmp_path / "out" / "report.json").read_text())
    text = (tmp_path / "out" / "rules" / "mined.yaml").read_text()
    assert all(f"- id: {rule['id']}" in text for rule in document["rules"])
    assert document["mode"] == "labels"


def test_a_burst_is_read_from_the_command_line() -> None:
    start, end = command.burst_of("2026-03-01T14:00..2026-03-01T15:00:30Z")
    assert end - start == 3_630_000_000
    assert command.burst_of("2026-03-01..2026-03-02")[1] - start == 10 * 3_600_000_000
    with pytest.raises(argparse.ArgumentTypeError):
        command.burst_of("yesterday")
