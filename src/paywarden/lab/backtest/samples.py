"""Payments to open: a few of each kind that a person wants to see before believing a figure.

Guards: personal fields are masked as everywhere; which payments are shown follows from the seed
alone. Kinds: caught newly, hurt newly, missed; without `against` caught, hurt, missed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from paywarden.core.instants import format_rfc3339
from paywarden.core.outcome import Outcome
from paywarden.decision.masking import mask
from paywarden.lab.backtest.deciding_again import Again
from paywarden.lab.backtest.material import Material
from paywarden.lab.backtest.measures import Period, stopped
from paywarden.lab.backtest.result import Sample
from paywarden.lab.labels import FRAUD, GENUINE

SHOWN = (
    "payment.type", "payment.channel", "merchant.id", "merchant.mcc", "merchant.country",
    "payer.id", "payer.country", "card.fingerprint", "card.country", "device.id", "device.ip",
    "ip.country", "email.canonical",
)  # fmt: skip
RULES_SHOWN = 12
_LABEL = {FRAUD: "fraud", GENUINE: "genuine"}


def samples(
    period: Period, again: Again, against: Again | None, count: int, seed: int
) -> tuple[Sample, ...]:
    """At most `count` payments of each kind."""
    material, rows = period.material, period.rows
    stop, marks = stopped(again.outcome)[rows], material.marks[rows]
    new = stop if against is None else stop & ~stopped(against.outcome)[rows]
    word = "" if against is None else "newly "
    kinds = (
        (f"{word}caught", rows[new & (marks == FRAUD)]),
        (f"{word}hurt", rows[new & (marks == GENUINE)]),
        ("missed", rows[~stop & (marks == FRAUD)]),
    )
    random = np.random.Generator(np.random.PCG64(seed))
    chosen = [(why, _drawn(random, those, count)) for why, those in kinds]
    return shown(again, against, chosen, material)


def shown(
    again: Again,
    against: Again | None,
    chosen: Sequence[tuple[str, Sequence[int]]],
    material: Material,
) -> tuple[Sample, ...]:
    """Payments as they may be shown: (why, positions)."""
    fired = again.matches.at([row for _why, rows in chosen for row in rows])
    return tuple(
        _sample(again, against, why, row, fired[row], material)
        for why, rows in chosen
        for row in rows
    )


def drawn_rows(rows: npt.NDArray[np.int64], count: int, seed: int) -> list[int]:
    """At most `count` of these rows, by the seed, ascending."""
    return _drawn(np.random.Generator(np.random.PCG64(seed)), rows, count)


def _drawn(random: np.random.Generator, rows: npt.NDArray[np.int64], count: int) -> list[int]:
    found = rows if len(rows) <= count else random.choice(rows, count, replace=False)
    return sorted(int(row) for row in found)


def _sample(
    again: Again,
    against: Again | None,
    why: str,
    row: int,
    fired: Sequence[int],
    material: Material,
) -> Sample:
    names = [again.candidate.runtime.rows[rule].id for rule in fired]
    fields = {}
    for path in SHOWN:
        column = material.table.columns.get(path)
        value = None if column is None else column.slice(row, row + 1).values()[0]
        if value is not None:
            fields[path] = mask(path, value)
    return Sample(
        why=why,
        id=material.ids[row],
        at=format_rfc3339(int(material.table.time_us[row])),
        amount_minor=int(material.amount_minor[row]),
        currency=material.currency,
        outcome=Outcome(int(again.outcome[row])).word,
        before=None if against is None else Outcome(int(against.outcome[row])).word,
        points=int(again.points[row]),
        rules=_some(names),
        label=_LABEL.get(int(material.marks[row]), "unknown"),
        fields=fields,
    )


def _some(names: Sequence[str]) -> tuple[str, ...]:
    if len(names) <= RULES_SHOWN:
        return tuple(names)
    return (*names[:RULES_SHOWN], f"and {len(names) - RULES_SHOWN} more")
