"""Posteriors as inputs of a model: point in time, and what the live path computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from model_material import DAY_US, frame, written

from paywarden.core.clock import FixedClock
from paywarden.core.secret import Secret
from paywarden.decision.companions import POSTERIORS, Companions
from paywarden.lab.decide_file import FileRequest, decide_file
from paywarden.lab.observations import Observations
from paywarden.lab.posterior_columns import with_posteriors
from paywarden.lab.prepared import reports_of
from paywarden.lab.training import dataset as sets
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.posteriors.model import KINDS
from paywarden.risk.scoring.recipe import Input

KEY = Secret(b"k" * 32)
INPUTS = (
    Input("card_risk_now", "posterior.card.mean", "KNOWN_FRAUD", 1),
    Input("shop_risk_now", "posterior.merchant.lower", "KNOWN_FRAUD", 1),
    Input("amount", "payment.amount_base_minor", "UNUSUAL_AMOUNT"),
    Input("nobody", "posterior.device.mean", "KNOWN_FRAUD", 1),
)


def quiet(*_: Any) -> None:
    """Say nothing of progress."""


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> sets.Material:
    folder = tmp_path_factory.mktemp("payments")
    (folder / "policy").mkdir()
    (folder / "policy" / "policy.yaml").write_text("name: small\nbase_currency: EUR\n")
    file, mapping = written(folder, frame(days=20, per_day=60))
    return sets.read_material(file, mapping, folder / "policy", KEY)


def live(material: sets.Material, delay_us: int) -> list[dict[str, float]]:
    """What each payment's decision would have read, one after the other."""
    table, label = material.prepared.table, material.label
    made = Observations(
        table, WindowPlan((), {}), Digester(KEY), reports_of(material.prepared, label, delay_us),
        label.source, kinds=frozenset(KINDS),
    )  # fmt: skip
    kept, found = Companions.fresh(frozenset((POSTERIORS,))), []
    columns, payments = made.block(0, len(table))
    for one, payment in zip(columns.to_observations(), payments.tolist(), strict=True):
        if payment:
            found.append(kept.fields(one))
        kept.add(one)
    return found


@pytest.mark.parametrize("delay_us", [0, 2 * DAY_US])
def test_inputs_of_training_are_what_decisions_read(material: sets.Material, delay_us: int) -> None:
    keep = np.ones(len(material.prepared.table), np.bool_)
    made = material.build(INPUTS, delay_us, keep, quiet)
    assert [one.name for one in made.inputs] == ["card_risk_now", "shop_risk_now", "amount"]
    known = live(material, delay_us)
    for place, path in enumerate(("posterior.card.mean", "posterior.merchant.lower")):
        expected = np.array([one[path] for one in known], np.float32)
        np.testing.assert_array_equal(made.matrix[:, place], expected)
    assert made.matrix[:, 0].max() > 20 * made.matrix[0, 0]


def test_a_label_counts_from_its_report_alone(material: sets.Material) -> None:
    never = live(material, 400 * DAY_US)
    assert max(one["posterior.card.mean"] for one in never) <= 0.001
    at_once, later = live(material, 0), live(material, 2 * DAY_US)
    firsts = [
        next(place for place, one in enumerate(found) if one["posterior.card.mean"] > 0.02)
        for found in (at_once, later)
    ]
    time_us = material.prepared.table.time_us
    assert time_us[firsts[1]] - time_us[firsts[0]] >= DAY_US


def test_who_reads_no_posterior_gets_no_column(material: sets.Material, tmp_path: Path) -> None:
    same = with_posteriors(material.prepared, material.label, 0, KEY, ["payment.hour > 3"])
    assert same is material.prepared


def test_rules_read_posteriors_of_a_file(material: sets.Material, tmp_path: Path) -> None:
    file, mapping = written(tmp_path, frame(days=20, per_day=60))
    policy = tmp_path / "policy"
    (policy / "rules").mkdir(parents=True)
    (policy / "policy.yaml").write_text("name: small\nbase_currency: EUR\n")
    rule = "- {id: bad, title: Bad past, scenario: known, when: posterior.card.mean > 0.02,"
    (policy / "rules" / "all.yaml").write_text(rule + " then: {outcome: review, reason: KNOWN}}\n")
    request = FileRequest(file, mapping, policy, KEY, out=tmp_path / "out.csv")
    decide_file(request, quiet, FixedClock())
    outcomes = pl.read_csv(tmp_path / "out.csv")["outcome"].to_list()
    known = live(material, 2 * DAY_US)
    assert [one == "review" for one in outcomes] == [
        one["posterior.card.mean"] > 0.02 for one in known
    ]
    assert 10 < outcomes.count("review") < len(outcomes) / 2
