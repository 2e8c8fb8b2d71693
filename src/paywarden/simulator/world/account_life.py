"""Account life: logins, forgotten passwords, new numbers, new payees of honest people.

Look-alikes of account take-over: a password change after failed logins, a new phone followed by a
new number, a payee added minutes before the first transfer to him.
"""

from __future__ import annotations

import numpy as np

from paywarden.core.instants import DAY_US, MINUTE_US
from paywarden.simulator.presets import Horizon
from paywarden.simulator.rows import EVENT_COLUMNS, Bools, Ints, Rows
from paywarden.simulator.words import Channel, Initiator, Kind, Result
from paywarden.simulator.world import presence
from paywarden.simulator.world.pools import Cast
from paywarden.simulator.world.population import People


class AccountLife:
    """Makes account events around given payments and on their own."""

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

    def span(self, payments: Rows) -> Rows:
        """All account events of the span."""
        logins = self._before(payments)
        changes = [
            self._rare(Kind.PASSWORD_CHANGE, 1 / 220),
            self._rare(Kind.EMAIL_CHANGE, 1 / 1_500),
            self._rare(Kind.PHONE_CHANGE, 1 / 1_100),
        ]
        tables = [logins, self._mistyped(logins), *changes, self._new_phones(), self._new_payees()]
        around = [self._login_before(table) for table in tables[2:]]
        return self._within(Rows.concat([*tables, *around]))

    def _before(self, payments: Rows) -> Rows:
        person = payments["initiator"] == Initiator.CUSTOMER
        member = person & (payments["party"] >= 0) & (payments["guest"] == 0)
        likely = np.where(payments["channel"] == Channel.IN_APP, 0.9, 0.4)
        at = np.flatnonzero(member & (self._rng.random(len(payments)) < likely))
        source = payments.take(at)
        early = (self._rng.lognormal(np.log(4), 0.8, len(at)) * MINUTE_US).astype(np.int64)
        return self._events(Kind.LOGIN, source["time"] - early, source["party"],
                            source["device"], source["ip"], Result.SUCCEEDED)  # fmt: skip

    def _mistyped(self, logins: Rows) -> Rows:
        source = logins.take(self._rng.random(len(logins)) < 0.05)
        early = (self._rng.uniform(5, 60, len(source)) * 1e6).astype(np.int64)
        return self._events(Kind.LOGIN, source["time"] - early, source["party"],
                            source["device"], source["ip"], Result.FAILED)  # fmt: skip

    def _rare(self, kind: Kind, per_day: float) -> Rows:
        counts = self._rng.poisson(per_day * self._horizon.days, len(self._people))
        who = np.repeat(np.arange(len(self._people)), counts)
        span_us = self._horizon.days * DAY_US
        when = self._horizon.start_us + self._rng.integers(0, span_us, len(who))
        return self._by_person(kind, who, when)

    def _new_phones(self) -> Rows:
        until = self._people.device_until[:, 0]
        fresh = (until < self._horizon.end_us) & (self._rng.random(len(until)) < 0.25)
        who = np.flatnonzero(fresh)
        later = (self._rng.exponential(60, len(who)) * MINUTE_US).astype(np.int64)
        return self._by_person(Kind.PHONE_CHANGE, who, until[who] + later)

    def _new_payees(self) -> Rows:
        who, slot = np.nonzero(self._people.payee_since >= self._horizon.start_us)
        rows = self._by_person(Kind.PAYEE_ADDED, who, self._people.payee_since[who, slot])
        rows["payee"] = self._people.payees[who, slot]
        return rows

    def _by_person(self, kind: Kind, who: Ints, when: Ints) -> Rows:
        people, rng = self._people, self._rng
        country = presence.country_at(people, self._trips, who, when)
        device = presence.device_at(rng, people, who, when)
        line = presence.line_at(rng, people, who, when, country)
        return self._events(kind, when, people.party[who], device, line, Result.SUCCEEDED)

    def _login_before(self, events: Rows) -> Rows:
        early = (self._rng.uniform(30, 400, len(events)) * 1e6).astype(np.int64)
        return self._events(Kind.LOGIN, events["time"] - early, events["party"],
                            events["device"], events["ip"], Result.SUCCEEDED)  # fmt: skip

    def _events(
        self, kind: Kind, when: Ints, party: Ints, device: Ints, ip: Ints, result: Result
    ) -> Rows:
        return Rows.blank(EVENT_COLUMNS, len(when), time=when, kind=kind, party=party,
                          device=device, ip=ip, result=result)  # fmt: skip

    def _within(self, events: Rows) -> Rows:
        born = self._people.born_us[events["party"]]
        inside: Bools = (events["time"] >= np.maximum(born, self._horizon.start_us)) & (
            events["time"] < self._horizon.end_us
        )
        kept = events.take(inside)
        kept["number"] = self._cast.numbers("events", len(kept))
        return kept
