"""Measures, calibration, categories, thresholds and drift against slow or known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.core.errors import InvalidRequest
from paywarden.risk.scoring import metrics
from paywarden.risk.scoring.calibration import (
    Calibration,
    fit_calibration,
    read_calibration,
)
from paywarden.risk.scoring.categories import encoded, fit_codes
from paywarden.risk.scoring.drift import compare, reference_of
from paywarden.risk.scoring.operating import Costs, choose, expected_loss

_SCORED = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=60)


def _arrays(rows: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([r[0] / 10 for r in rows]), np.array([r[1] for r in rows])


@settings(max_examples=80, deadline=None)
@given(_SCORED)
def test_auc_is_the_chance_that_a_fraud_ranks_above(rows: list[tuple[int, bool]]) -> None:
    score, fraud = _arrays(rows)
    bad, good = score[fraud], score[~fraud]
    if not len(bad) or not len(good):
        assert math.isnan(metrics.auc(score, fraud))
        return
    pairs = [(a > b) + 0.5 * (a == b) for a in bad for b in good]
    assert metrics.auc(score, fraud) == pytest.approx(np.mean(pairs))


def test_average_precision_of_a_known_order() -> None:
    score = np.array([0.9, 0.8, 0.7, 0.6])
    fraud = np.array([True, False, True, False])
    assert metrics.average_precision(score, fraud) == pytest.approx((1 + 2 / 3) / 2)
    tied = np.full(4, 0.5)
    assert metrics.average_precision(tied, fraud) == pytest.approx(0.5)


@settings(max_examples=80, deadline=None)
@given(_SCORED, st.floats(0, 1))
def test_threshold_hits_at_most_its_rate(rows: list[tuple[int, bool]], rate: float) -> None:
    score, _ = _arrays(rows)
    threshold = metrics.threshold_at(score, rate)
    hit = float((score >= threshold).mean())
    assert hit <= rate + 1e-12
    # one score lower would hit too many
    lower = score[score < threshold]
    if len(lower):
        assert float((score >= lower.max()).mean()) > rate - 1e-12


def test_recall_may_be_weighed_by_value() -> None:
    score = np.array([0.9, 0.1, 0.5, 0.4])
    fraud = np.array([True, True, False, False])
    assert metrics.recall_at(score, fraud, 0.0) == 0.5
    assert metrics.recall_at(score, fraud, 0.0, np.array([30.0, 10, 1, 1])) == 0.75


def _scored(count: int, seed: int, kept: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Raw scores of a model that saw a share of genuine rows, labels, true probabilities."""
    draw = np.random.default_rng(seed)
    p = draw.beta(0.3, 8, count)
    fraud = draw.random(count) < p
    raw = p / (p + kept * (1 - p))
    return raw, fraud, p


@pytest.mark.parametrize(("count", "method"), [(60_000, "isotonic"), (4_000, "platt")])
def test_calibration_undoes_sampling(count: int, method: str) -> None:
    raw, fraud, _ = _scored(count, 3, kept=0.2)
    made = fit_calibration(raw, fraud, 0.2)
    assert made.method == method
    fresh, labels, truth = _scored(20_000, 4, kept=0.2)
    got = made.many(fresh)
    assert metrics.calibration_error(got, labels) < 0.012
    assert float(np.abs(got - truth).mean()) < 0.02
    assert metrics.calibration_error(fresh, labels) > 0.05


def test_calibration_keeps_order_and_one_equals_many() -> None:
    raw, fraud, _ = _scored(30_000, 5)
    made = fit_calibration(raw, fraud, 1.0)
    grid = np.sort(np.concatenate([raw[:500], [0.0, 1.0, 1e-12]]))
    many = made.many(grid)
    assert (np.diff(many) >= 0).all()
    assert many.tolist() == [made.one(value) for value in grid.tolist()]
    assert read_calibration(made.document()) == made


def test_calibration_refuses_one_class_and_damage() -> None:
    with pytest.raises(InvalidRequest, match="one_class"):
        fit_calibration(np.array([0.1, 0.2]), np.array([False, False]), 1.0)
    good = Calibration(1.0, "platt", (0.0, 1.0), (0.1, 0.9)).document()
    for wrong in (
        {**good, "logits": [1.0, 0.0]},
        {**good, "probabilities": [0.9, 0.1]},
        {**good, "probabilities": [0.1]},
        {**good, "kept": 0.0},
        {"kept": 1.0},
    ):
        with pytest.raises(InvalidRequest, match="calibration_invalid"):
            read_calibration(wrong)


def test_rare_and_unseen_categories_are_missing() -> None:
    texts = ("calm", "risky", "rare")
    codes = np.array([0] * 50 + [1] * 50 + [2] * 3 + [np.nan], np.float32)
    fraud = np.zeros(104, np.bool_)
    fraud[50:75] = True
    numbers = fit_codes(codes, fraud, texts)
    assert numbers == {"calm": 0.0, "risky": 1.0}
    fresh = encoded(np.array([0, 1, 2, np.nan], np.float32), ("risky", "new", "calm"), numbers)
    assert fresh[0] == 1.0 and fresh[2] == 0.0
    assert np.isnan(fresh[[1, 3]]).all()


def test_thresholds_lose_least_within_the_budget() -> None:
    _, fraud, p = _scored(20_000, 6)
    value = np.full(len(p), 5_000.0)
    costs = Costs()
    chosen = choose(p, fraud, value, 0.01, 0.002, costs)
    assert float((p[~fraud] >= chosen.challenge).mean()) <= 0.01
    assert float((p[~fraud] >= chosen.block).mean()) <= 0.002
    assert chosen.block >= chosen.challenge
    loss = expected_loss(p, fraud, value, chosen.challenge, costs)
    for other in (chosen.challenge * 1.2, chosen.challenge * 1.6, 1.0):
        assert loss <= expected_loss(p, fraud, value, other, costs) + 1e-6
    # where challenges cost more than fraud, few are worth it
    dear = choose(p, fraud, value, 0.01, 0.002, Costs(challenge_minor=4_000.0))
    assert dear.challenge > chosen.challenge


def test_drift_tells_shifts_missing_values_and_small_samples() -> None:
    draw = np.random.default_rng(8)
    names = ["still", "moved", "gone", "constant"]
    before = np.column_stack([draw.normal(size=5_000) for _ in names]).astype(np.float32)
    before[:, 3] = 1.0
    reference = reference_of(before, names)
    after = np.column_stack([draw.normal(size=3_000) for _ in names]).astype(np.float32)
    after[:, 1] += 1.0
    after[:1_000, 2] = np.nan
    after[:, 3] = 1.0
    found = {one.name: one for one in compare(reference, after, names)}
    assert found["still"].verdict == "steady" and found["still"].psi < 0.02
    assert found["moved"].verdict == "act" and found["moved"].ks > 0.3
    assert found["gone"].verdict == "act" and found["gone"].missing == pytest.approx(1 / 3)
    assert found["constant"].verdict == "steady" and found["constant"].psi == 0.0
    few = compare(reference, after[:50], names)
    assert {one.verdict for one in few} == {"too_few"}


def test_the_sigmoid_stays_a_sigmoid_where_the_classes_hardly_overlap() -> None:
    draw = np.random.Generator(np.random.PCG64(4))
    logits = np.concatenate([draw.normal(-16, 2, 20_000), draw.normal(10, 4, 300), [8.0, 9.0]])
    fraud = np.concatenate([np.zeros(20_000, bool), np.ones(300, bool), np.zeros(2, bool)])
    raw = 1 / (1 + np.exp(-logits))
    made = fit_calibration(raw, fraud, 0.1)
    assert made.method == "platt"
    assert min(made.probabilities) > 0
    assert max(made.probabilities) < 1
    p = made.many(raw)
    assert p.sum() == pytest.approx(fraud.sum(), rel=0.05)
    between = (p > 0.01) & (p < 0.99)
    assert between.any(), "a cliff would leave nothing between certain and impossible"
