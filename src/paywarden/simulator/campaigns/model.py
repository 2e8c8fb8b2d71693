"""What a campaign is: a file that turns a brief into an attack.

To add a campaign, write one file here with a module constant `CAMPAIGN` that satisfies `Campaign`;
the registry finds it, the schedule gives it a budget, truth records it. It draws only from the
brief's generator and adds things only through the brief's cast, so nothing else in the world
changes. Every fraudulent payment leaves with `fraud` 1 and the issuer's answer already in the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from paywarden.core.instants import DAY_US
from paywarden.simulator.presets import Horizon, Preset
from paywarden.simulator.rows import EVENT_COLUMNS, PAYMENT_COLUMNS, Ints, Rows
from paywarden.simulator.words import Source
from paywarden.simulator.world import spending
from paywarden.simulator.world.merchants import Picker
from paywarden.simulator.world.pools import Cast, Pools
from paywarden.simulator.world.population import People

Engine = Literal["fraud", "aml"]
Switch = Literal["device", "line", "card", "amount"]
"""What an operator can change when he is stopped: machine, address, card and its issuer, the sum
(a fifth less each time)."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who attacks and how he reacts. `patience`: blocks in a row before he gives up;
    `slow_down`: factor on his remaining waits after each block; `passes_challenge`: share of
    challenges he gets through; `evasive`: changes what `switches` names when stopped."""

    name: str
    tooling: str
    adaptation: str
    evasive: bool
    patience: int
    slow_down: float
    passes_challenge: float
    switches: tuple[Switch, ...] = ("device", "line")


@dataclass(frozen=True, slots=True)
class Brief:
    """One campaign's orders and the world it may look at. `size` counts fraudulent payments."""

    rng: np.random.Generator
    cast: Cast
    pools: Pools
    people: People
    picker: Picker
    genuine: Rows
    horizon: Horizon
    preset: Preset
    start_us: int
    size: int
    evasive: bool

    def wait_us(self, days: float) -> int:
        """A patient wait of that many days; the demo turns days into hours."""
        return round(days * self.preset.tempo * DAY_US)

    def payments(self, when: Ints) -> Rows:
        """Fraudulent payments at these instants, all else open."""
        numbers = self.cast.numbers("payments", len(when))
        return Rows.blank(PAYMENT_COLUMNS, len(when), time=when, number=numbers, attempt=1, fraud=1)

    def events(self, when: Ints, **values: Ints | int) -> Rows:
        """Account events at these instants."""
        numbers = self.cast.numbers("events", len(when))
        return Rows.blank(EVENT_COLUMNS, len(when), time=when, number=numbers, **values)

    def shop(self, rows: Rows, merchant: Ints) -> None:
        """Send the payments to these merchants."""
        spending.fill_merchant(rows, self.rng, self.pools, self.picker, merchant)

    def nothing(self) -> Rows:
        """No events."""
        return Rows.blank(EVENT_COLUMNS, 0)


@dataclass(frozen=True, slots=True)
class Report:
    """How fraud of a campaign comes to light. `source` and `reason` None: as with stolen cards.

    `unreported`: share that nobody ever reports; `delay`: factor on the usual delay."""

    source: Source | None = None
    reasons: tuple[str, ...] = ()
    unreported: float = 0.10
    delay: float = 1.0


@dataclass(frozen=True, slots=True)
class Attack:
    """What a campaign does. `exposed`: rows of genuine payments that it spied out (not fraud)."""

    operator: Operator
    payments: Rows
    events: Rows
    exposed: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    report: Report = Report()


class Campaign(Protocol):
    """A kind of attack. `per_100k`: fraudulent payments per 100,000 genuine card payments, by
    preset; `sizes`: fewest and most per campaign; `latest_start`: share of the span; and
    `evasive_share`: how many operators hide."""

    @property
    def type(self) -> str:
        """Snake-case name, as truth records it."""
        ...

    @property
    def per_100k(self) -> Mapping[str, float]:
        """Budget by preset name."""
        ...

    @property
    def sizes(self) -> tuple[int, int]:
        """Fewest and most fraudulent payments of one campaign."""
        ...

    @property
    def latest_start(self) -> float:
        """Share of the span after which none begins any more."""
        ...

    @property
    def evasive_share(self) -> float:
        """Share of operators who hide."""
        ...

    @property
    def engine(self) -> Engine:
        """Whose business it is."""
        ...

    @property
    def innocent(self) -> bool:
        """Whether it only looks like one: life as it is, laid beside for the judge."""
        ...

    def attack(self, brief: Brief) -> Attack:
        """Carry out one campaign."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """The plain part of a campaign; a campaign's class inherits it and adds `attack`."""

    type: str
    per_100k: Mapping[str, float] = field(default_factory=dict)
    sizes: tuple[int, int] = (1, 1)
    latest_start: float = 0.9
    evasive_share: float = 0.35
    engine: Engine = "fraud"
    innocent: bool = False
