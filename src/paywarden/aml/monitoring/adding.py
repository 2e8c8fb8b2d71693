"""Compiled adding of a transfer: its two legs, what lay before them, mirrors, peers, chains.

Guards: what is fixed when a transfer happens (time since the pair met, silence, which leg in it
passes on, how many hops lead to it) is computed here once, so that reading is one pass over legs.
"""

from __future__ import annotations

from paywarden.aml.monitoring.functions import BASIS, MEMORY_US
from paywarden.aml.monitoring.jit import compiled
from paywarden.aml.monitoring.layout import (
    ABROAD,
    ACCOUNT,
    AMOUNT,
    ANY,
    AT,
    CHAIN,
    DIRECTION,
    DONE,
    DONE_AT,
    DONE_FROM,
    DONE_TO,
    FIRST_US,
    FLAGS,
    FUNCTION,
    GAP,
    HEAD,
    IN,
    INCOMING,
    KIND_MASK,
    KIND_SHIFT,
    KNOWN,
    LATEST_US,
    LEAST_MINOR,
    LEG,
    MIRRORED,
    NEW_SINCE,
    NEXT,
    NUMBER,
    ONE,
    ONLY_ABROAD,
    OTHER,
    OTHER_SHIFT,
    OWN_SHIFT,
    PEER_DAYS,
    PEERS,
    ROW_AMOUNT,
    ROW_AT,
    ROW_FROM,
    ROW_FROM_COUNTRY,
    ROW_KIND,
    ROW_TO,
    ROW_TO_COUNTRY,
    SIDE,
    SILENCE,
    THREE,
    TRANSFERS,
    TWO,
    WINDOW,
    Word,
    Words,
)
from paywarden.aml.monitoring.shelves import make_room, meet, place
from paywarden.core.instants import DAY_US

assert ACCOUNT and LEG  # the shapes that this file writes


@compiled
def takes(program: Words, feature: Word, flags: Word, other: Word, any_direction: bool) -> bool:
    """Whether the selection of a feature takes a leg."""
    direction = program[feature, DIRECTION]
    if not any_direction and direction != ANY and ((flags & INCOMING) != 0) != (direction == IN):
        return False
    side = program[feature, SIDE]
    if side != ANY and (other != 0) != (side == KNOWN):
        return False
    kinds = program[feature, KIND_MASK]
    if kinds != 0 and (kinds >> ((flags >> KIND_SHIFT) & 63)) & 1 == 0:
        return False
    return bool(program[feature, ONLY_ABROAD] == 0 or (flags & ABROAD) != 0)


@compiled
def eligible(
    program: Words, feature: Word, one: Word, two: Word, amount: Word, flags: Word, gap: Word
) -> bool:
    """Whether a transfer may be part of a motif."""
    if one == 0 or two == 0 or amount < program[feature, LEAST_MINOR]:
        return False
    kinds = program[feature, KIND_MASK]
    if kinds != 0 and (kinds >> ((flags >> KIND_SHIFT) & 63)) & 1 == 0:
        return False
    since = program[feature, NEW_SINCE]
    return bool(since == 0 or gap < 0 or gap >= since)


@compiled
def passes(before: Word, after: Word, fee: Word) -> bool:
    """Whether an amount is what another leaves after a fee; a fee below 0 asks nothing."""
    return bool(fee < 0 or (after <= before and (BASIS - fee) * before <= BASIS * after))


@compiled
def flags_of(rows: Words, row: Word, incoming: Word) -> Word:
    """Direction, kind and countries of a leg in one word."""
    own, other = rows[row, ROW_FROM_COUNTRY], rows[row, ROW_TO_COUNTRY]
    if incoming:
        own, other = other, own
    abroad = ABROAD if own != 0 and other != 0 and own != other else 0
    kind = rows[row, ROW_KIND] << KIND_SHIFT
    return incoming | abroad | kind | (own << OWN_SHIFT) | (other << OTHER_SHIFT)


@compiled
def add_leg(
    accounts: Words, legs: Words, meta: Words, program: Words, rows: Words, row: Word,
    incoming: Word, gap: Word, reach_us: Word,
) -> None:  # fmt: skip
    """One side of a transfer; `reach_us`: how far back features look."""
    account = rows[row, ROW_TO] if incoming else rows[row, ROW_FROM]
    other = rows[row, ROW_FROM] if incoming else rows[row, ROW_TO]
    if account == 0:
        return
    at_us = rows[row, ROW_AT]
    make_room(accounts, legs, meta, account, at_us - reach_us)
    silence = at_us - accounts[account, LATEST_US]
    if accounts[account, LATEST_US] < 0 or silence > MEMORY_US:
        silence = -1
        accounts[account, FIRST_US] = at_us
    leg = place(accounts, account, accounts[account, NEXT])
    legs[leg, AT], legs[leg, AMOUNT], legs[leg, OTHER] = at_us, rows[row, ROW_AMOUNT], other
    legs[leg, NUMBER], legs[leg, GAP], legs[leg, SILENCE] = meta[TRANSFERS], gap, silence
    legs[leg, FLAGS] = flags_of(rows, row, incoming)
    for feature in range(len(program)):
        if program[feature, FUNCTION] == MIRRORED:
            legs[leg, program[feature, TWO]] = mirror(
                accounts, legs, account, leg, program[feature, ONE], at_us - program[feature, THREE]
            )
    accounts[account, NEXT] += 1
    accounts[account, LATEST_US] = at_us


@compiled
def mirror(accounts: Words, legs: Words, account: Word, leg: Word, fee: Word, old_us: Word) -> Word:
    """Absolute number of the latest leg in that a leg out passes on, or -1."""
    if legs[leg, FLAGS] & INCOMING:
        return -1
    amount, other = legs[leg, AMOUNT], legs[leg, OTHER]
    before: Word = accounts[account, NEXT] - 1
    while before >= accounts[account, HEAD]:
        at = place(accounts, account, before)
        if legs[at, AT] <= old_us:
            return -1
        if (
            legs[at, FLAGS] & INCOMING
            and legs[at, OTHER] != other
            and passes(legs[at, AMOUNT], amount, fee)
        ):
            return before
        before -= 1
    return -1


@compiled
def count_peers(program: Words, peers: Words, rows: Words, row: Word) -> None:
    """Add both legs of a transfer to what accounts like them moved on its day."""
    day = rows[row, ROW_AT] // DAY_US
    for feature in range(len(program)):
        if program[feature, FUNCTION] != PEERS:
            continue
        slot = day % PEER_DAYS
        of = program[feature, THREE]
        for incoming in range(2):
            account = rows[row, ROW_TO] if incoming else rows[row, ROW_FROM]
            other = rows[row, ROW_FROM] if incoming else rows[row, ROW_TO]
            flags = flags_of(rows, row, incoming)
            if account == 0 or not takes(program, feature, flags, other, False):
                continue
            if peers[of, slot, 0] != day:
                peers[of, slot, 0], peers[of, slot, 1], peers[of, slot, 2] = day, 0, 0
            peers[of, slot, 1] += rows[row, ROW_AMOUNT]
            peers[of, slot, 2] += 1


@compiled
def chain_before(
    accounts: Words, legs: Words, done: Words, program: Words, feature: Word, column: Word,
    rows: Words, row: Word,
) -> tuple[Word, Word]:  # fmt: skip
    """Most hops that lead to a transfer's payer, and the transfer that they end with (or 0, -1)."""
    payer, payee = rows[row, ROW_FROM], rows[row, ROW_TO]
    old_us = rows[row, ROW_AT] - program[feature, WINDOW]
    mask = len(done) - 1
    best: Word = 0
    via: Word = -1
    leg: Word = accounts[payer, NEXT] - 1
    while leg >= accounts[payer, HEAD]:
        at = place(accounts, payer, leg)
        if legs[at, AT] <= old_us:
            break
        leg -= 1
        if (
            (legs[at, FLAGS] & INCOMING) == 0
            or legs[at, OTHER] == payee
            or not passes(legs[at, AMOUNT], rows[row, ROW_AMOUNT], program[feature, ONE])
        ):
            continue
        hops = done[legs[at, NUMBER] & mask, column]
        if hops > best:
            best, via = hops, legs[at, NUMBER]
    return best, via


@compiled
def add_transfer(
    accounts: Words, legs: Words, done: Words, pairs: Words, program: Words, peers: Words,
    meta: Words, rows: Words, row: Word, reach_us: Word,
) -> Word:  # fmt: skip
    """Add one transfer everywhere; time since its two accounts met before, or -1."""
    payer, payee, at_us = rows[row, ROW_FROM], rows[row, ROW_TO], rows[row, ROW_AT]
    gap = meet(pairs, meta, payer, payee, at_us)
    own = meta[TRANSFERS] & (len(done) - 1)
    done[own, DONE_AT], done[own, DONE_FROM], done[own, DONE_TO] = at_us, payer, payee
    column: Word = DONE
    flags = flags_of(rows, row, 0)
    for feature in range(len(program)):
        if program[feature, FUNCTION] != CHAIN:
            continue
        done[own, column], done[own, column + 1] = 0, -1
        if eligible(program, feature, payer, payee, rows[row, ROW_AMOUNT], flags, gap):
            hops, via = chain_before(accounts, legs, done, program, feature, column, rows, row)
            done[own, column] = min(hops + 1, program[feature, TWO])
            done[own, column + 1] = via
        column += 2
    add_leg(accounts, legs, meta, program, rows, row, 0, gap, reach_us)
    add_leg(accounts, legs, meta, program, rows, row, 1, gap, reach_us)
    count_peers(program, peers, rows, row)
    return gap
