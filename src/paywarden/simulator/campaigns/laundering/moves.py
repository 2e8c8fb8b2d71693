"""Movements of money between accounts, of which every pattern here is made.

Not a campaign: it has no `CAMPAIGN`. Guards: payer's and payee's account are named alike, so that
money can be followed; guilty and innocent patterns are built by the same hand from the same kind of
people, so that nothing but what they do tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from paywarden.core.instants import DAY_US, HOUR_US
from paywarden.simulator import outcomes
from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Report
from paywarden.simulator.rows import Floats, Ints, Rows
from paywarden.simulator.words import Channel, Initiator, Type
from paywarden.simulator.world import banking, network

THRESHOLD_EUROS: Final = 10_000.0
"""Where cash is reported in many countries."""
_NEVER: Final = Report(unreported=1.0)
_LIMIT: Final = {"61": 1.0}


class Circle(NamedTuple):
    """People of one country with what they pay by; all arrays of one length."""

    party: Ints
    account: Ints  # pool `payees`
    country: Ints
    device: Ints
    line: Ints


def circle(brief: Brief, count: int, *, fresh: float = 0.0) -> Circle:
    """`count` account holders; a share `fresh` opened the account weeks ago for this."""
    land = int(parts.one_country(brief, 1)[0])
    here = np.flatnonzero((brief.people.country == land) & (brief.people.born_us < brief.start_us))
    new = round(fresh * count)
    old = brief.rng.choice(here, count - new, replace=len(here) < count - new)
    people = brief.people
    made = Circle(
        people.party[old], people.own_account[old], people.country[old],
        people.devices[old, 0, 0], people.home_ips[old, 0],
    )  # fmt: skip
    if not new:
        return made
    mixed = brief.rng.permutation(count)
    joined = zip(made, _opened(brief, np.full(new, land)), strict=True)
    return Circle(*(np.concatenate(pair)[mixed] for pair in joined))


def _opened(brief: Brief, country: Ints) -> Circle:
    party = parts.strangers(brief, country, (10, 60), throwaway=0.03, mail_days=60.0)
    device, line = parts.machines(brief, country, network.Line.HOME)
    return Circle(party, parts.mules(brief, country), country, device, line)


def pay(
    brief: Brief,
    people: Circle,
    senders: ArrayLike,
    payees: ArrayLike,
    when: ArrayLike,
    minor: ArrayLike,
) -> Rows:
    """Transfers from these members (positions in the circle) to these accounts."""
    of = np.asarray(senders, dtype=np.int64)
    rows = _blank(brief, people, of, np.asarray(when, dtype=np.int64), minor)
    parts.transfers(rows, people.party[of], people.country[of])
    rows["account"], rows["payee"] = people.account[of], payees
    rows["device"], rows["ip"] = people.device[of], people.line[of]
    return rows


def deposit(
    brief: Brief, people: Circle, members: ArrayLike, when: ArrayLike, minor: ArrayLike
) -> Rows:
    """Cash into the members' own accounts, at a machine."""
    of = np.asarray(members, dtype=np.int64)
    rows = _blank(brief, people, of, np.asarray(when, dtype=np.int64), minor)
    parts.transfers(rows, people.party[of], people.country[of], Type.TOP_UP)
    rows["channel"], rows["payee"] = Channel.ATM, people.account[of]
    return rows


def withdraw(
    brief: Brief, people: Circle, members: ArrayLike, when: ArrayLike, minor: ArrayLike
) -> Rows:
    """Cash out of the members' own accounts, at a machine."""
    of = np.asarray(members, dtype=np.int64)
    rows = _blank(brief, people, of, np.asarray(when, dtype=np.int64), minor)
    parts.transfers(rows, people.party[of], people.country[of], Type.WITHDRAWAL)
    rows["channel"], rows["account"] = Channel.ATM, people.account[of]
    return rows


def _blank(brief: Brief, people: Circle, of: Ints, when: Ints, minor: ArrayLike) -> Rows:
    rows = brief.payments(when)
    rows["fraud"], rows["amount"] = 0, np.maximum(1, np.asarray(minor, dtype=np.int64))
    rows["initiator"], rows["guest"] = Initiator.CUSTOMER, 0
    rows["currency"] = parts.CURRENCY[people.country[of]]
    return rows


def typed(brief: Brief, people: Circle, euros: ArrayLike) -> Ints:
    """Sums as people type them, in the circle's currency: mostly round."""
    given = np.asarray(euros, dtype=np.float64)
    return banking.whole_sums(brief.rng, given, np.full(len(given), people.country[0]))


def exact(people: Circle, euros: ArrayLike) -> Ints:
    """Sums to the cent, in the circle's currency."""
    given = np.asarray(euros, dtype=np.float64)
    minor: Ints = np.round(given * banking.rate_of(int(people.country[0]))).astype(np.int64)
    return minor


def within(brief: Brief, count: int, days: float, first_us: int | None = None) -> Ints:
    """`count` instants in order within so many (patient) days."""
    begin = brief.start_us if first_us is None else first_us
    return begin + np.sort(brief.rng.random(count) * wait_us(brief, days)).astype(np.int64)


def wait_us(brief: Brief, days: float) -> int:
    """A patient wait of that many days, at the pace of flows."""
    return round(days * brief.preset.flow_tempo * DAY_US)


def hours_later(brief: Brief, when: ArrayLike, low: float, high: float) -> Ints:
    """Each instant and a wait of so many (patient) hours."""
    given = np.asarray(when, dtype=np.int64)
    waited = brief.rng.uniform(low, high, len(given)) * brief.preset.flow_tempo * HOUR_US
    later: Ints = given + waited.astype(np.int64)
    return later


def shares(rng: np.random.Generator, count: int, spread: float = 0.3) -> Floats:
    """`count` parts of one whole, uneven by `spread`."""
    drawn = rng.lognormal(0, spread, count)
    parted: Floats = drawn / drawn.sum()
    return parted


def say(brief: Brief, rows: Rows, texts: Sequence[str]) -> None:
    """Put a text beside each payment."""
    rows["remittance"] = brief.pools.say(texts)


def guilty(brief: Brief, name: str, *tables: Rows) -> Attack:
    """The pattern of a launderer."""
    operator = Operator(
        name, "own accounts of willing people", "smaller sums after a stop" if brief.evasive else
        "none", brief.evasive, 3, 1.5, 0.95, ("amount",),
    )  # fmt: skip
    return _done(brief, operator, tables, 1)


def innocent(brief: Brief, name: str, *tables: Rows) -> Attack:
    """The same of somebody who has nothing to hide."""
    operator = Operator(name, "own account", "none", False, 1_000_000, 1.0, 0.98, ())
    return _done(brief, operator, tables, 0)


def _done(brief: Brief, operator: Operator, tables: Sequence[Rows], laundering: int) -> Attack:
    rows = Rows.concat(tables)
    rows["laundering"] = laundering
    outcomes.authorise(brief.rng, rows, np.full(len(rows), 0.01), _LIMIT)
    return Attack(operator, rows, brief.nothing(), report=_NEVER)
