"""Each campaign has the shape its file claims; rates and labels stay in their bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US
from paywarden.simulator import reporting
from paywarden.simulator.campaigns import registry
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Terms
from paywarden.simulator.history import History, simulate
from paywarden.simulator.rows import Rows
from paywarden.simulator.words import (
    Avs,
    Channel,
    Cvv,
    Entry,
    Kind,
    Result,
    Source,
    Status,
    Type,
    Verdict,
)
from paywarden.simulator.world.merchants import TRADE_RESALE
from paywarden.simulator.world.network import Line

HOUR_US = DAY_US // 24
USUAL = ("account_takeover", "card_testing", "compromised_terminal", "stolen_card")
"""Attacks whose reports follow the usual pattern: one in ten never comes."""


@pytest.fixture(scope="module")
def attacked() -> History:
    return simulate("demo", 8, 6)


@pytest.fixture(scope="module")
def calm() -> History:
    return simulate("realistic", 5, 30)


def _strikes(history: History, name: str) -> list[tuple[int, Rows]]:
    rows = history.payments
    return [
        (number, rows.take(rows["campaign"] == number))
        for number, strike in enumerate(history.strikes)
        if strike.type == name and (rows["campaign"] == number).any()
    ]


def test_the_registry_finds_all_sixteen() -> None:
    assert list(registry.discover()) == [
        "account_takeover",
        "adaptive_carder",
        "bin_enumeration",
        "bot_traffic",
        "card_testing",
        "compromised_terminal",
        "first_party_fraud",
        "merchant_collusion",
        "mule_network",
        "promo_abuse",
        "push_scam",
        "refund_abuse",
        "slow_takeover",
        "stolen_card",
        "synthetic_identity",
        "triangulation",
    ]
    with pytest.raises(InvalidRequest, match="campaign_unknown"):
        registry.chosen(["nothing"])
    with pytest.raises(InvalidRequest, match="campaign_unknown"):
        registry.chosen([], ["nothing"])
    assert list(registry.chosen(["push_scam"], ["push_scam", "stolen_card"])) == ["stolen_card"]


@pytest.mark.parametrize("seed", [1, 5])
def test_realistic_fraud_is_rare(seed: int) -> None:
    rows = simulate("realistic", seed, 21).payments
    cards = rows["type"] == Type.CARD_PAYMENT
    rate = rows["fraud"][cards].mean()
    assert 0.0005 <= rate <= 0.002


def test_demo_is_attacked_all_day_by_every_campaign(attacked: History) -> None:
    rows = attacked.payments
    cards = rows["type"] == Type.CARD_PAYMENT
    assert 0.03 < rows["fraud"][cards].mean() < 0.12
    assert {strike.type for strike in attacked.strikes} == set(registry.discover())
    for strike in attacked.strikes:
        summary = strike.summary()
        assert all(summary[key] for key in ("id", "start", "operator", "tooling", "adaptation"))


def test_card_testing_is_a_burst_of_small_declined_payments(attacked: History) -> None:
    strikes = _strikes(attacked, "card_testing")
    assert len(strikes) >= 4
    for number, rows in strikes:
        operator = attacked.strikes[number].operator
        cut_off = rows["time"].max() > attacked.horizon.end_us - HOUR_US
        assert 20 <= len(rows) <= 400 or cut_off
        assert rows["amount"].min() >= 100 and rows["amount"].max() <= 500
        assert (rows["status"] == Status.DECLINED).mean() > 0.5
        assert (rows["cvv"] == Cvv.NO_MATCH).mean() > 0.4
        bins = attacked.pools.column("cards", "bin")[rows["card"]]
        assert len(np.unique(bins)) == 1
        last4 = attacked.pools.column("cards", "last4")[np.sort(rows["card"])]
        assert set(np.diff(last4)) <= {1, 1 - 10_000}
        hours = (rows["time"].max() - rows["time"].min()) / HOUR_US
        per_hour = len(rows) / max(hours, 1e-9)
        assert per_hour < 130 if operator.evasive else per_hour > 150
        lines = attacked.pools.column("ips", "line")[rows["ip"]]
        assert (lines == (Line.HOME if operator.evasive else Line.HOSTING)).all()


def test_the_patient_tester_waits_longer_after_declines() -> None:
    after_decline, after_success = [], []
    for seed in range(4):
        history = simulate("demo", 100 + seed, 6)
        for number, rows in _strikes(history, "card_testing"):
            if not history.strikes[number].operator.evasive:
                continue
            ordered = rows.take(np.argsort(rows["time"], kind="stable"))
            waits = np.diff(ordered["time"]) / np.median(np.diff(ordered["time"]))
            bad = (ordered["status"] == Status.DECLINED).astype(float)
            lately = np.convolve(bad, np.ones(5))[: len(bad)][:-1]
            after_decline.extend(waits[lately >= 4])
            after_success.extend(waits[lately <= 2])
    assert min(len(after_decline), len(after_success)) > 50
    assert np.mean(after_decline) > 1.15 * np.mean(after_success)


def test_stolen_cards_buy_resaleable_goods_on_strange_machines(attacked: History) -> None:
    strikes = _strikes(attacked, "stolen_card")
    assert len(strikes) >= 10
    genuine = attacked.payments.take(attacked.payments["fraud"] == 0)
    for _, rows in strikes:
        trade = attacked.pools.column("merchants", "trade")[rows["merchant"]]
        assert TRADE_RESALE[trade].all()
        assert 1 <= len(np.unique(rows["card"])) <= 3
        assert not np.isin(rows["device"], genuine["device"]).any()
        assert (rows["channel"] == Channel.ECOMMERCE).all()
    cards = np.concatenate([rows["card"] for _, rows in strikes])
    assert np.isin(cards, genuine["card"]).mean() > 0.5  # they have an honest history


def test_hasty_thieves_creep_up_in_amount() -> None:
    first, last = [], []
    for seed in range(3):
        history = simulate("demo", 40 + seed, 6)
        for number, rows in _strikes(history, "stolen_card"):
            if history.strikes[number].operator.evasive:
                continue
            for card in np.unique(rows["card"]):
                mine = rows.take(rows["card"] == card)
                if len(mine) >= 4:
                    logs = np.log(mine["amount"][np.argsort(mine["time"])])
                    first.append(logs[:2].mean())
                    last.append(logs[-2:].mean())
    assert len(first) > 10
    assert np.mean(last) > np.mean(first) + 0.3


def test_take_over_is_stuffing_then_changes_then_money(attacked: History) -> None:
    strikes = _strikes(attacked, "account_takeover")
    assert len(strikes) >= 4
    for number, rows in strikes:
        events = attacked.events.take(attacked.events["campaign"] == number)
        failed = events.take((events["kind"] == Kind.LOGIN) & (events["result"] == Result.FAILED))
        assert len(failed) >= 5
        assert len(np.unique(failed["device"])) <= 6
        for party in np.unique(rows["party"]):
            taken = rows["time"][rows["party"] == party].min()
            mine = events.take((events["party"] == party) & (events["result"] != Result.FAILED))
            at = {Kind(int(k)): int(t) for k, t in zip(mine["kind"], mine["time"], strict=True)}
            assert at[Kind.LOGIN] < at[Kind.PASSWORD_CHANGE] < at[Kind.PAYEE_ADDED] < taken
            assert Kind.EMAIL_CHANGE in at or Kind.PHONE_CHANGE in at
            hours = (taken - at[Kind.LOGIN]) / HOUR_US
            # the demo's tempo makes the patient crew's three days three hours
            assert hours > 3 if attacked.strikes[number].operator.evasive else hours < 1.01


def test_take_over_waits_three_days_at_natural_tempo() -> None:
    days = []
    for seed in (5, 7, 9):
        history = simulate("realistic", seed, 30)
        for number, rows in _strikes(history, "account_takeover"):
            if history.strikes[number].operator.evasive:
                start = history.strikes[number].start_us
                days.append((rows["time"].min() - start) / DAY_US)
    assert days
    assert all(3.0 < wait < 3.6 for wait in days)


def test_copied_cards_share_one_till_and_appear_elsewhere_later(calm: History) -> None:
    strikes = _strikes(calm, "compromised_terminal")
    assert strikes
    seen, by = calm.exposed
    for number, rows in strikes:
        visits = calm.payments.take(seen[by == number])
        assert len(np.unique(visits["terminal"])) == 1
        assert (visits["fraud"] == 0).all()
        assert np.isin(rows["card"], visits["card"]).all()
        assert (rows["entry"] == Entry.MAGSTRIPE).all()
        assert visits["time"].max() - visits["time"].min() <= 28 * DAY_US
        for card, when in zip(rows["card"], rows["time"], strict=True):
            earlier = visits["time"][visits["card"] == card]
            wait = (when - earlier) / DAY_US
            assert ((wait >= 2) & (wait <= 14)).any()


def test_label_delays_are_log_normal_with_a_long_tail() -> None:
    days = reporting.delays(np.random.default_rng(3), 20_000, 7.0) / DAY_US
    assert 6.7 < np.median(days) < 7.3
    assert 60 < np.quantile(days, 0.99) < 90
    assert abs(np.log(days[days < 119]).std() - 1.0) < 0.05


def test_one_fraud_in_ten_is_never_reported_and_few_reports_are_wrong() -> None:
    reported = hurt = wrong = labels_seen = 0
    for seed in range(4):
        history = simulate("demo", 60 + seed, 12)
        rows, events = history.payments, history.events
        labels = events.take(events["kind"] == Kind.LABEL)
        fraud = rows["fraud"][labels["payment"]] == 1
        assert (rows["status"][labels["payment"]] == Status.AUTHORISED).all()
        assert (labels["time"] > rows["time"][labels["payment"]]).all()
        numbers = [n for n, strike in enumerate(history.strikes) if strike.type in USUAL]
        usual = np.isin(rows["campaign"], numbers) & (rows["fraud"] == 1)
        hurt += int((usual & (rows["status"] == Status.AUTHORISED)).sum())
        reported += int(usual[labels["payment"]].sum())
        says_fraud = labels["verdict"] == Verdict.FRAUD
        wrong += int((says_fraud != fraud).sum())
        labels_seen += len(labels)
        charged = labels.take(labels["source"] == Source.CHARGEBACK)
        assert (charged["reason"] >= 0).all()
    assert 0.86 < reported / hurt < 0.94
    assert 0.02 < wrong / labels_seen < 0.05


def test_addresses_check_out_less_for_thieves(attacked: History) -> None:
    rows = attacked.payments
    known = rows.take((rows["avs"] >= 0) & (rows["avs"] != Avs.UNAVAILABLE))
    wrong = known["avs"] == Avs.NO_MATCH
    assert wrong[known["fraud"] == 1].mean() > 3 * wrong[known["fraud"] == 0].mean()


@dataclass(frozen=True, slots=True)
class _OneTransfer(Terms):
    """A fifth campaign, as somebody may write it."""

    def attack(self, brief: Brief) -> Attack:
        rows = brief.payments(np.full(brief.size, brief.start_us))
        rows["type"], rows["channel"], rows["amount"] = Type.TRANSFER, Channel.IN_APP, 1_000
        rows["currency"], rows["initiator"] = 0, 0
        rows["party"], rows["status"], rows["code"] = 0, Status.AUTHORISED, 0
        return Attack(Operator("one", "none", "none", False, 1, 1.0, 0.0), rows, brief.nothing())


def test_a_fifth_campaign_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    before = simulate("demo", 4, 2)
    four = registry.discover()
    fifth = _OneTransfer("one_transfer", {"demo": 200.0}, (3, 3))
    monkeypatch.setattr(registry, "discover", lambda **_: {**four, "one_transfer": fifth})
    after = simulate("demo", 4, 2)
    added = [n for n, strike in enumerate(after.strikes) if strike.type == "one_transfer"]
    assert added
    rest = after.payments.take(~np.isin(after.payments["campaign"], added))
    assert len(rest) == len(before.payments)
    for name in before.payments.columns:
        assert (rest[name] == before.payments[name]).all(), name
