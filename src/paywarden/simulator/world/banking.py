"""Banking: transfers to people and landlords, payouts of sellers to their own accounts.

Look-alikes of account take-over: first payments to new payees, rent that dwarfs daily sums, and a
seller's payout from a hotel's line.
"""

from __future__ import annotations

import numpy as np

from paywarden.core.instants import DAY_US, HOUR_US
from paywarden.simulator.presets import Horizon, Preset
from paywarden.simulator.rows import PAYMENT_COLUMNS, Bools, Floats, Ints, Rows
from paywarden.simulator.words import Channel, Initiator, Type
from paywarden.simulator.world import presence, rhythm
from paywarden.simulator.world.geography import COUNTRIES, CURRENCIES
from paywarden.simulator.world.pools import Cast
from paywarden.simulator.world.population import PAYEE_SLOTS, People

_CURRENCY = np.array([CURRENCIES.index(country.currency) for country in COUNTRIES])
_RATE = np.array([country.rate * 10**country.exponent for country in COUNTRIES])
_OFFSET = np.array([country.offset_hours for country in COUNTRIES], dtype=np.int64)


class Bank:
    """Makes genuine transfers and payouts."""

    def __init__(self, rng: np.random.Generator, people: People, trips: presence.Trips) -> None:
        self._rng, self._people, self._trips = rng, people, trips

    def span(self, preset: Preset, horizon: Horizon, cast: Cast) -> Rows:
        """All transfers and payouts of the span."""
        who, when = self._moments(preset.transfers_per_day, horizon)
        transfers = blank(self._rng, self._people, self._trips, cast, who, when)
        self._address(transfers, who)
        sellers = np.flatnonzero(self._people.seller)
        chosen, at = self._moments(1 / 7, horizon)
        keep = np.isin(chosen, sellers)
        payouts = blank(self._rng, self._people, self._trips, cast, chosen[keep], at[keep])
        payouts["type"] = Type.PAYOUT
        payouts["payee"] = self._people.own_account[chosen[keep]]
        payouts["amount"] = self._sums(chosen[keep], 210.0, 0.8)
        return Rows.concat([transfers, payouts])

    def _moments(self, per_day: float, horizon: Horizon) -> tuple[Ints, Ints]:
        rng, people = self._rng, self._people
        counts = rng.poisson(per_day * horizon.days, len(people))
        who = np.repeat(np.arange(len(people)), counts)
        day = rng.integers(0, horizon.days, len(who))
        local = rhythm.time_of_day(rng, np.ones(len(who), dtype=np.bool_), people.shift_hours[who])
        offset = _OFFSET[people.country[who]] * HOUR_US
        when = horizon.start_us + day * DAY_US + (local - offset) % DAY_US
        keep = when >= people.born_us[who]
        return who[keep], when[keep]

    def _address(self, rows: Rows, who: Ints) -> None:
        rng = self._rng
        slot = np.minimum(rng.geometric(0.4, len(who)) - 1, PAYEE_SLOTS - 1)
        known = self._people.payee_since[who, slot] <= rows["time"]
        slot = np.where(known, slot, 0)
        rows["payee"] = self._people.payees[who, slot]
        # the first payee is the landlord or the savings account: regular and large
        large = (slot == 0) & (rng.random(len(who)) < 0.4)
        rows["amount"] = np.where(large, self._sums(who, 720.0, 0.35), self._sums(who, 58.0, 0.95))

    def _sums(self, who: Ints, median: float, spread: float) -> Ints:
        country = self._people.country[who]
        euros = self._rng.lognormal(np.log(median), spread, len(who)) * self._people.income[who]
        return whole_sums(self._rng, euros, country)


def rate_of(country: int) -> float:
    """Minor units of that country's currency for one euro."""
    return float(_RATE[country])


def whole_sums(rng: np.random.Generator, euros: Floats, country: Ints) -> Ints:
    """Minor units in the country's currency; two of three people type round sums."""
    minor = np.maximum(100, np.round(euros * _RATE[country])).astype(np.int64)
    unit = np.where(euros > 200, 1_000, 500)
    typed: Bools = rng.random(len(euros)) < 0.66
    result: Ints = np.where(typed, np.maximum(unit, minor // unit * unit), minor)
    return result


def blank(
    rng: np.random.Generator,
    people: People,
    trips: presence.Trips,
    cast: Cast,
    who: Ints,
    when: Ints,
) -> Rows:
    """Transfers by these people at these instants from their own devices, payee and sum open."""
    rows = Rows.blank(PAYMENT_COLUMNS, len(who), time=when, attempt=1, fraud=0, guest=0)
    rows["number"] = cast.numbers("payments", len(who))
    rows["type"], rows["channel"] = Type.TRANSFER, Channel.IN_APP
    rows["initiator"] = Initiator.CUSTOMER
    rows["party"] = people.party[who]
    rows["currency"] = _CURRENCY[people.country[who]]
    country = presence.country_at(people, trips, who, when)
    rows["device"] = presence.device_at(rng, people, who, when)
    rows["ip"] = presence.line_at(rng, people, who, when, country)
    return rows
