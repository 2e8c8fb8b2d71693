"""Presence: where a customer is and what he pays from at an instant.

Answers, for arrays of (customer, instant): the country he travels in, the device in his hand, the
line it speaks through, the address he lives at. All changes (a trip, a move, a new phone, a new
home address of the line) are fixed when the world is made, so every question gets one answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.core.instants import DAY_US, HOUR_US
from paywarden.simulator.presets import Horizon
from paywarden.simulator.rows import Bools, Ints
from paywarden.simulator.world.geography import COUNTRIES
from paywarden.simulator.world.population import SLOTS, People

_TRIP_EVERY_DAYS = 75.0
_BORROWED = 0.03
_SLOT_WEIGHTS = (0.72, 0.21, 0.07)


@dataclass(frozen=True, slots=True)
class Trips:
    """Journeys abroad, shape (people, journeys) each; instants in microseconds."""

    begin: Ints
    end: Ints
    country: Ints


def plan_trips(rng: np.random.Generator, people: People, horizon: Horizon) -> Trips:
    """Journeys of 2 to 14 days, about one in 75 days per person, from before the span on."""
    count, each = len(people), 2 + int(horizon.days / _TRIP_EVERY_DAYS)
    gap = rng.exponential(_TRIP_EVERY_DAYS, (count, each)) + 3
    length = rng.uniform(2, 14, (count, each))
    begin_days = np.cumsum(gap + length, axis=1) - length - _TRIP_EVERY_DAYS
    begin = horizon.start_us + (begin_days * DAY_US).astype(np.int64)
    return Trips(
        begin=begin,
        end=begin + (length * DAY_US).astype(np.int64),
        country=rng.integers(0, len(COUNTRIES), (count, each)),
    )


def country_at(people: People, trips: Trips, who: Ints, when: Ints) -> Ints:
    """Country index in which each person is."""
    here = people.country[who].copy()
    for journey in range(trips.begin.shape[1]):
        away = (trips.begin[who, journey] <= when) & (when < trips.end[who, journey])
        here[away] = trips.country[who[away], journey]
    return here


def device_at(rng: np.random.Generator, people: People, who: Ints, when: Ints) -> Ints:
    """Device in use: mostly the first, its successor once replaced, at times a relative's."""
    who = np.where(rng.random(len(who)) < _BORROWED, people.mate[who], who)
    slot = rng.choice(SLOTS, len(who), p=_SLOT_WEIGHTS)
    successor = (when >= people.device_until[who, slot]).astype(np.int64)
    return people.devices[who, slot, successor]


def line_at(rng: np.random.Generator, people: People, who: Ints, when: Ints, country: Ints) -> Ints:
    """Address index of the line in use; abroad it is a hotel's or the local carrier's."""
    at = rng.random(len(who))
    away = country != people.country[who]
    home = people.home_ips[who, (when >= people.home_until[who]).astype(np.int64)]
    line = np.where(at < 0.32, _one_of(rng, people.carrier_ips, country), home)
    line = np.where(away & (at >= 0.32), _one_of(rng, people.hotel_ips, country), line)
    office = people.office_ip[who]
    at_work = ~away & (office >= 0) & _office_hours(country, when) & (rng.random(len(who)) < 0.5)
    line = np.where(at_work, office, line)
    hidden = people.vpn_user[who] & (rng.random(len(who)) < 0.6)
    elsewhere = rng.integers(0, len(COUNTRIES), len(who))
    return np.where(hidden, _one_of(rng, people.vpn_ips, elsewhere), line)


def address_at(people: People, who: Ints, when: Ints, lag_us: int = 0) -> Ints:
    """Address index; with `lag_us` the one that was true so long ago (not yet updated)."""
    moved = when - lag_us >= people.address_until[who]
    return people.addresses[who, moved.astype(np.int64)]


def _one_of(rng: np.random.Generator, lines: Ints, country: Ints) -> Ints:
    return lines[country, rng.integers(0, lines.shape[1], len(country))]


def _office_hours(country: Ints, when: Ints) -> Bools:
    offset = np.array([c.offset_hours for c in COUNTRIES], dtype=np.int64)
    local = when + offset[country] * HOUR_US
    hour = (local // HOUR_US) % 24
    weekday = (local // DAY_US + 3) % 7  # 1970-01-01 was a Thursday
    return (hour >= 8) & (hour < 17) & (weekday < 5)
