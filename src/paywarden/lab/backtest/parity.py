"""Does the back-test count what live counted? Recorded decisions made again, every value compared.

Guards: only decisions that this very ruleset made are compared; of each, the outcome, the points,
the rules that fired and every window value, with its type (where a person was erased, windows
only). A difference is a fault of the program or a changed log. Continuations after a challenge are
no payments of their own and not among them, nor are decisions in which a model took part:
`paywarden replay` compares those too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from paywarden.lab.backtest.deciding_again import Again
from paywarden.lab.backtest.feature_store import FeatureStore
from paywarden.lab.backtest.material import Material, Recorded
from paywarden.lab.backtest.result import Parity

SHOWN = 20
BLOCK = 8_192


def compared(material: Material, again: Again, store: FeatureStore) -> Parity | None:
    """Every decision of the log that this ruleset made; None where nothing is recorded."""
    recorded = material.recorded
    if recorded is None:
        return None
    rows = _same_ruleset(recorded, again.candidate.runtime.ruleset)
    whole = rows[~recorded.erased[rows]]
    outcome = whole[again.outcome[whole] != recorded.outcome[whole]]
    points = whole[again.points[whole] != recorded.points[whole]]
    fired = _fired(again, recorded, whole)
    values = dict(_values(again, store, recorded, rows))
    differing: dict[int, dict[str, Any]] = {}
    for name, found in (("outcome", outcome), ("points", points), ("rules", fired)):
        for row in found[:SHOWN].tolist():
            differing.setdefault(row, {"seq": int(recorded.sequences[row])})[name] = True
    for row, names in list(values.items())[:SHOWN]:
        differing.setdefault(row, {"seq": int(recorded.sequences[row])})["values"] = names
    count = len(again.features)
    shown: list[Mapping[str, Any]] = [differing[row] for row in sorted(differing)[:SHOWN]]
    return Parity(
        len(rows), len(rows) * count, len(outcome), len(points), len(fired), len(values),
        tuple(shown),
    )  # fmt: skip


def _same_ruleset(recorded: Recorded, ruleset: str) -> Any:
    if ruleset not in recorded.rulesets:
        return np.zeros(0, np.int64)
    own = recorded.ruleset == recorded.rulesets.index(ruleset)
    return np.flatnonzero(own & ~recorded.modelled)


def _fired(again: Again, recorded: Recorded, rows: Any) -> Any:
    """Payments whose rules differ; where the stage gave no opinion none fired."""
    matches = again.matches
    rules = np.repeat(np.arange(len(matches.offsets) - 1), np.diff(matches.offsets))
    order = np.argsort(matches.payments, kind="stable")
    payments, rules = matches.payments[order], rules[order]
    edges = np.searchsorted(payments, np.arange(len(again.outcome) + 1))
    wrong = []
    for row in rows.tolist():
        here = tuple(rules[edges[row] : edges[row + 1]].tolist())
        if row not in recorded.skipped and here != tuple(recorded.fired[row]):
            wrong.append(row)
    return np.array(wrong, np.int64)


def _values(
    again: Again, store: FeatureStore, recorded: Recorded, rows: Any
) -> Iterator[tuple[int, list[str]]]:
    """(payment, names of the windows that differ)."""
    columns = [store.find(one.column) for one in again.features]
    names = [one.aggregate.name for one in again.features]
    for start in range(0, len(again.outcome), BLOCK):
        stop = min(start + BLOCK, len(again.outcome))
        here = rows[(rows >= start) & (rows < stop)]
        if not len(here):
            continue
        table = [column.part(start, stop).values() for column in columns if column is not None]
        for row in here.tolist():
            before = recorded.aggregates[row]
            wrong = [
                name
                for name, column, value in zip(names, table, before, strict=True)
                if not same(value, column[row - start])
            ]
            if wrong:
                yield row, wrong


def same(before: Any, after: Any) -> bool:
    """Whether two window values are the same, type included."""
    return bool(before == after) and type(before) is type(after)
