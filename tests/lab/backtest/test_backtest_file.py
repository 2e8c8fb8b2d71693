"""A file back-tested: the answers of `decide`, figures by hand, delay, resumption, report."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from paywarden.core.clock import FixedClock
from paywarden.core.errors import Conflict, InvalidRequest
from paywarden.core.secret import Secret
from paywarden.entrypoints.main import main
from paywarden.lab.backtest import work_folder
from paywarden.lab.backtest.changed import changed_decisions
from paywarden.lab.backtest.file_backtest import backtest_file, candidate_of, runtime_of_folder
from paywarden.lab.backtest.file_material import FileSource, file_material
from paywarden.lab.backtest.html import page, write_report
from paywarden.lab.backtest.result import BacktestResult, Costs, Options
from paywarden.lab.backtest.rule_store import RuleStore
from paywarden.lab.backtest.running import Surroundings
from paywarden.lab.backtest.text import words_of
from paywarden.lab.decide_file import FileRequest, decide_file

_PLACE = Path(__file__).parent.parent / "lab_material.py"
_SPEC = importlib.util.spec_from_file_location("lab_material", _PLACE)
assert _SPEC is not None and _SPEC.loader is not None
material: Any = sys.modules.get("lab_material") or importlib.util.module_from_spec(_SPEC)
if "lab_material" not in sys.modules:
    sys.modules["lab_material"] = material
    _SPEC.loader.exec_module(material)

ROWS = 2_000
OPTIONS = Options(replicates=60, samples=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("backtest")
    shutil.copytree(material.POLICY, root / "policy")
    (root / "map.toml").write_text(material.MAPPING)
    material.frame(ROWS).write_parquet(root / "payments.parquet")
    return root


def around(work: Path | None = None, processes: int = 2) -> Surroundings:
    return Surroundings(FixedClock(), lambda *_told: None, work, processes)


def tried(
    folder: Path, options: Options = OPTIONS, work: Path | None = None, **changes: Any
) -> BacktestResult:
    source = FileSource(folder / "payments.parquet", folder / "map.toml", **changes)
    return backtest_file(source, folder / "policy", None, options, around(work))


@pytest.fixture(scope="module")
def result(folder: Path) -> BacktestResult:
    return tried(folder)


def test_outcomes_are_those_of_decide(folder: Path, result: BacktestResult) -> None:
    request = FileRequest(
        folder / "payments.parquet", folder / "map.toml", folder / "policy", Secret(b"k" * 32)
    )
    summary = decide_file(request, lambda _done, _total: None, FixedClock())
    assert dict(result.total.outcomes) == dict(summary.outcomes)
    assert result.ruleset == summary.ruleset
    found = summary.labelled
    assert found is not None
    total = result.total
    assert (total.fraud, total.caught, total.genuine, total.hurt) == (
        found.fraud,
        found.caught,
        found.genuine,
        found.genuine_hurt,
    )
    assert total.caught_value_minor == found.caught_value_minor
    for one in result.rules:
        cases = [case for case in summary.cases if one.id in case.rules]
        assert one.matches == sum(case.payments for case in cases), one.id
        assert one.fraud == sum(case.fraud for case in cases), one.id
        passed = [
            case
            for case in cases
            if case.outcome and not case.without([name for name in case.rules if name != one.id])
        ]
        if one.outcome != "allow":
            assert one.alone_fraud == sum(case.fraud for case in passed), one.id
            assert one.alone_genuine == sum(case.genuine for case in passed), one.id


def test_groups_add_up(result: BacktestResult) -> None:
    for groups in (result.weeks, result.segments):
        assert sum(one.tally.payments for one in groups) == result.payments == ROWS
        assert sum(one.tally.caught for one in groups) == result.total.caught
    first = [one.name for one in result.weeks]
    assert first == sorted(first)


def test_the_present_threshold_is_the_present_outcome(result: BacktestResult) -> None:
    sweep = result.sweeps[0]
    here = next(one for one in sweep.thresholds if one.at == sweep.present)
    assert (here.caught, here.hurt) == (result.total.caught, result.total.hurt)
    assert here.challenged == result.total.outcomes["challenge"]
    assert [one.at for one in sweep.thresholds] == sorted({one.at for one in sweep.thresholds})
    costs = [one.cost_minor for one in sweep.thresholds]
    cheapest = next(one for one in sweep.thresholds if one.at == sweep.cheapest)
    assert cheapest.cost_minor == min(costs)


def test_intervals_hold_the_figure_and_the_seed_decides(
    folder: Path, result: BacktestResult
) -> None:
    held = result.intervals.recall
    assert held is not None and result.total.recall is not None
    assert held[0] <= result.total.recall <= held[1] and held[0] < held[1]
    assert tried(folder).intervals == result.intervals
    assert tried(folder, replace(OPTIONS, seed=8)).intervals != result.intervals


def test_a_label_is_not_known_before_its_delay(folder: Path) -> None:
    """With labels after 400 days no window ever counts one; with none the rule cannot fire."""
    late = tried(folder, label_delay_us=400 * 86_400_000_000)
    soon = tried(folder, label_delay_us=0)
    names = {one.id for one in soon.rules if "fraud" in one.id and one.matches}
    assert names, "the material has rules on reported fraud"
    for one in late.rules:
        if one.id in names:
            assert one.matches == 0, one.id
    assert late.labels.immature == ROWS and soon.labels.immature == 0


def test_a_period_judges_less_and_sees_as_much(folder: Path, result: BacktestResult) -> None:
    week = result.weeks[2].name
    start = np.datetime64(week, "us").astype(int)
    span = replace(OPTIONS, from_us=int(start), to_us=int(start) + 7 * 86_400_000_000)
    part = tried(folder, span)
    assert part.total == result.weeks[2].tally
    with pytest.raises(InvalidRequest) as refused:
        tried(folder, replace(OPTIONS, from_us=2**60))
    assert refused.value.code == "period_empty"


def test_work_is_resumed_and_a_broken_block_made_again(folder: Path, tmp_path: Path) -> None:
    first = tried(folder, work=tmp_path)
    blocks = list(tmp_path.rglob("*.matches"))
    columns = list(tmp_path.rglob("*.about"))
    assert blocks and columns
    blocks[0].write_bytes(blocks[0].read_bytes()[:-3] + b"xyz")
    columns[0].unlink()
    (columns[1].parent / "left.part.npy").write_bytes(b"of a killed run")
    again = tried(folder, work=tmp_path)
    assert replace(again, notes=()) == replace(first, notes=())
    assert " 1 of " in f" {again.notes[0].split(': ')[1]}"
    assert again.notes[-1] == "work of an earlier run was found"
    assert not (columns[1].parent / "left.part.npy").exists()


def test_another_delay_or_file_starts_anew(folder: Path, tmp_path: Path) -> None:
    tried(folder, work=tmp_path)
    other = tried(folder, work=tmp_path, label_delay_us=0)
    assert other.notes[-1] == "nothing was there before"


def test_one_changed_rule_evaluates_one_rule(folder: Path, tmp_path: Path) -> None:
    tried(folder, work=tmp_path)
    changed = tmp_path / "changed"
    shutil.copytree(folder / "policy", changed)
    file = changed / "rules" / "a.yaml"
    text = file.read_text()
    assert text.count("when: agg.c1h >= 2,") == 1
    same = "when: agg.c1h >= 2 && payment.amount_minor >= 0,"
    file.write_text(text.replace("when: agg.c1h >= 2,", same))
    source = FileSource(folder / "payments.parquet", folder / "map.toml")
    one = backtest_file(source, changed, folder / "policy", OPTIONS, around(tmp_path))
    assert ": 0 of" in one.notes[0] and ", 1 of" in one.notes[0]
    assert one.changes == () and one.total == one.total_against


def test_two_runs_do_not_share_a_folder(folder: Path, tmp_path: Path) -> None:
    runtime = runtime_of_folder(folder / "policy")
    held = file_material(
        FileSource(folder / "payments.parquet", folder / "map.toml"), [runtime.policy]
    )
    with work_folder.opened(tmp_path, held), pytest.raises(Conflict) as refused:
        tried(folder, work=tmp_path)
    assert refused.value.code == "work_folder_in_use"


def test_merging_keeps_the_order_of_rules(tmp_path: Path) -> None:
    from paywarden.risk.rules.column_program import RuleMatches

    def matches(*rules: list[int]) -> RuleMatches:
        offsets = np.cumsum([0, *map(len, rules)]).astype(np.int64)
        return RuleMatches(
            offsets,
            np.concatenate([np.array(one, np.int32) for one in rules]),
            np.arange(len(rules), dtype=np.int64),
        )

    store = RuleStore(tmp_path)
    old = store.known(["a", "b", "c"])
    store.keep(old, 0, 10, matches([1, 2], [], [5]))
    new = store.known(["c", "x", "a"])
    block = new.block(0, 10)
    assert block is not None and block.missing == [1]
    merged = block.merged(matches([7, 8, 9]))
    assert merged.offsets.tolist() == [0, 1, 4, 6]
    assert merged.payments.tolist() == [5, 7, 8, 9, 1, 2]
    assert merged.errors.tolist() == [2, 0, 0]


def test_changed_decisions_are_counted_and_shown(folder: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(folder / "policy", changed)
    policy = changed / "policy.yaml"
    text = policy.read_text()
    policy.write_text(re.sub(r"challenge: \d+", "challenge: 1", text, count=1))
    old, new = runtime_of_folder(folder / "policy"), runtime_of_folder(changed)
    held = file_material(
        FileSource(folder / "payments.parquet", folder / "map.toml"), [old.policy, new.policy]
    )
    found = changed_decisions(
        held, candidate_of(old, folder / "policy", held), candidate_of(new, changed, held),
        OPTIONS, around(),
    )  # fmt: skip
    assert found.decisions == ROWS
    assert found.changed == sum(one.payments for one in found.changes) > 0
    assert len(found.samples) == min(4, found.changed) and found.rules == ()
    assert all(one.before != one.outcome for one in found.samples)


def test_the_report_stands_alone(result: BacktestResult, tmp_path: Path) -> None:
    html, document = write_report(tmp_path / "report", result)
    text = html.read_text()
    assert "<script" not in text and "http://" not in text and "https://" not in text
    assert text.count("<svg") == 3 and text.count("<title>") == 4
    assert "U.1+x@Gmail.com" not in text and "4111111" not in text
    assert json.loads(document.read_text())["total"]["payments"] == ROWS
    assert page(replace(result, source="<b>&")).count("&lt;b&gt;&amp;") == 1
    with pytest.raises(InvalidRequest) as refused:
        write_report(html, result)
    assert refused.value.code == "report_unwritable"


def test_words_say_the_main_figures(result: BacktestResult) -> None:
    words = words_of(result)
    assert f"{result.total.caught:,} of {result.total.fraud:,}" in words
    assert "labels:" in words and "cheapest threshold" in words


@pytest.mark.parametrize(
    "changes", [{"replicates": 3}, {"samples": 1_000}, {"analysts": 0}], ids=lambda one: str(one)
)
def test_options_have_bounds(folder: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        tried(folder, replace(OPTIONS, **changes))
    assert refused.value.code == "option_out_of_range"


def test_costs_weigh_what_happens(folder: Path) -> None:
    """With nothing but reviews at 100 each the cost is the number of reviews times 100."""
    costs = Costs(100, 0, 1.0, 0.0, 1.0, 0.0, 0.0)
    for one in tried(folder, replace(OPTIONS, costs=costs)).sweeps[0].thresholds:
        assert one.cost_minor == 100 * one.reviewed


def test_the_command_answers_in_json(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "backtest", str(folder / "payments.parquet"), "--map", str(folder / "map.toml"),
        "--policy", str(folder / "policy"), "--replicates", "40", "--work", str(tmp_path),
        "--label-delay", "3d", "--json", "--report", str(tmp_path / "r"),
    ]  # fmt: skip
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["payments"] == ROWS and document["labels"]["delay_seconds"] == 3 * 86_400
    assert (tmp_path / "r" / "report.html").is_file()
    assert main([*words[:2], "--json", "--no-work"]) == 3
    assert main([*words[:-5], "--label-delay", "soon", "--json"]) == 3
    changed = tmp_path / "other"
    shutil.copytree(folder / "policy", changed)
    diff = ["policy", "changes", str(folder / "policy"), str(changed), "--on", words[1],
            "--map", words[3], "--no-work"]  # fmt: skip
    assert main(diff) == 0
    assert "0 of 2,000 decisions change" in capsys.readouterr().out


def test_a_file_of_one_payment_has_figures(folder: Path, tmp_path: Path) -> None:
    for name in ("map.toml", "policy"):
        (tmp_path / name).symlink_to(folder / name)
    pl.read_parquet(folder / "payments.parquet").head(1).write_parquet(
        tmp_path / "payments.parquet"
    )
    one = tried(tmp_path)
    assert one.payments == 1 and one.intervals.value_recall is None
    assert one.total.payments == 1
