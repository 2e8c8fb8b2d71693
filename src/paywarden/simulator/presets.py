"""Presets: how large, how busy and how attacked the world is.

`realistic` keeps fraud at 0.05-0.2 % of card payments by count; `dense` is the same life in small,
attacked ten times as much, so that a few worlds hold enough of every attack to judge by; `demo` is
attacked all day and its `tempo` turns the days of waiting (skimming, mule patience, chargeback
delay) into hours, so that cause and consequence show within minutes of a sped-up run. How much each
campaign attacks stands in the campaign's own file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US, parse_rfc3339
from paywarden.simulator.rows import Floats, Ints

DEFAULT_START_US = parse_rfc3339("2026-10-05T00:00:00Z")
"""Monday; sixty days from here reach the late-November sales."""

MAX_DAYS = 366
_MAX_CUSTOMER_DAYS = 8_000 * 366


@dataclass(frozen=True, slots=True)
class Preset:
    """Size and temper of a world. Rates are per customer and day, tempo is a factor of waiting.

    `attacks`: whose budgets campaigns follow, times `density`. `laundering`: patterns of each way
    of laundering among 1,000 customers in 30 days, in worlds that have any; `flow_tempo`: as
    `tempo`, for the waits of laundering and its look-alikes."""

    name: str
    customers: int
    merchants: int
    payments_per_day: float
    transfers_per_day: float
    surges_per_day: float
    false_report_rate: float
    label_median_days: float
    tempo: float
    attacks: str
    density: float
    laundering: float = 0.4
    flow_tempo: float = 1.0


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("demo", 3_000, 300, 1.1, 0.10, 1.5, 6.0e-4, 7.0, 1 / 24, "demo", 1.0, 4.0, 1 / 144),
        Preset("realistic", 8_000, 1_200, 0.9, 0.08, 0.6, 1.2e-5, 7.0, 1.0, "realistic", 1.0),
        Preset("dense", 3_000, 700, 0.9, 0.08, 0.6, 1.2e-4, 7.0, 1.0, "realistic", 10.0, 4.0),
    )
}


MAX_DRIFT = 1.0
_DRIFT_UNIT_US = 30 * DAY_US


@dataclass(frozen=True, slots=True)
class Horizon:
    """The simulated span: `start_us` (midnight UTC) and `days`.

    `drift`: how much the world changes in 30 days, from 0 (not at all) to 1: prices and sums grow
    by half of it, the online share by a tenth of it, and that share of bold operators turn
    evasive."""

    start_us: int
    days: int
    drift: float = 0.0

    def __post_init__(self) -> None:
        if type(self.days) is not int or not 1 <= self.days <= MAX_DAYS:
            raise InvalidRequest("simulation_days_invalid", f"days must be from 1 to {MAX_DAYS}")
        if self.start_us % DAY_US or not 0 <= self.start_us < 4_000_000_000_000_000:
            raise InvalidRequest(
                "simulation_start_invalid", "start must be a midnight UTC between 1970 and 2096"
            )

        if not 0.0 <= self.drift <= MAX_DRIFT:
            raise InvalidRequest("simulation_drift_invalid", "drift must be from 0 to 1")

    def moved(self, when: Ints) -> Floats:
        """How far the world has drifted at these instants; 0 at the start."""
        return self.drift * np.maximum(when - self.start_us, 0) / _DRIFT_UNIT_US

    @property
    def end_us(self) -> int:
        """First instant after the span."""
        return self.start_us + self.days * DAY_US


def preset(name: str) -> Preset:
    """The preset of that name; the error lists those that exist."""
    found = PRESETS.get(name)
    if found is None:
        known = ", ".join(sorted(PRESETS))
        raise InvalidRequest("simulation_preset_unknown", f"preset must be one of: {known}")
    return found
