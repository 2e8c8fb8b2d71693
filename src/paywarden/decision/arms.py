"""The rulesets that give an opinion on one payment: the live one, and during a trial the candidate.

Guards: every ruleset counts the payment in its own windows exactly once, whether it answers or not,
so that the candidate's windows are whole when it takes over. Equal windows are shared and count
once for both, and so do companions, which depend on no ruleset.
Not done here: opinions (`conduct.py`), recording (`payments.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from paywarden.decision.companions import Companions
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.trial import Trial
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.observation import Observation, ObservedValue

Values = tuple[ObservedValue, ...]


class Deciding(Protocol):
    """What decides in a scope, live or while the log is read again."""

    runtime: PolicyRuntime | None
    windows: Windows | None
    trial: Trial | None
    companions: Companions


@dataclass(frozen=True, slots=True)
class Arm:
    """One ruleset, its windows, and their values for the payment at hand."""

    runtime: PolicyRuntime
    windows: Windows
    values: Values


def observed_arms(
    state: Deciding, seen: Observation, continues: int
) -> tuple[Arm, Arm | None, bool]:
    """Add the payment to companions and windows, read windows: (who answers, the other, is it the
    candidate).

    `continues`: seq of the decision that this one continues, or 0; its values are read as of then.
    """
    windows, runtime, trial = state.windows, state.runtime, state.trial
    assert windows is not None and runtime is not None
    values = observed(windows, seen, continues)
    state.companions.add(seen)
    live = Arm(runtime, windows, values)
    if trial is None:
        return live, None, False
    own = trial.windows
    tried = values if own is None else observed(own, seen, continues)
    candidate = Arm(trial.runtime, windows if own is None else own, tried)
    if trial.answers(seen):
        return candidate, live, True
    return live, candidate, False


def observed(windows: Windows, seen: Observation, continues: int) -> Values:
    """Values after a payment was added; for a continuation, of the payment that it continues."""
    if continues:
        windows.add(seen)
        return tuple(windows.read(seen.keys, seen.t_us, continues))
    return tuple(windows.observe(seen))
