"""Compiled keeping of legs and pairs: blocks of powers of two as rings, freed blocks used again.

Guards: an account holds its latest legs, at most 1,000 (`MOST_LEGS`), and none older than the
longest window reaches; a block that grew leaves its old place to others of that size.
"""

from __future__ import annotations

import numpy as np

from paywarden.aml.monitoring.functions import MEMORY_US, MOST_LEGS
from paywarden.aml.monitoring.jit import compiled, door
from paywarden.aml.monitoring.layout import (
    AT,
    BLOCK,
    DROPPED_LEGS,
    FREE,
    HEAD,
    LATEST_US,
    LEAST_ROOM,
    LEGS_TOP,
    MOST_ROOM,
    NEXT,
    PAIR,
    PAIR_AT,
    PAIRS_USED,
    ROOM,
    Word,
    Words,
)


@compiled
def place(accounts: Words, account: Word, leg: Word) -> Word:
    """Where a leg of an account lies, by its absolute number."""
    return accounts[account, BLOCK] + (leg & (accounts[account, ROOM] - 1))


@compiled
def size_class(room: Word) -> Word:
    """log2 of a room."""
    found = 0
    while room > 1:
        room >>= 1
        found += 1
    return found


@compiled
def take_block(legs: Words, meta: Words, room: Word) -> Word:
    """A block of `room` legs; there is place for it at the top."""
    free = FREE + size_class(room)
    head = meta[free]
    if head > 0:
        meta[free] = legs[head - 1, AT]
        return head - 1
    start = meta[LEGS_TOP]
    meta[LEGS_TOP] += room
    return start


@compiled
def give_block(legs: Words, meta: Words, start: Word, room: Word) -> None:
    """Leave a block to others of its size."""
    free = FREE + size_class(room)
    legs[start, AT] = meta[free]
    meta[free] = start + 1


@compiled
def make_room(accounts: Words, legs: Words, meta: Words, account: Word, old_us: Word) -> None:
    """Let an account take one more leg; what is not later than `old_us` goes."""
    head, following, room = (
        accounts[account, HEAD],
        accounts[account, NEXT],
        accounts[account, ROOM],
    )
    while head < following and legs[place(accounts, account, head), AT] <= old_us:
        head += 1
    if following - head >= MOST_LEGS:
        head = following - MOST_LEGS + 1
        meta[DROPPED_LEGS] += 1
    accounts[account, HEAD] = head
    if following - head < room:
        return
    wanted = max(LEAST_ROOM, 2 * room)
    start = take_block(legs, meta, wanted)
    for leg in range(head, following):
        source = place(accounts, account, leg)
        target = start + (leg & (wanted - 1))
        for column in range(legs.shape[1]):
            legs[target, column] = legs[source, column]
    if room > 0:
        give_block(legs, meta, accounts[account, BLOCK], room)
    accounts[account, BLOCK], accounts[account, ROOM] = start, wanted


@compiled
def room_left(legs: Words, meta: Words) -> bool:
    """Whether two more legs find room, whatever they need."""
    return bool(meta[LEGS_TOP] + 2 * MOST_ROOM <= legs.shape[0])


@compiled
def pair_home(key: Word, mask: Word) -> Word:
    """Slot at which the search for a pair begins (Fibonacci hashing)."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed >> np.uint64(20)) & np.uint64(mask))


@compiled
def meet(pairs: Words, meta: Words, one: Word, two: Word, at_us: Word) -> Word:
    """Note that a pair met; time since it met before, or -1 (not within MEMORY_US)."""
    key = (min(one, two) << 32) | max(one, two)
    mask = len(pairs) - 1
    slot = pair_home(key, mask)
    while pairs[slot, PAIR] != 0:
        if pairs[slot, PAIR] == key:
            gap = at_us - pairs[slot, PAIR_AT]
            pairs[slot, PAIR_AT] = at_us
            return gap if gap <= MEMORY_US else -1
        slot = (slot + 1) & mask
    pairs[slot, PAIR], pairs[slot, PAIR_AT] = key, at_us
    meta[PAIRS_USED] += 1
    return -1


@compiled
def pairs_left(pairs: Words, meta: Words) -> bool:
    """Whether one more pair finds room in a table filled to two thirds."""
    return bool(3 * (meta[PAIRS_USED] + 1) <= 2 * len(pairs))


@door
def move_pairs(old: Words, new: Words, meta: Words, old_us: int) -> int:
    """Fill an empty table with the pairs that met later than `old_us`; how many they are."""
    kept = 0
    mask = len(new) - 1
    for at in range(len(old)):
        if old[at, PAIR] == 0 or old[at, PAIR_AT] < old_us:
            continue
        slot = pair_home(old[at, PAIR], mask)
        while new[slot, PAIR] != 0:
            slot = (slot + 1) & mask
        new[slot, PAIR], new[slot, PAIR_AT] = old[at, PAIR], old[at, PAIR_AT]
        kept += 1
    meta[PAIRS_USED] = kept
    return kept


@door
def sweep(accounts: Words, legs: Words, meta: Words, count: int, old_us: int) -> int:
    """Give back the blocks of accounts without a leg later than `old_us`; how many."""
    given = 0
    for account in range(count):
        if accounts[account, ROOM] > 0 and accounts[account, LATEST_US] <= old_us:
            give_block(legs, meta, accounts[account, BLOCK], accounts[account, ROOM])
            accounts[account, ROOM] = 0
            accounts[account, HEAD] = accounts[account, NEXT]
            given += 1
    return given
