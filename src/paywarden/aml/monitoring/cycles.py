"""Compiled search for money that comes back: ways of hops from the payee to the payer, backwards.

Guards: hops are followed from the newest to the oldest, each before the one after it, over
different accounts, to a depth of `longest`; the search keeps its own stack and stops after
MOST_STEPS legs or, at one account, MOST_HOPS hops, which is counted.
"""

from __future__ import annotations

from paywarden.aml.monitoring.adding import passes
from paywarden.aml.monitoring.jit import compiled
from paywarden.aml.monitoring.layout import (
    AMOUNT,
    AT,
    CUT_HOPS,
    CUT_STEPS,
    HEAD,
    MOST_HOPS,
    MOST_STEPS,
    NEXT,
    NUMBER,
    ONE,
    OTHER,
    TRANSFERS,
    TWO,
    Word,
    Words,
)
from paywarden.aml.monitoring.motifs import IS_IN, IS_OUT, hop, put
from paywarden.aml.monitoring.shelves import place

ON, CURSOR, BEFORE, LEFT, HOPS = range(5)
"""Columns of the stack: account, next leg to look at, number and amount of the hop from it."""
STACK = 5
DEPTH = 16


@compiled
def paid_before(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, number: Word,
    old_us: Word,
) -> bool:  # fmt: skip
    """Whether an account has a hop out before a transfer: without one nothing can come back."""
    leg: Word = accounts[account, NEXT] - 1
    while leg >= accounts[account, HEAD]:
        at = place(accounts, account, leg)
        if legs[at, AT] <= old_us:
            return False
        if (
            legs[at, NUMBER] < number
            and hop(accounts, legs, program, feature, account, leg, IS_OUT) >= 0
        ):
            return True
        leg -= 1
    return False


@compiled
def last_before(accounts: Words, legs: Words, account: Word, number: Word) -> Word:
    """Absolute number of the account's latest leg before a transfer (bisection)."""
    low: Word = accounts[account, HEAD]
    high: Word = accounts[account, NEXT]
    while low < high:
        middle = (low + high) // 2
        if legs[place(accounts, account, middle), NUMBER] < number:
            low = middle + 1
        else:
            high = middle
    return low - 1


@compiled
def on_way(stack: Words, depth: Word, account: Word) -> bool:
    """Whether a way goes through an account already."""
    found = False
    for level in range(depth):
        found = found or stack[level, ON] == account
    return found


@compiled
def push(
    accounts: Words, legs: Words, stack: Words, depth: Word, account: Word, number: Word,
    amount: Word,
) -> None:  # fmt: skip
    """Go one hop further back, to an account."""
    stack[depth, ON], stack[depth, BEFORE], stack[depth, LEFT] = account, number, amount
    stack[depth, CURSOR] = last_before(accounts, legs, account, number)
    stack[depth, HOPS] = 0


@compiled
def cycle(
    accounts: Words, legs: Words, program: Words, feature: Word, payer: Word, payee: Word,
    amount: Word, old_us: Word, stack: Words, scratch: Words, members: Words, found: Words,
    meta: Words,
) -> None:  # fmt: skip
    """All ways back from `payer` to `payee`; those on one take part."""
    number = meta[TRANSFERS]
    if not paid_before(accounts, legs, program, feature, payee, number, old_us):
        return
    fee, longest = program[feature, ONE], program[feature, TWO]
    push(accounts, legs, stack, 0, payer, number, amount)
    depth: Word = 1
    steps: Word = 0
    while depth > 0:
        top = depth - 1
        account, leg = stack[top, ON], stack[top, CURSOR]
        if leg < accounts[account, HEAD]:
            depth -= 1
            continue
        if legs[place(accounts, account, leg), AT] <= old_us:
            depth -= 1
            continue
        stack[top, CURSOR] = leg - 1
        steps += 1
        if steps > MOST_STEPS:
            meta[CUT_STEPS] += 1
            return
        at = hop(accounts, legs, program, feature, account, leg, IS_IN)
        if at < 0 or not passes(legs[at, AMOUNT], stack[top, LEFT], fee):
            continue
        stack[top, HOPS] += 1
        if stack[top, HOPS] > MOST_HOPS:
            meta[CUT_HOPS] += 1
            depth -= 1
            continue
        other = legs[at, OTHER]
        if other == payee:
            put(scratch, members, found, meta, program, feature, payee, depth + 1)
            for level in range(depth):
                put(scratch, members, found, meta, program, feature, stack[level, ON], depth + 1)
        elif depth + 2 <= longest and not on_way(stack, depth, other):
            push(accounts, legs, stack, depth, other, legs[at, NUMBER], legs[at, AMOUNT])
            depth += 1
