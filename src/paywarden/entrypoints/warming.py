"""Warm-up: compiled code is made or loaded before the first payment waits for it.

Guards: readiness is told only afterwards. A scratch window store sees one event of each kind, so
that every compiled path of live traffic exists.
"""

from __future__ import annotations

import gc
import sys

import numpy as np

from paywarden.core.instants import MINUTE_US
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.catalogue import KEY_KINDS, OBSERVED, OBSERVED_INDEX
from paywarden.risk.features.columns import from_observations
from paywarden.risk.features.identities import IdentityIndex
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.plan import WindowPlan

SWITCH_SECONDS = 0.0005
"""How long one thread may keep the interpreter from another: the writer's thread must get it often,
or each durable commit would wait for whole decisions."""


COLLECT_AFTER = 50_000
"""Containers made before the collector of cycles looks: a decision makes some thousand of them and
hardly a cycle, so the default of 700 would stop it several times."""


def share_interpreter() -> None:
    """Let the writer's thread in soon, and the collector seldom; once per process."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(COLLECT_AFTER, 20, 50)


def warm_up() -> None:
    """Run every compiled door of the window store once."""
    count = Aggregate("warm", "count", None, ("card",), MINUTE_US, False, None, False)
    windows = Windows(WindowPlan([count], {}), 0)
    payment, label = _event(1, "payment"), _event(2, "label")
    windows.observe(payment)
    windows.add(label)
    windows.read(payment.keys, payment.t_us, payment.seq)
    windows.add(_event(3, "label", retracts=2))
    windows.observe_columns(from_observations([_event(4, "payment")]), np.ones(1, np.bool_))
    index = IdentityIndex()
    index.put(1, 1)
    index.put_many(np.ones(1, np.uint64), np.ones(1, np.int64))
    index.get(1)


def _event(seq: int, kind: str, retracts: int = 0) -> Observation:
    values: list[int | str | None] = [0 if f.storage == "hash" else None for f in OBSERVED]
    values[OBSERVED_INDEX["event.kind"]] = kind
    return Observation(seq, seq, seq, (1,) * len(KEY_KINDS), tuple(values), 1, retracts)
