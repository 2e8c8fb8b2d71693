"""Made-up transfers for tests of the batch: few accounts, many ties, everything that can be odd."""

from __future__ import annotations

import random
from collections.abc import Sequence

import ibis
import polars as pl

from paywarden.aml.monitoring.functions import FUNCTIONS
from paywarden.aml.monitoring.transfers import Transfer
from paywarden.core.instants import DAY_US
from paywarden.risk.rules.typology_model import FlowFeature, Typology

START_US = 1_767_225_600_000_000
COLUMNS = ("sequence", "at_us", "from_account", "to_account", "amount_minor", "kind", "channel",
           "from_country", "to_country", "from_bank", "to_bank")  # fmt: skip
SETTINGS = {
    "count_between": {"low": 5_000, "high": 10_000},
    "sum_between": {"low": 5_000, "high": 10_000},
    "share_between": {"low": 5_000, "high": 10_000},
    "near_equal": {"tolerance": 0.05},
    "round_share": {"unit": 1_000},
    "against_history": {"periods": 2},
    "against_peers": {"days": 3, "least": 3},
    "benford": {"least": 10},
    "share_countries": {"countries": "FR"},
    "new_counterparties": {"since": "10d"},
    "chain": {"fee": -1, "longest": 5},
    "cycle": {"fee": -1, "longest": 5},
}
"""Settings under which small worlds reach every part of a function."""


def world(seed: int, count: int = 60, accounts: int = 7, first: int = 1) -> list[Transfer]:
    """Transfers within 40 days, many at the same time, some to oneself, of nothing, outside."""
    rnd = random.Random(seed)
    names = ["", *(f"w{seed}a{i}" for i in range(accounts))]
    return [
        Transfer(
            number,
            START_US + _moment(rnd),
            rnd.choice(names),
            rnd.choice(names),
            rnd.choice([rnd.randrange(50) * 100, 10_000, 9_900, 9_999, rnd.randrange(20_000)]),
            rnd.choice(["transfer", "cash_in"]),
            "",
            rnd.choice(["", "DE", "FR"]),
            rnd.choice(["", "DE", "FR"]),
        )
        for number in range(first, first + count)
    ]


def _moment(rnd: random.Random) -> int:
    return rnd.choice([rnd.randrange(80) * DAY_US // 2, rnd.randrange(40 * 86_400) * 1_000_000])


def frame(transfers: Sequence[Transfer]) -> pl.DataFrame:
    """The table of transfers."""
    names = dict.fromkeys(COLUMNS, pl.String)
    names |= dict.fromkeys(("sequence", "at_us", "amount_minor"), pl.Int64)
    rows = [tuple(getattr(one, name) for name in COLUMNS) for one in transfers]
    return pl.DataFrame(rows, schema=names, orient="row")


def feature(function: str, **settings: str | int | float | bool) -> FlowFeature:
    """A feature of a function; its name is the function's."""
    return FlowFeature(
        function, function, {"window": "10d", **SETTINGS.get(function, {}), **settings}
    )


def leg_features(function: str) -> list[FlowFeature]:
    """A function of legs under several selections and windows."""
    return [
        feature(function),
        feature(function, window="3d", direction="in"),
        feature(function, direction="out", counterparty="known", kinds="transfer"),
        feature(function, abroad=True, counterparty="outside"),
    ]


def motif_features(function: str) -> list[FlowFeature]:
    """A motif with and without what makes hops eligible."""
    strict = {"fee": 0.5} if "fee" in FUNCTIONS[function].settings else {}
    return [
        feature(function, **{"from": 2}),
        feature(function, **{"from": 2, "window": "5d", "new_since": "4d", "least_minor": 500}),
        feature(function, **{"from": 2, **strict}),
    ]


LEGS = sorted(name for name, one in FUNCTIONS.items() if one.shape == "legs")
MOTIFS = sorted(name for name, one in FUNCTIONS.items() if one.shape == "motif")


def typology(
    features: Sequence[FlowFeature], terms: Sequence, score, alert: float, **more
) -> Typology:
    """A typology of `runs: log`."""
    given = {"id": "tried", "quiet_days": 3, **more}
    return Typology(
        title="Tried",
        family="tried",
        explanation="For tests.",
        sources=("own",),
        runs="log",
        entity="account",
        features=tuple(features),
        terms=tuple(terms),
        score=score,
        alert=alert,
        **given,
    )


def duckdb_of(rows: Sequence[dict]):
    """Rows as a table of Ibis."""
    return ibis.memtable(pl.DataFrame(rows, infer_schema_length=None))
