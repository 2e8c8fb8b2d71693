"""Rules that share everything but the band of one value: gaps, overlaps, bands that others cover.

Guards: rules belong together when scenario, places and every other term are equal. Rules with lower
bounds only (`>= 1000`, `>= 5000`) are steps, not bands, and are left alone: the strongest counts.
A gap is told where two bands nearly meet, or where a band of two bounds stands on one of its sides;
all three are exact, since bands are spans of values.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from paywarden.core.outcome import Outcome
from paywarden.risk.rules.linting.subjects import Material, Subject
from paywarden.risk.rules.program import Graph
from paywarden.risk.rules.proving.sets import Cut, Spans

MAX_BANDS = 200
_ORDERED = frozenset({"ge", "gt", "le", "lt"})
_NUMBERS = frozenset({"int", "double"})


@dataclass(frozen=True, slots=True)
class _Band:
    """One rule's span of the value, from cut to cut (None: open-ended)."""

    subject: Subject
    low: Cut | None
    high: Cut | None

    @property
    def span(self) -> Spans:
        cuts = tuple(cut for cut in (self.low, self.high) if cut is not None)
        return Spans(low=self.low is None, cuts=cuts)


def lint_bands(material: Material) -> None:
    """Judge every group of bands."""
    groups: dict[tuple[Any, ...], list[_Band]] = defaultdict(list)
    for subject in material.subjects:
        for path, band, rest in _bands_of(material, subject):
            rule = subject.rule
            place = (rule.scenario, rule.phases, rule.segments, rule.merchant_groups)
            groups[(path, *place, rest)].append(band)
    for (path, *_), bands in groups.items():
        if 1 < len(bands) <= MAX_BANDS and any(b.low and b.high for b in bands):
            _judge(material, path, bands)


def _bands_of(material: Material, subject: Subject) -> list[tuple[str, _Band, frozenset[int]]]:
    """For every path that the plain terms bound: the band, and the other terms."""
    graph = material.prover.graph
    terms = graph.conjuncts(subject.lowered.true)
    bounds: dict[str, list[int]] = defaultdict(list)
    for node in terms:
        path = _bounded_path(graph, node)
        if path is not None:
            bounds[path].append(node)
    found = []
    for path, nodes in bounds.items():
        state = material.prover.solver.narrowed([(node, True) for node in nodes])
        values = None if state is None else state.get(("p", path))
        if isinstance(values, Spans) and len(values.ranges()) == 1:
            low, high = values.ranges()[0]
            rest = frozenset(node for node in terms if node not in nodes)
            found.append((path, _Band(subject, *_within_domain(material, path, low, high)), rest))
    return found


def _within_domain(
    material: Material, path: str, low: Cut | None, high: Cut | None
) -> tuple[Cut | None, Cut | None]:
    """Ends that only the domain gives count as open."""
    domain = material.domains.get(path)
    edges = {cut for piece in domain.ranges() for cut in piece} if domain is not None else set()
    return (None if low in edges else low, None if high in edges else high)


def _bounded_path(graph: Graph, node: int) -> str | None:
    content = graph.nodes[node]
    if content[0] != "lit":
        return None
    atom = graph.atoms[content[1]]
    numeric = atom[0] in _ORDERED and graph.kinds.get(atom[1]) in _NUMBERS
    return atom[1] if numeric else None


def _judge(material: Material, path: str, bands: list[_Band]) -> None:
    bands = sorted(bands, key=lambda band: (band.low is not None, band.low or 0, band.subject.id))
    for band in bands:
        if _covered(band, bands):
            message = f"in {band.subject.what} the band of `{path}` lies within those of others"
            material.report.about_rule(band.subject, "unreachable_band", message)
    covered = bands[0]
    for band in bands[1:]:
        if _overlap(covered, band):
            message = f"{band.subject.what} and {covered.subject.id} share {_shared(path, band)}"
            material.report.about_rule(band.subject, "band_overlap", message)
        elif _gap(covered, band):
            message = (
                f"no rule covers `{path}` {_piece(covered.high, band.low)}, "
                f"between {covered.subject.id} and {band.subject.id}"
            )
            material.report.about_rule(band.subject, "band_gap", message)
        if covered.high is not None and (band.high is None or band.high > covered.high):
            covered = band


def _covered(band: _Band, bands: list[_Band]) -> bool:
    """Whether others that do as much cover a band together, and no single one does."""
    left = band.span
    parts = [b for b in bands if b is not band and _at_least(b, band) and _touches(b, band)]
    for other in parts:
        if band.span.within(other.span):
            return False  # a shadowed rule, told as such
        left = left.meet(other.span.complement())
    return left.empty


def _touches(one: _Band, other: _Band) -> bool:
    return not one.span.meet(other.span).empty


def _at_least(strong: _Band, weak: _Band) -> bool:
    mine, theirs = weak.subject.rule.then, strong.subject.rule.then
    if Outcome.ALLOW in (mine.outcome, theirs.outcome):
        return False
    outcome = (mine.outcome or Outcome.ALLOW) <= (theirs.outcome or Outcome.ALLOW)
    return mine.points <= theirs.points and outcome and set(mine.actions) <= set(theirs.actions)


def _overlap(first: _Band, second: _Band) -> bool:
    """Whether the second begins inside the first and goes on behind it."""
    if first.high is None or second.low is None or first.low == second.low:
        return False
    return second.low < first.high and (second.high is None or second.high > first.high)


def _gap(first: _Band, second: _Band) -> bool:
    return first.high is not None and second.low is not None and first.high < second.low


def _piece(low: Cut | None, high: Cut | None) -> str:
    assert low is not None and high is not None
    start = f"from {low[0]}" if low[1] == 0 else f"above {low[0]}"
    end = f"below {high[0]}" if high[1] == 0 else f"to {high[0]}"
    if low[1] == 0 and type(low[0]) is int and high == (low[0] + 1, 0):
        return f"= {low[0]}"
    return f"{start} {end}"


def _shared(path: str, band: _Band) -> str:
    assert band.low is not None
    return f"a part of `{path}` that begins at {band.low[0]}"
