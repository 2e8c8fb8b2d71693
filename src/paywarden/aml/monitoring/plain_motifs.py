"""Motifs in plain Python: which shapes a transfer completes, and who takes part. Slow, exact.

Guards: the meaning of the motif functions (`functions` has it in words). A hop is an eligible
transfer within the window; `before` compares indexes of the ordered list. The answer maps each
account that takes part to the size of the largest motif it is in; sizes below `from` are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from paywarden.aml.monitoring.functions import BASIS, Measure
from paywarden.aml.monitoring.transfers import OUTSIDE, Transfer

Hop = tuple[int, str, str, int]
"""Index, payer, payee, amount in minor units."""
Gaps = Sequence[int | None]


def values(
    transfers: Sequence[Transfer], gaps: Gaps, measure: Measure, at: int
) -> Mapping[str, int]:
    """Sizes by account, those of at least `from`. `gaps`: since the pair's previous transfer."""
    if not eligible(transfers[at], gaps[at], measure):
        return {}
    if measure.function == "chain":
        found = _chain(transfers, gaps, measure, at)
    else:
        found = _SHAPES[measure.function](_hops(transfers, gaps, measure, at), measure)
    return {account: size for account, size in found.items() if size >= measure.number("from")}


def eligible(one: Transfer, gap_us: int | None, measure: Measure) -> bool:
    """Whether a transfer may be part of a motif."""
    since = measure.number("new_since")
    return (
        one.from_account != OUTSIDE
        and one.to_account != OUTSIDE
        and one.amount_minor >= measure.number("least_minor")
        and (not measure.names or one.kind in measure.names)
        and (since == 0 or gap_us is None or gap_us >= since)
    )


def _hops(transfers: Sequence[Transfer], gaps: Gaps, measure: Measure, at: int) -> list[Hop]:
    after_us = transfers[at].at_us - measure.number("window")
    return [
        (index, one.from_account, one.to_account, one.amount_minor)
        for index, one in enumerate(transfers[: at + 1])
        if one.at_us > after_us and eligible(one, gaps[index], measure)
    ]


def _fan_in(hops: list[Hop], measure: Measure) -> dict[str, int]:
    payee = hops[-1][2]
    payers = {payer for _, payer, to, _ in hops if to == payee}
    return dict.fromkeys({payee, *payers}, len(payers))


def _fan_out(hops: list[Hop], measure: Measure) -> dict[str, int]:
    payer = hops[-1][1]
    payees = {to for _, of, to, _ in hops if of == payer}
    return dict.fromkeys({payer, *payees}, len(payees))


def _gather_scatter(hops: list[Hop], measure: Measure) -> dict[str, int]:
    hub = hops[-1][1]
    payers = {payer for _, payer, to, _ in hops[:-1] if to == hub}
    payees = {to for _, of, to, _ in hops if of == hub}
    came = sum(amount for _, _, to, amount in hops if to == hub)
    left = sum(amount for _, of, _, amount in hops if of == hub)
    if not _passes(came, left, measure.number("fee")):
        return {}
    return dict.fromkeys({hub, *payers, *payees}, min(len(payers), len(payees)))


def _scatter_gather(hops: list[Hop], measure: Measure) -> dict[str, int]:
    last, middle, end, _ = hops[-1]
    fee = measure.number("fee")
    sizes: dict[str, int] = {}
    for origin in {payer for index, payer, to, _ in hops if to == middle and index < last}:
        if origin in (middle, end):
            continue
        middles = {
            payer
            for index, payer, to, on in hops
            if to == end
            and payer != origin
            and any(
                a == origin and b == payer and early < index and _passes(before, on, fee)
                for early, a, b, before in hops
            )
        }
        if middle not in middles:
            continue
        for account in {origin, end, *middles}:
            sizes[account] = max(sizes.get(account, 0), len(middles))
    return sizes


def _bipartite(hops: list[Hop], measure: Measure) -> dict[str, int]:
    _, payer, payee, _ = hops[-1]
    receivers = {to for _, of, to, _ in hops if of == payer}
    others = {
        other
        for _, other, to, _ in hops
        if to == payee
        and other != payer
        and other not in receivers
        and len({b for _, a, b, _ in hops if a == other} & receivers) >= measure.number("shared")
    }
    return dict.fromkeys({payer, payee, *others}, 1 + len(others))


def _cycle(hops: list[Hop], measure: Measure) -> dict[str, int]:
    fee, longest = measure.number("fee"), measure.number("longest")
    start = hops[-1][2]
    sizes: dict[str, int] = {}

    def back(way: list[Hop]) -> None:
        index, payer, _, amount = way[-1]
        for hop in hops:
            early, of, to, before = hop
            if early >= index or to != payer or not _passes(before, amount, fee):
                continue
            if of == start:
                for account in {part for one in (*way, hop) for part in one[1:3]}:
                    sizes[account] = max(sizes.get(account, 0), len(way) + 1)
            elif len(way) + 2 <= longest and all(of not in one[1:3] for one in way):
                back([*way, hop])

    back([hops[-1]])
    return sizes


def _passes(before: int, after: int, fee: int) -> bool:
    return fee < 0 or (after <= before and (BASIS - fee) * before <= BASIS * after)


def _chain(transfers: Sequence[Transfer], gaps: Gaps, measure: Measure, at: int) -> dict[str, int]:
    depths: list[int] = []
    before: list[int] = []
    for index in range(at + 1):
        depth, via = _depth(transfers, gaps, measure, index, depths)
        depths.append(depth)
        before.append(via)
    members: set[str] = set()
    index = at
    for _ in range(depths[at]):
        members |= {transfers[index].from_account, transfers[index].to_account}
        index = before[index]
    return dict.fromkeys(members, depths[at])


def _depth(
    transfers: Sequence[Transfer], gaps: Gaps, measure: Measure, at: int, depths: Sequence[int]
) -> tuple[int, int]:
    one = transfers[at]
    if not eligible(one, gaps[at], measure):
        return 0, -1
    after_us = one.at_us - measure.number("window")
    best, via = 0, -1
    for index, early in enumerate(transfers[:at]):
        if (
            depths[index] >= max(best, 1)
            and early.to_account == one.from_account
            and early.from_account != one.to_account
            and early.at_us > after_us
            and _passes(early.amount_minor, one.amount_minor, measure.number("fee"))
        ):
            best, via = depths[index], index
    return min(1 + best, measure.number("longest")), via


_SHAPES: Mapping[str, Callable[[list[Hop], Measure], dict[str, int]]] = {
    "fan_in": _fan_in,
    "fan_out": _fan_out,
    "gather_scatter": _gather_scatter,
    "scatter_gather": _scatter_gather,
    "bipartite": _bipartite,
    "cycle": _cycle,
}
