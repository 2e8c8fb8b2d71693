"""The compiled links equal their plain twin, one by one, in columns, across generations."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "risk" / "features"))

from windows_kit import observation

from paywarden.risk.features.catalogue import KEY_KINDS
from paywarden.risk.features.columns import from_observations
from paywarden.risk.features.observation import Observation
from paywarden.risk.labels.effects import FRAUD, PAYMENT, TAKEN_BACK
from paywarden.risk.links.model import KINDS, PLACES
from paywarden.risk.links.plain import PlainLinks
from paywarden.risk.links.store import Links

LENGTH = 7_200_000_000
QUIET = settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def log(rnd: random.Random, count: int, width: int) -> list[Observation]:
    """Payments and labels over few entities, with withdrawals, steps and long silences."""
    found: list[Observation] = []
    t_us = 1_000 * LENGTH + rnd.randrange(LENGTH)
    labels: list[Observation] = []
    for seq in range(1, count + 1):
        t_us += rnd.choice(
            [0, 1, LENGTH // 60, LENGTH // 9, *([LENGTH, 3 * LENGTH] * (seq % 29 == 0))]
        )
        keys = {
            kind: rnd.randrange(1, width) * (2**61 + 1) % 2**64
            for kind in KINDS
            if rnd.random() < (0.9 if kind in ("card", "ip") else 0.35)
        }
        values: dict[str, str] = {"event__kind": "payment"}
        retracts = 0
        if rnd.random() < 0.2:
            verdict = rnd.choice(["fraud", "fraud", "genuine", "withdrawn"])
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


def feed(plain: PlainLinks, frauds: set[int], one: Observation) -> None:
    kind, verdict = one.values[0], one.values[3]
    what = PAYMENT if kind == "payment" else 0
    if one.retracts in frauds:
        what |= TAKEN_BACK
    if kind == "label" and verdict == "fraud":
        what |= FRAUD
        frauds.add(one.seq)
    plain.add(one.seq, one.t_us, digests(one), what, one.retracts)


def digests(one: Observation) -> list[int]:
    return [one.keys[place] for place in PLACES]


def resumed(links: Links, most: int) -> Links:
    """A store that goes on from a copy of another's image, as from a checkpoint."""
    other = Links(LENGTH, most)
    other.resume(tuple(array.copy() for array in links.image()))
    return other


@QUIET
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 250),
    width=st.sampled_from([3, 12, 60]),
    most=st.sampled_from([16, 40, 10_000]),
)
def test_compiled_links_equal_the_plain_twin(seed: int, count: int, width: int, most: int) -> None:
    rnd = random.Random(seed)
    seen = log(rnd, count, width)
    plain, frauds, links = PlainLinks(LENGTH, most), set[int](), Links(LENGTH, most)
    for one in seen:
        asked = rnd.choice(seen)
        at_us = one.t_us
        feed(plain, frauds, one)
        links.add(one)
        assert links.read(asked.keys, at_us) == plain.read(at_us, digests(asked))
    columns = Links(LENGTH, most)
    cut = rnd.randrange(count + 1)
    for part in (seen[:cut], seen[cut:]):
        if part:
            columns.add_columns(from_observations(part))
            columns = resumed(columns, most)
    for asked in seen:
        at_us = seen[-1].t_us + rnd.choice([0, LENGTH // 8])
        expected = plain.read(at_us, digests(asked))
        assert columns.read(asked.keys, at_us) == links.read(asked.keys, at_us) == expected
