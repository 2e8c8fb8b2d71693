"""Bot traffic: a script buys with bought card data from a range of rented addresses.

Shape: 30 to 200 purchases of gift cards, games or digital goods within one to three hours from one
or two /24 networks of a hosting company, each address used once or twice, a fresh device each time
but one and the same browser text, at the even pace of a machine, from accounts made minutes before.
A third of the security codes are wrong. The evasive bot goes through mobile carriers' shared
exits, where thousands of honest people speak, and varies its pace.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator import outcomes
from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Terms
from paywarden.simulator.rows import Ints, Rows
from paywarden.simulator.world import network, population, spending
from paywarden.simulator.world.geography import COUNTRIES
from paywarden.simulator.world.lexicon import AGENTS
from paywarden.simulator.world.trades import TRADES

_CODES = {"05": 0.4, "51": 0.25, "59": 0.2, "43": 0.15}
_DIGITAL = np.array([trade.mcc in ("5815", "5816", "5947") for trade in TRADES])


@dataclass(frozen=True, slots=True)
class BotTraffic(Terms):
    """A range of machines with bought cards."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` purchases."""
        rows = brief.payments(_times(brief))
        some = parts.shops(brief, _DIGITAL, int(brief.rng.integers(1, 4)), three_ds_at_most=85)
        brief.shop(rows, some[np.arange(len(rows)) % len(some)])
        _bots(rows, brief)
        parts.typed(rows, brief)
        rows["basket"] = 1
        scale = np.full(len(rows), 1.8)
        rows["amount"] = spending.amounts(brief.rng, brief.pools, rows["merchant"], scale)
        known = brief.rng.random(len(rows)) < 0.4
        parts.thief_checks(rows, brief, wrong_code=0.33, true_address=known, failed=0.75)
        outcomes.authorise(brief.rng, rows, np.full(len(rows), 0.35), _CODES)
        return Attack(_operator(brief.evasive), rows, brief.nothing())


CAMPAIGN = BotTraffic(
    type="bot_traffic", per_100k={"demo": 900.0, "realistic": 12.0}, sizes=(30, 200)
)


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("bot in the crowd", "script behind carriers' exits",
                        "varies pace and machine", True, 15, 1.3, 0.02,
                        ("device", "line", "card"))  # fmt: skip
    return Operator("bot range", "script on a rented /24", "none", False, 40, 1.0, 0.02)


def _times(brief: Brief) -> Ints:
    hours = brief.rng.uniform(1, 3)
    even = (np.arange(brief.size) + brief.rng.normal(0, 0.05, brief.size)) / brief.size
    at = np.sort(brief.rng.random(brief.size) if brief.evasive else np.clip(even, 0, None))
    return brief.start_us + (at * hours * 3.6e9).astype(np.int64)


def _bots(rows: Rows, brief: Brief) -> None:
    rng, count = brief.rng, len(rows)
    where = rng.integers(0, len(COUNTRIES), 2)
    home = where[np.arange(count) % 2]
    device = population.devices(rng, brief.cast, home)
    agents = brief.pools.rows("devices")["agent"]
    agents[device] = int(rng.integers(0, len(AGENTS)))
    rows["device"] = device
    if brief.evasive:
        exits = brief.people.carrier_ips
        rows["ip"] = exits[home, rng.integers(0, exits.shape[1], count)]
    else:
        rows["ip"] = network.neighbours(rng, brief.cast, home, network.Line.HOSTING)
    issued = rng.integers(0, len(COUNTRIES), count)
    party = parts.strangers(brief, issued, (0.0, 0.02), throwaway=0.3, mail_days=10.0)
    rows["party"], rows["guest"] = party, 0
    rows["card"] = population.issue_cards(rng, brief.cast, party, issued, brief.start_us)
    rows["billing"] = population.addresses(rng, brief.cast, issued)
