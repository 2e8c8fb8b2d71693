"""Windows and the view of what was known when equal brute force over all that was ever said."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import msgspec
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "risk" / "features"))

from windows_kit import DAY, T0, aggregate, observation

from paywarden.risk.features.arena import Windows
from paywarden.risk.features.catalogue import KEY_KINDS
from paywarden.risk.features.columns import from_observations
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.labels.known import IS_FRAUD, IS_GENUINE, UNKNOWN, known_at
from paywarden.risk.labels.model import NOTHING, RANKS, Book, Word, take
from paywarden.risk.rules.filters import FilterSet

ATTEMPTS, CARDS, WINDOW = 6, 2, 7 * DAY
QUIET = settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
FRAUD = 'event.kind == "label" && event.verdict == "fraud"'
AGGREGATES = (
    aggregate("count", ("card",), WINDOW, where=FRAUD),
    aggregate("count", ("card",), None, where=FRAUD),
)
Said = list[tuple[int, int, Word]]
"""(attempt, instant, word) in order."""


def said(rnd: random.Random, count: int) -> Said:
    t_us, found = T0, []
    for _ in range(count):
        t_us += rnd.choice([0, 1, DAY // 3, DAY, 3 * DAY])
        verdict = rnd.choice(["fraud", "fraud", "genuine", "withdrawn"])
        word = Word(rnd.choice(list(RANKS)), verdict, rnd.choice([None, "10.4"]))
        found.append((rnd.randrange(ATTEMPTS), t_us, word))
    return found


def observed(words: Said) -> list[Observation]:
    books: dict[int, Book] = {}
    found = []
    for seq, (attempt, t_us, word) in enumerate(words, 1):
        effect = take(books.get(attempt, NOTHING), word, seq)
        books[attempt] = effect.book
        one = observation(
            seq, t_us, keys={"card": 1 + attempt % CARDS}, retracts=effect.retracts,
            event__kind="label", event__verdict=effect.verdict, event__source=effect.source,
        )  # fmt: skip
        found.append(msgspec.structs.replace(one, identity=attempt + 1))
    return found


def stood(words: Said, attempt: int, at_us: int) -> tuple[str, int] | None:
    """By the definition alone: (verdict, since when) that stands at an instant."""
    present: dict[str, tuple[str, int]] = {}
    standing: tuple[str, str, int] | None = None
    since = 0
    for number, (who, t_us, word) in enumerate(words):
        if who != attempt or t_us > at_us:
            continue
        source = word.source
        if word.verdict == "withdrawn":
            if not source and present:
                source = max(present, key=RANKS.__getitem__)
            if source == "analyst" and source not in present:
                present.clear()
            present.pop(source, None)
        else:
            present[source] = (word.verdict, number)
        best = max(present, key=RANKS.__getitem__, default=None)
        now = None if best is None else (best, *present[best])
        if now != standing:
            standing, since = now, t_us
    return None if standing is None else (standing[1], since)


@QUIET
@given(seed=st.integers(0, 2**32), count=st.integers(1, 60))
def test_windows_count_exactly_what_stands(seed: int, count: int) -> None:
    words = said(random.Random(seed), count)
    plan = WindowPlan(AGGREGATES, FilterSet([FRAUD]).filters)
    live, columnar = Windows(plan, -(2**62)), Windows(plan, -(2**62))
    seen = observed(words)
    for number, one in enumerate(seen):
        live.add(one)
        for card in range(CARDS):
            keys = [0] * len(KEY_KINDS)
            keys[KEY_KINDS.index("card")] = 1 + card
            frauds = [
                held[1]
                for attempt in range(card, ATTEMPTS, CARDS)
                if (held := stood(words[: number + 1], attempt, one.t_us)) and held[0] == "fraud"
            ]
            recent = sum(since > one.t_us - WINDOW for since in frauds)
            assert live.read(keys, one.t_us) == [recent, len(frauds)]
    columns = from_observations(seen)
    columnar.observe_columns(columns, np.zeros(len(seen), np.bool_))
    for card in range(CARDS):
        keys = [0] * len(KEY_KINDS)
        keys[KEY_KINDS.index("card")] = 1 + card
        at_us = seen[-1].t_us
        assert columnar.read(keys, at_us) == live.read(keys, at_us)


@QUIET
@given(seed=st.integers(0, 2**32), count=st.integers(1, 80), cut=st.floats(0, 1))
def test_a_reader_sees_what_was_known_then_and_nothing_later(
    seed: int, count: int, cut: float
) -> None:
    rnd = random.Random(seed)
    words = said(rnd, count)
    at_us = T0 + int(cut * (words[-1][1] - T0))
    seen = observed(words)
    part = rnd.randrange(1, len(seen) + 1)
    chunks = [from_observations(seen[:part]), from_observations(seen[part:])]
    known = known_at([chunk for chunk in chunks if len(chunk)], at_us)
    marks = known.of(np.arange(1, ATTEMPTS + 2, dtype=np.uint64)).tolist()
    assert marks.pop() == UNKNOWN
    expected = [stood(words, attempt, at_us) for attempt in range(ATTEMPTS)]
    codes = {"fraud": IS_FRAUD, "genuine": IS_GENUINE}
    assert marks == [UNKNOWN if one is None else codes[one[0]] for one in expected]
    since = dict(zip(known.identity.tolist(), known.since_us.tolist(), strict=True))
    assert since == {n: one[1] for n, one in enumerate(expected, 1) if one is not None}
