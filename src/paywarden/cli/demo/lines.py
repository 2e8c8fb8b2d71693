"""Lines: a run told in plain lines, where there is no terminal; and its summary at the end."""

from __future__ import annotations

from paywarden.cli.demo.laundering import Laundering
from paywarden.cli.demo.scoring import CURRENCY, Attacks
from paywarden.cli.demo.snapshot import Notable, Snapshot
from paywarden.reference.currencies import currency as known_currency


def money(amount_minor: int, currency: str) -> str:
    """An amount as people write it.

    >>> money(123456, "EUR")
    '1,234.56 EUR'
    """
    known = known_currency(currency)
    digits = (known.exponent if known is not None else None) or 0
    return f"{amount_minor / 10**digits:,.{digits}f} {currency}"


def euros(amount_minor: int) -> str:
    """Whole units of the scoring currency."""
    return f"{round(amount_minor / 100):,} {CURRENCY}"


def share(part: float, whole: float) -> str:
    """A percentage, or a dash of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def line(snapshot: Snapshot) -> str:
    """One second in one line."""
    whole, honest, latency = snapshot.standing.whole(), snapshot.standing.honest, snapshot.latency
    outcomes = " ".join(f"{name} {count}" for name, count in snapshot.outcomes.items())
    return (
        f"{clock(snapshot.seconds)}  {snapshot.per_second:.0f}/s  {outcomes}  "
        f"p50 {latency.p50:.1f} p95 {latency.p95:.1f} p99 {latency.p99:.1f} ms  "
        f"fraud caught {whole.caught}/{whole.payments}  "
        f"genuine hurt {honest.hurt_total}/{honest.payments}  "
        f"aml alerts {snapshot.laundering.alerts} held {snapshot.laundering.held}"
    )


def told(notable: Notable) -> str:
    """One stopped payment."""
    times = f" x{notable.times}" if notable.times > 1 else ""
    return (
        f"{notable.outcome}{times}: {money(notable.amount_minor, notable.currency)} "
        f"{notable.type}, {', '.join(notable.reasons) or 'no reason told'} (truth: {notable.truth})"
    )


def summary(snapshot: Snapshot) -> str:
    """The whole run."""
    latency, pacing = snapshot.latency, snapshot.pacing
    return "\n".join([
        f"{snapshot.decisions} decisions in {snapshot.seconds:.1f} s "
        f"({snapshot.mean_per_second:.1f}/s), {snapshot.events} events; "
        f"{pacing.worlds} worlds at {pacing.reached:.0f} of {pacing.asked:.0f} times real time",
        "outcomes: " + ", ".join(f"{n} {count}" for n, count in snapshot.outcomes.items()),
        f"latency as the client saw it: p50 {latency.p50:.2f} ms, p95 {latency.p95:.2f} ms, "
        f"p99 {latency.p99:.2f} ms, longest {latency.largest:.1f} ms",
        f"cards: {snapshot.cards.tokens} tokens made; payments named {snapshot.cards.by_token} "
        f"cards by token and {snapshot.cards.by_reference} by reference",
        *_truth(snapshot),
        *laundering(snapshot.laundering),
        *_most("reasons", snapshot.reasons),
        *_most(f"rules, in {snapshot.explained} records looked up", snapshot.rules),
        *_most("degraded", snapshot.degraded),
        *_most("refused", snapshot.refused),
        *_held(snapshot),
    ])  # fmt: skip


def laundering(found: Laundering) -> list[str]:
    """The second engine in two lines; none where nothing of it was met.

    >>> laundering(Laundering())
    []
    """
    if not (found.payments or found.look_alikes or found.alerts):
        return []
    subjects = ", ".join(f"{name} {count}" for name, count in found.by_subject)
    return [
        f"laundering: {found.held} of {found.payments} payments held, in {found.patterns_held} of "
        f"{found.patterns} patterns; to listed parties {found.listed_held} of {found.listed}; "
        f"look-alikes hurt {found.look_alikes_hurt} of {found.look_alikes}",
        f"alerts: {found.alerts}, {found.interdicted} of them holding a payment"
        + (f": {subjects}" if subjects else ""),
    ]


def stops(attacks: Attacks) -> str:
    """How soon campaigns were first stopped.

    >>> stops(Attacks(campaigns=3, campaigns_stopped=2, first_stops=[1, 4]))
    '2 of 3 campaigns, first stop at payment 1 (median), 4 (latest)'
    """
    text = f"{attacks.campaigns_stopped} of {attacks.campaigns} campaigns"
    first = attacks.first_stop()
    if first is None:
        return text
    return f"{text}, first stop at payment {first[0]} (median), {first[1]} (latest)"


def _truth(snapshot: Snapshot) -> list[str]:
    standing = snapshot.standing
    whole, honest = standing.whole(), standing.honest
    told_lines = [
        f"fraud caught: {whole.caught} of {whole.payments} payments "
        f"({share(whole.caught, whole.payments)}), {euros(whole.caught_value_minor)} of "
        f"{euros(whole.value_minor)} ({share(whole.caught_value_minor, whole.value_minor)}); "
        f"{whole.slipped} slipped through after a challenge"
    ]
    for name, attacks in sorted(standing.attacks.items()):
        told_lines.append(
            f"  {name}: {attacks.caught} of {attacks.payments}, "
            f"{euros(attacks.caught_value_minor)} of {euros(attacks.value_minor)}; {stops(attacks)}"
        )
    by = ", ".join(f"{name} {count}" for name, count in honest.hurt.items())
    told_lines.append(
        f"genuine payments hurt: {honest.hurt_total} of {honest.payments} "
        f"({share(honest.hurt_total, honest.payments)}): {by}; "
        f"{honest.passed} passed their challenge"
    )
    return told_lines


def _most(name: str, pairs: tuple[tuple[str, int], ...]) -> list[str]:
    return [f"{name}: " + ", ".join(f"{word} {count}" for word, count in pairs)] if pairs else []


def _held(snapshot: Snapshot) -> list[str]:
    told_lines = []
    told_lines += _most("requests that a busy server made wait", snapshot.held_back)
    if snapshot.pacing.given_up_seconds >= 0.05:
        seconds = snapshot.pacing.given_up_seconds
        told_lines.append(f"behind its pace and given up: {seconds:.1f} s over all worlds")
    return told_lines
