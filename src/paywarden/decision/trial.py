"""A trial: a candidate ruleset beside the live one, for nobody's answers or for a share of payers.

Guards: who is answered by the candidate is a fixed function of the log: a keyed hash of the payer
(card, account or device where no payer is named, else the attempt), so one payer sees one ruleset
for as long as the trial lasts, a larger share only adds payers, and replay finds the same arms.
Both rulesets form an opinion on every payment, so they are compared on the same payments; only
one answers, and a fault of the other changes nothing. Not done here: when a trial begins, grows
and ends (`rollout`), what is counted (`trial_tally`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from paywarden.decision.companions import NONE, Names
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.entries import TrialEntry
from paywarden.decision.trial_tally import EVERYBODY_PPM, TrialTally
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.catalogue import KEY_KINDS
from paywarden.risk.features.observation import Observation

_PERSON_KEYS: Final = tuple(
    KEY_KINDS.index(kind) for kind in ("payer", "card", "account", "device")
)


@dataclass(slots=True)
class Trial:
    """A trial of one scope: `seq` of its entry, the candidate, and its own windows.

    `windows` is None while the candidate counts just what the live ruleset counts.
    """

    entry: TrialEntry
    seq: int
    runtime: PolicyRuntime
    windows: Windows | None = None
    tally: TrialTally = field(default_factory=TrialTally)

    def answers(self, seen: Observation) -> bool:
        """Whether the candidate answers this payment."""
        share = self.entry.share_ppm
        return share > 0 and place_of(self.entry.salt, seen) < share


def own_windows(
    candidate: PolicyRuntime, live: PolicyRuntime, history_start_us: int
) -> Windows | None:
    """Empty windows for a candidate that counts other aggregates than the live ruleset, or None."""
    if candidate.aggregates == live.aggregates:
        return None
    return Windows(candidate.plan, history_start_us)


def companions_read(runtime: PolicyRuntime | None, trial: Trial | None) -> Names:
    """The companions that a scope with these rulesets keeps."""
    both = (runtime, trial.runtime if trial is not None else None)
    return NONE.union(*(one.reads for one in both if one is not None))


def place_of(salt: str, seen: Observation) -> int:
    """Where a payer stands, 0 to 999,999; even over payers and unrelated between salts."""
    person = next((seen.keys[index] for index in _PERSON_KEYS if seen.keys[index]), seen.identity)
    digest = hashlib.blake2b(
        person.to_bytes(8, "little", signed=person < 0), key=salt.encode()[:64], digest_size=8
    )
    return int.from_bytes(digest.digest(), "little") % EVERYBODY_PPM
