"""What is stopped before authorisation, and at what price: the measures of the 90 % bar.

    V   share of fraud value stopped        C   share of frauds stopped
    FPR share of genuine payments stopped   declined: share of genuine payments declined

Guards: thresholds come frozen from earlier days, so the achieved false-positive rate is a result
and is printed. Intervals are a bootstrap by customer: a customer's payments are drawn together,
because they are alike; differences of two ways are paired, both read the same draw.
Shapes: n payments, c customers, b draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
DRAWS = 400
LOW, HIGH = 2.5, 97.5
_CHUNK = 50


@dataclass(frozen=True, slots=True)
class Judged:
    """Labelled payments of the test days. `customer`: number of the payer, [n]."""

    fraud: Bools
    value: Array
    customer: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stopped:
    """One way of stopping: which payments were stopped and which of them declined, [n]."""

    stopped: Bools
    declined: Bools


def measures(judged: Judged, way: Stopped) -> dict[str, float]:
    """V, C, achieved FPR and declines of one way."""
    fraud, value, stopped = judged.fraud, judged.value, way.stopped
    genuine = ~fraud
    return {
        "v": _share(value[fraud & stopped].sum(), value[fraud].sum()),
        "c": _share((fraud & stopped).sum(), fraud.sum()),
        "fpr": _share((genuine & stopped).sum(), genuine.sum()),
        "declined": _share((genuine & way.declined).sum(), genuine.sum()),
    }


def _share(part: Any, whole: Any) -> float:
    return float(part) / float(whole) if whole else float("nan")


def intervals(
    judged: Judged, ways: Mapping[str, Stopped], seed: int, draws: int = DRAWS
) -> dict[str, dict[str, tuple[float, float]]]:
    """95 % intervals of V, C and FPR by way, and under `a - b` those of the paired differences of
    the first way to each other one."""
    totals = {name: _totals(judged, way) for name, way in ways.items()}
    drawn = _drawn(
        totals, int(judged.customer.max()) + 1 if len(judged.customer) else 0, seed, draws
    )
    found = {name: _bounds(rates) for name, rates in drawn.items()}
    names = list(ways)
    for other in names[1:]:
        gap = {key: drawn[names[0]][key] - drawn[other][key] for key in ("v", "c")}
        found[f"{names[0]} - {other}"] = _bounds(gap)
    return found


def _totals(judged: Judged, way: Stopped) -> Array:
    """Per customer: fraud value, stopped value, frauds, stopped, genuine, hurt; [c, 6]."""
    fraud, value = judged.fraud, judged.value
    parts = (
        value * fraud,
        value * (fraud & way.stopped),
        fraud,
        fraud & way.stopped,
        ~fraud,
        ~fraud & way.stopped,
    )
    return np.stack(
        [np.bincount(judged.customer, weights=part.astype(np.float64)) for part in parts], axis=1
    )


def _drawn(
    totals: Mapping[str, Array], customers: int, seed: int, draws: int
) -> dict[str, dict[str, Array]]:
    generator = np.random.Generator(np.random.PCG64(seed))
    sums: dict[str, list[Array]] = {name: [] for name in totals}
    for start in range(0, draws, _CHUNK):
        size = min(_CHUNK, draws - start)
        chosen = generator.integers(0, max(customers, 1), (size, customers))
        weights = np.stack([np.bincount(row, minlength=customers) for row in chosen]).astype(float)
        for name, table in totals.items():
            sums[name].append(weights @ table)
    return {name: _rates(np.concatenate(parts)) for name, parts in sums.items()}


def _rates(sums: Array) -> dict[str, Array]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "v": sums[:, 1] / sums[:, 0],
            "c": sums[:, 3] / sums[:, 2],
            "fpr": sums[:, 5] / sums[:, 4],
        }


def _bounds(rates: Mapping[str, Array]) -> dict[str, tuple[float, float]]:
    found = {}
    for key, values in rates.items():
        known = values[np.isfinite(values)]
        if len(known):
            low, high = np.percentile(known, [LOW, HIGH])
            found[key] = (float(low), float(high))
    return found


# --- by attack type, by campaign ------------------------------------------------------------------


def by_type(
    judged: Judged,
    way: Stopped,
    types: npt.NDArray[np.str_],
    assumed: Mapping[str, tuple[float, float]],
) -> list[dict[str, Any]]:
    """V and C per attack type, and what is left of V when challenges are not perfect.

    `assumed`: (share of challenged fraud that is stopped, share of genuine payers who give up).
    """
    found = []
    for name in sorted(set(types[judged.fraud].tolist())):
        chosen = judged.fraud & (types == name)
        part = Judged(chosen, np.where(chosen, judged.value, 0.0), judged.customer)
        efficacy, _ = assumed.get(name, assumed["default"])
        stopped, whole = chosen & way.stopped, part.value.sum()
        declined = chosen & way.declined
        kept = part.value[declined].sum() + efficacy * part.value[stopped & ~declined].sum()
        found.append(
            {
                "type": name or "not named",
                "frauds": int(chosen.sum()),
                "v": _share(part.value[stopped].sum(), whole),
                "c": _share(stopped.sum(), chosen.sum()),
                "v_at_efficacy": _share(kept, whole),
                "efficacy": efficacy,
            }
        )
    return found


def given_up(judged: Judged, way: Stopped, abandonment: float) -> float:
    """Share of genuine payments lost because their payers gave up a challenge or were declined."""
    genuine = ~judged.fraud
    challenged = genuine & way.stopped & ~way.declined
    lost = float((genuine & way.declined).sum()) + abandonment * float(challenged.sum())
    return _share(lost, genuine.sum())


def campaigns(
    judged: Judged, way: Stopped, names: npt.NDArray[np.str_], first: int = 5, least: int = 2
) -> dict[str, Any]:
    """Share of campaigns of which one of the first payments was stopped, each campaign once.

    Payments stand in order of time; only campaigns of at least `least` frauds count.
    """
    order = np.flatnonzero(judged.fraud & (names != ""))
    groups: dict[str, list[int]] = {}
    for place in order.tolist():
        groups.setdefault(str(names[place]), []).append(place)
    counted = {name: places for name, places in groups.items() if len(places) >= least}
    early, losses = 0, []
    for places in counted.values():
        hits = way.stopped[places]
        early += bool(hits[:first].any())
        until = int(np.argmax(hits)) if hits.any() else len(places)
        losses.append(float(judged.value[places[:until]].sum()))
    return {
        "campaigns": len(counted),
        "first": first,
        "stopped_early": _share(early, len(counted)),
        "loss_before_first_stop": float(np.mean(losses)) if losses else float("nan"),
    }
