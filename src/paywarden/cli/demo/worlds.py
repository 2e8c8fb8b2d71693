"""Worlds: several small simulated worlds side by side, each begun shortly before an attack.

Why several: one world of 3,000 people would have to run some 1,800 times faster than life for a
hundred payments a second, and a window of ten minutes would then hold twelve days of everybody's
shopping: honest people look like machines. Eighteen worlds at 112 keep such a window below a day.
Each begins shortly before a campaign of another type, so that every kind of attack shows up within
the first seconds; the last two begin before a ring of mules and before payments to listed parties.
The same seed and number of run give the same worlds on the same day.
"""

from __future__ import annotations

from collections.abc import Iterator

from paywarden.cli.demo.scoring import Rates
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US, format_rfc3339
from paywarden.simulator.history import History
from paywarden.simulator.stream import World
from paywarden.simulator.streams import stable_words
from paywarden.simulator.world.geography import COUNTRIES

PRESET = "demo"
WORLDS = 18
OF_AML = ("mule_ring", "sanctions_evasion")
"""The last worlds begin shortly before these and hold every kind of laundering, with innocents."""
DAYS = 1
SPEED = 112.0
_LEAD_SECONDS = 2.0
_STAGGER_SECONDS = 0.25
"""Seconds of a run before the first world's attack, and from one world's to the next one's."""
_BUSY_HOURS = (8, 18)
_TRIES = 5
_LARGEST_SEED = 2**63 - 1


def seed_of(seed: int, run: int, number: int, generation: int = 0) -> int:
    """The seed of one world. Errors: InvalidRequest for a seed that is none."""
    if not 0 <= seed <= _LARGEST_SEED:
        raise InvalidRequest(
            "demo_seed_invalid", "seed is a whole number from 0 to 2**63 - 1", pointer="--seed"
        )
    first, second = stable_words(f"demo/{seed}/{run}/{number}/{generation}", 2)
    return (first << 31 ^ second) & _LARGEST_SEED


def make(seed: int, number: int, now_us: int, speed: float) -> World:
    """Today's world, begun shortly before an attack."""
    start_us = now_us // DAY_US * DAY_US
    world = _bold(seed, number, start_us)
    lead_us = round((_LEAD_SECONDS + _STAGGER_SECONDS * number) * speed * 1_000_000)
    world.skip_to(max(start_us, attack_us(world.history, number) - lead_us))
    return world


def _bold(seed: int, number: int, start_us: int) -> World:
    """A world whose first attack of laundering, if it begins with one, does not hide.

    Most do not; of a few seeds the first such one is taken, so that a short run shows it."""
    wanted = _of_aml(number)
    for turn in range(_TRIES):
        world = World(PRESET, seed ^ turn, DAYS, start_us=start_us, aml=wanted is not None)
        hides = [one.operator.evasive for one in world.history.strikes if one.type == wanted]
        if not all(hides) or not hides:
            return world
    return world


def attack_us(history: History, number: int) -> int:
    """When a campaign of the `number`-th type (round robin) commits its first fraud, or launders.

    The first one within busy hours, else the first; the span's start if there is none."""
    types = sorted({strike.type for strike in history.strikes if strike.engine == "fraud"})
    if not types:
        return history.horizon.start_us
    wanted = _of_aml(number) or types[number % len(types)]
    campaigns = [n for n, strike in enumerate(history.strikes) if strike.type == wanted]
    begins = sorted(_first_frauds_us(history, campaigns))
    start_us = history.horizon.start_us
    first, last = (start_us + hour * DAY_US // 24 for hour in _BUSY_HOURS)
    busy = [begin for begin in begins if first <= begin < last]
    return (busy or begins or [start_us])[0]


def _of_aml(number: int) -> str | None:
    """What the `number`-th world begins with, if it is one of laundering."""
    beyond = number - (WORLDS - len(OF_AML))
    return OF_AML[beyond] if 0 <= beyond < len(OF_AML) else None


def _first_frauds_us(history: History, campaigns: list[int]) -> Iterator[int]:
    rows = history.payments
    for number in campaigns:
        guilty = (rows["fraud"] == 1) | (rows["laundering"] == 1)
        mine = (rows["campaign"] == number) & guilty
        if mine.any():
            yield int(rows["time"][mine].min())


def lives(seed: int, run: int, number: int, now_us: int, speed: float) -> Iterator[World]:
    """One world after another, without end."""
    generation = 0
    while True:
        yield make(seed_of(seed, run, number, generation), number, now_us, speed)
        generation += 1


def rates() -> Rates:
    """The simulator's fixed exchange rates."""
    return Rates({country.currency: (country.exponent, country.rate) for country in COUNTRIES})


def rates_table(now_us: int) -> str:
    """The same as a table of the platform (CSV, base EUR), dated today: invented, not the market's.

    >>> rates_table(0).splitlines()[:2]
    ['currency,rate,as_of', 'EUR,1,1970-01-01']
    """
    day = format_rfc3339(now_us)[:10]
    worth = {country.currency: 1 / country.rate for country in COUNTRIES}
    rows = [f"{code},{f'{rate:.8f}'.rstrip('0').rstrip('.')},{day}" for code, rate in worth.items()]
    return "\n".join(["currency,rate,as_of", *rows, ""])
