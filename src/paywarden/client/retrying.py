"""One logical call as a conversation without input or output: send, pause, send again, end.

Guards: the whole call, pauses included, stays within its time limit; a pause that would pass it is
not begun. Retried are a lost connection, 429, 502, 503, 504 and `idempotency_in_flight` (our own
first try is still running); never an answer that is not signed as it must be. Every try carries the
same Idempotency-Key, and payments and events have an identity of their own, so nothing is done
twice. Pauses have full jitter (uniform from 0 to a cap that doubles), on top of what `Retry-After`
asks for (RFC 9110, 10.2.3: seconds or a date).
Not done here: sockets (`synchronous.py`, `asynchronous.py`), reading answers (`calls.py`).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec

from paywarden.client.errors import ClientError, NotReached, Refused, Unserved
from paywarden.core.clock import Clock, Randomness

RETRIED_STATUSES = frozenset({429, 502, 503, 504})
IN_FLIGHT = "idempotency_in_flight"
UNPROVEN = "answer_unproven"
TEXT_LIMIT = 500


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a call is tried, and how the cap of the pauses grows."""

    tries: int = 4
    first_pause_seconds: float = 0.05
    longest_pause_seconds: float = 2.0

    def __post_init__(self) -> None:
        if self.tries < 1 or self.first_pause_seconds < 0 or self.longest_pause_seconds < 0:
            raise ValueError("tries counts from 1 and pauses are not negative")


@dataclass(frozen=True, slots=True)
class Send:
    """Do: send the request; whatever is not finished in `seconds` counts as lost."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Do: wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing came back; `what` is the kind of fault, never its text."""

    what: str


@dataclass(frozen=True, slots=True)
class Unproven:
    """An answer came that is not signed as it must be: it is not believed, whatever it says."""

    status: int


Step = Send | Pause
Heard = Reply | Lost | Unproven | None
Conversation = Generator[Step, Heard, Reply]


class _Problem(msgspec.Struct):
    """RFC 9457, as far as it is read."""

    code: str = ""
    detail: str = ""
    pointer: str | None = None
    request_id: str | None = None


def converse(
    policy: RetryPolicy, clock: Clock, randomness: Randomness, limit_seconds: float
) -> Conversation:
    """Yields what to do and is told what was heard; returns a 2xx reply. Errors: ClientError."""
    ends_ns = clock.monotonic_ns() + round(limit_seconds * 1e9)

    def left() -> float:
        return (ends_ns - clock.monotonic_ns()) / 1e9

    fault: ClientError = NotReached("time_limit", "the time limit was over before the first try")
    for number in range(policy.tries):
        if left() <= 0:
            raise fault
        heard = yield Send(left())
        if isinstance(heard, Reply) and 200 <= heard.status < 300:
            return heard
        fault = _fault(heard)
        if number + 1 == policy.tries or not _worth_another(fault):
            raise fault
        asked = _retry_after(heard, clock)
        pause = asked + _jitter(policy, randomness, number)
        if pause >= left():
            raise fault
        yield Pause(pause)
    raise fault


def _jitter(policy: RetryPolicy, randomness: Randomness, number: int) -> float:
    cap = min(policy.longest_pause_seconds, policy.first_pause_seconds * 2.0 ** min(number, 60))
    return cap * int.from_bytes(randomness.octets(7), "big") / 2**56


def _worth_another(fault: ClientError) -> bool:
    if fault.code == UNPROVEN:
        return False
    return fault.status == 0 or fault.status in RETRIED_STATUSES or fault.code == IN_FLIGHT


def _fault(heard: Heard) -> ClientError:
    if isinstance(heard, Lost):
        return NotReached("not_reached", f"no answer came ({heard.what})")
    if isinstance(heard, Unproven):
        return Unserved(
            UNPROVEN,
            "the answer is not signed by the server for this request; is the pinned key right?",
            status=heard.status,
        )
    if not isinstance(heard, Reply):
        raise TypeError("a request is answered by a reply or by its loss")
    problem = _problem(heard)
    kind = Unserved if heard.status == 429 or heard.status >= 500 else Refused
    return kind(
        problem.code or f"http_{heard.status}",
        problem.detail[:TEXT_LIMIT] or f"the server answered with status {heard.status}",
        pointer=problem.pointer,
        request_id=problem.request_id or heard.headers.get("request-id"),
        status=heard.status,
    )


def _problem(reply: Reply) -> _Problem:
    """The problem of a reply; an empty one when a proxy or something else answered."""
    try:
        return msgspec.json.decode(reply.body, type=_Problem)
    except msgspec.DecodeError:
        return _Problem()


def _retry_after(heard: Heard, clock: Clock) -> float:
    """Seconds that the server asks to wait, 0 when it does not say so readably."""
    text = heard.headers.get("retry-after", "").strip() if isinstance(heard, Reply) else ""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - clock.now_us() / 1e6)
