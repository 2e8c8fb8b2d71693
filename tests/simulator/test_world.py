"""The genuine world has the marginals it claims: amounts, hours, concentration, declines."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from paywarden.core.instants import DAY_US
from paywarden.simulator.frames import events_frame
from paywarden.simulator.history import History, simulate
from paywarden.simulator.timeline import timeline
from paywarden.simulator.words import Channel, Status, Type
from paywarden.simulator.world.geography import BINS, COUNTRIES, CURRENCIES
from paywarden.simulator.world.merchants import TRADE_RECURRING
from paywarden.simulator.world.rhythm import HOUR_US
from paywarden.simulator.world.trades import TRADES


@pytest.fixture(scope="module")
def world() -> History:
    return simulate("realistic", 21, 14)


@pytest.fixture(scope="module")
def genuine(world: History):
    return world.payments.take(world.payments["fraud"] == 0)


def test_ticket_sizes_are_log_normal(world: History, genuine) -> None:
    trade = world.pools.column("merchants", "trade")[genuine["merchant"]]
    groceries = next(i for i, t in enumerate(TRADES) if t.mcc == "5411")
    euro = genuine["currency"] == CURRENCIES.index("EUR")
    logs = np.log(genuine["amount"][(trade == groceries) & (genuine["merchant"] >= 0) & euro])
    assert len(logs) > 5_000
    centred = (logs - logs.mean()) / logs.std()
    assert abs(np.mean(centred**3)) < 0.15  # skewness of a normal: 0
    assert abs(np.mean(centred**4) - 3) < 0.4  # kurtosis of a normal: 3
    assert 15 < np.exp(logs.mean()) / 100 < 40


def test_people_sleep_at_night_and_shop_by_day(world: History, genuine) -> None:
    german = world.pools.column("merchants", "country")[genuine["merchant"]] == 0
    tills = (genuine["channel"] == Channel.POS) & german
    hour = (genuine["time"][tills] + COUNTRIES[0].offset_hours * HOUR_US) // HOUR_US % 24
    share = np.bincount(hour, minlength=24) / len(hour)
    assert share[1:5].sum() < 0.03
    assert share[10:20].sum() > 0.6
    assert 11 <= int(np.argmax(share)) <= 19


def test_few_customers_make_much_of_the_business(world: History, genuine) -> None:
    cards = genuine["card"][genuine["card"] >= 0]
    holder = world.pools.column("cards", "party")[cards]
    counts = np.sort(np.bincount(holder, minlength=world.preset.customers)).astype(float)
    ranks = np.arange(1, len(counts) + 1)
    gini = 2 * (ranks * counts).sum() / (len(counts) * counts.sum()) - (len(counts) + 1) / len(
        counts
    )
    assert 0.4 < gini < 0.65


def test_weekends_differ_from_weekdays(genuine) -> None:
    day = (genuine["time"] // DAY_US + 3) % 7
    shops = genuine["channel"] == Channel.POS
    counts = np.bincount(day[shops], minlength=7)
    assert counts[6] < counts[5]
    assert counts[6] < counts[4]


def test_issuers_decline_plausibly(genuine) -> None:
    def declined(channel: Channel) -> float:
        mine = genuine["channel"] == channel
        return float((genuine["status"][mine] == Status.DECLINED).mean())

    assert 0.04 < declined(Channel.ECOMMERCE) < 0.13
    assert 0.008 < declined(Channel.POS) < 0.04
    assert declined(Channel.IN_APP) < 0.015


def test_honest_people_look_like_thieves_at_times(world: History, genuine) -> None:
    online = genuine.take((genuine["channel"] == Channel.ECOMMERCE) & (genuine["device"] >= 0))
    holder = world.pools.column("cards", "party")[online["card"]]
    home = world.pools.column("parties", "country")[holder]
    line = world.pools.column("ips", "country")[online["ip"]]
    assert 0.02 < (home != line).mean() < 0.35  # travel and VPN
    sent = online["shipping"] >= 0
    assert 0.03 < (online["shipping"][sent] != online["billing"][sent]).mean() < 0.2  # gifts, moves
    carriers = np.bincount(online["ip"])
    assert carriers.max() > 150  # one carrier exit is shared by a crowd
    merchant_hours = np.unique(
        np.stack([online["merchant"], online["time"] // HOUR_US]), axis=1, return_counts=True
    )[1]
    assert merchant_hours.max() >= 30  # a sale or appeal
    assert (genuine["attempt"] > 1).mean() > 0.005  # second tries after a decline


def test_shared_things_and_limits_of_ownership(world: History) -> None:
    cards = world.payments.take(world.payments["card"] >= 0)
    own = cards.take(cards["fraud"] == 0)
    holder = world.pools.column("cards", "party")[own["card"]]
    pairs = np.unique(np.stack([holder, own["card"]]), axis=1)
    assert np.bincount(pairs[0]).max() <= 3
    assert {b.digits for b in BINS} >= {"411111", "555555", "378282"}


def test_merchant_initiated_payments_have_no_device(world: History, genuine) -> None:
    trade = world.pools.column("merchants", "trade")[genuine["merchant"]]
    recurring = (genuine["merchant"] >= 0) & TRADE_RECURRING[trade]
    assert recurring.sum() > 100
    assert (genuine["device"][recurring] == -1).all()
    assert (genuine["initiator"][recurring] == 1).all()


def test_yen_have_no_decimals_and_cash_comes_in_notes(world: History) -> None:
    frame = events_frame(world, timeline(world).rows)
    cash = frame.filter(pl.col("type") == "withdrawal")
    assert len(cash) > 100
    assert (cash["amount_minor"] % 1_000 == 0).all()
    yen = frame.filter((pl.col("currency") == "JPY") & (pl.col("type") == "card_payment"))
    euro = frame.filter((pl.col("currency") == "EUR") & (pl.col("type") == "card_payment"))
    # median tickets agree once converted at 160 yen a euro, if and only if exponents differ
    ratio = yen["amount_minor"].median() / (euro["amount_minor"].median() / 100 * 160)
    assert 0.4 < ratio < 2.5


def test_busy_season_shows(world: History) -> None:
    november = simulate("demo", 2, 7, start_us=world.horizon.start_us + 49 * DAY_US)  # 23 November
    october = simulate("demo", 2, 7)

    def online(history: History) -> int:
        rows = history.payments
        kind = (rows["type"] == Type.CARD_PAYMENT) & (rows["channel"] == Channel.ECOMMERCE)
        return int((kind & (rows["fraud"] == 0)).sum())

    assert online(november) > 1.2 * online(october)
