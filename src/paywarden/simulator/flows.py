"""A history's movements of money between accounts, as the table that monitoring reads in batch.

One row per payment that leaves or reaches an account of the world, in time order; what is no such
account (a shop, cash, a card) is the outside, an empty text. Amounts are in euros' minor units by
the world's fixed rates. Truth lies in tables of its own: which accounts belong to which pattern,
and which transfers are laundering; look-alikes are in neither.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from paywarden.simulator.frames import iban
from paywarden.simulator.history import History
from paywarden.simulator.rows import Ints
from paywarden.simulator.words import Status, Type, word
from paywarden.simulator.world.geography import COUNTRIES, COUNTRY_CODES, CURRENCIES

_EUROS = np.array([
    next(one.rate * 10**one.exponent for one in COUNTRIES if one.currency == code)
    for code in CURRENCIES
])  # fmt: skip
"""Minor units of each currency for one euro."""
VICTIMS_PAY = frozenset({"mule_ring"})
"""Patterns whose first payers are no part of them: they were deceived or robbed."""


class Flows(NamedTuple):
    """`patterns`: pattern, family, account, main. `parts`: sequence, pattern of laundering."""

    transfers: pl.DataFrame
    patterns: pl.DataFrame
    parts: pl.DataFrame


def flows(history: History) -> Flows:
    """The three tables."""
    rows = history.payments
    moved = (rows["account"] >= 0) | (rows["payee"] >= 0)
    at = np.flatnonzero(moved & (rows["status"] == Status.AUTHORISED))
    at = at[np.lexsort((rows["attempt"][at], rows["number"][at], rows["time"][at]))]
    table = history.pools.rows("payees")
    names = np.array([*(iban(number) for number in table["account"].tolist()), ""])
    country = np.array([*(COUNTRY_CODES[land] for land in table["country"].tolist()), ""])
    source, target = rows["account"][at], rows["payee"][at]
    euros = rows["amount"][at] / _EUROS[rows["currency"][at]] * 100
    kinds = np.array([word(kind) for kind in Type])
    transfers = pl.DataFrame({
        "sequence": np.arange(1, len(at) + 1),
        "at_us": rows["time"][at],
        "from_account": names[source],
        "to_account": names[target],
        "amount_minor": np.maximum(1, np.round(euros)).astype(np.int64),
        "kind": kinds[rows["type"][at]],
        "from_country": country[source],
        "to_country": country[target],
    })  # fmt: skip
    guilty = rows["laundering"][at] == 1
    identifiers = np.array([*(strike.id for strike in history.strikes), ""])
    parts = pl.DataFrame({
        "sequence": transfers["sequence"].to_numpy()[guilty],
        "pattern": identifiers[rows["campaign"][at][guilty]],
    })  # fmt: skip
    return Flows(transfers, _patterns(history, at[guilty], names), parts)


def _patterns(history: History, at: Ints, names: NDArray[np.str_]) -> pl.DataFrame:
    """Accounts of each pattern, its victims left out; `main`: of most of its transfers."""
    rows = history.payments
    found: list[tuple[str, str, str, bool]] = []
    for number in np.unique(rows["campaign"][at]):
        strike = history.strikes[int(number)]
        mine = at[rows["campaign"][at] == number]
        payers = rows["account"][mine]
        if strike.type in VICTIMS_PAY:
            payers = payers[np.isin(payers, rows["payee"][mine])]
        both = np.concatenate([payers, rows["payee"][mine]])
        accounts, counts = np.unique(both[both >= 0], return_counts=True)
        main = accounts[counts.argmax()] if len(accounts) else -1
        found += [(strike.id, strike.type, str(names[one]), bool(one == main)) for one in accounts]
    columns = {"pattern": pl.String, "family": pl.String, "account": pl.String, "main": pl.Boolean}
    return pl.DataFrame(found, schema=columns, orient="row")
