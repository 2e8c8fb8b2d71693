"""Motifs by bounded self-joins: which shapes each transfer completes, and who takes part.

Guards: equal to `plain_motifs`, account for account. Joins are by equality of an account and of a
block of time as long as the window (this block and the one before), so that a pair that lies
further apart is never made. Answers: n, account, size, those of at least `from`.
Shapes: e eligible transfers ("hops").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import polars as pl

from paywarden.aml.monitoring.batch.workspace import Workspace, all_of, whole
from paywarden.aml.monitoring.functions import BASIS, Measure

_EDGE = ("n", "at_us", "payer", "payee", "amount")


def motif_table(transfers: ir.Table, measure: Measure, work: Workspace) -> ir.Table:
    """n, account, size of one motif measure; one row per transfer and account that takes part."""
    hops = work.keep(hops_of(transfers, measure), "hops")
    found = _SHAPES[measure.function](hops, measure, work)
    found = found.filter(found["size"] >= measure.number("from"))
    largest = found.group_by(["n", "account"]).aggregate(size=found["size"].max().cast("int64"))
    return work.keep(largest, measure.function)


def hops_of(transfers: ir.Table, measure: Measure) -> ir.Table:
    """Eligible transfers: n, at_us, payer, payee, amount."""
    asked = [
        transfers.from_id != 0,
        transfers.to_id != 0,
        transfers.amount_minor >= measure.number("least_minor"),
    ]
    if measure.names:
        asked.append(transfers.kind.isin(sorted(measure.names)))
    since = measure.number("new_since")
    if since:
        gap = transfers.pair_gap_us
        asked.append(gap.isnull() | (gap >= since).fill_null(False))
    return transfers.filter(all_of(asked)).select(
        "n", "at_us", payer="from_id", payee="to_id", amount="amount_minor"
    )


def named(hops: ir.Table, prefix: str) -> ir.Table:
    """Columns of hops under a prefix."""
    return hops.select(**{f"{prefix}_{name}": hops[name] for name in _EDGE})


def near(
    left: ir.Table, moment: str, hops: ir.Table, prefix: str, window: int, on: Any
) -> ir.Table:
    """Rows of `left` with hops (under a prefix) that lie within `window` before `left[moment]`.

    `on`: makes the conditions of the join from both tables. Not asked here: which comes first.
    """
    back = ibis.memtable(pl.DataFrame({"back": [0, 1]}))
    spread = left.cross_join(back)
    spread = spread.mutate(block=whole(spread[moment], window) - spread.back).drop("back")
    there = named(hops, prefix)
    there = there.mutate(**{f"{prefix}_block": whole(there[f"{prefix}_at_us"], window)})
    same = [spread.block == there[f"{prefix}_block"], *on(spread, there)]
    pairs = spread.join(there, same)
    late = pairs[f"{prefix}_at_us"] > pairs[moment] - window
    return pairs.filter(late).drop("block", f"{prefix}_block")


def _members(*parts: ir.Table) -> ir.Table:
    return ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]


def _fan(hops: ir.Table, measure: Measure, hub: str, spoke: str, work: Workspace) -> ir.Table:
    """All who stand at the other end of hops of one account."""
    pairs = near(
        named(hops, "i"), "i_at_us", hops, "j", measure.number("window"),
        lambda i, j: [i[f"i_{hub}"] == j[f"j_{hub}"], j.j_n <= i.i_n],
    )  # fmt: skip
    found = pairs.select(n="i_n", hub=f"i_{hub}", spoke=f"j_{spoke}").distinct()
    found = work.keep(found, "spokes")
    sizes = found.group_by("n").aggregate(hub=found.hub.max(), size=found.count())
    sizes = work.keep(sizes.filter(sizes["size"] >= measure.number("from")), "sizes")
    spokes = found.join(sizes.select(of="n", size="size"), found.n == sizes.n)
    return _members(
        sizes.select("n", account="hub", size="size"),
        spokes.select("n", account="spoke", size="size"),
    )


def _fan_in(hops: ir.Table, measure: Measure, work: Workspace) -> ir.Table:
    return _fan(hops, measure, "payee", "payer", work)


def _fan_out(hops: ir.Table, measure: Measure, work: Workspace) -> ir.Table:
    return _fan(hops, measure, "payer", "payee", work)


def _gather_scatter(hops: ir.Table, measure: Measure, work: Workspace) -> ir.Table:
    window, here = measure.number("window"), named(hops, "i")
    gave = near(
        here, "i_at_us", hops, "j", window,
        lambda i, j: [i.i_payer == j.j_payee, j.j_n < i.i_n],
    ).select(n="i_n", hub="i_payer", other="j_payer", amount="j_amount")  # fmt: skip
    took = near(
        here, "i_at_us", hops, "j", window,
        lambda i, j: [i.i_payer == j.j_payer, j.j_n <= i.i_n],
    ).select(n="i_n", hub="i_payer", other="j_payee", amount="j_amount")  # fmt: skip
    gave, took = work.keep(gave, "gave"), work.keep(took, "took")
    one = gave.group_by("n").aggregate(
        hub=gave.hub.max(), givers=gave.other.nunique(), came=gave.amount.sum()
    )
    other = took.group_by("n").aggregate(takers=took.other.nunique(), left=took.amount.sum())
    both = one.join(other, "n")
    both = both.filter(all_of(_passes(both.came, both.left, measure.number("fee"))))
    sizes = both.select("n", "hub", size=ibis.least(both.givers, both.takers))
    sizes = work.keep(sizes.filter(sizes["size"] >= measure.number("from")), "sizes")
    of = sizes.select(of="n", size="size")
    return _members(
        sizes.select("n", account="hub", size="size"),
        *(side.join(of, side.n == of.of).select("n", account="other", size="size")
          for side in (gave, took)),
    )  # fmt: skip


def _scatter_gather(hops: ir.Table, measure: Measure, work: Workspace) -> ir.Table:
    """Ways of two hops a -> m -> b; all of one a and b that lie within the window together."""
    window = measure.number("window")
    fee = measure.number("fee")
    two = near(
        named(hops, "k"), "k_at_us", hops, "j", window,
        lambda k, j: [k.k_payer == j.j_payee, j.j_n < k.k_n, j.j_payer != k.k_payee,
                      *_passes(j.j_amount, k.k_amount, fee)],
    )  # fmt: skip
    two = work.keep(
        two.select(n="k_n", at_us="k_at_us", origin="j_payer", middle="k_payer", end="k_payee",
                   begun_us="j_at_us"),
        "two",
    )  # fmt: skip
    asked = two.select("n", "at_us", "origin", "end").distinct()
    asked = asked.mutate(after_us=asked.at_us - window)
    there = two.select(from_="origin", to="end", at="n", middle="middle", begun_us="begun_us")
    same = [asked.origin == there.from_, asked.end == there.to, there["at"] <= asked.n,
            there.begun_us > asked.after_us]  # fmt: skip
    ways = asked.join(there, same)
    ways = work.keep(ways.select("n", "origin", "end", "middle").distinct(), "ways")
    sizes = ways.group_by(["n", "origin", "end"]).aggregate(size=ways.count())
    sizes = work.keep(sizes.filter(sizes["size"] >= measure.number("from")), "sizes")
    of = sizes.select(of="n", begin="origin", size="size")
    middles = ways.join(of, [ways.n == of.of, ways.origin == of.begin])
    return _members(
        sizes.select("n", account="origin", size="size"),
        sizes.select("n", account="end", size="size"),
        middles.select("n", account="middle", size="size"),
    )


def _bipartite(hops: ir.Table, measure: Measure, work: Workspace) -> ir.Table:
    window, here = measure.number("window"), named(hops, "i")
    receivers = near(
        here, "i_at_us", hops, "j", window,
        lambda i, j: [i.i_payer == j.j_payer, j.j_n <= i.i_n],
    ).select(n="i_n", receiver="j_payee").distinct()  # fmt: skip
    receivers = work.keep(receivers, "receivers")
    payers = near(
        here, "i_at_us", hops, "j", window,
        lambda i, j: [i.i_payee == j.j_payee, j.j_n <= i.i_n, i.i_payer != j.j_payer],
    )  # fmt: skip
    payers = payers.select(n="i_n", at_us="i_at_us", other="j_payer").distinct()
    payers = payers.anti_join(
        receivers, [payers.n == receivers.n, payers.other == receivers.receiver]
    )
    payers = work.keep(payers, "payers")
    theirs = near(
        payers, "at_us", hops, "h", window,
        lambda p, h: [p.other == h.h_payer, h.h_n <= p.n],
    )  # fmt: skip
    theirs = theirs.select("n", "other", paid="h_payee").distinct()
    shared = theirs.semi_join(
        receivers, [theirs.n == receivers.n, theirs.paid == receivers.receiver]
    )
    counted = shared.group_by(["n", "other"]).aggregate(common=shared.count())
    others = counted.filter(counted.common >= measure.number("shared")).select("n", "other")
    others = work.keep(others, "others")
    sizes = others.group_by("n").aggregate(size=others.count() + 1)
    ends = hops.select(at="n", payer="payer", payee="payee")
    sized = ends.left_join(sizes, ends["at"] == sizes.n)
    sized = sized.select(n="at", payer="payer", payee="payee", size=sized["size"].fill_null(1))
    sized = work.keep(sized.filter(sized["size"] >= measure.number("from")), "sizes")
    of = sized.select(of="n", size="size")
    return _members(
        sized.select("n", account="payer", size="size"),
        sized.select("n", account="payee", size="size"),
        others.join(of, others.n == of.of).select("n", account="other", size="size"),
    )


# --- ways of several hops -------------------------------------------------------------------------


def _passes(before: Any, after: Any, fee: int) -> list[Any]:
    if fee < 0:
        return []
    return [after <= before, (BASIS - fee) * before <= BASIS * after]


def _cycle(hops: ir.Table, measure: Measure, work: Workspace) -> ir.Table:
    """Backwards from each transfer, hop by hop, until a hop begins where the transfer ends."""
    window, fee = measure.number("window"), measure.number("fee")
    ways = hops.select(
        n="n", at_us="at_us", start="payee", a0="payer", last_n="n", last_amount="amount"
    )
    closed = []
    for length in range(2, measure.number("longest") + 1):
        tip = f"a{length - 2}"

        def on(way: Any, hop: Any, tip: str = tip) -> list[Any]:
            order = [way[tip] == hop.h_payee, hop.h_n < way.last_n]
            return order + _passes(hop.h_amount, way.last_amount, fee)

        further = work.keep(near(ways, "at_us", hops, "h", window, on), "ways")
        met = [f"a{place}" for place in range(length - 1)]
        round_trip = further.filter(further.h_payer == further.start)
        closed += [
            round_trip.select("n", account=name, size=ibis.literal(length, "int64"))
            for name in ("start", *met)
        ]
        fresh = [further.h_payer != further[name] for name in ("start", *met)]
        ways = further.filter(all_of(fresh)).select(
            "n", "at_us", "start", *met, **{f"a{length - 1}": further.h_payer},
            last_n="h_n", last_amount="h_amount",
        )  # fmt: skip
    return work.keep(_members(*closed).distinct(), "cycles")


def _chain(hops: ir.Table, measure: Measure, work: Workspace) -> ir.Table:
    """Depths by rounds: each round lets a hop follow the deepest of the hops that lead to it."""
    window, longest = measure.number("window"), measure.number("longest")
    fee = measure.number("fee")
    steps = near(
        named(hops, "i"), "i_at_us", hops, "j", window,
        lambda i, j: [i.i_payer == j.j_payee, j.j_n < i.i_n, j.j_payer != i.i_payee,
                      *_passes(j.j_amount, i.i_amount, fee)],
    )  # fmt: skip
    steps = work.keep(steps.select(n="i_n", via="j_n"), "steps")
    depths = hops.select("n", depth=ibis.literal(1, "int64"))
    for _ in range(longest - 1):
        led = steps.join(depths.select(of="n", depth="depth"), steps.via == depths.n)
        best = led.group_by("n").aggregate(best=led.depth.max())
        joined = hops.select(at="n").left_join(best, hops.n == best.n)
        deeper = ibis.least(joined.best.fill_null(0) + 1, longest)
        depths = work.keep(joined.select(n="at", depth=deeper.cast("int64")), "depths")
    return _chain_members(hops, steps, depths, measure, work)


def _chain_members(
    hops: ir.Table, steps: ir.Table, depths: ir.Table, measure: Measure, work: Workspace
) -> ir.Table:
    led = steps.join(depths.select(of="n", depth="depth"), steps.via == depths.n)
    best = led.group_by("n").aggregate(best=led.depth.max())
    deepest = led.join(best.select(at="n", best="best"), [led.n == best.n, led.depth == best.best])
    latest = deepest.group_by("n").aggregate(via=deepest.via.max())
    latest = work.keep(latest.select(of="n", via="via"), "via")
    deep = depths.filter(depths.depth >= measure.number("from"))
    walk = deep.select("n", size="depth", here="n", left="depth")
    ends = hops.select(at="n", payer="payer", payee="payee")
    parts = []
    for _ in range(measure.number("longest")):
        seen = work.keep(walk.join(ends, walk.here == ends["at"]), "walk")
        parts += [seen.select("n", account=end, size="size") for end in ("payer", "payee")]
        onward = seen.filter(seen.left > 1).join(latest, seen.here == latest.of)
        walk = onward.select("n", "size", here="via", left=onward.left - 1)
    return _members(*parts).distinct()


_SHAPES: Final[Mapping[str, Callable[[ir.Table, Measure, Workspace], ir.Table]]] = {
    "fan_in": _fan_in,
    "fan_out": _fan_out,
    "gather_scatter": _gather_scatter,
    "scatter_gather": _scatter_gather,
    "bipartite": _bipartite,
    "cycle": _cycle,
    "chain": _chain,
}
