"""Laundering and its look-alikes: shapes, ratio, truth kept apart, and nothing else changed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from paywarden.decision.messages import DecisionRequest
from paywarden.kit.http.decoding import BodyDecoder
from paywarden.simulator import bulk
from paywarden.simulator.campaigns import registry
from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.schedule import INNOCENTS
from paywarden.simulator.flows import flows
from paywarden.simulator.frames import events_frame, truth_frame
from paywarden.simulator.history import History, Strike, simulate
from paywarden.simulator.listed.names import evasion, list_octets, listed, resemblance
from paywarden.simulator.rows import Rows
from paywarden.simulator.stream import World
from paywarden.simulator.timeline import timeline
from paywarden.simulator.words import Status, Type
from paywarden.simulator.world.banking import rate_of

GUILTY = {
    "structuring", "layering_cycle", "fan_in", "fan_out", "scatter_gather", "gather_scatter",
    "pass_through", "mule_ring", "merchant_laundering", "sanctions_evasion",
}  # fmt: skip


@pytest.fixture(scope="module")
def history() -> History:
    return simulate("dense", 11, 10, aml=True)


def patterns(history: History, wanted: str) -> list[tuple[Strike, Rows]]:
    rows = history.payments
    return [
        (strike, rows.take(rows["campaign"] == number))
        for number, strike in enumerate(history.strikes)
        if strike.type == wanted
    ]


def test_every_way_of_laundering_is_there_with_twenty_innocents_each(history: History) -> None:
    of_aml = [strike for strike in history.strikes if strike.engine == "aml"]
    assert {strike.type for strike in of_aml if not strike.innocent} == GUILTY
    innocents = [strike for strike in of_aml if strike.innocent]
    assert len(innocents) == INNOCENTS * (len(of_aml) - len(innocents))
    by_type = Counter(strike.type for strike in innocents)
    assert len(by_type) == 10
    assert max(by_type.values()) - min(by_type.values()) <= 1


@pytest.mark.parametrize(("preset", "seed", "days"), [("demo", 7, 1), ("dense", 5, 2)])
def test_life_and_fraud_are_the_same_with_and_without_laundering(
    preset: str, seed: int, days: int
) -> None:
    plain, both = simulate(preset, seed, days), simulate(preset, seed, days, aml=True)
    before, after = (events_frame(one, timeline(one).rows) for one in (plain, both))
    kept = after.join(
        before.select("kind", "id", "attempt"), on=["kind", "id", "attempt"], nulls_equal=True
    )
    order, shown = ["occurred_at", "id", "attempt"], {"instrument.kind", "instrument.reference"}
    assert len(kept) == len(before)
    for column in set(before.columns) - shown:  # accounts are named where flows are followed
        assert kept.sort(order)[column].equals(before.sort(order)[column]), column
    frauds = [strike for strike in both.strikes if strike.engine == "fraud"]
    assert tuple(frauds) == plain.strikes


def test_a_world_without_laundering_has_the_columns_that_it_always_had(tmp_path: Path) -> None:
    bulk.write("demo", 1, 1, tmp_path)
    truth = pl.read_parquet(tmp_path / "truth.parquet")
    assert truth.columns[-2:] == ["fraud", "exposed"]
    assert "remittance_information" not in pl.read_parquet(tmp_path / "events.parquet").columns
    assert not (tmp_path / "transfers.parquet").exists()


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    def digests(seed: int, name: str) -> list[str]:
        told = bulk.write("demo", seed, 1, tmp_path / name, aml=True)
        return [
            hashlib.sha256((tmp_path / name / file).read_bytes()).hexdigest()
            for file in told["files"]
        ]

    assert digests(3, "a") == digests(3, "b")
    assert not set(digests(4, "c")) & set(digests(3, "a"))


def test_truth_is_kept_apart_and_neither_engine_sees_the_other_s(history: History) -> None:
    truth = truth_frame(history, timeline(history))
    guilty = truth.filter("laundering")
    assert guilty["fraud"].sum() == 0
    assert set(guilty["engine"]) == {"aml"}
    assert not (truth["laundering"] & truth["look_alike"]).any()
    assert truth.filter("look_alike")["campaign_type"].str.starts_with("look_alike_").all()
    assert truth.filter("fraud")["engine"].unique().to_list() == ["fraud"]


def test_money_goes_on_where_it_came_in(history: History) -> None:
    """Accounts are named alike on both sides, so flows can be followed."""
    made = flows(history)
    inside = made.transfers.filter((pl.col("from_account") != "") & (pl.col("to_account") != ""))
    senders, receivers = set(inside["from_account"]), set(inside["to_account"])
    assert len(senders & receivers) > 100
    assert made.transfers["at_us"].is_sorted()
    assert made.transfers["amount_minor"].min() >= 1
    guilty = made.transfers.join(made.parts, on="sequence")
    assert len(guilty) == len(made.parts)
    members = set(made.patterns["account"])
    ring = guilty["pattern"].str.contains("mule-ring")
    schemes = guilty.filter(~ring)
    assert set(schemes["from_account"]) | set(schemes["to_account"]) <= members | {""}
    rings = made.patterns.filter(pl.col("family") == "mule_ring")
    paid = set(guilty.filter(ring)["to_account"]) - {""}
    assert set(rings["account"]) == paid, "who was deceived belongs to no ring"
    assert made.patterns.filter("main")["pattern"].n_unique() == made.patterns["pattern"].n_unique()


def test_a_cycle_comes_back_with_a_fee_off_each_hop(history: History) -> None:
    seen = 0
    for _strike, rows in patterns(history, "layering_cycle"):
        order = np.argsort(rows["time"])
        account, payee, amount = (rows[c][order] for c in ("account", "payee", "amount"))
        assert np.array_equal(payee[:-1], account[1:])
        assert (np.diff(amount) < 0).all()
        seen += int(account[0] in payee)
    assert seen


def test_middles_pass_on_what_they_got(history: History) -> None:
    for _strike, rows in patterns(history, "scatter_gather"):
        source = rows["account"][np.argmin(rows["time"])]
        out = rows.take(rows["account"] == source)
        back = rows.take(rows["account"] != source)
        assert len(set(back["payee"])) == 1
        assert set(back["account"]) <= set(out["payee"])


def test_structured_sums_lie_below_what_is_reported(history: History) -> None:
    found = patterns(history, "structuring")
    assert found
    for strike, rows in found:
        cash = rows.take(rows["type"] == Type.TOP_UP)
        split = "split" in strike.operator.name
        sums = rows if split else cash
        land = history.pools.column("payees", "country")[sums["payee"]]
        rates = np.array([rate_of(int(one)) for one in land])
        assert (sums["amount"] / rates < moves.THRESHOLD_EUROS).all()
        if not split:
            assert cash["account"].max(initial=-1) == -1, "cash comes from outside"


def test_mules_hand_on_most_of_it(history: History) -> None:
    for _strike, rows in patterns(history, "mule_ring"):
        drawn = rows["type"] == Type.WITHDRAWAL
        onward = np.isin(rows["account"], rows["payee"]) & ~drawn
        came = rows["amount"][~onward & ~drawn].sum()
        gone = rows["amount"][onward | drawn].sum()
        assert gone < 0.96 * came
        assert drawn.sum() == 0 or (rows["payee"][drawn] < 0).all()


def test_a_front_shop_s_tickets_do_not_fit_its_trade(history: History) -> None:
    table = history.pools.rows("merchants")
    for _strike, rows in patterns(history, "merchant_laundering"):
        (shop,) = set(rows["merchant"])
        usual = np.exp(table["mu_milli"][shop] / 1_000)
        euros = np.median(rows["amount"]) / rate_of(int(table["country"][shop]))
        assert euros > 2 * usual


def test_bodies_pass_the_contract_of_payments() -> None:
    world = World("demo", 5, 1, aml=True)
    decoder = BodyDecoder(DecisionRequest)
    seen: Counter[str] = Counter()
    for target, body in world.events():
        if target != "payment":
            continue
        payment = decoder.decode(msgspec.json.encode(body)).payment
        truth = world.truth(payment.id, payment.attempt)
        seen["laundering"] += truth.laundering
        seen["innocent"] += truth.innocent
        seen["accounts"] += payment.instrument is not None and payment.instrument.kind == "account"
        seen["remittance"] += payment.remittance_information is not None
        world.react(payment.id, "allow", payment.attempt)
        assert "laundering" not in json.dumps(body)
    assert all(seen[name] > 0 for name in ("laundering", "innocent", "accounts", "remittance"))


def test_a_launderer_who_is_held_thrice_gives_up() -> None:
    world = World("demo", 5, 1, aml=True)
    sent: Counter[str] = Counter()
    for target, body in world.events():
        if target != "payment":
            continue
        payment = body["payment"]
        truth = world.truth(payment["id"], payment["attempt"])
        world.react(payment["id"], "block" if truth.laundering else "allow", payment["attempt"])
        sent[truth.campaign_id or ""] += truth.laundering
    assert max(sent.values()) <= 3


def test_types_can_be_left_out_and_unknown_ones_are_refused() -> None:
    only = simulate("demo", 1, 1, aml=True, only=["mule_ring"])
    assert {strike.type for strike in only.strikes} == {"mule_ring"}
    with pytest.raises(Exception, match="mule_ring"):
        registry.chosen(["nobody"], aml=True)
    with pytest.raises(Exception, match="no such campaign"):
        registry.chosen([], ["mule_ring"])


def test_the_made_up_list_is_whole_and_evaded_in_many_ways() -> None:
    entries = listed()
    assert len({entry.id for entry in entries}) == len(entries) == 18
    assert list_octets().startswith(b"id,name,aliases")
    rng = np.random.default_rng(1)
    written = {evasion(rng, entries[0]) for _ in range(200)}
    assert len(written) > 12
    assert entries[0].name in written
    names = {entry.name for entry in entries}
    assert all(resemblance(rng, "Anna", "Muster") not in names for _ in range(100))


def test_most_of_it_is_authorised(history: History) -> None:
    marked = history.payments.take(history.payments["laundering"] >= 0)
    assert (marked["status"] == Status.AUTHORISED).mean() > 0.95
