"""Compiled motifs around one or two accounts: fans, gather-scatter, scatter-gather, bipartite.

Guards: sizes and members are those of `plain_motifs`. Members are kept in `found` [MOST_MEMBERS,
features] with their numbers in `members`; a search that would follow more than MOST_HOPS hops of
one account stops there and is counted, never silent.
"""

from __future__ import annotations

from paywarden.aml.monitoring.adding import eligible, passes
from paywarden.aml.monitoring.functions import BASIS
from paywarden.aml.monitoring.jit import compiled
from paywarden.aml.monitoring.layout import (
    AMOUNT,
    AT,
    CUT_HOPS,
    CUT_MEMBERS,
    DONE_FROM,
    DONE_TO,
    FLAGS,
    FROM,
    GAP,
    HEAD,
    INCOMING,
    MARK,
    MARK_THREE,
    MARK_TWO,
    MOST_HOPS,
    MOST_MEMBERS,
    NEXT,
    ONE,
    OTHER,
    SEEN_AT,
    SLOT,
    TALLY,
    TOKEN,
    TRANSFERS,
    Word,
    Words,
)
from paywarden.aml.monitoring.shelves import place

IS_OUT, IS_IN = 0, 1
MARKING, COUNTING, JOINING = range(3)


@compiled
def member(
    scratch: Words, members: Words, found: Words, meta: Words, count: Word, account: Word
) -> Word:
    """Row of an account among those that this transfer is read for; new ones are added.

    `members[MOST_MEMBERS]` holds their number. -1: there is no room for another.
    """
    if scratch[SEEN_AT, account] == meta[TRANSFERS] + 1:
        return scratch[SLOT, account]
    row = members[MOST_MEMBERS]
    if row >= MOST_MEMBERS:
        meta[CUT_MEMBERS] += 1
        return -1
    members[MOST_MEMBERS] += 1
    members[row] = account
    scratch[SEEN_AT, account], scratch[SLOT, account] = meta[TRANSFERS] + 1, row
    for feature in range(count):
        found[row, feature] = 0
    return row


@compiled
def put(
    scratch: Words, members: Words, found: Words, meta: Words, program: Words, feature: Word,
    account: Word, size: Word,
) -> None:  # fmt: skip
    """Let an account take part in a motif of a size, if that is large enough to count."""
    if size < program[feature, FROM]:
        return
    row = member(scratch, members, found, meta, len(program), account)
    if row >= 0:
        found[row, feature] = max(found[row, feature], size)


@compiled
def hop(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, leg: Word,
    incoming: Word,
) -> Word:  # fmt: skip
    """Place of a leg that is a hop in this direction, or -1."""
    at = place(accounts, account, leg)
    if (legs[at, FLAGS] & INCOMING) != incoming:
        return -1
    fits = eligible(
        program, feature, account, legs[at, OTHER], legs[at, AMOUNT], legs[at, FLAGS], legs[at, GAP]
    )
    return at if fits else -1


@compiled
def mark_others(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, incoming: Word,
    old_us: Word, scratch: Words, mark: Word, token: Word,
) -> Word:  # fmt: skip
    """Mark the accounts on the other side of hops; how many different ones."""
    different: Word = 0
    leg: Word = accounts[account, NEXT] - 1
    while leg >= accounts[account, HEAD]:
        if legs[place(accounts, account, leg), AT] <= old_us:
            break
        at = hop(accounts, legs, program, feature, account, leg, incoming)
        leg -= 1
        if at >= 0 and scratch[mark, legs[at, OTHER]] != token:
            scratch[mark, legs[at, OTHER]] = token
            different += 1
    return different


@compiled
def put_others(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, incoming: Word,
    old_us: Word, scratch: Words, members: Words, found: Words, meta: Words, size: Word,
) -> None:  # fmt: skip
    """Let an account and those on the other side of its hops take part."""
    put(scratch, members, found, meta, program, feature, account, size)
    leg: Word = accounts[account, NEXT] - 1
    while leg >= accounts[account, HEAD]:
        if legs[place(accounts, account, leg), AT] <= old_us:
            break
        at = hop(accounts, legs, program, feature, account, leg, incoming)
        leg -= 1
        if at >= 0:
            put(scratch, members, found, meta, program, feature, legs[at, OTHER], size)


@compiled
def fan(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, incoming: Word,
    old_us: Word, scratch: Words, members: Words, found: Words, meta: Words,
) -> None:  # fmt: skip
    """fan_in of who is paid, fan_out of who pays."""
    meta[TOKEN] += 1
    size = mark_others(
        accounts, legs, program, feature, account, incoming, old_us, scratch, MARK, meta[TOKEN]
    )
    if size >= program[feature, FROM]:
        put_others(
            accounts, legs, program, feature, account, incoming, old_us, scratch, members, found,
            meta, size,
        )  # fmt: skip


@compiled
def sum_of(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, incoming: Word,
    old_us: Word,
) -> Word:  # fmt: skip
    """Sum of an account's hops in one direction."""
    total: Word = 0
    leg: Word = accounts[account, NEXT] - 1
    while leg >= accounts[account, HEAD]:
        if legs[place(accounts, account, leg), AT] <= old_us:
            break
        at = hop(accounts, legs, program, feature, account, leg, incoming)
        leg -= 1
        if at >= 0:
            total += legs[at, AMOUNT]
    return total


@compiled
def keeps(came: Word, left: Word, fee: Word) -> bool:
    """`passes` for sums: fee * came would not fit 64 bits, its floor by BASIS does."""
    share = (came // BASIS) * fee + (came % BASIS) * fee // BASIS
    return bool(fee < 0 or (left <= came and came - left <= share))


@compiled
def gather_scatter(
    accounts: Words, legs: Words, program: Words, feature: Word, hub: Word, old_us: Word,
    scratch: Words, members: Words, found: Words, meta: Words,
) -> None:  # fmt: skip
    """Both fans of who pays; the smaller counts."""
    meta[TOKEN] += 1
    payers = mark_others(
        accounts, legs, program, feature, hub, IS_IN, old_us, scratch, MARK, meta[TOKEN]
    )
    if payers < program[feature, FROM]:
        return
    meta[TOKEN] += 1
    payees = mark_others(
        accounts, legs, program, feature, hub, IS_OUT, old_us, scratch, MARK, meta[TOKEN]
    )
    size = min(payers, payees)
    if size < program[feature, FROM]:
        return
    came = sum_of(accounts, legs, program, feature, hub, IS_IN, old_us)
    left = sum_of(accounts, legs, program, feature, hub, IS_OUT, old_us)
    if not keeps(came, left, program[feature, ONE]):
        return
    for incoming in range(2):
        put_others(
            accounts, legs, program, feature, hub, incoming, old_us, scratch, members, found,
            meta, size,
        )  # fmt: skip


@compiled
def scatter_gather(
    accounts: Words, legs: Words, program: Words, feature: Word, middle: Word, end: Word,
    old_us: Word, work: Words, scratch: Words, members: Words, found: Words, meta: Words,
) -> None:  # fmt: skip
    """Origins that paid `middle`, and how many of their payees paid `end` afterwards."""
    meta[TOKEN] += 1
    candidates = meta[TOKEN]
    different = mark_others(
        accounts, legs, program, feature, middle, IS_IN, old_us, scratch, MARK, candidates
    )
    scratch[MARK, end] = 0
    if different == 0:
        return
    middle_of(
        accounts, legs, program, feature, middle, end, old_us, work, scratch, members, found,
        meta, candidates, MARKING,
    )  # fmt: skip
    origins = meta[TOKEN]
    for round_of in (COUNTING, JOINING):
        meta[TOKEN] += 1
        visited = meta[TOKEN]
        hops: Word = 0
        leg: Word = accounts[end, NEXT] - 1
        while leg >= accounts[end, HEAD]:
            if legs[place(accounts, end, leg), AT] <= old_us:
                break
            at = hop(accounts, legs, program, feature, end, leg, IS_IN)
            leg -= 1
            if at < 0 or scratch[MARK_TWO, legs[at, OTHER]] == visited:
                continue
            if hops >= MOST_HOPS:
                meta[CUT_HOPS] += 1 if round_of == COUNTING else 0
                break
            hops += 1
            scratch[MARK_TWO, legs[at, OTHER]] = visited
            middle_of(
                accounts, legs, program, feature, legs[at, OTHER], end, old_us, work, scratch,
                members, found, meta, origins, round_of,
            )  # fmt: skip


@compiled
def middle_of(
    accounts: Words, legs: Words, program: Words, feature: Word, payer: Word, end: Word,
    old_us: Word, work: Words, scratch: Words, members: Words, found: Words, meta: Words,
    wanted: Word, round_of: Word,
) -> None:  # fmt: skip
    """Origins whose money an account passed on to `end`: one pass over its legs, newest first.

    What it paid to `end` is collected in `work`; a hop in from an account marked `wanted` that is
    met afterwards lies before it. MARKING marks these origins with a token of their own,
    COUNTING counts this account for each, JOINING lets all of them take part.
    """
    meta[TOKEN] += 1
    once = meta[TOKEN]
    paid: Word = 0
    leg: Word = accounts[payer, NEXT] - 1
    while leg >= accounts[payer, HEAD]:
        at = place(accounts, payer, leg)
        if legs[at, AT] <= old_us:
            break
        if legs[at, FLAGS] & INCOMING:
            origin = legs[at, OTHER]
            if (
                scratch[MARK, origin] == wanted
                and hop(accounts, legs, program, feature, payer, leg, IS_IN) >= 0
                and matches(work, paid, legs[at, AMOUNT], program[feature, ONE])
            ):
                if round_of == MARKING:
                    scratch[MARK, origin] = once
                elif round_of == COUNTING:
                    tally(scratch, origin, wanted, once)
                else:
                    size = scratch[TALLY, origin]
                    put(scratch, members, found, meta, program, feature, payer, size)
                    put(scratch, members, found, meta, program, feature, origin, size)
                    put(scratch, members, found, meta, program, feature, end, size)
        elif (
            legs[at, OTHER] == end
            and hop(accounts, legs, program, feature, payer, leg, IS_OUT) >= 0
        ):
            work[paid] = legs[at, AMOUNT]
            paid += 1
        leg -= 1


@compiled
def matches(work: Words, paid: Word, before: Word, fee: Word) -> bool:
    """Whether one of the amounts paid is what an amount leaves after a fee."""
    found = False
    for one in range(paid):
        found = found or passes(before, work[one], fee)
    return found


@compiled
def tally(scratch: Words, origin: Word, search: Word, once: Word) -> None:
    """One more middle account of an origin, once for each; marks older than the search are none."""
    last = scratch[MARK_THREE, origin]
    if last == once:
        return
    if last <= search:
        scratch[TALLY, origin] = 0
    scratch[TALLY, origin] += 1
    scratch[MARK_THREE, origin] = once


@compiled
def bipartite(
    accounts: Words, legs: Words, program: Words, feature: Word, payer: Word, payee: Word,
    old_us: Word, scratch: Words, members: Words, found: Words, meta: Words,
) -> None:  # fmt: skip
    """Other payers of the payee that share receivers with the payer."""
    meta[TOKEN] += 1
    receivers = meta[TOKEN]
    mark_others(accounts, legs, program, feature, payer, IS_OUT, old_us, scratch, MARK, receivers)
    for joining in range(2):
        size: Word = 1
        hops: Word = 0
        meta[TOKEN] += 1
        visited = meta[TOKEN]
        leg: Word = accounts[payee, NEXT] - 1
        while leg >= accounts[payee, HEAD]:
            if legs[place(accounts, payee, leg), AT] <= old_us:
                break
            at = hop(accounts, legs, program, feature, payee, leg, IS_IN)
            leg -= 1
            if at < 0:
                continue
            other = legs[at, OTHER]
            if other == payer or scratch[MARK, other] == receivers:
                continue
            if scratch[MARK_TWO, other] == visited:
                continue
            if hops >= MOST_HOPS:
                meta[CUT_HOPS] += 1 - joining
                break
            hops += 1
            scratch[MARK_TWO, other] = visited
            shares = shared(
                accounts, legs, program, feature, other, old_us, scratch, meta, receivers
            )
            if shares >= program[feature, ONE]:
                size += 1
                if joining:
                    put(scratch, members, found, meta, program, feature, other, scratch[TALLY, 0])
        if joining == 0:
            if size < program[feature, FROM]:
                return
            scratch[TALLY, 0] = size
            put(scratch, members, found, meta, program, feature, payer, size)
            put(scratch, members, found, meta, program, feature, payee, size)


@compiled
def shared(
    accounts: Words, legs: Words, program: Words, feature: Word, other: Word, old_us: Word,
    scratch: Words, meta: Words, receivers: Word,
) -> Word:  # fmt: skip
    """How many marked receivers an account paid."""
    meta[TOKEN] += 1
    once = meta[TOKEN]
    number: Word = 0
    leg: Word = accounts[other, NEXT] - 1
    while leg >= accounts[other, HEAD]:
        if legs[place(accounts, other, leg), AT] <= old_us:
            break
        at = hop(accounts, legs, program, feature, other, leg, IS_OUT)
        leg -= 1
        if at < 0:
            continue
        to = legs[at, OTHER]
        if scratch[MARK, to] == receivers and scratch[MARK_THREE, to] != once:
            scratch[MARK_THREE, to] = once
            number += 1
    return number


@compiled
def chain(
    done: Words, program: Words, feature: Word, column: Word, scratch: Words, members: Words,
    found: Words, meta: Words,
) -> None:  # fmt: skip
    """Accounts along the longest way that ends with this transfer."""
    mask = len(done) - 1
    at: Word = meta[TRANSFERS]
    size = done[at & mask, column]
    for _ in range(size):
        put(scratch, members, found, meta, program, feature, done[at & mask, DONE_FROM], size)
        put(scratch, members, found, meta, program, feature, done[at & mask, DONE_TO], size)
        at = done[at & mask, column + 1]
        if at < 0:
            return
