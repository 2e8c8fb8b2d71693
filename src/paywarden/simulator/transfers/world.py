"""A world of transfers from one seed: ordinary life, schemes, and innocents who look like them.

Guards: the same settings give the same world, octet for octet; each part draws from a stream of its
own, so that another number of look-alikes leaves the schemes as they were. A look-alike has the
shape of a scheme and differs in one to three of: it takes much longer, its sums have nothing to do
with one another, it is small. Launderers come up in several schemes; most are well-connected.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from paywarden.core.instants import DAY_US
from paywarden.simulator.transfers.model import (
    OUTSIDE,
    Collected,
    Ints,
    Pattern,
    TransferWorld,
    WorldSettings,
    legs_of,
)
from paywarden.simulator.transfers.ordinary import MIDDLE, attraction, live
from paywarden.simulator.transfers.shapes import SHAPES, Manner

_BANKS = ("bank_a", "bank_b", "bank_c")
_AGAIN = 0.25
"""Share of members of a scheme who launder in another one too."""


def make(settings: WorldSettings) -> TransferWorld:
    """The whole world. Errors: ValueError for settings that leave no room."""
    if settings.accounts < 50 or settings.days < 40:
        raise ValueError("a world has at least 50 accounts and 40 days")
    life, crime, likeness, places = (
        np.random.Generator(np.random.PCG64([settings.seed, part])) for part in range(4)
    )
    collected = Collected()
    patterns = _patterns(crime, settings, True, settings.alerts)
    patterns += _patterns(likeness, settings, False, settings.alerts * settings.innocents)
    quiet = np.array([one.members[0] for one in patterns if one.family == "dormant"], np.int64)
    live(life, settings, quiet, collected)
    for number, one in enumerate(patterns):
        cash = one.legs.source == OUTSIDE
        kind = "cash" if cash.any() and one.family == "structuring" else "transfer"
        collected.add(kind, one.legs, number if one.guilty else -1)
    return _tables(settings, collected, patterns, _accounts(places, settings))


def _patterns(
    rng: np.random.Generator, settings: WorldSettings, guilty: bool, each: int
) -> list[Pattern]:
    pull = attraction(rng, settings.accounts)
    known: list[int] = []
    found = []
    for family in settings.families:
        shape, least, most = SHAPES[family]
        for _ in range(each):
            who = _members(rng, pull, int(rng.integers(least, most + 1)), known)
            how = _manner(rng, settings, guilty)
            rows = shape(rng, who, how)
            end = settings.days * DAY_US
            found.append(Pattern(family, guilty, who, legs_of([r for r in rows if r[0] < end])))
            known += who if guilty else []
    return found


def _members(rng: np.random.Generator, pull: np.ndarray, count: int, known: list[int]) -> list[int]:
    again = [one for one in dict.fromkeys(known) if rng.random() < _AGAIN]
    rng.shuffle(again)
    who = again[: count // 3]
    fresh = rng.choice(len(pull), count * 2, replace=False, p=pull).tolist()
    found = who + [one for one in fresh if one not in who][: count - len(who)]
    rng.shuffle(found)
    return found


def _manner(rng: np.random.Generator, settings: WorldSettings, guilty: bool) -> Manner:
    span = rng.uniform(3.0, 25.0)
    fee, linked, middle = rng.uniform(0.01, 0.08), True, MIDDLE * 1.4
    if not guilty:
        change = int(rng.integers(1, 8))
        span = span * rng.uniform(2.5, 5.0) if change & 1 else span
        linked = not change & 2
        middle = middle * rng.uniform(0.08, 0.3) if change & 4 else middle
        fee = rng.uniform(0.05, 0.5)
    span = min(span, settings.days * 0.9)
    start = rng.uniform(0.0, settings.days - span)
    return Manner(start * DAY_US, span * DAY_US, fee, linked, middle)


# --- tables ---------------------------------------------------------------------------------------


def _accounts(rng: np.random.Generator, settings: WorldSettings) -> pl.DataFrame:
    count = settings.accounts
    opened = rng.integers(30, 4_000, count)
    bank = rng.choice(len(_BANKS), count, p=[0.6, 0.3, 0.1])
    return pl.DataFrame(
        {
            "account": [_name(one) for one in range(count)],
            "customer": [f"cus_{one:06d}" for one in range(count)],
            "opened_at_us": (settings.start_us - opened * DAY_US),
            "bank": [_BANKS[one] for one in bank.tolist()],
        }
    )


def _name(account: int) -> str:
    return "" if account == OUTSIDE else f"acc_{account:06d}"


def _tables(
    settings: WorldSettings, collected: Collected, patterns: list[Pattern], accounts: pl.DataFrame
) -> TransferWorld:
    kinds = [np.full(len(legs.at_us), kind) for kind, _, legs in collected.legs]
    numbers = [np.full(len(legs.at_us), number) for _, number, legs in collected.legs]

    def all_of(name: str) -> Ints:
        return np.concatenate([getattr(legs, name) for _, _, legs in collected.legs])

    at = settings.start_us + all_of("at_us") // settings.grain_us * settings.grain_us
    inside = at < settings.start_us + settings.days * DAY_US
    order = np.flatnonzero(inside)[np.argsort(at[inside], kind="stable")]
    names = np.array([*accounts["account"].to_list(), ""])
    banks = np.array([*accounts["bank"].to_list(), ""])
    source, target = all_of("source")[order], all_of("target")[order]
    number = np.concatenate(numbers)[order]
    kind = np.concatenate(kinds)[order]
    transfers = pl.DataFrame(
        {
            "sequence": np.arange(1, len(order) + 1),
            "at_us": at[order],
            "from_account": names[source],
            "to_account": names[target],
            "amount_minor": all_of("amount")[order],
            "kind": np.where((kind == "cash") & (source != OUTSIDE), "transfer", kind),
            "from_bank": banks[source],
            "to_bank": banks[target],
        }
    )
    parts = pl.DataFrame({"sequence": transfers["sequence"], "pattern": number})
    return TransferWorld(
        transfers, accounts, _truth(patterns), parts.filter(pl.col("pattern") >= 0)
    )


def _truth(patterns: list[Pattern]) -> pl.DataFrame:
    rows = [
        (number, one.family, _name(member), place == 0)
        for number, one in enumerate(patterns)
        if one.guilty
        for place, member in enumerate(one.members)
        if ((one.legs.source == member) | (one.legs.target == member)).any()
    ]
    names = ["pattern", "family", "account", "main"]
    kinds = [pl.Int64, pl.String, pl.String, pl.Boolean]
    return pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")
