"""Leaving attack types out, choosing some, drift, and the honest look-alikes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US
from paywarden.entrypoints.main import main
from paywarden.simulator import bulk, reporting
from paywarden.simulator.campaigns.model import Operator
from paywarden.simulator.history import History, simulate
from paywarden.simulator.reaction import Attacker
from paywarden.simulator.stream import World
from paywarden.simulator.words import Channel, Kind, Promo, Type


@pytest.fixture(scope="module")
def calm() -> History:
    return simulate("dense", 77, 40, only=[])


def test_a_world_without_attacks_has_no_fraud_and_the_same_genuine_life(calm: History) -> None:
    assert not calm.strikes and not calm.payments["fraud"].any()
    attacked = simulate("dense", 77, 40)
    genuine = attacked.payments.take(attacked.payments["campaign"] < 0)
    assert len(genuine) == len(calm.payments)
    for name in ("time", "amount", "merchant", "party"):
        assert (np.sort(genuine[name]) == np.sort(calm.payments[name])).all(), name


def test_truth_is_apart_and_names_campaign_type_and_operator(tmp_path: Path) -> None:
    bulk.write("dense", 5, 10, tmp_path, only=["push_scam", "mule_network"])
    truth = pl.read_parquet(tmp_path / bulk.TRUTH_FILE)
    behind = truth.filter(pl.col("campaign_id").is_not_null())
    assert set(behind["campaign_type"]) == {"push_scam", "mule_network"}
    assert behind["operator"].null_count() == 0
    assert truth.filter("fraud")["operator"].null_count() == 0


def test_the_command_leaves_types_out_and_chooses_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["simulate", "--preset", "dense", "--days", "6", "--seed", "3", "--json"]
    out = ["--out", str(tmp_path)]
    assert main([*words, *out, "--without", "card_testing,push_scam", "--drift", "0.5"]) == 0
    types = {one["type"] for one in json.loads(capsys.readouterr().out)["campaigns"]}
    assert types and not types & {"card_testing", "push_scam"}
    assert main([*words, *out, "--only-attacks", "stolen_card"]) == 0
    types = {one["type"] for one in json.loads(capsys.readouterr().out)["campaigns"]}
    assert types == {"stolen_card"}
    assert main([*words, *out, "--only-attacks", "none_such"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "campaign_unknown"


def test_drift_moves_prices_the_web_and_operators() -> None:
    still = simulate("dense", 9, 60, drift=0.0)
    moved = simulate("dense", 9, 60, drift=1.0)

    def late(history: History) -> tuple[float, float]:
        rows = history.payments
        end = rows["time"] > history.horizon.end_us - 10 * DAY_US
        tills = end & (rows["channel"] == Channel.POS) & (rows["fraud"] == 0)
        web = rows["channel"][end & (rows["type"] == Type.CARD_PAYMENT)] == Channel.ECOMMERCE
        return float(np.median(rows["amount"][tills])), float(web.mean())

    assert late(moved)[0] > 1.6 * late(still)[0]
    assert late(moved)[1] > late(still)[1] + 0.05
    hiding = [[s.operator.evasive for s in h.strikes] for h in (still, moved)]
    assert np.mean(hiding[1]) > np.mean(hiding[0]) + 0.2
    with pytest.raises(InvalidRequest, match="simulation_drift_invalid"):
        simulate("dense", 9, 2, drift=1.5)


def test_honest_people_do_what_thieves_do(calm: History) -> None:
    rows = calm.payments
    welcome = rows["promo"] == Promo.WELCOME
    assert welcome.sum() > 20
    assert (rows["type"] == Type.REFUND).sum() > 200
    assert (rows["type"] == Type.TOP_UP).sum() > 100
    devices = rows.take((rows["device"] >= 0) & (rows["guest"] == 0))
    pairs = np.unique(np.stack([devices["device"], devices["party"]]), axis=1)
    assert (np.bincount(pairs[0]) >= 2).sum() > 100  # families lend each other devices
    gifts = rows.take(rows["amount"] % 2_500 == 0)
    bursts = np.unique(gifts["card"][gifts["card"] >= 0], return_counts=True)[1]
    assert bursts.max() >= 8  # a company buys gift cards for its staff
    transfers = rows.take((rows["type"] == Type.TRANSFER) & (rows["payee"] >= 0))
    payers = np.unique(np.stack([transfers["payee"], transfers["party"]]), axis=1)
    assert np.bincount(payers[0]).max() >= 8  # a treasurer collects
    added = calm.events.take(calm.events["kind"] == Kind.PAYEE_ADDED)
    assert np.isin(transfers["payee"], added["payee"]).sum() > 50


def test_issuer_notices_come_before_chargebacks() -> None:
    days = reporting.delays(np.random.default_rng(1), 5_000, 7.0) / DAY_US
    assert 60 < np.quantile(days, 0.99) < 90
    history = simulate("dense", 12, 60, only=["stolen_card", "bot_traffic"])
    labels = history.events.take(history.events["kind"] == Kind.LABEL)
    waited = labels["time"] - history.payments["time"][labels["payment"]]
    notice = labels["source"] == 1
    assert notice.sum() > 30
    assert np.median(waited[notice]) < np.median(waited[labels["source"] == 0])


def test_a_stopped_operator_switches_what_he_can() -> None:
    world = World("dense", 21, 25, only=["adaptive_carder"])
    bins, amounts, stopped = set(), [], 0
    for target, body in world.events():
        if target != "payment":
            continue
        payment = body["payment"]
        truth = world.truth(payment["id"], payment["attempt"])
        outcome = "block" if truth.fraud and truth.campaign_type == "adaptive_carder" else "allow"
        if outcome == "block":
            stopped += 1
            bins.add(payment["instrument"]["bin"])
            amounts.append(payment["amount_minor"])
        world.react(payment["id"], outcome, payment["attempt"])
    assert stopped >= 6 and len(bins) >= 2
    assert min(amounts) < np.median(amounts)


def test_evasive_attackers_disguise_and_bold_ones_do_not() -> None:
    bold = Attacker(Operator("a", "b", "c", False, 2, 1.0, 0.1))
    evasive = Attacker(Operator("a", "b", "c", True, 2, 2.0, 0.1, ("card", "amount")))
    for one in (bold, evasive):
        one.stopped()
    assert (bold.disguise, evasive.disguise) == (0, 1)
    assert evasive.slowness == 2.0 and not evasive.gone
    evasive.stopped()
    assert evasive.gone
