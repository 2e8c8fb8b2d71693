"""Shapes of the flow engine's arrays: which column means what. Numbers only.

Arrays, all int64 unless said; n accounts, number 0 is the outside and has no legs:

- `accounts` [n, ACCOUNT]: first and latest time, its block of legs, absolute numbers of its legs.
- `legs` [m, LEG + mirrored fees]: blocks of a power of two of legs, used as rings.
- `done` [power of two, DONE + 2 per chain]: transfers by number, for chains.
- `pairs` [power of two, 2]: open addressing, two accounts -> time of their latest transfer.
- `scratch` [SCRATCH, n]: marks and counts of searches. `work` [WORK]: amounts being sorted.
- `program` [features, PROGRAM]; `countries` uint8 [features, COUNTRIES].
- `peers` [peer features, PEER_DAYS, 3]: day, sum, number.
- `meta` [META]: counters and tops.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.int64]
Bytes: TypeAlias = npt.NDArray[np.uint8]
Doubles: TypeAlias = npt.NDArray[np.float64]
Word: TypeAlias = Any
"""An int64 inside compiled code."""

FIRST_US, LATEST_US, BLOCK, ROOM, HEAD, NEXT = range(6)
ACCOUNT = 6
AT, AMOUNT, OTHER, NUMBER, GAP, SILENCE, FLAGS = range(7)
LEG = 7
INCOMING, ABROAD = 1, 2
KIND_SHIFT, OWN_SHIFT, OTHER_SHIFT = 8, 16, 28
KINDS, COUNTRIES = 63, 4_096
DONE_AT, DONE_FROM, DONE_TO = range(3)
DONE = 3
PAIR, PAIR_AT = range(2)

(
    TRANSFERS, LEGS_TOP, PAIRS_USED, TOKEN, DROPPED_LEGS, CUT_MEMBERS, CUT_HOPS, CUT_STEPS, NOW_US,
) = range(9)  # fmt: skip
FREE = 16
"""Heads of the lists of free blocks by class: FREE + log2(room)."""
META = 32
CLASSES = 11
LEAST_ROOM, MOST_ROOM = 4, 1_024

MARK, MARK_TWO, MARK_THREE, TALLY, SEEN_AT, SLOT = range(6)
SCRATCH = 6
WORK = 1_024

FUNCTION, DIRECTION, SIDE, KIND_MASK, ONLY_ABROAD, WINDOW, ONE, TWO, THREE = range(9)
NEW_SINCE, LEAST_MINOR, FROM = DIRECTION, SIDE, ONLY_ABROAD
"""Of motifs, which select no legs, in the columns of the selection."""
PROGRAM = 9
ANY, IN, OUT = range(3)
KNOWN, OUTSIDE_ONLY = 1, 2
PEER_DAYS = 32

MOST_MEMBERS: Final = 2_048
"""Accounts that one transfer is read for; more are counted in CUT_MEMBERS."""
MOST_HOPS: Final = 64
"""Hops that a search follows from one account, the newest first; more: CUT_HOPS."""
MOST_STEPS: Final = 20_000
"""Legs that the searches of one motif look at for one transfer; more: CUT_STEPS."""

LEG_FUNCTIONS: Final = (
    "count", "sum", "mean", "max", "distinct_counterparties", "new_counterparties",
    "count_between", "sum_between", "share_between", "near_equal", "round_share", "share_kept",
    "dormant_days", "against_history", "against_peers", "benford", "share_countries",
    "turnaround_hours", "mirrored",
)  # fmt: skip
MOTIF_FUNCTIONS: Final = (
    "fan_in", "fan_out", "gather_scatter", "scatter_gather", "bipartite", "cycle", "chain",
)  # fmt: skip
FUNCTION_NUMBERS: Final = {
    name: number for number, name in enumerate((*LEG_FUNCTIONS, *MOTIF_FUNCTIONS))
}
(
    COUNT, SUM, MEAN, MAX, DISTINCT, NEW, COUNT_BETWEEN, SUM_BETWEEN, SHARE_BETWEEN, NEAR_EQUAL,
    ROUND_SHARE, SHARE_KEPT, DORMANT, HISTORY, PEERS, BENFORD_LAW, COUNTRY_SHARE, TURNAROUND,
    MIRRORED, FAN_IN, FAN_OUT, GATHER_SCATTER, SCATTER_GATHER, BIPARTITE, CYCLE, CHAIN,
) = range(26)  # fmt: skip

ROW_AT, ROW_FROM, ROW_TO, ROW_AMOUNT, ROW_KIND, ROW_FROM_COUNTRY, ROW_TO_COUNTRY = range(7)
ROW = 7
"""Columns of transfers that come in: accounts, kinds and countries by number (country 0: none)."""
OUT_ACCOUNT, OUT_ROW, OUT_SIDE, OUT_FIRST_US = range(4)
OUT_COLUMNS = 4
