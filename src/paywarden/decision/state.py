"""State of one scope: windows, lists, clock, known identities; a fold over the log.

Guards: state = f(log). Every change goes through `apply_*` with an entry that is in the log (or is
being committed); nothing else moves it. The same fold serves live, recovery and replay.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from paywarden.core.scope import Scope
from paywarden.decision.conduct import PolicyRuntime
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.catalogue import OBSERVED_INDEX
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.identities import IdentityIndex
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.observing import Ticker
from paywarden.risk.lists.store import Lists
from paywarden.risk.lists.view import ListsView

KIND = OBSERVED_INDEX["event.kind"]
VERDICT = OBSERVED_INDEX["event.verdict"]


@dataclass(slots=True)
class ScopeState:
    """Everything that decides for one tenant and environment.

    `windows` and `runtime` are None until a policy is published; `ruleset` names it.
    `labels`: seq of the label that stands, by identity. `lists_seq`: seq of the last list edit.
    """

    scope: Scope
    digester: Digester
    all_lists: Lists
    lists: ListsView
    identities: IdentityIndex
    ticker: Ticker = field(default_factory=Ticker)
    ruleset: str | None = None
    windows: Windows | None = None
    runtime: PolicyRuntime | None = None
    labels: dict[int, int] = field(default_factory=dict)
    lists_seq: int = 0
    history_start_us: int = 0

    def remember(self, observation: Observation) -> None:
        """Clock, identity and standing label of an observation (windows apart)."""
        self.ticker.t_us = max(self.ticker.t_us, observation.t_us)
        kind = observation.values[KIND]
        if kind == "payment":
            self.identities.put(observation.identity, observation.seq)
        elif kind == "label":
            if observation.values[VERDICT] == "withdrawn":
                self.labels.pop(observation.identity, None)
            else:
                self.labels[observation.identity] = observation.seq
