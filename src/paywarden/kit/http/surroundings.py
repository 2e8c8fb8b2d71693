"""What every operation of a process shares: its ports, its limits, and what goes on in it.

Guards nothing by itself: each port is used by `endpoint` in its fixed order, and one that is None
is a guard that this process does without. Not done here: declaring (`operation`), answering.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import PaywardenError
from paywarden.kit.http.authenticator import Authenticator, Principal
from paywarden.kit.http.limits.addresses import Origins
from paywarden.kit.http.limits.fairness import FairPlaces
from paywarden.kit.http.limits.gate import RateGate
from paywarden.kit.http.operation import Answer
from paywarden.kit.http.signing.ports import Signatures
from paywarden.kit.metrics import Metrics


class Replays(Protocol):
    """Port of idempotent replays (the `Idempotency-Key` header)."""

    async def run(
        self,
        principal: Principal,
        route: str,
        key: str,
        body: bytes,
        act: Callable[[], Awaitable[Answer]],
    ) -> Answer:
        """Run `act` at most once for (scope, route, key); same key with another body is refused."""
        ...


Refused = Callable[[PaywardenError, str, Principal | None], None]
"""Told of every refusal: why, at which operation, and who asked when that was proven."""


def nobody_told(_error: PaywardenError, _operation: str, _principal: Principal | None) -> None:
    """For processes that keep no audit log."""


class Certificates(Protocol):
    """Port of client certificates: which key may come with which."""

    def check(self, principal: Principal, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Pass, or refuse; `headers` as they came, repeats included."""
        ...


class Recorder(Protocol):
    """Port: notes requests of callers who are watched, before anything is done for them."""

    async def record(self, principal: Principal, operation: str, request_id: str) -> None:
        """Return when the note is durable, or when none is needed."""
        ...


@dataclass(slots=True)
class Surroundings:
    """What every operation of a process shares; with `senders`, handlers learn the address.

    `leaving`: the process ends soon, so each answer ends its connection, and the next request
    comes by a new one to whoever is there then.
    """

    authenticator: Authenticator
    clock: Clock
    randomness: Randomness
    metrics: Metrics
    replays: Replays | None = None
    max_in_flight: int = 512
    in_flight: int = 0
    signatures: Signatures | None = None
    rates: RateGate | None = None
    origins: frozenset[str] = frozenset()
    certificates: Certificates | None = None
    on_refused: Refused = nobody_told
    recorder: Recorder | None = None
    senders: Origins | None = None
    leaving: bool = False
    places: FairPlaces = field(init=False)

    def __post_init__(self) -> None:
        self.places = FairPlaces(self.max_in_flight)
