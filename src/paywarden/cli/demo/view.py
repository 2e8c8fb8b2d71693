"""View: the live picture of a run, laid out from a snapshot alone.

Guards: fits 80 columns by 24 lines and grows from there; says with words what it says with colour;
shows nothing that the snapshot does not hold. Pure: a snapshot in, a renderable out.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from paywarden.cli.demo.lines import clock, euros, laundering, money, share
from paywarden.cli.demo.scoring import Attacks
from paywarden.cli.demo.snapshot import Notable, Snapshot

COLOURS = {"allow": "green", "challenge": "yellow", "review": "magenta", "block": "red"}
_BLOCKS = "▁▂▃▄▅▆▇█"
_PLAIN_BLOCKS = ".:-=+*#@"
WIDE = 120
TALL = 30
"""Lines of a screen that has room for the second engine; a smaller one counts its alerts above."""


def view(snapshot: Snapshot, console: Console, hint: str) -> Layout:
    """The whole screen. `hint` says how it ends."""
    plain = not console.encoding.startswith("utf")
    root = Layout()
    wide = console.width >= WIDE
    attacks_height = len(snapshot.standing.attacks) + 4
    rows = [
        Layout(_title(snapshot, hint), size=1),
        Layout(name="numbers", size=6),
        Layout(_panel("fraud against the truth", _fraud(snapshot, wide)), size=attacks_height),
        Layout(name="what"),
    ]
    found = laundering(snapshot.laundering)
    if found and console.height >= TALL:
        second = Text("\n".join(found), no_wrap=True, overflow="ellipsis")
        rows.insert(3, Layout(_panel("money laundering", second), size=4))
    root.split_column(*rows)
    root["numbers"].split_row(
        Layout(_panel("decisions", _traffic(snapshot, plain))),
        Layout(_panel("latency, client", _latency(snapshot)), size=26),
        Layout(_panel("truth", _genuine(snapshot)), size=24),
    )
    root["what"].split_row(
        Layout(_panel("why", _why(snapshot)), ratio=2),
        Layout(_panel("latest stopped", _latest(snapshot, wide)), ratio=5 if wide else 3),
    )
    return root


def _panel(title: str, inside: RenderableType) -> Panel:
    return Panel(inside, title=title, title_align="left", padding=(0, 1), border_style="dim")


def _title(snapshot: Snapshot, hint: str) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append("paywarden demo", style="bold")
    text.append(f"  {clock(snapshot.seconds)}  {snapshot.api}  {hint}")
    pacing = snapshot.pacing
    text.append(f"  aml {snapshot.laundering.alerts}")
    text.append(f"  {pacing.worlds} worlds x{pacing.reached:.0f}")
    return text


def _traffic(snapshot: Snapshot, plain: bool) -> Group:
    first = Text(no_wrap=True)
    first.append(f"{snapshot.per_second:.0f}/s", style="bold")
    first.append(f"  {snapshot.decisions:,} in all  ")
    blocks = _PLAIN_BLOCKS if plain else _BLOCKS
    outcomes = list(snapshot.outcomes.items())
    return Group(
        first, _outcomes(outcomes[:2]), _outcomes(outcomes[2:]), Text(course(snapshot, blocks))
    )


def course(snapshot: Snapshot, blocks: str, width: int = 24) -> str:
    """The last seconds' decisions as a row of blocks."""
    counts = snapshot.course[-width:]
    most = max(counts, default=0) or 1
    return "".join(blocks[min(len(blocks) - 1, count * len(blocks) // most)] for count in counts)


def _outcomes(pairs: Sequence[tuple[str, int]]) -> Text:
    text = Text(no_wrap=True)
    for name, count in pairs:
        text.append(f"{name} ", style=COLOURS.get(name, ""))
        text.append(f"{count:<7,}")
    return text


def _latency(snapshot: Snapshot) -> Group:
    latency = snapshot.latency
    rows = (("p50", latency.p50), ("p95", latency.p95), ("p99", latency.p99))
    return Group(
        *(Text(f"{name} {value:9.2f} ms", no_wrap=True) for name, value in rows),
        Text(f"max {latency.largest:9.2f} ms", style="dim", no_wrap=True),
    )


def _genuine(snapshot: Snapshot) -> Group:
    honest, whole = snapshot.standing.honest, snapshot.standing.whole()
    return Group(
        Text(f"caught {share(whole.caught, whole.payments)}", style="bold", no_wrap=True),
        Text(f"  value {share(whole.caught_value_minor, whole.value_minor)}", no_wrap=True),
        Text(f"genuine hurt {share(honest.hurt_total, honest.payments)}", no_wrap=True),
        Text(f"  {honest.hurt_total} of {honest.payments:,}", no_wrap=True),
    )


def _fraud(snapshot: Snapshot, wide: bool) -> Table:
    table = Table(box=None, padding=(0, 1), expand=True)
    table.add_column("attack", no_wrap=True)
    for name in ("caught", "of", "value caught", "of value"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("first stop at" if wide else "1st stop", justify="right", no_wrap=True)
    if wide:
        for name in ("campaigns stopped", "slipped after challenge"):
            table.add_column(name, justify="right", no_wrap=True)
    for name, attacks in sorted(snapshot.standing.attacks.items()):
        table.add_row(name, *_attack(attacks, wide))
    whole = snapshot.standing.whole()
    table.add_row("all", *_attack(whole, wide), style="bold")
    return table


def _attack(attacks: Attacks, wide: bool) -> list[str]:
    first = attacks.first_stop()
    cells = [
        f"{attacks.caught:,}",
        f"{attacks.payments:,}",
        euros(attacks.caught_value_minor),
        euros(attacks.value_minor),
        f"{first[0]} (max {first[1]})" if first else "-",
    ]
    if wide:
        cells += [f"{attacks.campaigns_stopped} of {attacks.campaigns}", str(attacks.slipped)]
    return cells


def _why(snapshot: Snapshot) -> Table:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(justify="right", no_wrap=True)
    for name, count in snapshot.reasons[:4]:
        table.add_row(name, f"{count:,}")
    if snapshot.rules:
        table.add_row(Text(f"rules ({snapshot.explained} records)", style="dim"), "")
    for name, count in snapshot.rules[:8]:
        table.add_row(name, f"{count:,}")
    for name, count in (*snapshot.degraded, *snapshot.refused, *snapshot.held_back):
        table.add_row(Text(name, style="red"), f"{count:,}")
    return table


def _latest(snapshot: Snapshot, wide: bool) -> Table:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True)
    if wide:
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=2)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=3)
    table.add_column(no_wrap=True)
    for notable in snapshot.notable:
        table.add_row(*_notable(notable, wide))
    return table


def _notable(notable: Notable, wide: bool) -> list[RenderableType]:
    times = f" x{notable.times}" if notable.times > 1 else ""
    outcome = Text(f"{notable.outcome}{times}", style=COLOURS.get(notable.outcome, ""))
    if not wide:
        return [outcome, ", ".join(notable.reasons), notable.truth]
    amount = money(notable.amount_minor, notable.currency)
    what = f"{notable.type} {notable.payment_id}"
    return [outcome, amount, what, "; ".join(notable.texts), notable.truth]
