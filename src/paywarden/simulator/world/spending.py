"""Spending: the card payments and cash withdrawals of a world without attacks.

Order: how many per person and day, when in the day, online or not, at which merchant (habit first,
popularity second), how much, from which device and line, and what the checks answered. The issuer's
answer is not decided here (`outcomes`).
"""

from __future__ import annotations

import numpy as np

from paywarden.core.instants import DAY_US, HOUR_US
from paywarden.simulator.presets import Horizon, Preset
from paywarden.simulator.rows import PAYMENT_COLUMNS, Bools, Floats, Ints, Rows
from paywarden.simulator.words import Avs, Channel, Cvv, Entry, Initiator, Promo, ThreeDs, Type
from paywarden.simulator.world import merchants, presence, rhythm
from paywarden.simulator.world.geography import COUNTRIES, CURRENCIES, country_index
from paywarden.simulator.world.merchants import Picker
from paywarden.simulator.world.pools import Cast, Pools
from paywarden.simulator.world.population import People

HABITS = 8
_OFFSET = np.array([country.offset_hours for country in COUNTRIES], dtype=np.int64)
_RATE = np.array([country.rate * 10**country.exponent for country in COUNTRIES])
_CURRENCY = np.array([CURRENCIES.index(country.currency) for country in COUNTRIES])
_AVS_COUNTRIES = (country_index("GB"), country_index("US"))
_NOTE = 1_000  # cash comes in tens, in yen in thousands
_SHOPS = (Channel.POS, Channel.ECOMMERCE)


class Spender:
    """Makes genuine card payments for people of one world."""

    def __init__(
        self, rng: np.random.Generator, pools: Pools, people: People, trips: presence.Trips
    ) -> None:
        self.pools, self.people, self.trips = pools, people, trips
        self.picker = Picker(pools)
        self._rng = rng
        self._table = pools.rows("merchants")
        own = np.repeat(people.country, HABITS)
        self._habits = {
            channel: self.picker.choose(rng, own, channel).reshape(len(people), HABITS)
            for channel in _SHOPS
        }

    def span(self, preset: Preset, horizon: Horizon, cast: Cast) -> Rows:
        """All everyday card payments of the span, in no particular order."""
        who, day = self._who_and_day(preset, horizon)
        moved = horizon.moved(horizon.start_us + day * DAY_US)
        online = self._rng.random(len(who)) < self.people.online_share[who] + 0.1 * moved
        local = rhythm.time_of_day(self._rng, online, self.people.shift_hours[who])
        offset = _OFFSET[self.people.country[who]] * HOUR_US
        when = horizon.start_us + day * DAY_US + (local - offset) % DAY_US
        keep = when >= self.people.born_us[who]
        return self.at(cast, who[keep], when[keep], online[keep])

    def at(
        self, cast: Cast, who: Ints, when: Ints, online: Bools, merchant: Ints | None = None
    ) -> Rows:
        """Payments by these people at these instants; at `merchant` where one is given."""
        rows = Rows.blank(PAYMENT_COLUMNS, len(who), time=when, attempt=1, fraud=0)
        rows["number"] = cast.numbers("payments", len(who))
        country = presence.country_at(self.people, self.trips, who, when)
        chosen = self._merchants(who, country, online) if merchant is None else merchant
        fill_merchant(rows, self._rng, self.pools, self.picker, chosen)
        rows["amount"] = amounts(self._rng, self.pools, chosen, self.people.income[who])
        slot = self._rng.choice(3, len(who), p=[0.74, 0.2, 0.06])
        rows["card"] = self.people.cards[who, slot]
        self._online(rows, np.flatnonzero(rows["channel"] == Channel.ECOMMERCE), who, country)
        at_till(rows, self._rng, self.pools)
        return rows

    def _who_and_day(self, preset: Preset, horizon: Horizon) -> tuple[Ints, Ints]:
        busy = rhythm.day_factors(horizon.start_us, horizon.days, False)[None, :]
        web = rhythm.day_factors(horizon.start_us, horizon.days, True)[None, :]
        share = self.people.online_share[:, None]
        since, _ = rhythm.pay_day_distance(horizon.start_us, horizon.days)
        flush = np.where(since[self.people.pay_day] < 4, 1.3, 0.95)
        rate = self.people.activity[:, None] * preset.payments_per_day * flush
        counts = self._rng.poisson(rate * ((1 - share) * busy + share * web))
        who, day = np.nonzero(counts)
        repeats = counts[who, day]
        return np.repeat(who, repeats).astype(np.int64), np.repeat(day, repeats).astype(np.int64)

    def _merchants(self, who: Ints, country: Ints, online: Bools) -> Ints:
        rng = self._rng
        abroad = country != self.people.country[who]
        habit = (rng.random(len(who)) < 0.72) & ~(abroad & ~online)
        rank = np.minimum(rng.geometric(0.3, len(who)) - 1, HABITS - 1)
        chosen = np.where(
            online,
            self._habits[Channel.ECOMMERCE][who, rank],
            self._habits[Channel.POS][who, rank],
        )
        cash = ~online & (rng.random(len(who)) < 0.06)
        for channel, mask in (
            (Channel.ECOMMERCE, online & ~habit),
            (Channel.POS, ~online & ~habit & ~cash),
            (Channel.ATM, cash),
        ):
            chosen[mask] = self.picker.choose(rng, country[mask], channel)
        return chosen

    def _online(self, rows: Rows, at: Ints, who: Ints, country: Ints) -> None:
        rng, people = self._rng, self.people
        person, when = who[at], rows["time"][at]
        trade = self._table["trade"][rows["merchant"][at]]
        recurring = merchants.TRADE_RECURRING[trade]
        part = rows.take(at)
        part["party"] = people.party[person]
        part["guest"] = np.where(recurring, 0, rng.random(len(at)) < 0.12)
        part["device"] = presence.device_at(rng, people, person, when)
        part["ip"] = presence.line_at(rng, people, person, when, country[at])
        part["billing"] = presence.address_at(people, person, when, lag_us=30 * DAY_US)
        _delivery(part, rng, people, person, merchants.TRADE_DELIVERS[trade])
        stored = recurring | ((part["guest"] == 0) & (rng.random(len(at)) < 0.45))
        part["entry"] = np.where(stored, Entry.ON_FILE, Entry.MANUAL)
        part["promo"] = _reduction(rng, when - people.born_us[person], part["guest"] == 0)
        part["basket"] = np.minimum(rng.geometric(0.45, len(at)), 30)
        genuine_checks(part, rng, self.pools)
        _merchant_initiated(part, recurring)
        for name in rows.columns:
            rows.columns[name][at] = part[name]


def fill_merchant(
    rows: Rows, rng: np.random.Generator, pools: Pools, picker: Picker, merchant: Ints
) -> None:
    """Put merchant, till, channel, type, currency and initiator into the rows."""
    table = pools.rows("merchants")
    channel = merchants.TRADE_CHANNEL[table["trade"][merchant]]
    rows["merchant"] = merchant
    rows["terminal"] = picker.till(rng, merchant)
    rows["channel"] = channel
    rows["type"] = np.where(channel == Channel.ATM, Type.WITHDRAWAL, Type.CARD_PAYMENT)
    rows["currency"] = _CURRENCY[table["country"][merchant]]
    rows["initiator"] = Initiator.CUSTOMER


def amounts(rng: np.random.Generator, pools: Pools, merchant: Ints, scale: Floats) -> Ints:
    """Log-normal tickets in minor units of the merchant's currency, with the prices people see."""
    table = pools.rows("merchants")
    mu, sigma = table["mu_milli"][merchant] / 1000, table["sigma_milli"][merchant] / 1000
    euros = np.exp(rng.normal(mu, sigma)) * scale
    country, trade = table["country"][merchant], table["trade"][merchant]
    minor = np.maximum(50, np.round(euros * _RATE[country])).astype(np.int64)
    unit = np.where(country == country_index("JP"), 1, 100)
    at = rng.random(len(merchant))
    charm = np.maximum(unit, minor // unit * unit) + unit - 1
    online = merchants.TRADE_CHANNEL[trade] == Channel.ECOMMERCE
    minor = np.where(online & (at < 0.35) & (unit > 1), charm, minor)
    whole = merchants.TRADE_DONATION[trade] & (at < 0.8)
    minor = np.where(whole, np.maximum(unit, minor // unit * unit), minor)
    cash = merchants.TRADE_CHANNEL[trade] == Channel.ATM
    result: Ints = np.where(cash, np.maximum(_NOTE, minor // _NOTE * _NOTE), minor)
    return result


def at_till(rows: Rows, rng: np.random.Generator, pools: Pools) -> None:
    """How cards are read in person: contactless when small, else chip, rarely the stripe."""
    at = np.flatnonzero(rows["channel"] != Channel.ECOMMERCE)
    country = pools.column("merchants", "country")[rows["merchant"][at]]
    old_tills = np.isin(country, (country_index("US"), country_index("JP")))
    stripe = rng.random(len(at)) < np.where(old_tills, 0.08, 0.006)
    small = rows["amount"][at] < 50 * _RATE[country]
    tap = small & (rows["channel"][at] == Channel.POS) & (rng.random(len(at)) < 0.85)
    entry = np.where(tap, Entry.CONTACTLESS, Entry.CHIP)
    rows.columns["entry"][at] = np.where(stripe, Entry.MAGSTRIPE, entry)


def genuine_checks(rows: Rows, rng: np.random.Generator, pools: Pools) -> None:
    """AVS, CVV and 3DS as they answer to the true cardholder."""
    count = len(rows)
    billing = pools.column("addresses", "country")[rows["billing"]]
    avs = rng.choice([Avs.MATCH, Avs.PARTIAL, Avs.NO_MATCH], count, p=[0.90, 0.05, 0.05])
    known = np.isin(billing, _AVS_COUNTRIES)
    rows["avs"] = np.where(known, avs, Avs.UNAVAILABLE)
    typed = rng.choice([Cvv.MATCH, Cvv.NO_MATCH], count, p=[0.982, 0.018])
    rows["cvv"] = np.where(rows["entry"] == Entry.ON_FILE, Cvv.NOT_PROVIDED, typed)
    result = rng.choice(
        [ThreeDs.AUTHENTICATED, ThreeDs.ATTEMPTED, ThreeDs.FAILED], count, p=[0.93, 0.045, 0.025]
    )
    rows["three_ds"] = np.where(asked_for_3ds(rows, rng, pools), result, -1)


def asked_for_3ds(rows: Rows, rng: np.random.Generator, pools: Pools) -> Bools:
    """Which payments the merchant sends through 3DS: its habit, less small-amount exemptions."""
    table = pools.rows("merchants")
    percent = table["three_ds_percent"][rows["merchant"]]
    country = table["country"][rows["merchant"]]
    percent = np.where(country == country_index("US"), percent * 0.2, percent)
    small = rows["amount"] < 30 * _RATE[country]
    percent = np.where(small, percent * 0.35, percent)
    result: Bools = rng.random(len(rows)) * 100 < percent
    return result


def _delivery(
    rows: Rows, rng: np.random.Generator, people: People, who: Ints, delivers: Bools
) -> None:
    home = presence.address_at(people, who, rows["time"])
    gift = rng.random(len(rows)) < 0.06
    stranger = rng.integers(0, len(people), len(rows))
    target = np.where(gift, people.addresses[stranger, 0], home)
    rows["shipping"] = np.where(delivers, target, -1)


def _reduction(rng: np.random.Generator, age_us: Ints, member: Bools) -> Ints:
    """Most new customers use the welcome reduction, few of the others a seasonal one."""
    at = rng.random(len(age_us))
    young = member & (age_us < 14 * DAY_US)
    share = np.where(young, 0.5, 0.03)
    return np.where(at < share, np.where(young, Promo.WELCOME, Promo.SEASONAL), -1)


def _merchant_initiated(rows: Rows, recurring: Bools) -> None:
    rows["initiator"] = np.where(recurring, Initiator.MERCHANT, Initiator.CUSTOMER)
    for name in ("device", "ip", "three_ds", "basket", "promo"):
        rows[name] = np.where(recurring, -1, rows[name])
