"""The campaigns beyond the first four have the shapes that their files claim."""

from __future__ import annotations

import numpy as np
import pytest

from paywarden.core.instants import DAY_US
from paywarden.simulator.campaigns import registry
from paywarden.simulator.history import History, simulate
from paywarden.simulator.rows import Rows
from paywarden.simulator.words import (
    CODES,
    REASONS,
    Channel,
    Entry,
    Kind,
    Promo,
    Source,
    Status,
    Type,
    Verdict,
)
from paywarden.simulator.world.network import Line

LATER = (
    "adaptive_carder",
    "bin_enumeration",
    "bot_traffic",
    "first_party_fraud",
    "merchant_collusion",
    "mule_network",
    "promo_abuse",
    "push_scam",
    "refund_abuse",
    "slow_takeover",
    "synthetic_identity",
    "triangulation",
)


@pytest.fixture(scope="module")
def dense() -> History:
    return simulate("dense", 31, 60, only=LATER)


def strikes(history: History, name: str) -> list[tuple[bool, Rows]]:
    """(evasive, fraudulent payments) of every campaign of a type."""
    rows = history.payments
    found = []
    for number, strike in enumerate(history.strikes):
        mine = rows.take((rows["campaign"] == number) & (rows["fraud"] == 1))
        if strike.type == name and len(mine):
            found.append((strike.operator.evasive, mine))
    return found


def labels(history: History, name: str) -> Rows:
    numbers = [n for n, strike in enumerate(history.strikes) if strike.type == name]
    events = history.events
    return events.take((events["kind"] == Kind.LABEL) & np.isin(events["campaign"], numbers))


@pytest.mark.parametrize("name", LATER)
def test_every_type_takes_place(dense: History, name: str) -> None:
    found = strikes(dense, name)
    assert found
    fewest, most = registry.discover()[name].sizes
    for _, rows in found:
        cut_off = rows["time"].max() > dense.horizon.end_us - 15 * DAY_US
        assert fewest <= len(rows) <= most or cut_off


def test_enumeration_is_one_range_spread_over_shops_and_proxies(dense: History) -> None:
    for evasive, rows in strikes(dense, "bin_enumeration"):
        bins = dense.pools.column("cards", "bin")[rows["card"]]
        assert len(np.unique(bins)) <= (2 if evasive else 1)
        assert len(np.unique(rows["merchant"])) >= 6
        assert np.bincount(rows["ip"]).max() <= 12
        assert (rows["code"] == CODES.index("14")).mean() > 0.4
        assert rows["amount"].max() <= 800


def test_synthetic_people_share_an_address_and_break_their_habit(dense: History) -> None:
    rows = dense.payments
    for number, strike in enumerate(dense.strikes):
        if strike.type != "synthetic_identity":
            continue
        mine = rows.take(rows["campaign"] == number)
        bad, good = mine.take(mine["fraud"] == 1), mine.take(mine["fraud"] == 0)
        if len(bad) < 5:
            continue
        assert good["time"].max() <= bad["time"].min() + DAY_US // 2
        assert len(np.unique(mine["shipping"][mine["shipping"] >= 0])) == 1
        phones = dense.pools.column("parties", "phone")[np.unique(mine["party"])]
        assert len(np.unique(phones)) <= (7 if strike.operator.evasive else 2)
        assert np.median(bad["amount"]) > 2 * np.median(good["amount"])


def test_disputed_purchases_are_the_customers_own(dense: History) -> None:
    people = dense.pools.column("cards", "party")
    for _, rows in strikes(dense, "first_party_fraud"):
        assert len(np.unique(rows["party"])) == 1
        assert (people[rows["card"]] == rows["party"]).all()
    told = labels(dense, "first_party_fraud")
    assert len(told) > 20
    says = told.take(told["verdict"] == Verdict.FRAUD)
    assert (says["source"] == Source.CHARGEBACK).all()
    assert REASONS.index("13.1") in says["reason"]


def test_refunds_are_payments_of_their_own_after_a_purchase(dense: History) -> None:
    for _, rows in strikes(dense, "refund_abuse"):
        assert (rows["type"] == Type.REFUND).all()
    refunds = dense.payments.take(dense.payments["type"] == Type.REFUND)
    honest = (refunds["fraud"] == 0).mean()
    assert 0.5 < honest < 0.98
    assert (refunds["status"] == Status.AUTHORISED).all()
    results = dense.events.take(dense.events["status"] == Status.REFUNDED)
    assert (dense.payments["type"][results["payment"]] == Type.REFUND).all()


def test_voucher_hunters_are_new_customers_on_few_cards(dense: History) -> None:
    for evasive, rows in strikes(dense, "promo_abuse"):
        assert (rows["promo"] == Promo.WELCOME).all()
        age = rows["time"] - dense.pools.column("parties", "created")[rows["party"]]
        assert (age < 3 * DAY_US).all()
        assert len(np.unique(rows["party"])) == len(rows)
        assert len(np.unique(rows["card"])) <= 6
        assert evasive or len(np.unique(rows["device"])) <= 4


def test_scam_victims_pay_from_their_own_devices(dense: History) -> None:
    genuine = dense.payments.take(dense.payments["fraud"] == 0)
    owned = set(zip(genuine["party"].tolist(), genuine["device"].tolist(), strict=True))
    victims = known = 0
    for evasive, rows in strikes(dense, "push_scam"):
        assert (rows["type"] == Type.TRANSFER).all()
        assert evasive or len(np.unique(rows["payee"])) <= 2
        victims += len(rows)
        known += sum(
            pair in owned
            for pair in zip(rows["party"].tolist(), rows["device"].tolist(), strict=True)
        )
    assert known / victims > 0.7


def test_mules_pass_on_most_of_what_came_in(dense: History) -> None:
    rows = dense.payments
    for number, strike in enumerate(dense.strikes):
        if strike.type != "mule_network":
            continue
        mine = rows.take(rows["campaign"] == number)
        money_in = mine["amount"][mine["type"] == Type.TOP_UP].sum()
        money_out = mine["amount"][mine["fraud"] == 1].sum()
        if mine["time"].max() < dense.horizon.end_us - DAY_US:
            assert 0.75 < money_out / money_in < 0.97
        assert len(np.unique(mine["payee"][mine["payee"] >= 0])) <= 2


def test_a_front_takes_few_cards_at_one_shop(dense: History) -> None:
    for evasive, rows in strikes(dense, "merchant_collusion"):
        assert len(np.unique(rows["merchant"])) == 1
        assert len(np.unique(rows["card"])) <= 15
        assert (rows["shipping"] == -1).all()
        assert evasive or (rows["amount"] % 5_000 == 0).all()


def test_triangulation_ships_other_peoples_cards_to_many_addresses(dense: History) -> None:
    for evasive, rows in strikes(dense, "triangulation"):
        shipped = rows["shipping"][rows["shipping"] >= 0]
        assert len(np.unique(shipped)) == len(shipped)
        assert len(np.unique(rows["card"])) >= len(rows) // 2
        assert evasive or len(np.unique(rows["device"])) == 1


def test_the_slow_thief_waits_and_uses_the_stored_card(dense: History) -> None:
    for number, strike in enumerate(dense.strikes):
        if strike.type != "slow_takeover":
            continue
        mine = dense.payments.take(dense.payments["campaign"] == number)
        if not len(mine):
            continue
        assert (mine["entry"] == Entry.ON_FILE).all()
        assert (mine["channel"] == Channel.ECOMMERCE).all()
        assert mine["time"].min() - strike.start_us >= 2 * DAY_US
        events = dense.events.take(dense.events["campaign"] == number)
        changed = np.isin(events["kind"], (Kind.EMAIL_CHANGE, Kind.PHONE_CHANGE))
        assert changed.any() != strike.operator.evasive


def test_bots_share_networks_or_hide_in_the_crowd(dense: History) -> None:
    for evasive, rows in strikes(dense, "bot_traffic"):
        address = dense.pools.column("ips", "address")[rows["ip"]]
        line = dense.pools.column("ips", "line")[rows["ip"]]
        assert (line == (Line.MOBILE if evasive else Line.HOSTING)).all()
        assert evasive or len(np.unique(address >> 8)) <= 2
        agents = dense.pools.column("devices", "agent")[rows["device"]]
        assert len(np.unique(agents)) == 1
        assert len(np.unique(rows["device"])) == len(rows)


def test_the_adaptive_carder_changes_after_refusals_and_slows_down() -> None:
    changed_after, changed_else, waits_after, waits_else = [], [], [], []
    for seed in range(6):
        history = simulate("dense", 400 + seed, 20, only=["adaptive_carder"])
        names = [strike.operator.name for strike in history.strikes if strike.payments]
        for name, (_, rows) in zip(names, strikes(history, "adaptive_carder"), strict=True):
            ordered = rows.take(np.argsort(rows["time"], kind="stable"))
            refused = ordered["status"][:-1] == Status.DECLINED
            if name != "chameleon":
                continue
            changed = np.diff(ordered["device"]) != 0
            changed_after.extend(changed[refused])
            changed_else.extend(changed[~refused])
            waits = np.diff(ordered["time"]) / np.diff(ordered["time"]).mean()
            waits_after.extend(waits[refused])
            waits_else.extend(waits[~refused])
    assert len(changed_after) > 30 and len(changed_else) > 20
    assert np.mean(changed_after) == 1.0 and np.mean(changed_else) == 0.0
    assert np.mean(waits_after) > np.mean(waits_else)
