"""What the server and the process that follows flows say to each other (msgpack, JSON lines).

Guards: nothing here loads the engine, which the server does not need.
"""

from __future__ import annotations

import msgspec

from paywarden.aml.alerts.model import Alert


class FlowJob(msgspec.Struct, frozen=True):
    """What to follow. `positions`: `at_us` and sequence per scope (text)."""

    database: str
    files: dict[str, bytes]
    positions: dict[str, tuple[int, int]]
    lateness_us: int
    look_seconds: float
    minor_digits: int


class FlowLine(msgspec.Struct, frozen=True):
    """One report on the wire."""

    scope: str
    alerts: tuple[Alert, ...]
    position: tuple[int, int]
    delay_us: int
    waiting: int
    late: int
    unpriced: int
    bounded: dict[str, int]
    memory: dict[str, int]
    behind: bool
