"""Card testing: trying out stolen or guessed card numbers with tiny payments.

Shape: 20 to 400 attempts of 1 to 5 currency units at one merchant with little friction (donations,
digital goods), one BIN with consecutive last digits, guest checkouts under made-up names, most
security codes wrong, most attempts declined. The bold operator runs a script from a few data-centre
lines at 300 to 2,500 attempts per hour; the evasive one starts at 40 to 110, uses household proxies
and up to four merchants, and lengthens his waits with every decline among the last five.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.core.instants import DAY_US
from paywarden.simulator import outcomes
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Terms
from paywarden.simulator.rows import Bools, Ints, Rows
from paywarden.simulator.words import Avs, Cvv, Entry, Status, ThreeDs
from paywarden.simulator.world import network, population, spending
from paywarden.simulator.world.geography import BINS, COUNTRIES, COUNTRY_CODES
from paywarden.simulator.world.trades import TRADES

_CODES = {"14": 0.42, "05": 0.26, "54": 0.16, "51": 0.1, "41": 0.03, "43": 0.03}
_SOFT_TRADES = [i for i, trade in enumerate(TRADES) if trade.mcc in ("8398", "5815", "5816")]
_BIN_COUNTRY = np.array([COUNTRY_CODES.index(b.country) for b in BINS], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class CardTesting(Terms):
    """Bursts of tiny payments over consecutive cards."""

    def attack(self, brief: Brief) -> Attack:
        """One burst of `brief.size` attempts."""
        rows = brief.payments(np.full(brief.size, brief.start_us))
        brief.shop(rows, _targets(brief))
        _cards(rows, brief)
        _disguise(rows, brief)
        _checks(rows, brief)
        outcomes.authorise(brief.rng, rows, np.full(len(rows), 0.5), _CODES)
        rows["time"] = brief.start_us + np.cumsum(_waits(rows, brief))
        return Attack(_operator(brief.evasive), rows, brief.nothing())


CAMPAIGN = CardTesting(
    type="card_testing", per_100k={"demo": 2_600.0, "realistic": 34.0}, sizes=(20, 400)
)


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("patient tester", "proxied browser farm", "slows down after declines",
                        True, 25, 1.15, 0.01)  # fmt: skip
    return Operator("script runner", "checker script on rented servers", "none until blocked",
                    False, 60, 1.0, 0.01)  # fmt: skip


def _targets(brief: Brief) -> Ints:
    table = brief.pools.rows("merchants")
    soft = np.isin(table["trade"], _SOFT_TRADES) & (table["three_ds_percent"] <= 55)
    cents = np.array([country.exponent == 2 for country in COUNTRIES])[table["country"]]
    fit = np.flatnonzero(soft & cents)
    weight = table["weight_milli"][fit] / table["weight_milli"][fit].sum()
    used = brief.rng.choice(fit, 4 if brief.evasive else 1, p=weight)
    return used[brief.rng.integers(0, len(used), brief.size)]


def _cards(rows: Rows, brief: Brief) -> None:
    rng, count = brief.rng, len(rows)
    chosen = int(rng.integers(0, len(BINS)))
    first = int(rng.integers(0, 10_000))
    months = brief.pools.column("cards", "expiry_month")
    rows["card"] = brief.cast.add(
        "cards",
        count,
        bin=chosen,
        last4=(first + np.arange(count)) % 10_000,
        expiry_month=rng.choice(months[: 3 * len(brief.people)], count),
    )
    tidy = rng.choice([100, 199, 200, 299, 300, 399, 400, 499, 500], count)
    rows["amount"] = np.where(rng.random(count) < 0.4, tidy, rng.integers(100, 501, count))
    country = _BIN_COUNTRY[np.full(count, chosen)]
    rows["billing"] = population.addresses(rng, brief.cast, country)


def _disguise(rows: Rows, brief: Brief) -> None:
    rng, count = brief.rng, len(rows)
    country = brief.pools.column("addresses", "country")[rows["billing"]]
    created = rows["time"] - rng.integers(0, DAY_US, count)
    names = population.parties(
        rng, brief.cast, country, created, brief.start_us, throwaway=0.3, mail_days=120.0
    )
    rows["party"] = names[np.arange(count) // int(rng.integers(1, 6)) % count]
    rows["guest"] = 1
    rows["entry"] = Entry.MANUAL
    rows["basket"] = 1
    machines = max(1, count // (12 if brief.evasive else 90))
    line = network.Line.HOME if brief.evasive else network.Line.HOSTING
    where = rng.integers(0, len(COUNTRIES), machines)
    pick = rng.integers(0, machines, count)
    rows["device"] = population.devices(rng, brief.cast, where)[pick]
    rows["ip"] = network.draw(rng, brief.cast, where, line)[pick]


def _checks(rows: Rows, brief: Brief) -> None:
    rng = brief.rng
    spending.genuine_checks(rows, rng, brief.pools)
    wrong_address = rows["avs"] != Avs.UNAVAILABLE
    guess = rng.choice([Avs.NO_MATCH, Avs.PARTIAL], len(rows), p=[0.9, 0.1])
    rows["avs"] = np.where(wrong_address, guess, rows["avs"])
    rows["cvv"] = rng.choice([Cvv.NO_MATCH, Cvv.MATCH], len(rows), p=[0.58, 0.42])
    asked = rows["three_ds"] >= 0
    result = rng.choice([ThreeDs.FAILED, ThreeDs.ATTEMPTED], len(rows), p=[0.75, 0.25])
    rows["three_ds"] = np.where(asked, result, -1)


def _waits(rows: Rows, brief: Brief) -> Ints:
    per_hour = brief.rng.uniform(40, 110) if brief.evasive else brief.rng.uniform(300, 2_500)
    waits = brief.rng.exponential(3.6e9 / per_hour, len(rows))
    if brief.evasive:
        declined: Bools = rows["status"] == Status.DECLINED
        lately = np.convolve(declined, np.ones(5), mode="full")[: len(rows)] - declined
        waits *= 1.0 + 0.35 * lately
    return waits.astype(np.int64)
