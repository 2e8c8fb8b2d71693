"""Accounts that are found at a budget of alerts, with intervals, beside other ways.

    recall      share of laundering accounts among the alerted
    precision   share of the alerted that launder

Guards: every way may alert the same number of accounts, those it ranks highest; ties are broken by
a seeded order that no way knows. Intervals are a bootstrap over clusters: the accounts of a pattern
are drawn together (an account of several counts with its first), every innocent by itself; worlds
keep their sizes. Differences are paired: both ways read the same draw.
Shapes: a accounts (of all worlds), b draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
DRAWS: Final = 2_000
LOW, HIGH = 2.5, 97.5
_CHUNK: Final = 100


@dataclass(frozen=True, slots=True)
class Judged:
    """`guilty` [a]; `cluster` [a]: number of what is drawn together, from 0 in each world."""

    guilty: Bools
    cluster: Ints


def highest(scores: Floats, budget: int, seed: int) -> Bools:
    """The `budget` accounts of highest score above 0, [a]."""
    chance = np.random.Generator(np.random.PCG64(seed)).random(len(scores))
    order = np.lexsort((chance, -scores))[:budget]
    chosen = np.zeros(len(scores), np.bool_)
    chosen[order[scores[order] > 0]] = True
    return chosen


def clusters(accounts: Sequence[str], first_pattern: Mapping[str, str]) -> Ints:
    """Numbers of clusters: one for each pattern, one for each account outside of all, [a]."""
    numbers: dict[str, int] = {}
    found = []
    for account in accounts:
        pattern = first_pattern.get(account)
        key = f"account {account}" if pattern is None else f"pattern {pattern}"
        found.append(numbers.setdefault(key, len(numbers)))
    return np.array(found, np.int64)


def measures(judged: Judged, chosen: Bools) -> dict[str, float]:
    """Recall, precision, and how many were alerted."""
    hit = float((judged.guilty & chosen).sum())
    return {
        "recall": _share(hit, float(judged.guilty.sum())),
        "precision": _share(hit, float(chosen.sum())),
        "alerted": float(chosen.sum()),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def with_intervals(
    worlds: Sequence[tuple[Judged, Mapping[str, Bools]]], seed: int, draws: int = DRAWS
) -> dict[str, Any]:
    """Ways with intervals, and the first way less each other one; worlds put together."""
    names = list(worlds[0][1])
    draw = _drawn(worlds, seed, draws)
    ways: dict[str, dict[str, Any]] = {}
    for name in names:
        pooled = Judged(np.concatenate([one.guilty for one, _ in worlds]), np.zeros(0, np.int64))
        chosen = np.concatenate([flags[name] for _, flags in worlds])
        ways[name] = {
            **measures(pooled, chosen),
            "interval": {key: _bounds(values) for key, values in draw[name].items()},
        }
    paired = {}
    for other in names[1:]:
        gaps = {key: draw[names[0]][key] - draw[other][key] for key in ("recall", "precision")}
        paired[other] = {
            key: {"gap": ways[names[0]][key] - ways[other][key], "interval": _bounds(values)}
            for key, values in gaps.items()
        }
    return {"ways": ways, "paired": paired}


def _drawn(
    worlds: Sequence[tuple[Judged, Mapping[str, Bools]]], seed: int, draws: int
) -> dict[str, dict[str, Floats]]:
    generator = np.random.Generator(np.random.PCG64(seed))
    sums: dict[str, Floats] = {}
    for judged, flags in worlds:
        tables = {name: _totals(judged, chosen) for name, chosen in flags.items()}
        strata = _strata(judged)
        for start in range(0, draws, _CHUNK):
            size = min(_CHUNK, draws - start)
            weights = _weights(generator, strata, size)
            for name, table in tables.items():
                part = sums.setdefault(name, np.zeros((draws, 3)))
                part[start : start + size] += weights @ table
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            name: {"recall": one[:, 0] / one[:, 1], "precision": one[:, 0] / one[:, 2]}
            for name, one in sums.items()
        }


def _totals(judged: Judged, chosen: Bools) -> Floats:
    """Per cluster: guilty and alerted, guilty, alerted; [c, 3]."""
    parts = (judged.guilty & chosen, judged.guilty, chosen)
    return np.stack(
        [np.bincount(judged.cluster, weights=part.astype(np.float64)) for part in parts], axis=1
    )


def _strata(judged: Judged) -> list[Ints]:
    """Clusters of laundering, and the others: each is drawn to its own number."""
    guilty = np.unique(judged.cluster[judged.guilty])
    rest = np.setdiff1d(np.unique(judged.cluster), guilty)
    return [guilty, rest]


def _weights(generator: np.random.Generator, strata: Sequence[Ints], size: int) -> Floats:
    count = sum(len(one) for one in strata)
    weights = np.zeros((size, count))
    for members in strata:
        if len(members):
            chosen = generator.integers(0, len(members), (size, len(members)))
            for row, picks in enumerate(chosen):
                weights[row, members] = np.bincount(picks, minlength=len(members))
    return weights


def _bounds(values: Floats) -> tuple[float, float] | None:
    known = values[np.isfinite(values)]
    if len(known) < len(values) // 2 or not len(known):
        return None
    low, high = np.percentile(known, [LOW, HIGH])
    return float(low), float(high)
