"""State of one scope: windows, lists, clock, known identities; a fold over the log.

Guards: state = f(log). Every change goes through `apply_*` with an entry that is in the log (or is
being committed); nothing else moves it. The same fold serves live, recovery and checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from paywarden.core.scope import Scope
from paywarden.decision.companions import Companions
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.control_group import ControlLoss
from paywarden.decision.customer_standings import CustomerStandings
from paywarden.decision.decider import Decider
from paywarden.decision.edit_allowance import EditAllowance
from paywarden.decision.entries import ScreeningLists
from paywarden.decision.label_holds import LabelHolds
from paywarden.decision.trial import Trial, companions_read
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.catalogue import OBSERVED_INDEX
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.identities import IdentityIndex
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.observing import Ticker
from paywarden.risk.labels.rate import LabelPeaks
from paywarden.risk.lists.model import ListEdit
from paywarden.risk.lists.store import Lists
from paywarden.risk.lists.view import ListsView

KIND = OBSERVED_INDEX["event.kind"]


@dataclass(slots=True, kw_only=True)
class Observed:
    """What the observations of a scope alone move.

    `windows` is None until a policy is published; `companions`: those that are read. `identities`:
    digest of an attempt or event to its sequence. `labels`: identity of an attempt to the sequence
    of its last label entry, whose book says what stands (`labelling.py`). `label_peaks`: how many
    labels of each source are usual.
    """

    history_start_us: int
    windows: Windows | None = None
    companions: Companions = field(default_factory=Companions)
    identities: IdentityIndex = field(default_factory=IdentityIndex)
    labels: IdentityIndex = field(default_factory=IdentityIndex)
    label_peaks: LabelPeaks = field(default_factory=LabelPeaks)
    ticker: Ticker = field(default_factory=Ticker)

    def remember(self, observation: Observation) -> None:
        """Clock, identity and last label of an observation (windows and companions apart)."""
        self.ticker.t_us = max(self.ticker.t_us, observation.t_us)
        kind = observation.values[KIND]
        if kind == "payment":
            self.identities.put(observation.identity, observation.seq)
        elif kind == "label":
            self.labels.put(observation.identity, observation.seq)
            self.label_peaks.remember(observation)

    def fold(self, chunk: ObservationColumns) -> None:
        """Everything of many observations at once, windows and companions too; nothing is read."""
        if self.windows is not None:
            self.windows.observe_columns(chunk, np.zeros(len(chunk), np.bool_))
        self.companions.add_columns(chunk)
        self.ticker.t_us = max(self.ticker.t_us, int(chunk.t_us.max(initial=0)))
        names = {text: number for number, text in enumerate(chunk.symbols)}
        kinds = chunk.values[KIND]
        payments = kinds == names.get("payment", -2)
        self.identities.put_many(chunk.identity[payments], chunk.seq[payments])
        labels = kinds == names.get("label", -2)
        self.labels.put_many(chunk.identity[labels], chunk.seq[labels])
        self.label_peaks.fold(chunk)


class Standing(NamedTuple):
    """The lists that parties are held against, and the entry that put them in force."""

    seq: int
    lists: ScreeningLists


@dataclass(slots=True, kw_only=True)
class ScopeState(Observed):
    """Everything that decides for one tenant and environment.

    `runtime` is None until a policy is published; `decider` names it. `trial`: a candidate beside
    it. `lists_seq`: seq of the last list edit. `control_loss`: what its control group let pass.
    `allowance`: what makers may still edit of lists without approval. `holds`: labels that wait.
    `customers`: levels and terms of customer risk.
    `importing`: seq of an import that has not ended, or 0. `screening`: None before the first list.
    """

    scope: Scope
    digester: Digester
    all_lists: Lists
    lists: ListsView
    decider: Decider | None = None
    runtime: PolicyRuntime | None = None
    trial: Trial | None = None
    lists_seq: int = 0
    importing: int = 0
    screening: Standing | None = None
    control_loss: ControlLoss = field(default_factory=ControlLoss)
    allowance: EditAllowance = field(default_factory=EditAllowance)
    holds: LabelHolds = field(default_factory=LabelHolds)
    customers: CustomerStandings = field(default_factory=CustomerStandings)

    @property
    def ruleset(self) -> str | None:
        """The ruleset that answers; None until one is published."""
        return self.decider.ruleset if self.decider is not None else None

    def add(self, seen: Observation) -> None:
        """Let every window and companion count an event; nothing is read."""
        if self.windows is not None:
            self.windows.add(seen)
        if self.trial is not None and self.trial.windows is not None:
            self.trial.windows.add(seen)
        self.companions.add(seen)

    def keep_companions(self, filled: Companions) -> None:
        """After a change of rulesets: keep what is read, from here or from `filled`."""
        self.companions.keep(companions_read(self.runtime, self.trial), filled)

    def note_edit(self, edit: ListEdit, seq: int) -> None:
        """What a logged list edit moves beside the lists."""
        self.lists_seq = seq
        if not edit.approved:
            self.allowance.note(edit.by, edit.at_us, len(edit.entries))
