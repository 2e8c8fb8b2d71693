"""Rows that reach a score into alerts: quiet days, and the sentences of the terms that held.

Guards: an account is not alerted again for the same typology within its quiet days, counted from
the alert before, in event time. Sentences hold figures of the account itself, no names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import polars as pl

from paywarden.aml.alerts.model import Alert, Entity, EntityKind, Reason
from paywarden.aml.monitoring.batch.scores import term_column
from paywarden.core.instants import DAY_US
from paywarden.risk.rules.typology_program import TypologyProgram

VALUE: Final = "value "
"""What names of columns of values begin with; the path follows."""


@dataclass(frozen=True, slots=True)
class Raised:
    """One alert of the batch. `n`: number of the transfer in order, from 1."""

    typology: str
    account: str
    sequence: int
    score: float
    at_us: int
    n: int
    threshold: float
    reasons: tuple[Reason, ...]
    kind: EntityKind = "account"

    def alert(self) -> Alert:
        """The same in the form that cases read."""
        return Alert(
            "typology",
            Entity(self.kind, self.account),
            self.typology,
            self.score,
            self.threshold,
            self.at_us,
            self.sequence,
            self.reasons,
        )


def raised(program: TypologyProgram, rows: pl.DataFrame) -> list[Raised]:
    """Alerts of rows (n, sequence, at_us, side, account_name, score, terms, values), in order."""
    quiet_us = program.typology.quiet_days * DAY_US
    before: dict[str, int] = {}
    found = []
    for row in rows.sort("n", "side", "account_name").iter_rows(named=True):
        account, at_us = row["account_name"], row["at_us"]
        if account in before and at_us - before[account] < quiet_us:
            continue
        before[account] = at_us
        found.append(_alert(program, row))
    return found


def _alert(program: TypologyProgram, row: Mapping[str, Any]) -> Raised:
    typology = program.typology
    values = {
        name.removeprefix(VALUE): value
        for name, value in row.items()
        if name.startswith(VALUE) and value is not None
    }
    reasons = tuple(
        Reason(term.name, term.weight, program.says(term.name, values))
        for place, term in enumerate(typology.terms)
        if row[term_column(place)]
    )
    return Raised(
        typology.id,
        row["account_name"],
        row["sequence"],
        float(row["score"]),
        row["at_us"],
        row["n"],
        typology.alert,
        reasons,
        cast(EntityKind, typology.entity),
    )
