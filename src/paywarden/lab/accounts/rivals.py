"""What typologies are held against: largest amounts, most counterparties, boosted trees.

Guards: amounts and degrees look at transfers between accounts of the house, as the launderers'
transfers are. The trees learn on other worlds than the judged one, never on its truth; their inputs
are ranks within a world (0 to 1), so that another scale of amounts or activity costs them nothing.
All is deterministic: seeds, one thread, rows in order of account.
Shapes: a accounts in the order of their texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import lightgbm
import numpy as np
import numpy.typing as npt
import polars as pl

from paywarden.core.instants import DAY_US

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_PARAMETERS: Final = {
    "objective": "binary",
    "learning_rate": 0.06,
    "num_leaves": 15,
    "min_data_in_leaf": 30,
    "lambda_l2": 5.0,
    "feature_fraction": 0.7,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
ROUNDS: Final = 150


def between_accounts(transfers: pl.DataFrame) -> pl.DataFrame:
    """Transfers both of whose accounts are of the house."""
    return transfers.filter((pl.col("from_account") != "") & (pl.col("to_account") != ""))


def _legs(transfers: pl.DataFrame) -> pl.DataFrame:
    sides = [
        transfers.select(
            account=pl.col(f"{own}_account"),
            other=pl.col(f"{other}_account"),
            at_us=pl.col("at_us"),
            amount=pl.col("amount_minor"),
            came=pl.lit(own == "to"),
        )
        for own, other in (("from", "to"), ("to", "from"))
    ]
    return pl.concat(sides).filter(pl.col("account") != "")


def _for(accounts: pl.Series, table: pl.DataFrame, column: str) -> Floats:
    joined = accounts.to_frame("account").join(table, on="account", how="left")
    return joined[column].cast(pl.Float64).fill_null(0.0).to_numpy()


def by_amount(transfers: pl.DataFrame, accounts: pl.Series) -> Floats:
    """Largest transfer of each account with another, [a]."""
    legs = _legs(between_accounts(transfers))
    return _for(accounts, legs.group_by("account").agg(pl.col("amount").max()), "amount")


def by_degree(transfers: pl.DataFrame, accounts: pl.Series) -> Floats:
    """Different accounts that each account deals with, [a]."""
    legs = _legs(between_accounts(transfers))
    return _for(accounts, legs.group_by("account").agg(pl.col("other").n_unique()), "other")


def simple_features(transfers: pl.DataFrame, accounts: pl.Series) -> Floats:
    """Ranks, 0 to 1, of what is easily said about an account, [a, k]."""
    inside, every = _legs(between_accounts(transfers)), _legs(transfers)
    columns = [_for(accounts, *one) for legs in (inside, every) for one in _aggregates(legs)]
    return np.stack([_ranks(column) for column in columns], axis=1)


def _aggregates(legs: pl.DataFrame) -> list[tuple[pl.DataFrame, str]]:
    came, amount, day = pl.col("came"), pl.col("amount"), pl.col("at_us") // DAY_US
    asked = {
        "legs_in": came.sum(),
        "legs_out": (~came).sum(),
        "sum_in": amount.filter(came).sum(),
        "sum_out": amount.filter(~came).sum(),
        "mean": amount.mean(),
        "largest": amount.max(),
        "smallest": amount.min(),
        "spread": amount.std(),
        "others_in": pl.col("other").filter(came).n_unique(),
        "others_out": pl.col("other").filter(~came).n_unique(),
        "days": day.n_unique(),
        "most_a_day": day.mode().count(),
        "first": day.min(),
        "last": day.max(),
    }
    table = legs.group_by("account").agg(**asked)
    table = table.with_columns(kept=(pl.col("sum_in") - pl.col("sum_out")).abs())
    return [(table.select("account", name), name) for name in (*asked, "kept")]


def _ranks(values: Floats) -> Floats:
    """Place among all, ties in their middle, as a share."""
    ranks = pl.Series(values).fill_nan(0.0).rank("average").to_numpy()
    return np.asarray(ranks / max(1, len(values)))


def boosted(training: Sequence[tuple[Floats, Bools]], judged: Floats) -> Floats:
    """Scores of trees that were fitted on other worlds (features, guilty), [a]."""
    matrix = np.concatenate([features for features, _ in training])
    guilty = np.concatenate([marks for _, marks in training]).astype(np.int8)
    fitted = lightgbm.train(dict(_PARAMETERS), lightgbm.Dataset(matrix, guilty), ROUNDS)
    return np.asarray(fitted.predict(judged, num_threads=1), np.float64)
