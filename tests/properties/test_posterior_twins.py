"""The compiled posteriors equal their plain twin bit by bit: one by one, in columns, resumed."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "risk" / "features"))

from windows_kit import observation

from paywarden.core.instants import DAY_US
from paywarden.risk.features.catalogue import KEY_KINDS
from paywarden.risk.features.columns import from_observations
from paywarden.risk.features.observation import Observation
from paywarden.risk.labels.effects import Effects
from paywarden.risk.posteriors.model import KINDS, PLACES, Posterior
from paywarden.risk.posteriors.plain import PlainPosteriors
from paywarden.risk.posteriors.store import Posteriors

START = 19_000 * DAY_US
FIRST = 64
QUIET = settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def log(rnd: random.Random, count: int, width: int) -> list[Observation]:
    """Payments and labels over few entities, with withdrawals, days, years and decades between."""
    found: list[Observation] = []
    labels: list[Observation] = []
    t_us = START
    for seq in range(1, count + 1):
        t_us += rnd.choice([0, 1, DAY_US // 9, DAY_US * (400 if seq % 31 == 0 else 3)])
        t_us += 9_000 * DAY_US * (seq % 97 == 0)
        keys = {kind: rnd.randrange(1, width) * (2**61 + 1) % 2**64
                for kind in KINDS if rnd.random() < 0.6}  # fmt: skip
        values: dict[str, str] = {"event__kind": rnd.choice(["payment"] * 9 + ["login"])}
        retracts = 0
        if rnd.random() < 0.3:
            verdict = rnd.choice(["fraud", "fraud", "genuine", "withdrawn", "outranked"])
            values = {"event__kind": "label", "event__verdict": verdict}
            if labels and rnd.random() < 0.5:
                taken = labels.pop(rnd.randrange(len(labels)))
                retracts = taken.seq
                keys = {kind: taken.keys[KEY_KINDS.index(kind)] for kind in KINDS}
        one = observation(seq, t_us, keys=keys, retracts=retracts, **values)
        if values["event__kind"] == "label":
            labels.append(one)
        found.append(one)
    return found


def unread(found: Any) -> list[list[float]]:
    """What a read of many gives: nothing stands beside a mean that is not there."""
    return [[mean, lower if mean >= 0 else 0.0] for mean, lower in found.tolist()]


def digests(one: Observation) -> list[int]:
    return [one.keys[place] for place in PLACES]


def read(store: Posteriors, asked: Observation, at_us: int) -> list[Posterior | None]:
    pairs = store.read(asked.keys, at_us).tolist()
    return [Posterior(mean, lower) if mean >= 0 else None for mean, lower in pairs]


@QUIET
@given(seed=st.integers(0, 2**32), count=st.integers(1, 250), width=st.sampled_from([3, 12, 80]),
       most=st.sampled_from([64, 128, 1 << 20]))  # fmt: skip
def test_compiled_posteriors_equal_the_plain_twin(
    seed: int, count: int, width: int, most: int
) -> None:
    rnd = random.Random(seed)
    seen = log(rnd, count, width)
    plain, effects, store = PlainPosteriors(FIRST, most), Effects(), Posteriors(FIRST, most)
    values: dict[int, list[list[float]]] = {}
    for one in seen:
        asked = rnd.choice(seen)
        values[one.seq] = unread(store.read(one.keys, one.t_us))
        what, since = effects.of(one)
        plain.add(one.t_us, digests(one), what, since)
        store.add(one)
        assert read(store, asked, one.t_us) == plain.read(digests(asked), one.t_us)
    columns = Posteriors(FIRST, most)
    cut = rnd.randrange(count + 1)
    for part in (seen[:cut], seen[cut:]):
        if part:
            wanted = np.array([rnd.random() < 0.5 for _ in part])
            found = columns.observe_columns(from_observations(part), wanted)
            before = [values[one.seq] for one, asked in zip(part, wanted, strict=True) if asked]
            assert found.tolist() == before
            columns, image = Posteriors(FIRST, most), columns.image()
            columns.resume(tuple(array.copy() for array in image))
    for asked in seen:
        at_us = seen[-1].t_us + rnd.choice([0, DAY_US])
        assert read(columns, asked, at_us) == plain.read(digests(asked), at_us)
        assert read(store, asked, at_us) == read(columns, asked, at_us)
    assert columns.memory() == store.memory()
