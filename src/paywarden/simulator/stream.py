"""Stream: the simulated span as API-ready bodies in time order, answering to decisions.

Legal order: take one item, send it, tell the world the outcome with `react`, take the next. What
is not reacted to counts as allowed. A stopped payment has neither result nor chargeback; attackers
slow down, disguise themselves or give up (`reaction`). Sending and sleeping are the caller's; the
world never looks at a clock.

    world = World("demo", seed=7, days=1)
    for wait_seconds, target, body in paced(world, clock, speed=60):
        sleep(wait_seconds)
        if target == "payment":                       # POST /v1/decisions
            answer = post(body)
            world.react(body["payment"]["id"], answer["outcome"], body["payment"]["attempt"])
        else:                                          # one item of POST /v1/events
            post_events([body])
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np

from paywarden.core.clock import Clock
from paywarden.core.errors import NotFound
from paywarden.core.instants import format_rfc3339
from paywarden.core.outcome import Outcome
from paywarden.simulator import bodies, reaction
from paywarden.simulator.bodies import Target
from paywarden.simulator.frames import events_frame
from paywarden.simulator.history import History, simulate
from paywarden.simulator.naming import name, space
from paywarden.simulator.pacing import Pace
from paywarden.simulator.presets import DEFAULT_START_US
from paywarden.simulator.streams import Streams
from paywarden.simulator.timeline import timeline
from paywarden.simulator.words import Kind, word
from paywarden.simulator.world.geography import BINS
from paywarden.simulator.world.network import text as address_text

_CHUNK_ROWS = 512
_CHUNKS_KEPT = 16
_GENUINE = -1


class Paced(NamedTuple):
    """An item and how long to wait before sending it."""

    wait_seconds: float
    target: Target
    body: dict[str, Any]


class Truth(NamedTuple):
    """What really is behind a payment; for judging, never for sending."""

    fraud: bool
    campaign_id: str | None
    campaign_type: str | None
    laundering: bool = False
    innocent: bool = False


class World:
    """One run through a simulated span. `since_us` skips what comes before that instant."""

    def __init__(
        self,
        preset: str,
        seed: int,
        days: int,
        *,
        start_us: int = DEFAULT_START_US,
        since_us: int = 0,
        without: Collection[str] = (),
        only: Collection[str] | None = None,
        drift: float = 0.0,
        aml: bool = False,
    ) -> None:
        self.history: History = simulate(
            preset, seed, days, start_us=start_us, without=without, only=only, drift=drift, aml=aml
        )
        self._line = timeline(self.history)
        self._frame = events_frame(self.history, self._line.rows)
        self._rng = Streams(seed).generator("reaction")
        self._since_us = since_us
        self._attackers = [reaction.Attacker(s.operator) for s in self.history.strikes]
        self._chunks: OrderedDict[int, list[dict[str, Any]]] = OrderedDict()
        self._open: dict[tuple[str, str], int] = {}
        self._replies: dict[int, reaction.Reply] = {}
        self._unsent: set[int] = set()
        self._truths: dict[tuple[str, str], int] = {}
        self._said: list[tuple[int, dict[str, Any]]] = []
        self._spoken = 0
        self._now_us = 0

    def skip_to(self, since_us: int) -> None:
        """Leave out what comes before an instant; call it before the first item is taken."""
        self._since_us = since_us

    def events(self) -> Iterator[tuple[Target, dict[str, Any]]]:
        """("payment", body of POST /v1/decisions) or ("events", item of POST /v1/events)."""
        for _, target, body in self.timed():
            yield target, body

    def timed(self) -> Iterator[tuple[int, Target, dict[str, Any]]]:
        """The same, each with its instant in microseconds; instants never go back."""
        queue = _Queue(self)
        while (due := queue.next()) is not None:
            at_us, row, said = due
            self._now_us = max(self._now_us, at_us)
            if said is not None:
                yield self._now_us, "events", {**said, "occurred_at": format_rfc3339(self._now_us)}
            elif self._now_us >= self._since_us:
                yield self._now_us, *self._body(row)
            elif self._line.rows["kind"][row] == Kind.PAYMENT:
                self._unsent.add(int(self._line.payment[row]))

    def react(self, payment_id: str, outcome: str | Outcome, attempt: str = "1") -> None:
        """Tell the world what was decided (`allow`, `challenge`, `review` or `block`).

        Raises NotFound for a payment that was not sent or was already reacted to, ValueError for
        an unknown outcome. Call it before taking the next item."""
        decided = outcome if isinstance(outcome, Outcome) else Outcome.parse(outcome)
        payment = self._open.pop((payment_id, attempt), None)
        if payment is None:
            raise NotFound("simulation_payment_unknown", "react once per payment, after taking it")
        fraud, attacker = self._behind(payment)
        operator = attacker.operator if attacker is not None else None
        answer = reaction.reply(self._rng, decided, fraud, operator)
        self._replies[payment] = answer
        self._announce(payment_id, attempt, answer)
        if attacker is not None:
            attacker.succeeded() if answer.proceeds else attacker.stopped()

    def truth(self, payment_id: str, attempt: str = "1") -> Truth:
        """What is behind a payment that was sent."""
        payment = self._truths.get((payment_id, attempt))
        if payment is None:
            raise NotFound("simulation_payment_unknown", "no such payment was sent")
        rows = self.history.payments
        number = int(rows["campaign"][payment])
        strike = self.history.strikes[number] if number >= 0 else None
        fraud = bool(rows["fraud"][payment])
        if strike is None:
            return Truth(fraud, None, None)
        laundering = bool(rows["laundering"][payment] == 1)
        return Truth(fraud, strike.id, strike.type, laundering, strike.innocent)

    def _behind(self, payment: int) -> tuple[bool, reaction.Attacker | None]:
        rows = self.history.payments
        number = int(rows["campaign"][payment])
        return bool(rows["fraud"][payment]), self._attackers[number] if number >= 0 else None

    def _body(self, row: int) -> tuple[Target, dict[str, Any]]:
        target, body = bodies.from_row(self._row(row))
        inner = body["payment"] if target == "payment" else body
        inner["occurred_at"] = format_rfc3339(self._now_us)
        self._disguise(row, inner)
        if target == "payment":
            key = (inner["id"], inner["attempt"])
            self._open[key] = self._truths[key] = int(self._line.payment[row])
        return target, body

    def _row(self, row: int) -> dict[str, Any]:
        number, offset = divmod(row, _CHUNK_ROWS)
        chunk = self._chunks.get(number)
        if chunk is None:
            chunk = self._frame.slice(number * _CHUNK_ROWS, _CHUNK_ROWS).to_dicts()
            self._chunks[number] = chunk
            if len(self._chunks) > _CHUNKS_KEPT:
                self._chunks.popitem(last=False)
        return chunk[offset]

    def _disguise(self, row: int, body: dict[str, Any]) -> None:
        number = int(self._line.rows["campaign"][row])
        turn = self._attackers[number].disguise if number >= 0 else 0
        if not turn or "device" not in body:
            return
        switches = self._attackers[number].operator.switches
        mask = space("disguise", number) + turn
        seed = self.history.seed
        if "device" in switches:
            body["device"] = {**body["device"], "id": name(seed, "devices", "dev-", mask)}
        if "line" in switches:
            line = int(self._line.rows["ip"][row])
            address = int(self.history.pools.column("ips", "address")[line])
            # another host of the same network of 65,536: he buys from the same proxy seller
            host = (address + 7_919 * turn) & 0xFFFF
            ip = address_text(address & ~0xFFFF | host)
            body["device"] = {**body["device"], "ip": ip}
        if "card" in switches and "instrument" in body:
            other = mask * 4_096 + int(self._line.rows["card"][row]) % 4_096
            digits = BINS[(int(self._line.rows["card"][row]) + turn) % len(BINS)].digits
            reference = name(seed, "cards", "card-", other % 2**60)
            body["instrument"] = {**body["instrument"], "reference": reference, "bin": digits}
        if "amount" in switches and "amount_minor" in body:
            body["amount_minor"] = max(1, int(body["amount_minor"] * 0.8 ** min(turn, 8)))

    def _announce(self, payment_id: str, attempt: str, answer: reaction.Reply) -> None:
        about = {"payment_id": payment_id, "attempt": attempt}
        if answer.result is not None:
            result = {"kind": word(Kind.CHALLENGE_RESULT), "result": word(answer.result)}
            self._say(answer.delay_us, {**about, **result})
        if answer.label is not None:
            verdict, source = answer.label
            spoken = {"verdict": word(verdict), "source": word(source)}
            self._say(answer.delay_us, {"kind": word(Kind.LABEL), **about, **spoken})

    def _say(self, delay_us: int, body: dict[str, Any]) -> None:
        number = space("reaction", 0) + self._spoken
        self._spoken += 1
        identifier = name(self.history.seed, "events", "ev-", number)
        self._said.append((self._now_us + delay_us, {"id": identifier, **body}))


class _Queue:
    """Merges genuine life, one queue per campaign, and what reactions made or delayed."""

    def __init__(self, world: World) -> None:
        self._world = world
        rows = world._line.rows
        self._time, self._kind = rows["time"], rows["kind"]
        owner = rows["campaign"]
        self._mine = {int(source): np.flatnonzero(owner == source) for source in np.unique(owner)}
        self._at = dict.fromkeys(self._mine, 0)
        self._heap: list[tuple[int, int, int, int, dict[str, Any] | None]] = []
        self._count = 0
        for source in self._mine:
            self._push_head(source)

    def next(self) -> tuple[int, int, dict[str, Any] | None] | None:
        """The next instant with its row or made event; None at the end."""
        while True:
            self._take_said()
            if not self._heap:
                return None
            at_us, _, source, row, said = heapq.heappop(self._heap)
            if said is not None:
                return at_us, -1, said
            if source < _GENUINE:
                return at_us, row, None
            due = self._head(source, row, at_us)
            if due is not None:
                return due, row, None

    def _head(self, source: int, row: int, at_us: int) -> int | None:
        """The instant of a queue's head if it happens now; None if dropped or put off."""
        due = self._due(source, row)
        if due > at_us:  # the attacker slowed down since this was queued
            self._push(due, source, row, None)
            return None
        self._at[source] += 1
        self._slow(source, row)
        keep = self._passes(source, row)
        self._push_head(source)
        return due if keep else None

    def _passes(self, source: int, row: int) -> bool:
        world = self._world
        payment, kind = int(world._line.payment[row]), int(self._kind[row])
        if kind <= Kind.PAYMENT:
            late = self._due(source, row) >= world.history.horizon.end_us
            if source >= 0 and (world._attackers[source].gone or late):
                world._unsent.add(payment)
                return False
            return True
        if payment in world._unsent:
            return False
        answer = world._replies.get(payment)
        if answer is None or (answer.proceeds and not answer.delay_us):
            return True
        if answer.proceeds:
            self._push(self._due(source, row) + answer.delay_us, _GENUINE - 1, row, None)
        return False

    def _slow(self, source: int, row: int) -> None:
        """Lengthen the wait until the campaign's next step by the attacker's slowness."""
        if source < 0 or self._kind[row] > Kind.PAYMENT:
            return
        attacker, mine = self._world._attackers[source], self._mine[source]
        later = mine[self._at[source] :]
        steps = later[self._kind[later] <= Kind.PAYMENT][:1]
        if len(steps) and attacker.slowness > 1.0:
            gap = int(self._time[steps[0]] - self._time[row])
            attacker.shift_us += int(gap * (attacker.slowness - 1.0))

    def _due(self, source: int, row: int) -> int:
        shift = self._world._attackers[source].shift_us if source >= 0 else 0
        return int(self._time[row]) + shift

    def _push_head(self, source: int) -> None:
        mine, at = self._mine[source], self._at[source]
        if at < len(mine):
            row = int(mine[at])
            self._push(self._due(source, row), source, row, None)

    def _take_said(self) -> None:
        for at_us, body in self._world._said:
            self._push(at_us, _GENUINE - 1, -1, body)
        self._world._said.clear()

    def _push(self, at_us: int, source: int, row: int, said: dict[str, Any] | None) -> None:
        self._count += 1
        heapq.heappush(self._heap, (at_us, self._count, source, row, said))


def paced(world: World, clock: Clock, speed: float) -> Iterator[Paced]:
    """The world's items with the wait before each, at `speed` (1 to 1000) times real time.

    The wait is computed when the item is taken; a caller that falls behind gets waits of zero."""
    pace = Pace(clock, speed)
    for at_us, target, body in world.timed():
        yield Paced(pace.wait_seconds(at_us), target, body)
