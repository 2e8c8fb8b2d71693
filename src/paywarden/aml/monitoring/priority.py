"""In which order accounts are looked at, when many have scores of several typologies.

Guards: points of typologies of `runs: log` are log odds (`aml/typologies`), so that they may be
added. Of typologies of one family only the strongest counts, since they see the same thing;
different families add up, since they see different things; what one family says is capped, so that
no single shape decides alone. Not done here: which scores there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from paywarden.risk.rules.typology_model import Typology

MOST_POINTS: Final = 130.0
"""Of one family, about twice what alerts."""


def priorities(typologies: Sequence[Typology], peaks: pl.DataFrame) -> dict[str, float]:
    """Points of each account with a score. `peaks`: typology, account, peak."""
    known = pl.DataFrame(
        {
            "typology": [one.id for one in typologies],
            "family": [one.family for one in typologies],
        },
        schema={"typology": pl.String, "family": pl.String},
    )
    strongest = (
        peaks.join(known, on="typology")
        .group_by("account", "family")
        .agg(pl.col("peak").clip(0.0, MOST_POINTS).max())
    )
    totals = strongest.sort("account", "family").group_by("account").agg(pl.col("peak").sum())
    return dict(totals.rows())
