"""An observation: what windows and replay remember of one event. No personal data in the clear.

Guards: keys and high-cardinality texts are keyed 64-bit digests (0 means absent), so a log of
observations survives the erasure of a person and rebuilds every window exactly.
`s_us` is the time at which the event counts, `t_us` the decision clock when it arrived
(RULES.md, "Clock" and "Late events"); both are logged, so replay needs no wall clock.
Not done here: making digests (`digests.py`) and reading the wire (`paywarden.decision`).
"""

from __future__ import annotations

import msgspec

from paywarden.risk.features.catalogue import KEY_KINDS, OBSERVED

ObservedValue = int | float | str | bool | None


class Observation(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One event as windows see it.

    `seq`: position in the journal (from 1). `keys`: len(KEY_KINDS) digests, 0 where absent.
    `values`: len(OBSERVED) values in that order; hashes are ints (0 absent), others None if absent.
    `identity`: digest of (payment id, attempt), 0 for events without a payment.
    `retracts`: seq of an earlier observation that this one takes back (a withdrawn label), or 0.
    `flow_from`, `flow_to`: digests of the accounts that a payment moves money between (`flows.py`),
    0 for the outside; windows do not read them.
    """

    seq: int
    t_us: int
    s_us: int
    keys: tuple[int, ...]
    values: tuple[ObservedValue, ...]
    identity: int = 0
    retracts: int = 0
    flow_from: int = 0
    flow_to: int = 0


KEY_COUNT = len(KEY_KINDS)
VALUE_COUNT = len(OBSERVED)
