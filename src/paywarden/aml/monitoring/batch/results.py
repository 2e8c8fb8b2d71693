"""What a batch gives: alerts, the greatest score of each account, and what could not be run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from paywarden.aml.monitoring.batch.reasons import Raised


@dataclass(frozen=True, slots=True)
class BatchResult:
    """alerts: in order of rows, typologies (as given), accounts. peaks: typology, account, peak
    (greatest score), each above 0. transfers (or payments), accounts: how many there were.
    not_run: typology and reason, of those that this table cannot be asked.
    """

    alerts: tuple[Raised, ...]
    peaks: pl.DataFrame
    transfers: int
    accounts: int
    not_run: tuple[dict[str, str], ...] = ()


def peaks_of(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All peaks; the columns stand even where there is none."""
    names = {"typology": pl.String, "account": pl.String, "peak": pl.Float64}
    return pl.concat([pl.DataFrame(schema=names), *parts])
