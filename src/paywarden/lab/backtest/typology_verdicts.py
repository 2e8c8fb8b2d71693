"""Typologies over a material: from the payments of each term to those that alert and those held.

Guards: the same settling as live (`risk.rules.typology_rows`): scores are added in the same order,
terms count in the matches only where their typology alerts. Shapes: n payments, t terms that fired.
Memory: one column of the payments in which any term of one typology fired.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from paywarden.lab.backtest.rule_pass import Matches
from paywarden.risk.rules.typology_rows import TypologyRow, TypologyRows
from paywarden.risk.rules.typology_scores import scores_of

Payments = npt.NDArray[np.int32]


def with_verdicts(matches: Matches, typologies: TypologyRows) -> Matches:
    """Matches in which the verdicts of typologies fire, and terms only where one of them does."""
    if not typologies.rows:
        return matches
    rules = len(matches.offsets) - 1
    parts: dict[int, Payments] = {}
    for row in typologies.rows:
        parts |= _settled(matches, row)
    found = [parts.get(rule, matches.of(rule)) for rule in range(rules)]
    offsets = np.zeros(rules + 1, np.int64)
    np.cumsum([len(one) for one in found], out=offsets[1:])
    payments = np.concatenate(found).astype(np.int32, copy=False)
    return replace(matches, offsets=offsets, payments=payments)


def _settled(matches: Matches, row: TypologyRow) -> dict[int, Payments]:
    """Payments of the typology's terms, of its alert and of its hold, by row."""
    typology = row.typology
    fired = {row.first + n: matches.of(row.first + n) for n in range(len(typology.terms))}
    seen = np.unique(np.concatenate(list(fired.values())))
    held = {}
    for index, payments in fired.items():
        holds = np.zeros(len(seen), np.bool_)
        holds[np.searchsorted(seen, payments)] = True
        held[typology.terms[index - row.first].name] = holds
    scores = scores_of(typology.score, row.weights, held, len(seen))
    alerts = seen[scores >= typology.alert]
    found = {index: payments[np.isin(payments, alerts)] for index, payments in fired.items()}
    found[row.alert] = alerts
    if row.hold is not None and typology.interdict is not None:
        found[row.hold] = seen[scores >= typology.interdict]
    return found
