"""The score without labels: finds what is unlike, survives text, missing values and damage."""

from __future__ import annotations

import json

import numpy as np
import pytest

from paywarden.core.errors import InvalidRequest
from paywarden.risk.scoring.anomaly import expected_length, fit_anomaly, read_anomaly
from paywarden.risk.scoring.metrics import auc


def _rows(seed: int, count: int = 3_000) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float32)
    rows[:, 4] = rows[:, 0] * 2
    rows[::3, 5] = np.nan
    return rows


def test_unlike_rows_stand_out() -> None:
    forest = fit_anomaly(_rows(1), [f"x{n}" for n in range(6)])
    usual, strange = _rows(2, 500), _rows(3, 100)
    strange[:, :2] += 6
    scores = np.concatenate([forest.many(usual), forest.many(strange)])
    assert ((scores > 0) & (scores < 1)).all()
    assert auc(scores, np.arange(600) >= 500) > 0.95


def test_score_survives_text_and_is_the_same_for_one() -> None:
    forest = fit_anomaly(_rows(1), [f"x{n}" for n in range(6)])
    again = read_anomaly(json.loads(json.dumps(forest.document())))
    rows = _rows(5, 40)
    many = forest.many(rows)
    assert many.tolist() == again.many(rows).tolist()
    assert [forest.one(row.tolist()) for row in rows] == many.tolist()
    assert fit_anomaly(_rows(1), ["a"] * 6).many(rows).tolist() == many.tolist()
    assert fit_anomaly(_rows(1), ["a"] * 6, seed=8).many(rows).tolist() != many.tolist()


def test_all_missing_and_constant_rows_are_scored() -> None:
    rows = np.full((100, 2), np.nan, np.float32)
    rows[:, 1] = 4.0
    forest = fit_anomaly(rows, ["gone", "same"])
    # nothing differs, so nothing can be set apart
    assert forest.many(rows[:3]).tolist() == pytest.approx([0.5, 0.5, 0.5])


def test_few_rows_and_damage_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="too_few_rows"):
        fit_anomaly(_rows(1, 10), ["a"] * 6)
    good = fit_anomaly(_rows(1), ["a"] * 6).document()
    for key, wrong in (("asked", [[9]]), ("normal", 0), ("cuts", "text"), ("lengths", [])):
        with pytest.raises(InvalidRequest, match="anomaly_invalid"):
            read_anomaly({**good, key: wrong})


def test_expected_length_grows_slowly() -> None:
    lengths = [expected_length(count) for count in (1, 2, 10, 256)]
    assert lengths == sorted(lengths) and 10 < lengths[-1] < 11
