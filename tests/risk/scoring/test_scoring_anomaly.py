"""The score without labels: finds what is unlike, survives text, missing values and damage."""

from __future__ import annotations

import json
from array import array

import numpy as np
import pytest

from paywarden.core.errors import InvalidRequest
from paywarden.risk.scoring.anomaly import (
    Anomaly,
    expected_length,
    fit_anomaly,
    free_inputs,
    read_anomaly,
)
from paywarden.risk.scoring.engine import TreesEngine
from paywarden.risk.scoring.forest_text import Node, forest_text
from paywarden.risk.scoring.metrics import auc
from paywarden.risk.scoring.native import SingleRow
from paywarden.risk.scoring.recipe import Input

NAMES = [f"x{n}" for n in range(6)]
EVERY = np.ones(6, np.bool_)


def _rows(seed: int, count: int = 3_000) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float32)
    rows[:, 4] = rows[:, 0] * 2
    rows[::3, 5] = np.nan
    return rows


def _fitted(seed: int = 7) -> Anomaly:
    return fit_anomaly(_rows(1), NAMES, EVERY, _rows(9), seed)


def test_unlike_rows_stand_out_and_shares_are_those_of_unseen_rows() -> None:
    forest = _fitted()
    usual, strange = _rows(2, 500), _rows(3, 100)
    strange[:, :2] += 6
    lengths = np.concatenate([forest.many(usual), forest.many(strange)])
    assert auc(-lengths, np.arange(600) >= 500) > 0.95
    shares = np.array([forest.share(one) for one in lengths.tolist()])
    assert ((shares >= 0) & (shares <= 1)).all()
    assert abs(float((shares[:500] >= 0.9).mean()) - 0.1) < 0.05  # a threshold is a quota
    assert float((shares[500:] >= 0.9).mean()) > 0.9
    order = np.argsort(lengths)
    assert (np.diff(shares[order]) <= 0).all()


def test_score_survives_text_and_depends_on_the_seed_alone() -> None:
    forest = _fitted()
    again = read_anomaly(json.loads(json.dumps(forest.document())), forest.trees_text)
    assert again == forest == _fitted()
    assert _fitted(8).trees_text != forest.trees_text


def test_all_missing_and_constant_rows_are_scored() -> None:
    rows = np.full((100, 2), np.nan, np.float32)
    rows[:, 1] = 4.0
    forest = fit_anomaly(rows, ["gone", "same"], np.ones(2, np.bool_), rows)
    # nothing differs, so nothing can be set apart
    assert [forest.share(one) for one in forest.many(rows[:3]).tolist()] == [0.0, 0.0, 0.0]


def test_trees_are_served_and_explained_as_they_were_grown() -> None:
    tree = Node(
        8, 0, 0.5, Node(5, value=1.5), Node(3, 1, 2.0, Node(1, value=2.5), Node(2, value=4.0))
    )
    text = forest_text([tree, Node(8, value=0.25)], ["a", "b"])
    handle = SingleRow(text, 2, 2)
    for row, leaf in (((0.5, 9), 1.5), ((np.nan, 9), 1.5), ((0.6, 2), 2.5), ((0.6, np.nan), 2.5),
                      ((0.6, 2.1), 4.0)):  # fmt: skip
        assert handle.output(array("f", row)) == leaf + 0.25
    engine = TreesEngine(_fitted().trees_text, NAMES, 100)
    for row in _rows(4, 20):
        given = array("f", row.tobytes())
        exact, base = engine.exact(given)
        assert base + exact.sum() == pytest.approx(engine.output(given), abs=1e-9)
        inline = engine.base + engine.attribution(given).sum()
        assert inline == pytest.approx(engine.output(given), abs=1e-9)
        assert engine.base == pytest.approx(base, abs=1e-9)


def test_inputs_that_labels_fill_are_never_asked() -> None:
    inputs = [
        Input("amount", "payment.amount_minor", "UNUSUAL_AMOUNT"),
        Input("reported", 'count(card, "7d", event.verdict == "fraud")', "LINKED_TO_FRAUD"),
        Input("labels", 'count(card, "7d", event.kind == "label")', "LINKED_TO_FRAUD"),
        Input("near", "link.bad_neighbours", "LINKED_TO_FRAUD"),
        Input("channel", "payment.channel", "KIND_OF_PAYMENT"),
    ]
    free = free_inputs(inputs, {"channel": {}})
    assert free.tolist() == [True, False, False, False, False]
    rows = _rows(1)[:, :5]
    forest = fit_anomaly(rows, [one.name for one in inputs], free, rows)
    changed = rows.copy()
    changed[:, 1:] = 99.0
    assert forest.many(changed[:50]).tolist() == forest.many(rows[:50]).tolist()


def test_few_rows_and_damage_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="too_few_rows"):
        fit_anomaly(_rows(1, 10), NAMES, EVERY, _rows(2))
    good = _fitted()
    document = good.document()
    for key, wrong in (("trees", 0), ("lengths", [2.0, 1.0]), ("shares", [2.0]), ("lengths", "a")):
        with pytest.raises(InvalidRequest, match="anomaly_invalid"):
            read_anomaly({**document, key: wrong}, good.trees_text)


def test_expected_length_grows_slowly() -> None:
    lengths = [expected_length(count) for count in (1, 2, 10, 256)]
    assert lengths == sorted(lengths) and 10 < lengths[-1] < 11
