"""State from a checkpoint equals state replayed, and the plain twin, from then on and for ever."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).parents[1] / "risk" / "features"))

from test_windows_twins import DAY, FILTERS, SECOND, _differences, _policy
from windows_kit import stream

from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.decision.checkpoints import Checkpoints, Place
from paywarden.decision.state import KIND, Observed
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.catalogue import OBSERVED_INDEX
from paywarden.risk.features.columns import from_observations
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.plain import PlainWindows
from paywarden.risk.features.plan import WindowPlan

SCOPE, BINDING = Scope("t", Environment.LIVE), "0" * 24


def log_of(rnd: random.Random, count: int, jump: int) -> list[Observation]:
    """A random log whose payments have identities and whose labels are withdrawn in words too."""
    found = []
    for one in stream(count, rnd, keys=rnd.choice([1, 3, 40]), jump=jump):
        values = list(one.values)
        if values[KIND] == "label" and rnd.random() < 0.2:
            values[OBSERVED_INDEX["event.verdict"]] = "withdrawn"
        found.append(replace(one, values=tuple(values), identity=rnd.randrange(1, 2**64)))
    return found


def through_a_file(observed: Observed, plan: WindowPlan, seq: int) -> Observed:
    """What a start reads back from the checkpoint of a state."""
    again = Observed(history_start_us=0, windows=Windows(plan, 0))
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(Path(folder), Secret(b"k" * 32), lambda _seq: b"mark")
        with checkpoints.writing(SCOPE):
            checkpoints.save(observed, SCOPE, BINDING, seq)
        assert checkpoints.resume(again, Place(SCOPE, plan, BINDING, seq)) == seq
    return again


@settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(seed=st.integers(0, 2**32), cut=st.integers(0, 250), jump=st.booleans())
def test_a_checkpoint_goes_on_like_the_state_it_was_made_of(
    seed: int, cut: int, jump: bool
) -> None:
    rnd = random.Random(seed)
    plan = WindowPlan(_policy(rnd, 0.05), FILTERS)
    log = log_of(rnd, 300, 40 * DAY if jump else 0)
    plain = PlainWindows(plan, 0)
    whole = Observed(history_start_us=0, windows=Windows(plan, 0))
    for one in log[:cut]:
        plain.add(one)
    if cut:
        whole.fold(from_observations(log[:cut]))
    resumed = through_a_file(whole, plan, cut)
    assert whole.windows is not None and resumed.windows is not None
    assert _apart(whole.windows) == _apart(resumed.windows)
    for position, one in enumerate(log[cut:], cut):
        values = plain.observe(one)
        assert not _differences(plan, values, whole.windows.observe(one))
        assert not _differences(plan, values, resumed.windows.observe(one))
        for state in (whole, resumed):
            state.remember(one)
        earlier = rnd.choice(log[max(0, position - 60) : position + 1])
        asked = (earlier.keys, one.t_us + rnd.choice([0, SECOND, DAY]), earlier.seq)
        assert not _differences(plan, plain.read(*asked), resumed.windows.read(*asked))
    assert resumed.ticker.t_us == whole.ticker.t_us == log[-1].t_us
    for one in log:
        assert resumed.identities.get(one.identity) == whole.identities.get(one.identity)
        assert resumed.labels.get(one.identity) == whole.labels.get(one.identity)
    assert len(resumed.identities) == sum(one.values[KIND] == "payment" for one in log)
    assert _apart(whole.windows) == _apart(resumed.windows)


def _apart(windows: Windows) -> dict[str, int]:
    return {**windows.memory(), "bytes_reserved": 0}
