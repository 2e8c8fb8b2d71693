"""Charts as inline SVG: no script, no request, readable in print and in either colour scheme.

Guards: a chart shows what the table beside it says; it has a title and a description for readers
who hear it, and series differ by more than colour (dashes, labels). Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 14, 42
_DASHES = ("", "6 4", "2 3")


@dataclass(frozen=True, slots=True)
class Series:
    """Values under one name, in order of the chart's labels."""

    name: str
    values: Sequence[float]


def lines(
    name: str, text: str, places: Sequence[float], series: Sequence[Series], mark: float | None
) -> str:
    """Lines over a numeric axis; `mark`: a place to point at (where the policy stands today)."""
    most = max((value for one in series for value in one.values), default=0.0) or 1.0
    first, last = (places[0], places[-1]) if places else (0.0, 1.0)
    span = (last - first) or 1.0

    def x(value: float) -> float:
        return LEFT + (value - first) / span * (WIDTH - LEFT - RIGHT)

    parts = [_axis(most)]
    for number, one in enumerate(series):
        points = " ".join(
            f"{x(place):.1f},{_y(value, most):.1f}"
            for place, value in zip(places, one.values, strict=True)
        )
        dash = f' stroke-dasharray="{_DASHES[number % 3]}"' if number % 3 else ""
        parts.append(f'<polyline class="s{number % 3}" points="{points}"{dash}/>')
        parts.append(_key(number, one.name))
    if mark is not None and first <= mark <= last:
        parts.append(f'<line class="now" x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="{TOP}" '
                     f'y2="{HEIGHT - BOTTOM}"/>')  # fmt: skip
        parts.append(f'<text x="{x(mark) + 4:.1f}" y="{TOP + 10}">now {mark:g}</text>')
    for place in _some(places):
        parts.append(_label(x(place), f"{place:g}"))
    return _framed(name, text, parts)


def bars(name: str, text: str, labels: Sequence[str], series: Sequence[Series]) -> str:
    """Stacked bars, one for each label."""
    totals = [sum(one.values[place] for one in series) for place in range(len(labels))]
    most = max(totals, default=0.0) or 1.0
    step = (WIDTH - LEFT - RIGHT) / max(1, len(labels))
    parts = [_axis(most)]
    for place in range(len(labels)):
        base = 0.0
        for number, one in enumerate(series):
            top = _y(base + one.values[place], most)
            height = _y(base, most) - top
            parts.append(
                f'<rect class="b{number % 3}" x="{LEFT + place * step + step * 0.1:.1f}" '
                f'y="{top:.1f}" width="{step * 0.8:.1f}" height="{height:.1f}"/>'
            )
            base += one.values[place]
    shown = _some(list(range(len(labels))))
    parts += [_label(LEFT + (place + 0.5) * step, labels[int(place)]) for place in shown]
    parts += [_key(number, one.name) for number, one in enumerate(series)]
    return _framed(name, text, parts)


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)


def _axis(most: float) -> str:
    parts = []
    for part in (0.0, 0.5, 1.0):
        y = _y(part * most, most)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(part * most)}</text>'
        )
    return "".join(parts)


def _key(number: int, name: str) -> str:
    x, y = LEFT + 8 + 150 * number, HEIGHT - 8
    return (
        f'<rect class="b{number % 3}" x="{x}" y="{y - 9}" width="12" height="10"/>'
        f'<text x="{x + 17}" y="{y}">{escape(name)}</text>'
    )


def _label(x: float, text: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{escape(text)}</text>'
    )


def _some(places: Sequence[float]) -> list[float]:
    """At most seven of them, the ends included."""
    if len(places) <= 7:
        return list(places)
    step = (len(places) - 1) / 6
    return [places[round(number * step)] for number in range(7)]


def _short(value: float) -> str:
    for size, word in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{word}"
    return f"{value:.3g}"


def _framed(name: str, text: str, parts: Sequence[str]) -> str:
    told = f"{escape(name)}: {escape(text)}"
    return (
        f'<svg role="img" viewBox="0 0 {WIDTH} {HEIGHT}" aria-label="{told}">'
        f"<title>{escape(name)}</title><desc>{escape(text)}</desc>{''.join(parts)}</svg>"
    )
