"""BIN enumeration: guessing the cards of one issuer, spread so thin that no shop sees it.

Shape: 40 to 400 attempts over cards of one BIN with random last digits, at 8 to 30 different shops,
from residential proxies of which each is used two or three times, on browsers used about as often;
sums of half a unit to eight units; most numbers do not exist. The bold operator makes 200 to 900
attempts per hour; the evasive one 40 to 120, over two BINs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator import outcomes
from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Terms
from paywarden.simulator.rows import Ints, Rows
from paywarden.simulator.words import CODES, Status
from paywarden.simulator.world import network, population
from paywarden.simulator.world.geography import BINS, COUNTRIES, COUNTRY_CODES
from paywarden.simulator.world.merchants import TRADE_RECURRING
from paywarden.simulator.world.trades import TRADES

_CODES = {"54": 0.4, "05": 0.4, "51": 0.2}
_NOBODY = 0.55
_CHEAP = np.array([trade.ticket <= 60 for trade in TRADES]) & ~TRADE_RECURRING
_BIN_COUNTRY = np.array([COUNTRY_CODES.index(b.country) for b in BINS], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class BinEnumeration(Terms):
    """One issuer's range, many shops, many proxies."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` guesses."""
        rows = brief.payments(_times(brief))
        some = parts.shops(brief, _CHEAP, int(brief.rng.integers(8, 31)), three_ds_at_most=85)
        brief.shop(rows, some[brief.rng.integers(0, len(some), len(rows))])
        _cards(rows, brief)
        _proxies(rows, brief)
        parts.typed(rows, brief)
        wrong = np.zeros(len(rows), dtype=np.bool_)
        parts.thief_checks(rows, brief, wrong_code=0.7, true_address=wrong, failed=0.8)
        outcomes.authorise(brief.rng, rows, np.full(len(rows), 0.7), _CODES)
        _nobodys(rows, brief)
        return Attack(_operator(brief.evasive), rows, brief.nothing())


CAMPAIGN = BinEnumeration(
    type="bin_enumeration", per_100k={"demo": 1_600.0, "realistic": 16.0}, sizes=(40, 400)
)


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("quiet enumerator", "generator behind rotating home proxies",
                        "two issuers, slow, changes all he can", True, 40, 1.2, 0.01,
                        parts.SWITCH_ALL)  # fmt: skip
    return Operator("enumerator", "generator behind rotating home proxies",
                    "none: each machine is used but twice", False, 80, 1.0, 0.01)  # fmt: skip


def _times(brief: Brief) -> Ints:
    per_hour = brief.rng.uniform(*((40, 120) if brief.evasive else (200, 900)))
    waits = brief.rng.exponential(3.6e9 / per_hour, brief.size)
    return brief.start_us + np.cumsum(waits).astype(np.int64)


def _cards(rows: Rows, brief: Brief) -> None:
    rng, count = brief.rng, len(rows)
    issuers = rng.integers(0, len(BINS), 2 if brief.evasive else 1)
    of = issuers[rng.integers(0, len(issuers), count)]
    months = brief.pools.column("cards", "expiry_month")[: 3 * len(brief.people)]
    made = brief.cast.add(
        "cards", count, bin=of, last4=rng.integers(0, 10_000, count),
        expiry_month=rng.choice(months, count),
    )  # fmt: skip
    # the bold one tries three in ten numbers again, with another code
    again = ~np.array(brief.evasive) & (rng.random(count) < 0.3)
    which = np.maximum.accumulate(np.where(again, 0, np.arange(count)))
    rows["card"] = made[which]
    rows["amount"] = rng.integers(50, 801, count)
    rows["billing"] = population.addresses(rng, brief.cast, _BIN_COUNTRY[of])[which]


def _nobodys(rows: Rows, brief: Brief) -> None:
    """Most numbers belong to nobody: the issuer says so before it looks at date or code."""
    _, which = np.unique(rows["card"], return_inverse=True)
    nobody = (brief.rng.random(which.max() + 1) < _NOBODY)[which]
    rows["status"] = np.where(nobody, Status.DECLINED, rows["status"])
    rows["code"] = np.where(nobody, CODES.index("14"), rows["code"])


def _proxies(rows: Rows, brief: Brief) -> None:
    rng, count = brief.rng, len(rows)
    where = rng.integers(0, len(COUNTRIES), max(1, count * 2 // 5))
    device, line = parts.machines(brief, where, network.Line.HOME)
    used = rng.integers(0, len(where), count)
    rows["device"], rows["ip"] = device[used], line[used]
    country = brief.pools.column("addresses", "country")[rows["billing"]]
    names = parts.strangers(brief, country, (0.0, 1.0), throwaway=0.2)
    rows["party"] = names[rng.permutation(count) // 2]
    rows["guest"] = 1
