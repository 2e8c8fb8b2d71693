"""In which order accounts are looked at, when many have scores of several typologies.

Guards: a score counts by how far it goes towards its own typology's threshold, so that typologies
on different scales can be held against each other; of typologies of one family only the strongest
counts, since they see the same thing; different families add up, since they see different things.
Source: our own choice, judged in docs/explanation; not done here: which scores there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from paywarden.aml.monitoring.model import Typology

MOST_OVER: Final = 1.5
"""A score of more than so many times its threshold counts no more."""
SHARPNESS: Final = 4
"""Half of a threshold counts a sixteenth."""


def priorities(typologies: Sequence[Typology], peaks: pl.DataFrame) -> dict[str, float]:
    """Priority of each account with a score. `peaks`: typology, account, peak."""
    known = pl.DataFrame(
        {
            "typology": [one.id for one in typologies],
            "family": [one.family for one in typologies],
            "alert": [float(one.alert) for one in typologies],
        },
        schema={"typology": pl.String, "family": pl.String, "alert": pl.Float64},
    )
    share = (pl.col("peak") / pl.col("alert")).clip(0.0, MOST_OVER) ** SHARPNESS
    strongest = (
        peaks.join(known, on="typology")
        .with_columns(share=share)
        .group_by("account", "family")
        .agg(pl.col("share").max())
    )
    totals = strongest.sort("account", "family").group_by("account").agg(pl.col("share").sum())
    return dict(totals.rows())
