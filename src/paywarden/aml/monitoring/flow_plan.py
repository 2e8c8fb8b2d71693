"""What the engine needs of its typologies: each different feature once, as numbers.

Guards: two typologies with equal features share one column. Order: features as they first appear.
Not done here: values of rows (`running`), conditions (`flow_columns`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paywarden.aml.monitoring import layout
from paywarden.aml.monitoring.functions import FUNCTIONS, Measure, measure_of
from paywarden.aml.monitoring.layout import FUNCTION_NUMBERS, LEG, Bytes, Words
from paywarden.aml.monitoring.numbering import TransferNumbers
from paywarden.core.errors import InvalidRequest
from paywarden.risk.rules.typology_model import Typology

_DIRECTIONS = {"both": layout.ANY, "in": layout.IN, "out": layout.OUT}
_SIDES = {"any": layout.ANY, "known": layout.KNOWN, "outside": layout.OUTSIDE_ONLY}
_FIRST_TWO = {
    "new_counterparties": ("since",),
    "count_between": ("low", "high"),
    "sum_between": ("low", "high"),
    "share_between": ("low", "high"),
    "near_equal": ("tolerance",),
    "round_share": ("unit",),
    "against_peers": ("days", "least"),
    "benford": ("least",),
    "mirrored": ("fee",),
    "gather_scatter": ("fee",),
    "scatter_gather": ("fee",),
    "bipartite": ("shared",),
    "cycle": ("fee", "longest"),
    "chain": ("fee", "longest"),
}


@dataclass(frozen=True, slots=True)
class Watched:
    """A typology, the column of each of its features by name, and which of them are motifs."""

    typology: Typology
    columns: dict[str, int]
    motifs: tuple[int, ...]


class FlowPlan:
    """Features of typologies, compiled. Errors: InvalidRequest as `functions`."""

    def __init__(self, typologies: Sequence[Typology]) -> None:
        places: dict[Measure, int] = {}
        watched = []
        for typology in typologies:
            if typology.runs != "log":
                raise InvalidRequest("typology_runs", "only typologies with runs: log run here")
            columns = {
                feature.name: places.setdefault(measure_of(feature), len(places))
                for feature in typology.features
            }
            motifs = [at for at in columns.values() if list(places)[at].is_motif]
            watched.append(Watched(typology, columns, tuple(sorted(set(motifs)))))
        self.measures = tuple(places)
        self.watched = tuple(watched)
        self.numbers = TransferNumbers(*_named(self.measures))
        self.fees = 0
        self.peers = 0
        self.program: Words = np.zeros((len(places), layout.PROGRAM), np.int64)
        self.countries: Bytes = np.zeros((len(places), layout.COUNTRIES), np.uint8)
        for feature, measure in enumerate(self.measures):
            self._compile(feature, measure)

    @property
    def doubles(self) -> frozenset[int]:
        """Columns that hold doubles."""
        return frozenset(
            at for at, one in enumerate(self.measures) if FUNCTIONS[one.function].value == "double"
        )

    @property
    def reach_us(self) -> int:
        """How far back the legs of an account are needed."""
        return max((_reach(one) for one in self.measures), default=0)

    @property
    def chain_reach_us(self) -> int:
        """How far back transfers are needed for chains."""
        chains = [one for one in self.measures if one.function == "chain"]
        return max((one.number("longest") * one.number("window") for one in chains), default=0)

    @property
    def chains(self) -> int:
        """Number of different chains."""
        return sum(one.function == "chain" for one in self.measures)

    @property
    def for_members(self) -> Bytes:
        """1 where a typology with motifs reads the feature, [features]."""
        found = np.zeros(len(self.measures), np.uint8)
        for one in self.watched:
            if one.motifs:
                found[list(one.columns.values())] = 1
        return found

    def _compile(self, feature: int, measure: Measure) -> None:
        row = self.program[feature]
        row[layout.FUNCTION] = FUNCTION_NUMBERS[measure.function]
        row[layout.WINDOW] = measure.number("window")
        for kind in measure.names:
            row[layout.KIND_MASK] |= np.int64(1) << self.numbers.kinds.of(kind)
        if measure.is_motif:
            row[layout.NEW_SINCE] = measure.number("new_since")
            row[layout.LEAST_MINOR] = measure.number("least_minor")
            row[layout.FROM] = measure.number("from")
        else:
            row[layout.DIRECTION] = _DIRECTIONS[measure.text("direction")]
            row[layout.SIDE] = _SIDES[measure.text("counterparty")]
            row[layout.ONLY_ABROAD] = measure.number("abroad")
        for column, name in enumerate(_FIRST_TWO.get(measure.function, ()), layout.ONE):
            row[column] = measure.number(name)
        self._compile_special(feature, measure)

    def _compile_special(self, feature: int, measure: Measure) -> None:
        row = self.program[feature]
        if measure.function == "against_history":
            row[layout.ONE] = 0 if measure.text("of") == "sum" else 1
            row[layout.TWO] = measure.number("periods")
        elif measure.function == "against_peers":
            row[layout.THREE] = self.peers
            self.peers += 1
        elif measure.function == "mirrored":
            row[layout.TWO] = LEG + self.fees
            row[layout.THREE] = measure.number("window")
            self.fees += 1
        elif measure.function == "share_countries" and measure.text("countries"):
            row[layout.ONE] = 1
            for country in measure.text("countries").split(","):
                self.countries[feature, self.numbers.countries.of(country)] = 1


def _reach(measure: Measure) -> int:
    periods = measure.number("periods") if measure.function == "against_history" else 0
    return measure.number("window") * (periods + 1)


def _named(measures: Sequence[Measure]) -> tuple[list[str], list[str]]:
    kinds = sorted({kind for one in measures for kind in one.names})
    countries = {
        country
        for one in measures
        if one.function == "share_countries"
        for country in one.text("countries").split(",")
        if country
    }
    if len(kinds) > layout.KINDS - 2:
        raise InvalidRequest("flow_kinds", "features name more than 61 kinds of transfer")
    return kinds, sorted(countries)
