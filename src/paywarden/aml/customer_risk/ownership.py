"""Who stands behind a company: shares through layers, circles, what leads to nobody. Pure.

Guards: a graph of up to PARTIES parties and HOLDINGS holdings ends in bounded work, whatever its
form; companies that own each other are found and named, and their shares are the limit of going
round, not an endless loop. Nothing is assumed of a share that is not told: it is unresolved.
Order: limits, names, shares over 100 %, circles (Tarjan's strongly connected components, without
recursion), shares, layers. Source: EU 2024/1624, articles 51 to 55 and 62 (25 % or more, or control
by other means; chains of companies); FATF R.24 and R.25 with interpretive notes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from paywarden.core.errors import InvalidRequest

PARTIES: Final = 200
HOLDINGS: Final = 600
ROUNDS: Final = PARTIES + 1
"""Rounds until shares stand still: every chain without a circle ends within them."""
BENEFICIAL: Final = 25.0
SELF: Final = "self"
PLACE: Final = "/company/ownership"
_STILL: Final = 1e-9
_ENDS: Final = frozenset({"person", "public"})
"""Kinds behind which nobody else is looked for: people, and states or listed companies."""


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody in the structure; `kind`: person, company, trust, public or unknown."""

    id: str
    kind: str
    country: str | None = None
    nominee: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """`owner` holds so many percent of `owned`, or controls it by other means."""

    owner: str
    owned: str
    percent: float
    control: bool = False


@dataclass(frozen=True, slots=True)
class Structure:
    """What a graph says. `shares`: percent of the company by party. `circles`: ids that go round.

    `beneficial`: people with 25 % or more, or with control. `layers`: holdings of the longest chain
    (a circle counts once for each of its parties). `unresolved_percent`: no person behind it.
    """

    shares: Mapping[str, float]
    beneficial: tuple[str, ...]
    layers: int
    circles: tuple[tuple[str, ...], ...]
    unresolved_percent: float
    nominee: bool
    trust: bool
    countries: tuple[str, ...]


def structure_of(parties: Sequence[Party], holdings: Sequence[Holding]) -> Structure:
    """The structure above the company `self`. Errors: InvalidRequest with its pointer."""
    known = _checked(parties, holdings)
    above: dict[str, list[Holding]] = {}
    for one in holdings:
        above.setdefault(one.owned, []).append(one)
    reached = _reached(above)
    components = _components(reached, above)
    circles = tuple(
        tuple(sorted(one))
        for one in components
        if len(one) > 1 or any(h.owner == one[0] for h in above.get(one[0], ()))
    )
    shares = _shares(reached, above)
    people = [name for name in reached if name != SELF and known[name].kind in _ENDS]
    resolved = sum(shares[name] for name in people)
    return Structure(
        shares,
        tuple(sorted(_beneficial(people, shares, above))),
        _layers(components, above),
        circles,
        round(min(100.0, max(0.0, 100.0 - resolved)), 6),
        any(known[name].nominee for name in reached if name != SELF),
        any(known[name].kind == "trust" for name in reached if name != SELF),
        tuple(sorted({known[name].country or "" for name in reached if name != SELF} - {""})),
    )


def _checked(parties: Sequence[Party], holdings: Sequence[Holding]) -> dict[str, Party]:
    if len(parties) > PARTIES or len(holdings) > HOLDINGS:
        raise InvalidRequest(
            "ownership_too_large", f"at most {PARTIES} parties, {HOLDINGS} holdings", pointer=PLACE
        )
    known = {one.id: one for one in parties}
    if len(known) < len(parties) or SELF in known:
        raise InvalidRequest(
            "ownership_name_taken", "each party once, and none is named `self`", pointer=PLACE
        )
    held: dict[str, float] = {}
    pairs = {(one.owner, one.owned) for one in holdings}
    if len(pairs) < len(holdings):
        raise InvalidRequest(
            "ownership_name_taken", "one holding for each pair of owner and owned", pointer=PLACE
        )
    for one in holdings:
        if one.owned in known and known[one.owned].kind == "person":
            raise InvalidRequest(
                "ownership_person_owned", "a person is owned by nobody", pointer=PLACE
            )
        if one.owner not in known or (one.owned != SELF and one.owned not in known):
            raise InvalidRequest(
                "ownership_unknown_party",
                "a holding names a party that is not listed",
                pointer=PLACE,
            )
        held[one.owned] = held.get(one.owned, 0.0) + one.percent
    if any(total > 100.0 + 1e-6 for total in held.values()):
        raise InvalidRequest(
            "ownership_over_100", "the holdings in one party are more than 100 %", pointer=PLACE
        )
    return known


def _reached(above: Mapping[str, Sequence[Holding]]) -> list[str]:
    """`self` and everybody above it; others are left aside."""
    found, waiting = {SELF: None}, [SELF]
    while waiting:
        for one in above.get(waiting.pop(), ()):
            if one.owner not in found:
                found[one.owner] = None
                waiting.append(one.owner)
    return list(found)


def _shares(reached: Sequence[str], above: Mapping[str, Sequence[Holding]]) -> dict[str, float]:
    """Percent of the company that each party has, directly and through others.

    Each round carries what the round before brought one holding further; what goes round in a
    circle of less than 100 % gets smaller, and after ROUNDS the rest stays unresolved.
    """
    place = {name: number for number, name in enumerate(reached)}
    carried = np.zeros((len(reached), len(reached)))
    for owned in reached:
        for one in above.get(owned, ()):
            carried[place[one.owner], place[owned]] = one.percent / 100.0
    moving, total = np.zeros(len(reached)), np.zeros(len(reached))
    moving[place[SELF]] = 100.0
    for _ in range(ROUNDS):
        moving = carried @ moving
        if not (moving > _STILL).any():
            break
        total += moving
    return {
        name: min(100.0, round(float(total[number]), 6))
        for name, number in place.items()
        if name != SELF
    }


def _beneficial(
    people: Sequence[str], shares: Mapping[str, float], above: Mapping[str, Sequence[Holding]]
) -> set[str]:
    controllers = {one.owner for held in above.values() for one in held if one.control}
    return {name for name in people if shares[name] >= BENEFICIAL - 1e-6 or name in controllers}


def _components(
    reached: Sequence[str], above: Mapping[str, Sequence[Holding]]
) -> list[tuple[str, ...]]:
    """Strongly connected components, owners before what they own."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[tuple[str, ...]] = []
    for root in reached:
        if root in order:
            continue
        order[root] = lowest[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter(above.get(root, ())))]
        while work:
            name, rest = work[-1]
            step = next(rest, None)
            if step is None:
                work.pop()
                if work:
                    parent = work[-1][0]
                    lowest[parent] = min(lowest[parent], lowest[name])
                if lowest[name] == order[name]:
                    found.append(_popped(stack, on_stack, name))
            elif step.owner not in order:
                order[step.owner] = lowest[step.owner] = len(order)
                stack.append(step.owner)
                on_stack.add(step.owner)
                work.append((step.owner, iter(above.get(step.owner, ()))))
            elif step.owner in on_stack:
                lowest[name] = min(lowest[name], order[step.owner])
    return found


def _popped(stack: list[str], on_stack: set[str], name: str) -> tuple[str, ...]:
    members = []
    while True:
        member = stack.pop()
        on_stack.discard(member)
        members.append(member)
        if member == name:
            return tuple(members)


def _layers(components: Sequence[tuple[str, ...]], above: Mapping[str, Sequence[Holding]]) -> int:
    """Holdings of the longest chain above `self`; components come with owners first."""
    place = {name: number for number, one in enumerate(components) for name in one}
    longest = [0] * len(components)
    for number, one in enumerate(components):
        outside = [
            longest[place[h.owner]] + 1
            for name in one
            for h in above.get(name, ())
            if place[h.owner] != number
        ]
        longest[number] = max(outside, default=0) + len(one) - 1
    return longest[place[SELF]]
