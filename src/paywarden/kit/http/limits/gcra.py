"""The generic cell rate algorithm: one number per sender says whether a request conforms.

The number is the theoretical arrival time (TAT): when the bucket would be empty again. A request at
`now` conforms when `max(TAT, now) + interval - now <= burst * interval`; then TAT moves one
interval on. Refused requests change nothing, so that hammering does not lengthen the wait. Times
are integer nanoseconds, so nothing drifts. Source: ITU-T I.371, annex A; equal to a token bucket of
`burst` tokens that gains one each interval. A request may weigh more than one; one that weighs more
than the whole burst counts as the burst, since it could never conform otherwise.

>>> policy = Policy("key", per_second=2, burst=3)
>>> [policy.step(0, 0).conforms, policy.step(1_500_000_000, 0).conforms]
[True, False]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

SECOND_NS: Final = 1_000_000_000


class Step(NamedTuple):
    """What one request comes to: the new TAT (the old one when it does not conform), and what is
    left: whole requests now, nanoseconds until one more conforms, and until all are back.
    """

    conforms: bool
    tat_ns: int
    left: int
    retry_ns: int
    reset_ns: int


@dataclass(frozen=True, slots=True)
class Policy:
    """`burst` requests at once, `per_second` in the long run; `name` stands in the headers."""

    name: str
    per_second: float
    burst: int
    interval_ns: int = field(init=False)
    tolerance_ns: int = field(init=False)
    text: str = field(init=False)
    """The policy as `RateLimit-Policy` tells it: burst, and seconds until one spent is whole."""

    def __post_init__(self) -> None:
        if not (0 < self.per_second <= 1_000_000 and 1 <= self.burst <= 1_000_000):
            raise ValueError("rates and bursts are above 0 and at most a million")
        object.__setattr__(self, "interval_ns", round(SECOND_NS / self.per_second))
        object.__setattr__(self, "tolerance_ns", self.interval_ns * self.burst)
        window = max(1, -(-self.tolerance_ns // SECOND_NS))
        object.__setattr__(self, "text", f'"{self.name}";q={self.burst};w={window}')

    def step(self, tat_ns: int, now_ns: int, weight: int = 1) -> Step:
        """One request of `weight` at `now_ns` against the TAT before it."""
        moved = (tat_ns if tat_ns > now_ns else now_ns) + self.interval_ns * min(weight, self.burst)
        room = self.tolerance_ns - (moved - now_ns)
        if room < 0:
            return Step(False, tat_ns, 0, -room, tat_ns - now_ns)
        return Step(True, moved, room // self.interval_ns, 0, moved - now_ns)
