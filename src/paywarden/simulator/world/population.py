"""People: who they are, what they own, how they live. Index in a table = customer number.

Households share address and home line; offices share a line; everyone's phone leaves through a few
carrier exits. Within the span some move house, replace a phone or laptop, travel, or have only just
opened their account; families lend each other devices: honest people who look like thieves decide
the false-positive rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.core.instants import DAY_US
from paywarden.simulator.presets import Horizon, Preset
from paywarden.simulator.rows import Bools, Floats, Ints
from paywarden.simulator.world import network
from paywarden.simulator.world.geography import BINS, COUNTRIES, COUNTRY_CODES
from paywarden.simulator.world.lexicon import (
    AGENT_WEIGHTS,
    AGENTS,
    FAMILY,
    FIRST_THROWAWAY_DOMAIN,
    GIVEN,
    LANGUAGES,
    MAIL_DOMAINS,
)
from paywarden.simulator.world.pools import Cast
from paywarden.simulator.world.rhythm import PAY_DAYS

SLOTS = 3
DEVICE_LIFE_DAYS = 548.0
PAYEE_SLOTS = 6
_BIN_COUNTRY = np.array([COUNTRY_CODES.index(b.country) for b in BINS])
_LANGUAGE = np.array([LANGUAGES.index(country.language) for country in COUNTRIES])
_DIALLING = np.array([int(country.dialling) for country in COUNTRIES])


@dataclass(frozen=True, slots=True)
class People:
    """Customers, one entry each; `*_until` are instants at which the second value takes over."""

    party: Ints
    country: Ints
    household: Ints
    mate: Ints  # somebody of the same household, or oneself
    activity: Floats
    income: Floats
    online_share: Floats
    shift_hours: Floats
    pay_day: Ints
    seller: Bools
    vpn_user: Bools
    born_us: Ints
    addresses: Ints  # (people, 2): before and after moving
    address_until: Ints
    home_ips: Ints  # (people, 2): lines get a new address at times
    home_until: Ints
    office_ip: Ints
    cards: Ints  # (people, SLOTS), repeated where fewer
    devices: Ints  # (people, SLOTS, 2): before and after replacement
    device_until: Ints
    payees: Ints  # (people, PAYEE_SLOTS)
    payee_since: Ints
    own_account: Ints
    carrier_ips: Ints  # (countries, CARRIER_EXITS)
    hotel_ips: Ints
    vpn_ips: Ints

    def __len__(self) -> int:
        return len(self.party)


def create(rng: np.random.Generator, cast: Cast, preset: Preset, horizon: Horizon) -> People:
    """The preset's customers with everything they own."""
    count = preset.customers
    household = np.repeat(
        np.arange(count), rng.choice([1, 2, 3, 4], count, p=[0.4, 0.35, 0.13, 0.12])
    )
    household = household[:count]
    shares = np.array([country.share for country in COUNTRIES])
    land = rng.choice(len(COUNTRIES), count, p=shares / shares.sum())  # of each household
    country = land[household]
    born = _account_openings(rng, count, horizon)
    activity = rng.lognormal(0, 0.9, count)
    who = parties(rng, cast, country, born, horizon.start_us)
    first, second, moved = _lines(rng, cast, land, household, horizon)
    machines, replaced = _machines(rng, cast, country, horizon)
    return People(
        party=who,
        country=country,
        household=household,
        mate=_mates(household),
        activity=activity / activity.mean(),
        income=rng.lognormal(0, 0.35, count),
        online_share=rng.beta(2.2, 3.2, count),
        shift_hours=rng.normal(0, 1.1, count),
        pay_day=rng.integers(0, len(PAY_DAYS), count),
        seller=rng.random(count) < 0.08,
        vpn_user=rng.random(count) < 0.04,
        born_us=born,
        addresses=np.stack([first, second], axis=1),
        address_until=moved,
        home_ips=_home_lines(rng, cast, land, household),
        home_until=_moments(rng, count, horizon, 45.0)[household],
        office_ip=_offices(rng, cast, country),
        cards=_wallets(rng, cast, who, country, horizon),
        devices=machines,
        device_until=replaced,
        payees=_payees(rng, cast, country),
        payee_since=_moments(rng, count * PAYEE_SLOTS, horizon, 500.0, before=0.75).reshape(
            count, PAYEE_SLOTS
        ),
        own_account=_own_accounts(rng, cast, who, country),
        carrier_ips=_exits(rng, cast, network.Line.MOBILE, network.CARRIER_EXITS),
        hotel_ips=_exits(rng, cast, network.Line.HOTEL, network.HOTEL_EXITS),
        vpn_ips=_exits(rng, cast, network.Line.HOSTING, network.VPN_EXITS),
    )


def parties(
    rng: np.random.Generator,
    cast: Cast,
    country: Ints,
    created: Ints,
    now_us: int,
    throwaway: float = 0.006,
    mail_days: float = 700.0,
) -> Ints:
    """One person per entry of `country`, real or made up.

    `throwaway`: share with throw-away mail; `mail_days`: mean age of the address at opening."""
    count = len(country)
    domain = rng.integers(0, FIRST_THROWAWAY_DOMAIN, count)
    domain = np.where(
        rng.random(count) < throwaway,
        rng.integers(FIRST_THROWAWAY_DOMAIN, len(MAIL_DOMAINS), count),
        domain,
    )
    account_age = np.maximum(0, (now_us - created) // DAY_US)
    return cast.add(
        "parties",
        count,
        given=rng.integers(0, len(GIVEN), count),
        family=rng.integers(0, len(FAMILY), count),
        domain=domain,
        tag=rng.integers(1, 9_999, count),
        country=country,
        birth_day=rng.integers(-12_000, 13_500, count),
        created=created,
        # at most twelve digits, so that no telephone number has the length of a card number
        phone=_DIALLING[country] * 10**9 + 555_000_000 + rng.integers(0, 999_999, count),
        mail_age_days=account_age + rng.exponential(mail_days, count).astype(np.int64),
    )


def devices(rng: np.random.Generator, cast: Cast, country: Ints) -> Ints:
    """One device per entry of `country`, mostly speaking the country's language."""
    count = len(country)
    foreign = rng.random(count) < 0.07
    return cast.add(
        "devices",
        count,
        agent=rng.choice(len(AGENTS), count, p=np.array(AGENT_WEIGHTS) / sum(AGENT_WEIGHTS)),
        language=np.where(foreign, rng.integers(0, len(LANGUAGES), count), _LANGUAGE[country]),
    )


def addresses(rng: np.random.Generator, cast: Cast, country: Ints) -> Ints:
    """One postal address per entry of `country`."""
    return cast.add(
        "addresses",
        len(country),
        country=country,
        postal=rng.integers(10_000, 99_999, len(country)),
    )


def accounts(
    rng: np.random.Generator, cast: Cast, country: Ints, given: Ints, family: Ints
) -> Ints:
    """One bank account per entry, in that person's name."""
    return cast.add(
        "payees",
        len(country),
        given=given,
        family=family,
        country=country,
        account=rng.integers(1, 10**9, len(country)),
    )


def _mates(household: Ints) -> Ints:
    here = np.arange(len(household))
    following, before = np.roll(here, -1), np.roll(here, 1)
    near = np.where(household[following] == household, following, before)
    return np.where(household[near] == household, near, here)


def _account_openings(rng: np.random.Generator, count: int, horizon: Horizon) -> Ints:
    old = horizon.start_us - (rng.exponential(700, count) * DAY_US).astype(np.int64) - DAY_US
    fresh = horizon.end_us - (rng.random(count) * (horizon.days + 20) * DAY_US).astype(np.int64)
    return np.where(rng.random(count) < 0.03, fresh, old)


def _moments(
    rng: np.random.Generator, count: int, horizon: Horizon, mean_days: float, before: float = 0.0
) -> Ints:
    """Instants of a rare change; `before` = share for whom it happened before the span."""
    wait = (rng.exponential(mean_days, count) * DAY_US).astype(np.int64)
    past = rng.random(count) < before
    return np.where(past, horizon.start_us - wait, horizon.start_us + wait)


def _lines(
    rng: np.random.Generator, cast: Cast, land: Ints, household: Ints, horizon: Horizon
) -> tuple[Ints, Ints, Ints]:
    first = addresses(rng, cast, land)[household]
    second = addresses(rng, cast, land)[household]
    return first, second, _moments(rng, len(land), horizon, 2_200.0)[household]


def _home_lines(rng: np.random.Generator, cast: Cast, land: Ints, household: Ints) -> Ints:
    pair = [network.draw(rng, cast, land, network.Line.HOME)[household] for _ in range(2)]
    return np.stack(pair, axis=1)


def _offices(rng: np.random.Generator, cast: Cast, country: Ints) -> Ints:
    chosen = np.full(len(country), -1, dtype=np.int64)
    for here in np.unique(country):
        staff = np.flatnonzero((country == here) & (rng.random(len(country)) < 0.55))
        sites = max(1, len(staff) // 35)
        lines = network.draw(rng, cast, np.full(sites, here), network.Line.OFFICE)
        chosen[staff] = lines[rng.integers(0, sites, len(staff))]
    return chosen


def _exits(rng: np.random.Generator, cast: Cast, line: network.Line, each: int) -> Ints:
    country = np.repeat(np.arange(len(COUNTRIES)), each)
    return network.draw(rng, cast, country, line).reshape(len(COUNTRIES), each)


def issue_cards(
    rng: np.random.Generator, cast: Cast, party: Ints, country: Ints, start_us: int
) -> Ints:
    """One card per entry, issued in `country` from a test range."""
    fits = [np.flatnonzero(c == _BIN_COUNTRY) for c in range(len(COUNTRIES))]
    at = rng.random(len(country))
    bins = np.array([fits[c][int(a * len(fits[c]))] for c, a in zip(country, at, strict=True)])
    this_month = 12 * 1970 + int(start_us / (30.436875 * DAY_US))
    return cast.add(
        "cards",
        len(country),
        bin=bins,
        last4=rng.integers(0, 10_000, len(country)),
        expiry_month=this_month + rng.integers(1, 48, len(country)),
        party=party,
    )


def _wallets(
    rng: np.random.Generator, cast: Cast, party: Ints, country: Ints, horizon: Horizon
) -> Ints:
    count = len(country)
    foreign = rng.random((count, SLOTS)) < 0.04
    issued = np.where(foreign, rng.integers(0, len(COUNTRIES), (count, SLOTS)), country[:, None])
    cards = issue_cards(
        rng, cast, np.repeat(party, SLOTS), issued.reshape(-1), horizon.start_us
    ).reshape(count, SLOTS)
    owned = rng.choice([1, 2, 3], count, p=[0.45, 0.38, 0.17])
    return _repeat_last(cards, owned)


def _machines(
    rng: np.random.Generator, cast: Cast, country: Ints, horizon: Horizon
) -> tuple[Ints, Ints]:
    count = len(country)
    made = devices(rng, cast, np.repeat(country, SLOTS * 2)).reshape(count, SLOTS, 2)
    owned = rng.choice([1, 2, 3], count, p=[0.4, 0.42, 0.18])
    until = _moments(rng, count * SLOTS, horizon, DEVICE_LIFE_DAYS).reshape(count, SLOTS)
    pair = np.stack([_repeat_last(made[:, :, age], owned) for age in range(2)], axis=2)
    return pair, _repeat_last(until, owned)


def _repeat_last(things: Ints, owned: Ints) -> Ints:
    slot = np.minimum(np.arange(things.shape[1])[None, :], (owned - 1)[:, None])
    return np.take_along_axis(things, slot, axis=1)


def _payees(rng: np.random.Generator, cast: Cast, country: Ints) -> Ints:
    count = len(country) * PAYEE_SLOTS
    where = np.repeat(country, PAYEE_SLOTS)
    where = np.where(rng.random(count) < 0.06, rng.integers(0, len(COUNTRIES), count), where)
    given = rng.integers(0, len(GIVEN), count)
    family = rng.integers(0, len(FAMILY), count)
    return accounts(rng, cast, where, given, family).reshape(len(country), PAYEE_SLOTS)


def _own_accounts(rng: np.random.Generator, cast: Cast, party: Ints, country: Ints) -> Ints:
    table = cast.pools.rows("parties")
    return accounts(rng, cast, country, table["given"][party], table["family"][party])
