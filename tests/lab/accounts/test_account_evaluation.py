"""Who is found laundering: measures by hand, worlds that are judged, what is refused, commands."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from paywarden.aml.monitoring.priority import MOST_POINTS, priorities
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US
from paywarden.entrypoints.main import main
from paywarden.lab.accounts.evaluating import WorldFile, evaluate_accounts
from paywarden.lab.accounts.mapping import TransferMap, read_map
from paywarden.lab.accounts.measures import Judged, clusters, highest, measures, with_intervals
from paywarden.lab.accounts.reading import read_transfers, read_truth
from paywarden.lab.accounts.report import html_of, words_of
from paywarden.lab.accounts.rivals import boosted, by_amount, by_degree, simple_features
from paywarden.risk.rules.typology_model import Combined, FlowFeature, Term, Typology
from paywarden.simulator.transfers.model import WorldSettings
from paywarden.simulator.transfers.writing import write

START_US = 1_767_225_600_000_000


def _typology(name, family):
    return Typology(
        id=name, title="T", family=family, explanation="E.", sources=("own",), runs="log",
        entity="account", features=(FlowFeature("n", "count", {"window": "7d"}),),
        terms=(Term("t", "flow.n > 2", 60, "x"),), score=Combined("sum", ("t",)), alert=60,
    )  # fmt: skip


def test_the_highest_within_a_budget():
    scores = np.array([0.0, 5.0, 3.0, 3.0, 0.0])
    assert highest(scores, 1, 1).tolist() == [False, True, False, False, False]
    assert highest(scores, 4, 1).sum() == 3  # who has no score is never alerted
    picked = {int(np.flatnonzero(highest(scores, 2, seed))[-1]) for seed in range(20)}
    assert picked == {2, 3}


def test_measures_by_hand():
    guilty = np.array([True, True, False, False, True])
    judged = Judged(guilty, clusters(list("abcde"), {"a": "1", "b": "1", "e": "2"}))
    assert judged.cluster.tolist() == [0, 0, 1, 2, 3]
    found = measures(judged, np.array([True, False, True, False, True]))
    assert found == {"recall": 2 / 3, "precision": 2 / 3, "alerted": 3.0}


def test_differences_are_paired():
    rng = np.random.Generator(np.random.PCG64(3))
    guilty = rng.random(400) < 0.1
    judged = Judged(guilty, np.arange(400))
    good, poor = guilty & (rng.random(400) < 0.9), guilty & (rng.random(400) < 0.2)
    both = with_intervals([(judged, {"ours": good, "same": good, "other": poor})], 5, 400)
    assert both["paired"]["same"]["recall"] == {"gap": 0.0, "interval": (0.0, 0.0)}
    low, high = both["paired"]["other"]["recall"]["interval"]
    assert 0.3 < low < both["paired"]["other"]["recall"]["gap"] < high < 1.0
    low, high = both["ways"]["ours"]["interval"]["recall"]
    assert low < both["ways"]["ours"]["recall"] < high
    assert both == with_intervals([(judged, {"ours": good, "same": good, "other": poor})], 5, 400)


def test_one_pattern_is_one_draw():
    guilty = np.array([True] * 20 + [False] * 80)
    together = Judged(guilty, np.array([0] * 10 + [1] * 10 + list(range(2, 82))))
    alone = Judged(guilty, np.arange(100))
    flags = {"ours": guilty & (np.arange(100) < 10)}
    wide = with_intervals([(together, flags)], 1, 400)["ways"]["ours"]["interval"]["recall"]
    narrow = with_intervals([(alone, flags)], 1, 400)["ways"]["ours"]["interval"]["recall"]
    assert wide == (0.0, 1.0) and 0.2 < narrow[0] < narrow[1] < 0.8


def test_priorities_add_families_and_cap_each():
    typologies = [_typology("a", "ring"), _typology("b", "ring"), _typology("c", "fan")]
    peaks = pl.DataFrame(
        [("a", "x", 50.0), ("b", "x", 70.0), ("c", "x", 20.0), ("b", "y", 900.0)],
        schema=["typology", "account", "peak"], orient="row",
    )  # fmt: skip
    assert priorities(typologies, peaks) == {"x": 90.0, "y": MOST_POINTS}


def _transfers():
    rows = [("a", "b", 100), ("a", "c", 5), ("b", "", 9_999), ("", "c", 9_999)]
    names = ["from_account", "to_account", "amount_minor"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    return frame.with_columns(at_us=pl.lit(START_US), sequence=pl.int_range(1, 5))


def test_rivals_look_between_accounts():
    accounts = pl.Series("account", ["a", "b", "c", "d"])
    assert by_amount(_transfers(), accounts).tolist() == [100.0, 100.0, 5.0, 0.0]
    assert by_degree(_transfers(), accounts).tolist() == [2.0, 1.0, 1.0, 0.0]
    features = simple_features(_transfers(), accounts)
    assert features.shape[0] == 4 and features.min() > 0.0 and features.max() <= 1.0


def test_trees_learn_elsewhere():
    rng = np.random.Generator(np.random.PCG64(1))
    features = rng.random((600, 4))
    guilty = features[:, 2] > 0.9
    scores = boosted([(features[:400], guilty[:400])], features[400:])
    assert scores[guilty[400:]].min() > np.median(scores[~guilty[400:]])
    again = boosted([(features[:400], guilty[:400])], features[400:])
    assert np.array_equal(scores, again)


# --- worlds ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    root = tmp_path_factory.mktemp("worlds")
    for seed in (1, 2):
        write(
            WorldSettings(seed=seed, accounts=200, days=50, alerts=1, innocents=2), root / f"{seed}"
        )
    files = [root / f"{seed}" / "transfers.parquet" for seed in (1, 2)]
    return [WorldFile(one, TransferMap()) for one in files]


def _found(world):
    """Alerts about the laundering accounts of a world, three days after they began."""
    truth = read_truth(world.path, world.mapping)
    members = truth.patterns["account"].unique().sort()

    def found(transfers):
        marked = transfers.filter(pl.col("sequence").is_in(truth.laundering.to_list()))
        late = int(marked["at_us"].max()) + 3 * DAY_US
        peaks = pl.DataFrame({"typology": "a", "account": members[:8], "peak": 60.0})
        alerts = peaks.rename({"peak": "score"}).with_columns(
            sequence=pl.lit(1), at_us=pl.lit(late)
        )
        return alerts, peaks  # fmt: skip

    return found, members


def test_a_world_is_judged(worlds):
    found, members = _found(worlds[1])
    document = evaluate_accounts([worlds[1]], [worlds[0]], [_typology("a", "ring")], found)
    ways = document["pooled"]["ways"]
    assert ways["typologies"]["precision"] == 1.0
    assert ways["typologies"]["recall"] == pytest.approx(8 / len(members))
    assert ways["boosting"]["alerted"] == ways["degree"]["alerted"] == 10
    (world,) = document["worlds"]
    assert world["days"]["accounts"]["alerted"] == 8 and world["days"]["accounts"]["p50"] >= 3
    assert world["hits"] == [{"typology": "a", "family": "ring", "alerted": 8, "laundering": 8}]
    page = html_of(document)
    assert "Recall by kind of laundering" in page and "<script" not in page
    assert "boosted trees" in words_of(document)


def test_what_is_judged_is_not_learned_from(worlds):
    with pytest.raises(InvalidRequest, match="must not be learned from"):
        evaluate_accounts(worlds, [worlds[0]], [], _found(worlds[0])[0])
    with pytest.raises(InvalidRequest, match="name a file"):
        evaluate_accounts([], worlds, [], _found(worlds[0])[0])


def test_commands(tmp_path, capsys):
    folder = tmp_path / "world"
    made = ["aml", "world", "--seed", "3", "--accounts", "120", "--days", "45", "--alerts", "1",
            "--innocents", "2", "--out", str(folder), "--json"]  # fmt: skip
    assert main(made) == 0
    assert json.loads(capsys.readouterr().out)["accounts"] == 120
    file, out = str(folder / "transfers.parquet"), tmp_path / "alerts.jsonl"
    typologies = tmp_path / "typologies"
    typologies.mkdir()
    (typologies / "busy.yaml").write_text(BUSY)
    asked = ["--typologies", str(typologies)]
    assert main(["aml", "batch", file, *asked, "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert told["alerts"] == len(rows) > 5 and "legs in 7 days" in rows[0]["reasons"][0]["says"]
    assert main(["aml", "evaluate", file, *asked, "--out", str(tmp_path / "report")]) == 0
    assert "typologies" in capsys.readouterr().out
    assert (tmp_path / "report" / "accounts.html").is_file()
    assert main(["aml", "batch", file, "--out", str(tmp_path / "x.txt")]) == 3
    assert main(["aml", "batch"]) == 3
    assert main(["aml", "evaluate", file, "--budget", "2"]) == 3
    address = f"duckdb://{tmp_path}/none.db"
    assert main(["aml", "batch", "--connect", address, "--table", "absent"]) == 3
    assert "no table `absent`" in capsys.readouterr().err


BUSY = """
id: busy
title: Busy
family: busy
sources: [own]
explanation: Many transfers.
runs: log
entity: account
features:
  legs: {function: count, window: 7d}
terms:
  many: {when: flow.legs >= 8, weight: 60, says: "{flow.legs} legs in 7 days"}
score: {sum: [many]}
alert: 60
examples:
  - given: {flow: {legs: 9}}
    score: 60
"""


# --- files ----------------------------------------------------------------------------------------


def _csv(tmp_path, text):
    path = tmp_path / "moved.csv"
    path.write_text(text)
    return path


def _map(tmp_path, text):
    path = tmp_path / "map.toml"
    path.write_text(text)
    return read_map(path)


MAP = """
[columns]
from_account = "who"
to_account = "whom"
[time]
column = "day"
unit = "day"
start = "2026-01-01"
[amount]
column = "sum"
exponent = 2
[outside]
accounts = ["-1"]
"""


def test_columns_are_mapped(tmp_path):
    path = _csv(tmp_path, "who,whom,day,sum\nb,-1,1,3.5\na,b,0,12.34\n")
    frame = read_transfers(path, _map(tmp_path, MAP))
    assert frame.select("sequence", "from_account", "to_account", "amount_minor").rows() == [
        (2, "a", "b", 1234),
        (1, "b", "", 350),
    ]
    assert frame["at_us"].to_list() == [START_US, START_US + DAY_US]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("who,whom,day,sum\na,b,x,1\n", "time_value"),
        ("who,whom,day,sum\na,b,1,many\n", "field_type"),
        ("who,whom,day,sum\na,b,1,\n", "field_missing"),
        ("who,whom,day,sum\na,b,1,-4\n", "amount_out_of_range"),
        ("who,day,sum\na,1,4\n", "unknown_column"),
    ],
)
def test_rows_that_cannot_be_are_refused_with_their_place(tmp_path, text, code):
    with pytest.raises(InvalidRequest) as caught:
        read_transfers(_csv(tmp_path, text), _map(tmp_path, MAP))
    assert caught.value.code == code and "moved.csv" in (caught.value.pointer or "")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[columns]\nwho = 3\n", "mapping_key"),
        ("[colums]\n", "mapping_section"),
        ("[columns]\nkind = 3\n", "mapping_value"),
        ("[amount]\nexponent = 9\n", "mapping_value"),
        ("[outside]\naccounts = [1]\n", "mapping_value"),
        ("[time\n", "mapping_unparsable"),
    ],
)
def test_mappings_that_cannot_be_are_refused(tmp_path, text, code):
    with pytest.raises(InvalidRequest) as caught:
        _map(tmp_path, text)
    assert caught.value.code == code


def test_the_published_set_is_mapped(data_folder):
    from pathlib import Path

    example = Path(__file__).parents[3] / "examples" / "amlgentex.toml"
    path, mapping = data_folder / "aml" / "amlgentex_tx.parquet", read_map(example)
    frame, truth = read_transfers(path, mapping), read_truth(path, mapping)
    assert (len(frame), len(truth.laundering)) == (177_883, 211)
    assert truth.patterns["account"].n_unique() == 86
    assert not {"isSAR", "patternID", "modelType"} & set(frame.columns)
