"""Compiled run over transfers: add each, find its motifs, write a row of features per account.

Guards: stops before a transfer for which there might be no room (legs, pairs, transfers, rows) and
says which one, so that who calls grows the arrays and goes on; nothing is half done.
"""

from __future__ import annotations

from paywarden.aml.monitoring.adding import add_transfer, eligible, flags_of
from paywarden.aml.monitoring.cycles import cycle
from paywarden.aml.monitoring.jit import compiled, door
from paywarden.aml.monitoring.layout import (
    BIPARTITE,
    CHAIN,
    CYCLE,
    DONE,
    DONE_AT,
    FAN_IN,
    FAN_OUT,
    FIRST_US,
    FUNCTION,
    GATHER_SCATTER,
    MOST_MEMBERS,
    NOW_US,
    OUT_ACCOUNT,
    OUT_FIRST_US,
    OUT_ROW,
    OUT_SIDE,
    ROW_AMOUNT,
    ROW_AT,
    ROW_FROM,
    ROW_TO,
    SCATTER_GATHER,
    TRANSFERS,
    WINDOW,
    Bytes,
    Doubles,
    Word,
    Words,
)
from paywarden.aml.monitoring.motifs import (
    IS_IN,
    IS_OUT,
    bipartite,
    chain,
    fan,
    gather_scatter,
    member,
    scatter_gather,
)
from paywarden.aml.monitoring.reading import read
from paywarden.aml.monitoring.shelves import pairs_left, room_left


@compiled
def find_motifs(
    accounts: Words, legs: Words, done: Words, program: Words, rows: Words, row: Word, gap: Word,
    stack: Words, work: Words, scratch: Words, members: Words, found: Words, meta: Words,
) -> None:  # fmt: skip
    """Fill members and sizes of all motifs that a transfer completes."""
    payer, payee = rows[row, ROW_FROM], rows[row, ROW_TO]
    amount, at_us = rows[row, ROW_AMOUNT], rows[row, ROW_AT]
    flags = flags_of(rows, row, 0)
    column: Word = DONE
    for feature in range(len(program)):
        function = program[feature, FUNCTION]
        if function < FAN_IN:
            continue
        if function == CHAIN:
            chain(done, program, feature, column, scratch, members, found, meta)
            column += 2
            continue
        if not eligible(program, feature, payer, payee, amount, flags, gap):
            continue
        old_us = at_us - program[feature, WINDOW]
        if function == FAN_IN:
            fan(
                accounts,
                legs,
                program,
                feature,
                payee,
                IS_IN,
                old_us,
                scratch,
                members,
                found,
                meta,
            )
        elif function == FAN_OUT:
            fan(
                accounts, legs, program, feature, payer, IS_OUT, old_us, scratch, members, found,
                meta,
            )  # fmt: skip
        elif function == GATHER_SCATTER:
            gather_scatter(
                accounts, legs, program, feature, payer, old_us, scratch, members, found, meta
            )
        elif function == SCATTER_GATHER:
            scatter_gather(
                accounts, legs, program, feature, payer, payee, old_us, work, scratch, members,
                found, meta,
            )  # fmt: skip
        elif function == BIPARTITE:
            bipartite(
                accounts, legs, program, feature, payer, payee, old_us, scratch, members, found,
                meta,
            )  # fmt: skip
        elif function == CYCLE:
            cycle(
                accounts, legs, program, feature, payer, payee, amount, old_us, stack, scratch,
                members, found, meta,
            )  # fmt: skip


@door
def run(
    accounts: Words, legs: Words, done: Words, pairs: Words, program: Words, countries: Bytes,
    peers: Words, stack: Words, scratch: Words, work: Words, members: Words, found: Words,
    meta: Words, for_members: Bytes, reach_us: int, chain_reach_us: int, rows: Words, start: int,
    stop: int, out_rows: Words, out: Words, doubles: Doubles, valid: Bytes, filled: Words,
) -> int:  # fmt: skip
    """Take transfers start to stop; the first that was not taken, else stop.

    `filled` [1]: rows of `out_rows` [r, OUT_COLUMNS], `out` [r, features] and `valid` in use.
    `for_members` [features]: 1 where rows of members need the feature.
    """
    for row in range(start, stop):
        at_us = rows[row, ROW_AT]
        own = meta[TRANSFERS] & (len(done) - 1)
        if filled[0] + MOST_MEMBERS > len(out_rows) or not room_left(legs, meta):
            return row
        if not pairs_left(pairs, meta) or done[own, DONE_AT] > at_us - chain_reach_us:
            return row
        gap = add_transfer(accounts, legs, done, pairs, program, peers, meta, rows, row, reach_us)
        meta[NOW_US] = at_us
        members[MOST_MEMBERS] = 0
        payer, payee = rows[row, ROW_FROM], rows[row, ROW_TO]
        if payer:
            member(scratch, members, found, meta, len(program), payer)
        if payee:
            member(scratch, members, found, meta, len(program), payee)
        parties = members[MOST_MEMBERS]
        find_motifs(
            accounts,
            legs,
            done,
            program,
            rows,
            row,
            gap,
            stack,
            work,
            scratch,
            members,
            found,
            meta,
        )
        for one in range(members[MOST_MEMBERS]):
            account, to = members[one], filled[0]
            filled[0] += 1
            out_rows[to, OUT_ACCOUNT], out_rows[to, OUT_ROW] = account, row
            out_rows[to, OUT_SIDE] = 2 if one >= parties else 0 if account == payer else 1
            out_rows[to, OUT_FIRST_US] = accounts[account, FIRST_US]
            for feature in range(len(program)):
                if program[feature, FUNCTION] >= FAN_IN:
                    out[to, feature], valid[to, feature] = found[one, feature], 1
                elif one < parties or for_members[feature]:
                    valid[to, feature] = read(
                        accounts, legs, program, countries, peers, scratch, work, meta, feature,
                        account, at_us, out, doubles, to,
                    )  # fmt: skip
        meta[TRANSFERS] += 1
    return stop
