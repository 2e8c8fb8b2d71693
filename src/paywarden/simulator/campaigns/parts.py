"""Parts of attacks: what several campaigns do alike. Not a campaign: it has no `CAMPAIGN`."""

from __future__ import annotations

import numpy as np

from paywarden.core.instants import DAY_US
from paywarden.simulator.campaigns.model import Brief, Switch
from paywarden.simulator.rows import Bools, Ints, Rows
from paywarden.simulator.words import Avs, Channel, Cvv, Entry, Initiator, ThreeDs, Type
from paywarden.simulator.world import network, population, spending
from paywarden.simulator.world.geography import COUNTRIES, CURRENCIES
from paywarden.simulator.world.lexicon import FAMILY, GIVEN
from paywarden.simulator.world.merchants import TRADE_CHANNEL, TRADE_DELIVERS

CURRENCY = np.array([CURRENCIES.index(country.currency) for country in COUNTRIES])
SWITCH_ALL: tuple[Switch, ...] = ("device", "line", "card", "amount")


def victims(brief: Brief, count: int) -> Ints:
    """That many different customers whose account is older than the attack."""
    old = np.flatnonzero(brief.people.born_us < brief.start_us)
    return brief.rng.choice(old, min(count, len(old)), replace=False)


def strangers(
    brief: Brief,
    country: Ints,
    ages_days: tuple[float, float],
    *,
    throwaway: float = 0.1,
    mail_days: float = 120.0,
) -> Ints:
    """Made-up customers, one per entry of `country`, with accounts of that age at the start."""
    age = brief.rng.uniform(*ages_days, len(country))
    created = brief.start_us - (age * DAY_US).astype(np.int64)
    return population.parties(
        brief.rng, brief.cast, country, created, brief.start_us,
        throwaway=throwaway, mail_days=mail_days,
    )  # fmt: skip


def machines(brief: Brief, country: Ints, line: network.Line) -> tuple[Ints, Ints]:
    """A device and a line of that kind for each entry of `country`."""
    device = population.devices(brief.rng, brief.cast, country)
    return device, network.draw(brief.rng, brief.cast, country, line)


def mules(brief: Brief, country: Ints) -> Ints:
    """Bank accounts in made-up names, one per entry of `country`."""
    rng, count = brief.rng, len(country)
    given, family = rng.integers(0, len(GIVEN), count), rng.integers(0, len(FAMILY), count)
    return population.accounts(rng, brief.cast, country, given, family)


def shops(brief: Brief, trades: Bools, count: int, *, three_ds_at_most: int = 100) -> Ints:
    """`count` draws, by size of business, of online shops of these trades (a mask over TRADES)."""
    table = brief.pools.rows("merchants")
    trade = table["trade"]
    fit = trades[trade] & (TRADE_CHANNEL[trade] == Channel.ECOMMERCE)
    chosen = np.flatnonzero(fit & (table["three_ds_percent"] <= three_ds_at_most))
    weight = np.sqrt(table["weight_milli"][chosen].astype(np.float64))
    return brief.rng.choice(chosen, count, p=weight / weight.sum())


def after(brief: Brief, count: int, days: float, first_us: int | None = None) -> Ints:
    """`count` instants in order within patient `days` of the start (or of `first_us`)."""
    begin = brief.start_us if first_us is None else first_us
    return begin + np.sort(brief.rng.random(count) * brief.wait_us(days)).astype(np.int64)


def deliver(rows: Rows, brief: Brief, address: Ints) -> None:
    """Ship to these addresses where the shop ships at all."""
    ships = TRADE_DELIVERS[brief.pools.column("merchants", "trade")[rows["merchant"]]]
    rows["shipping"] = np.where(ships, address, -1)


def typed(rows: Rows, brief: Brief) -> None:
    """Cards typed in, small carts."""
    rows["entry"] = Entry.MANUAL
    rows["basket"] = brief.rng.integers(1, 4, len(rows))


def own_checks(rows: Rows, brief: Brief) -> None:
    """Checks as they answer to the true holder, who is the attacker himself."""
    spending.genuine_checks(rows, brief.rng, brief.pools)


def thief_checks(
    rows: Rows, brief: Brief, *, wrong_code: float, true_address: Bools, failed: float = 0.6
) -> None:
    """Checks as they answer to a thief: `wrong_code` of the codes, `failed` of 3DS."""
    rng, count = brief.rng, len(rows)
    spending.genuine_checks(rows, rng, brief.pools)
    believed = np.where(true_address, Avs.MATCH, Avs.NO_MATCH)
    rows["avs"] = np.where(rows["avs"] == Avs.UNAVAILABLE, Avs.UNAVAILABLE, believed)
    code = rng.choice([Cvv.MATCH, Cvv.NO_MATCH], count, p=[1 - wrong_code, wrong_code])
    rows["cvv"] = np.where(rows["entry"] == Entry.ON_FILE, Cvv.NOT_PROVIDED, code)
    result = rng.choice([ThreeDs.FAILED, ThreeDs.ATTEMPTED], count, p=[failed, 1 - failed])
    rows["three_ds"] = np.where(rows["three_ds"] >= 0, result, -1)


def transfers(rows: Rows, party: Ints, country: Ints, type_: Type = Type.TRANSFER) -> None:
    """Make the rows transfers from these accounts in their country's currency."""
    rows["type"], rows["channel"], rows["initiator"] = type_, Channel.IN_APP, Initiator.CUSTOMER
    rows["party"], rows["guest"] = party, 0
    rows["currency"] = CURRENCY[country]


def one_country(brief: Brief, count: int) -> Ints:
    """One country, drawn by where people live, `count` times."""
    home = brief.people.country[int(brief.rng.integers(0, len(brief.people)))]
    return np.full(count, home)
