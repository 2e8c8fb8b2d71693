"""The judge sees what a live platform would: events at their instants, nothing before, no truth."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from paywarden.core.instants import DAY_US
from paywarden.decision.conduct import PolicyRuntime
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.reader import read_policy
from paywarden.simulator.frames import events_frame
from paywarden.simulator.history import History, simulate
from paywarden.simulator.judging.judge import BLOCKED, Judged, judge, together
from paywarden.simulator.judging.page import Quiet, Verdict, page
from paywarden.simulator.judging.stopping import figures, threshold_at
from paywarden.simulator.judging.world_table import WorldTable, world_table
from paywarden.simulator.timeline import timeline

POLICY = """
name: small
base_currency: EUR
thresholds: {points: {challenge: 50}}
"""
RULES = """
- id: refused-today
  scenario: a
  when: count(card, "1d", event.status == "declined") >= 1
  then: {points: 50}
- id: new-password
  scenario: b
  when: count(payer, "1d", event.kind == "password_change") >= 1
  then: {points: 50}
- id: reported
  scenario: c
  when: count(card, "10d", event.verdict == "fraud") >= 1
  then: {outcome: block}
- id: rented-line
  scenario: d
  when: ip.is_datacenter && card.country != ip.country
  then: {points: 20}
"""
DAYS = 14


@pytest.fixture(scope="module")
def history() -> History:
    return simulate("dense", 55, DAYS)


@pytest.fixture(scope="module")
def world(history: History) -> WorldTable:
    return world_table(history)


@pytest.fixture(scope="module")
def judged(world: WorldTable, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = tmp_path_factory.mktemp("policy")
    (folder / "rules").mkdir()
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "rules" / "all.yaml").write_text(RULES)
    runtime = PolicyRuntime(compile_policy(read_policy(folder)))
    return judge(world, runtime, folder, 0)


def _counted(history: History) -> dict[str, int]:
    """How often each windowed rule must fire, straight from the public table."""
    frame = events_frame(history, timeline(history).rows)
    instants = frame["occurred_at"].dt.timestamp("us")
    until = int(instants.filter(frame["kind"] == "payment").to_numpy().max())
    card_of = dict(
        frame.filter(pl.col("kind") == "payment")
        .select(pl.concat_str("id", "attempt"), "instrument.reference")
        .iter_rows()
    )
    past: dict[str, dict[str, list[int]]] = {k: defaultdict(list) for k in ("no", "new", "bad")}
    found = {"refused-today": 0, "new-password": 0, "reported": 0}
    columns = ("kind", "id", "payment_id", "attempt", "status", "verdict", "payer.id", "phase")
    times = instants.to_list()
    for now, (kind, name, about, attempt, status, verdict, payer, phase) in zip(
        times, frame.select(columns).iter_rows(), strict=True
    ):
        if now > until:
            break
        if kind == "payment":
            card = card_of[name + attempt]
            for rule, what, who, days in (
                ("refused-today", "no", card, 1),
                ("new-password", "new", payer, 1),
                ("reported", "bad", card, 10),
            ):
                recent = [at for at in past[what].get(who, []) if now - days * DAY_US < at]
                found[rule] += bool(who and recent and phase == "pre_auth")
        elif kind == "password_change":
            past["new"][payer].append(now)
        elif status == "declined":
            past["no"][card_of[about + attempt]].append(now)
        elif verdict == "fraud":
            past["bad"][card_of[about + attempt]].append(now)
    return found


def test_windows_see_results_logins_and_labels_at_their_instants(
    history: History, judged: Judged
) -> None:
    expected = _counted(history)
    assert min(expected.values()) > 20
    for name, count in expected.items():
        record = judged.records[name]
        assert record.fraud + record.genuine == count, name


def test_truth_is_nowhere_in_what_is_decided(world: WorldTable) -> None:
    assert not [path for path in world.payments.columns if "fraud" in path or "campaign" in path]
    assert world.fraud.sum() > 50
    assert (world.campaign[world.fraud] >= 0).all()


def test_scores_and_shares_add_up(judged: Judged) -> None:
    blocked = judged.score == BLOCKED
    assert blocked.any() and judged.stopped[blocked].all()
    assert (judged.score[~judged.stopped] < 50).all()
    own = figures([judged], None)
    assert own.whole.payments == int(judged.fraud.sum())
    assert own.whole.payments == sum(one.payments for one in own.by_type.values())
    stopped = int((judged.stopped & judged.fraud).sum())
    assert own.whole.count_share == pytest.approx(stopped / own.whole.payments)
    alone = judged.records["reported"]
    assert alone.hurt_alone <= alone.hurt <= alone.genuine


def test_the_threshold_keeps_the_budget(judged: Judged) -> None:
    for share in (0.001, 0.01, 0.05, 0.5):
        threshold = threshold_at([judged], share)
        hurt = (judged.score[~judged.fraud] >= threshold).mean()
        assert hurt <= share
        assert figures([judged], threshold).hurt == pytest.approx(hurt)


def test_types_held_out_are_not_judged() -> None:
    table = world_table(simulate("dense", 8, 4, without=["card_testing"]))
    types = {table.history.strikes[n].type for n in np.unique(table.campaign[table.fraud])}
    assert types and "card_testing" not in types


def test_the_page_says_of_every_rule_what_it_is_worth() -> None:
    folder: Path = policy_folder()
    runtime = PolicyRuntime(compile_policy(read_policy(folder)))
    judged = judge(world_table(simulate("dense", 3, 5)), runtime, folder, 1)
    records = together([judged, judged])
    own, seen = figures([judged], None), len(judged.fraud)
    verdict = Verdict(records, 2 * seen, 2 * int(judged.fraud.sum()), own, own,
                      Quiet(100, 1), ((1,), (2,)), (5, 1))  # fmt: skip
    text = page(runtime.policy, verdict)
    names = {rule.template or rule.id for rule in runtime.policy.rules}
    assert all(f"`{name}`" in text for name in names)
    assert "Not measurable here" in text and "1.00% of" in text
