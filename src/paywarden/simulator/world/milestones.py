"""Milestones: rare large steps in honest people's money lives, with the account events before them.

Look-alikes of scams, mules and take-overs: a first large transfer to an own account at another bank
minutes after it was added, a car or a deposit paid to a stranger, a treasurer who collects small
sums from a crowd, wages that come in and leave again within days.
"""

from __future__ import annotations

import numpy as np

from paywarden.core.instants import DAY_US, HOUR_US, MINUTE_US
from paywarden.simulator.presets import Horizon, Preset
from paywarden.simulator.rows import EVENT_COLUMNS, Ints, Rows
from paywarden.simulator.words import Kind, Result, Type
from paywarden.simulator.world import banking, population, presence
from paywarden.simulator.world.lexicon import FAMILY, GIVEN
from paywarden.simulator.world.pools import Cast
from paywarden.simulator.world.population import People

_OWN_EVERY_DAYS = 400.0
_PURCHASE_EVERY_DAYS = 900.0
_COLLECTIONS_PER_PERSON_DAY = 1 / 20_000
_WAGES_EVERY_DAYS = 30.0
_WAGE_EARNERS = 0.10  # people whose wages come into an account of this platform


class Milestones:
    """Makes payments, and the account events before them."""

    def __init__(
        self,
        rng: np.random.Generator,
        people: People,
        trips: presence.Trips,
        horizon: Horizon,
        cast: Cast,
    ) -> None:
        self._rng, self._people, self._trips = rng, people, trips
        self._horizon, self._cast = horizon, cast
        self._events: list[Rows] = [Rows.blank(EVENT_COLUMNS, 0)]

    def span(self, preset: Preset) -> tuple[Rows, Rows]:
        """Payments and account events of the span."""
        made = [self._own_accounts(), self._purchases(), *self._wages()]
        days = self._horizon.days
        count = self._rng.poisson(_COLLECTIONS_PER_PERSON_DAY * preset.customers * days)
        made += [self._collection() for _ in range(count)]
        payments, events = Rows.concat(made), Rows.concat(self._events)
        payments = payments.take(payments["time"] < self._horizon.end_us)
        inside = (events["time"] >= self._horizon.start_us) & (
            events["time"] < self._horizon.end_us
        )
        events = events.take(inside)
        events["number"] = self._cast.numbers("events", len(events))
        return payments, events

    def _own_accounts(self) -> Rows:
        who, when = self._moments(_OWN_EVERY_DAYS)
        payee = self._people.own_account[who]
        self._added(who, when - self._minutes(len(who), 2, 45), payee)
        return self._transfers(who, when, payee, 2_400.0, 0.7)

    def _purchases(self) -> Rows:
        rng = self._rng
        who, when = self._moments(_PURCHASE_EVERY_DAYS)
        given, family = (
            rng.integers(0, len(GIVEN), len(who)),
            rng.integers(0, len(FAMILY), len(who)),
        )
        country = self._people.country[who]
        payee = population.accounts(rng, self._cast, country, given, family)
        self._added(who, when - self._minutes(len(who), 3, 3_000), payee)
        return self._transfers(who, when, payee, 3_200.0, 0.6)

    def _collection(self) -> Rows:
        """One treasurer, 8 to 30 members of the same country, equal sums within two days."""
        rng, people = self._rng, self._people
        treasurer = int(rng.integers(0, len(people)))
        near = np.flatnonzero(people.country == people.country[treasurer])
        who = rng.choice(near, min(len(near), int(rng.integers(8, 31))), replace=False)
        begin = self._horizon.start_us + rng.integers(0, self._horizon.days * DAY_US)
        when = begin + (rng.random(len(who)) * 2 * DAY_US).astype(np.int64)
        who, when = self._grown(who, when)
        payee = np.full(len(who), people.own_account[treasurer])
        new = rng.random(len(who)) < 0.5
        self._added(who[new], (when - self._minutes(len(who), 1, 20))[new], payee[new])
        rows = self._transfers(who, when, payee, 30.0, 0.1)
        rows["amount"] = np.full(len(who), 500 * int(rng.integers(3, 13)))
        return rows

    def _wages(self) -> list[Rows]:
        """Money in by a top-up, part of it out again within three days."""
        rng = self._rng
        who, when = self._moments(_WAGES_EVERY_DAYS)
        earner = (who * 2_654_435_761 % 2**32) < _WAGE_EARNERS * 2**32  # the same people always
        who, when = who[earner], when[earner]
        wage = self._transfers(who, when, np.full(len(who), -1), 1_700.0, 0.4)
        wage["type"] = Type.TOP_UP
        out = np.repeat(np.arange(len(who)), rng.integers(0, 4, len(who)))
        later = when[out] + (rng.uniform(0.05, 3.0, len(out)) * DAY_US).astype(np.int64)
        slot = np.where(rng.random(len(out)) < 0.6, 0, 1)
        spent = self._transfers(who[out], later, self._people.payees[who[out], slot], 300.0, 0.1)
        share = rng.uniform(0.08, 0.32, len(out))
        spent["amount"] = np.maximum(100, (wage["amount"][out] * share).astype(np.int64))
        return [wage, spent]

    def _transfers(self, who: Ints, when: Ints, payee: Ints, median: float, spread: float) -> Rows:
        rng, people = self._rng, self._people
        rows = banking.blank(rng, people, self._trips, self._cast, who, when)
        euros = rng.lognormal(np.log(median), spread, len(who)) * people.income[who]
        rows["payee"] = payee
        rows["amount"] = banking.whole_sums(rng, euros, people.country[who])
        return rows

    def _moments(self, every_days: float) -> tuple[Ints, Ints]:
        rng, days = self._rng, self._horizon.days
        counts = rng.poisson(days / every_days, len(self._people))
        who = np.repeat(np.arange(len(self._people)), counts)
        day = rng.integers(0, days, len(who))
        at = self._horizon.start_us + day * DAY_US
        return self._grown(who, at + (rng.uniform(7, 21, len(who)) * HOUR_US).astype(np.int64))

    def _grown(self, who: Ints, when: Ints) -> tuple[Ints, Ints]:
        keep = when >= self._people.born_us[who]
        return who[keep], when[keep]

    def _minutes(self, count: int, least: float, most: float) -> Ints:
        return (self._rng.uniform(least, most, count) * MINUTE_US).astype(np.int64)

    def _added(self, who: Ints, when: Ints, payee: Ints) -> None:
        rng, people = self._rng, self._people
        country = presence.country_at(people, self._trips, who, when)
        self._events.append(Rows.blank(
            EVENT_COLUMNS, len(who), time=when, kind=Kind.PAYEE_ADDED, party=people.party[who],
            device=presence.device_at(rng, people, who, when),
            ip=presence.line_at(rng, people, who, when, country),
            payee=payee, result=Result.SUCCEEDED,
        ))  # fmt: skip
