"""Compiled reading of a feature over an account's legs: one pass, newest first.

Guards: the values are those of `plain`. A double is written into the same words as an integer (two
views of one array). True: there is a value; False: it is absent.
"""

from __future__ import annotations

from paywarden.aml.monitoring.adding import takes
from paywarden.aml.monitoring.functions import BASIS, BENFORD
from paywarden.aml.monitoring.jit import compiled
from paywarden.aml.monitoring.layout import (
    AMOUNT,
    AT,
    BENFORD_LAW,
    COUNT,
    COUNT_BETWEEN,
    COUNTRIES,
    COUNTRY_SHARE,
    DISTINCT,
    DORMANT,
    FIRST_US,
    FLAGS,
    FUNCTION,
    GAP,
    HEAD,
    HISTORY,
    INCOMING,
    MARK,
    MAX,
    MEAN,
    MIRRORED,
    NEAR_EQUAL,
    NEW,
    NEXT,
    ONE,
    OTHER,
    OTHER_SHIFT,
    OWN_SHIFT,
    PEER_DAYS,
    PEERS,
    ROUND_SHARE,
    SHARE_BETWEEN,
    SHARE_KEPT,
    SILENCE,
    SUM,
    SUM_BETWEEN,
    THREE,
    TOKEN,
    TURNAROUND,
    TWO,
    WINDOW,
    Bytes,
    Doubles,
    Word,
    Words,
)
from paywarden.aml.monitoring.shelves import place
from paywarden.core.instants import DAY_US, HOUR_US

_COUNTRY_MASK = COUNTRIES - 1


@compiled
def window_start(accounts: Words, legs: Words, account: Word, old_us: Word) -> Word:
    """Absolute number of the first leg later than `old_us` (bisection: legs are in order)."""
    low: Word = accounts[account, HEAD]
    high: Word = accounts[account, NEXT]
    while low < high:
        middle = (low + high) // 2
        if legs[place(accounts, account, middle), AT] <= old_us:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def simple(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, start: Word,
    out: Words, doubles: Doubles, row: Word,
) -> bool:  # fmt: skip
    """Functions that need sums over selected legs and nothing else."""
    function, one, two = program[feature, FUNCTION], program[feature, ONE], program[feature, TWO]
    number: Word = 0
    total: Word = 0
    largest: Word = -1
    inside: Word = 0
    inside_sum: Word = 0
    for leg in range(start, accounts[account, NEXT]):
        at = place(accounts, account, leg)
        if not takes(program, feature, legs[at, FLAGS], legs[at, OTHER], False):
            continue
        amount = legs[at, AMOUNT]
        number += 1
        total += amount
        largest = max(largest, amount)
        if function == NEW:
            inside += legs[at, GAP] < 0 or legs[at, GAP] >= one
        elif function == ROUND_SHARE:
            inside += amount % one == 0
        elif one <= amount < two:
            inside += 1
            inside_sum += amount
    if function == COUNT:
        out[row, feature] = number
    elif function == SUM:
        out[row, feature] = total
    elif function in (NEW, COUNT_BETWEEN):
        out[row, feature] = inside
    elif function == SUM_BETWEEN:
        out[row, feature] = inside_sum
    elif number == 0:
        return False
    elif function == MAX:
        out[row, feature] = largest
    elif function == MEAN:
        doubles[row, feature] = total / number
    else:
        doubles[row, feature] = inside / number
    return True


@compiled
def distinct(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, start: Word,
    scratch: Words, meta: Words,
) -> Word:  # fmt: skip
    """Number of different counterparties."""
    meta[TOKEN] += 1
    token = meta[TOKEN]
    found: Word = 0
    for leg in range(start, accounts[account, NEXT]):
        at = place(accounts, account, leg)
        other = legs[at, OTHER]
        if scratch[MARK, other] != token and takes(program, feature, legs[at, FLAGS], other, False):
            scratch[MARK, other] = token
            found += 1
    return found


@compiled
def sort_words(work: Words, count: Word) -> None:
    """Shell sort in place: short lists, no memory."""
    step: Word = 1
    while step < count // 3:
        step = 3 * step + 1
    while step > 0:
        for right in range(step, count):
            held = work[right]
            left: Word = right
            while left >= step and work[left - step] > held:
                work[left] = work[left - step]
                left -= step
            work[left] = held
        step //= 3


@compiled
def near_equal(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, start: Word,
    work: Words,
) -> Word:  # fmt: skip
    """Size of the largest group of nearly equal amounts."""
    count: Word = 0
    for leg in range(start, accounts[account, NEXT]):
        at = place(accounts, account, leg)
        if takes(program, feature, legs[at, FLAGS], legs[at, OTHER], False):
            work[count] = legs[at, AMOUNT]
            count += 1
    sort_words(work, count)
    reach = BASIS + program[feature, ONE]
    best: Word = 0
    low: Word = 0
    for high in range(count):
        while BASIS * work[high] > reach * work[low]:
            low += 1
        best = max(best, high - low + 1)
    return best


@compiled
def both_ways(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, start: Word,
    doubles: Doubles, row: Word,
) -> bool:  # fmt: skip
    """share_kept and turnaround_hours: what came in, what left, how soon."""
    came: Word = 0
    left: Word = 0
    waited: Word = 0
    waits: Word = 0
    came_us: Word = -1
    for leg in range(start, accounts[account, NEXT]):
        at = place(accounts, account, leg)
        taken = takes(program, feature, legs[at, FLAGS], legs[at, OTHER], True)
        if legs[at, FLAGS] & INCOMING:
            came_us = legs[at, AT]
            came += legs[at, AMOUNT] if taken else 0
        elif taken:
            left += legs[at, AMOUNT]
            if came_us >= 0:
                waited += legs[at, AT] - came_us
                waits += 1
    if program[feature, FUNCTION] == SHARE_KEPT:
        if came > 0:
            doubles[row, feature] = (came - left) / came
        return bool(came > 0)
    if waits > 0:
        doubles[row, feature] = waited / (waits * HOUR_US)
    return bool(waits > 0)


@compiled
def dormant(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, start: Word
) -> Word:
    """Longest silence before a selected leg in whole days, or -1."""
    longest: Word = -1
    for leg in range(start, accounts[account, NEXT]):
        at = place(accounts, account, leg)
        known = legs[at, SILENCE] >= 0
        if known and takes(program, feature, legs[at, FLAGS], legs[at, OTHER], False):
            longest = max(longest, legs[at, SILENCE] // DAY_US)
    return longest


@compiled
def history(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, now_us: Word,
    doubles: Doubles, row: Word,
) -> bool:  # fmt: skip
    """This window against the account's own earlier ones."""
    window, periods = program[feature, WINDOW], program[feature, TWO]
    start_us = now_us - (periods + 1) * window
    if accounts[account, FIRST_US] > start_us:
        return False
    now: Word = 0
    past: Word = 0
    start = window_start(accounts, legs, account, start_us)
    for leg in range(start, accounts[account, NEXT]):
        at = place(accounts, account, leg)
        if takes(program, feature, legs[at, FLAGS], legs[at, OTHER], False):
            value = legs[at, AMOUNT] if program[feature, ONE] == 0 else 1
            if legs[at, AT] > now_us - window:
                now += value
            else:
                past += value
    if past > 0:
        doubles[row, feature] = now * periods / past
    return bool(past > 0)


@compiled
def against_peers(
    accounts: Words, legs: Words, program: Words, peers: Words, feature: Word, account: Word,
    start: Word, now_us: Word, doubles: Doubles, row: Word,
) -> bool:  # fmt: skip
    """The account's mean amount against that of all accounts on the days before."""
    total: Word = 0
    number: Word = 0
    for leg in range(start, accounts[account, NEXT]):
        at = place(accounts, account, leg)
        if takes(program, feature, legs[at, FLAGS], legs[at, OTHER], False):
            total += legs[at, AMOUNT]
            number += 1
    today = now_us // DAY_US
    others: Word = 0
    other_sum: Word = 0
    for back in range(1, program[feature, ONE] + 1):
        slot = (today - back) % PEER_DAYS
        if peers[program[feature, THREE], slot, 0] == today - back:
            other_sum += peers[program[feature, THREE], slot, 1]
            others += peers[program[feature, THREE], slot, 2]
    if number == 0 or others < program[feature, TWO]:
        return False
    doubles[row, feature] = (total / number) / (other_sum / others)
    return True


@compiled
def benford(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, start: Word,
    work: Words, doubles: Doubles, row: Word,
) -> bool:  # fmt: skip
    """Chi-square of first digits."""
    for digit in range(10):
        work[digit] = 0
    number: Word = 0
    for leg in range(start, accounts[account, NEXT]):
        at = place(accounts, account, leg)
        if takes(program, feature, legs[at, FLAGS], legs[at, OTHER], False):
            amount = legs[at, AMOUNT]
            while amount >= 10:
                amount //= 10
            work[amount] += 1
            number += 1
    if number < program[feature, ONE]:
        return False
    total = 0.0
    for digit in range(9):
        expected = number * BENFORD[digit]
        off = work[digit + 1] - expected
        total += off * off / expected
    doubles[row, feature] = total
    return True


@compiled
def country_share(
    accounts: Words, legs: Words, program: Words, countries: Bytes, feature: Word, account: Word,
    start: Word, doubles: Doubles, row: Word,
) -> bool:  # fmt: skip
    """Share of legs with counterparties in certain countries, or abroad."""
    number: Word = 0
    found: Word = 0
    for leg in range(start, accounts[account, NEXT]):
        at = place(accounts, account, leg)
        flags = legs[at, FLAGS]
        if takes(program, feature, flags, legs[at, OTHER], False):
            number += 1
            other = (flags >> OTHER_SHIFT) & _COUNTRY_MASK
            if program[feature, ONE] == 0:
                own = (flags >> OWN_SHIFT) & _COUNTRY_MASK
                found += other != 0 and other != own
            else:
                found += countries[feature, other]
    if number > 0:
        doubles[row, feature] = found / number
    return bool(number > 0)


@compiled
def mirrored(
    accounts: Words, legs: Words, program: Words, feature: Word, account: Word, start: Word
) -> Word:
    """Legs out that pass on a leg in of the window."""
    found: Word = 0
    for leg in range(start, accounts[account, NEXT]):
        at = place(accounts, account, leg)
        if (
            not legs[at, FLAGS] & INCOMING
            and legs[at, program[feature, TWO]] >= start
            and takes(program, feature, legs[at, FLAGS], legs[at, OTHER], True)
        ):
            found += 1
    return found


@compiled
def read(
    accounts: Words, legs: Words, program: Words, countries: Bytes, peers: Words, scratch: Words,
    work: Words, meta: Words, feature: Word, account: Word, now_us: Word, out: Words,
    doubles: Doubles, row: Word,
) -> bool:  # fmt: skip
    """Write a leg feature of an account at `now_us`; whether it has a value."""
    function = program[feature, FUNCTION]
    if function == HISTORY:
        return history(accounts, legs, program, feature, account, now_us, doubles, row)
    start = window_start(accounts, legs, account, now_us - program[feature, WINDOW])
    if function in (SHARE_KEPT, TURNAROUND):
        return both_ways(accounts, legs, program, feature, account, start, doubles, row)
    if function == PEERS:
        return against_peers(
            accounts, legs, program, peers, feature, account, start, now_us, doubles, row
        )
    if function == BENFORD_LAW:
        return benford(accounts, legs, program, feature, account, start, work, doubles, row)
    if function == COUNTRY_SHARE:
        return country_share(
            accounts, legs, program, countries, feature, account, start, doubles, row
        )
    if function == DISTINCT:
        out[row, feature] = distinct(
            accounts, legs, program, feature, account, start, scratch, meta
        )
        return True
    if function == NEAR_EQUAL:
        out[row, feature] = near_equal(accounts, legs, program, feature, account, start, work)
        return True
    if function == MIRRORED:
        out[row, feature] = mirrored(accounts, legs, program, feature, account, start)
        return True
    if function == DORMANT:
        out[row, feature] = dormant(accounts, legs, program, feature, account, start)
        return bool(out[row, feature] >= 0)
    return simple(accounts, legs, program, feature, account, start, out, doubles, row)


assert SHARE_BETWEEN > MEAN  # the remaining division of `simple`
