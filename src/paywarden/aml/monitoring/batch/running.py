"""The batch: typologies of `runs: log` over a table of transfers, as alerts with their reasons.

Guards: alerts equal those of the plain way and of the stream on (typology, account, sequence,
score). Order: tables, motifs, points, features, scores, quiet days. Only rows that reach a score
of `alert` leave the back end; the quiet days, which depend on the alert before, are counted here.
Not done here: reading files of typologies, keeping alerts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl

from paywarden.aml.monitoring.batch.conditions import Lists, condition
from paywarden.aml.monitoring.batch.leg_features import LegFeatures
from paywarden.aml.monitoring.batch.motifs import motif_table
from paywarden.aml.monitoring.batch.names import MEMBER, TYPES, name_columns
from paywarden.aml.monitoring.batch.points import points_of
from paywarden.aml.monitoring.batch.reasons import VALUE, Raised, raised
from paywarden.aml.monitoring.batch.results import BatchResult, peaks_of
from paywarden.aml.monitoring.batch.scores import score_of, term_column
from paywarden.aml.monitoring.batch.tables import Flows, flows_of
from paywarden.aml.monitoring.batch.workspace import Workspace
from paywarden.aml.monitoring.functions import Measure, measure_of, type_of
from paywarden.risk.rules.cel.types import MEMBERS, CelType, named
from paywarden.risk.rules.typology_model import Typology
from paywarden.risk.rules.typology_program import TypologyProgram, typology_program

Progress = Callable[[str, int, int], None]


def run_batch(
    typologies: Sequence[Typology],
    table: ir.Table,
    connection: Any,
    lists: Lists | None = None,
    progress: Progress | None = None,
) -> BatchResult:
    """Every alert of typologies of `runs: log` over a table of the connection.

    Errors: InvalidRequest of features and conditions that cannot be said, or lack a column.
    """
    work = Workspace(connection)
    tell = progress or (lambda _stage, _done, _total: None)
    try:
        return _Run(typologies, flows_of(table, work), work, lists or {}, tell).result()
    finally:
        work.close()


class _Run:
    def __init__(
        self,
        typologies: Sequence[Typology],
        flows: Flows,
        work: Workspace,
        lists: Lists,
        tell: Progress,
    ) -> None:
        self._lists = lists
        self._programs = [
            typology_program(one, self._types(one)) for one in typologies if one.runs == "log"
        ]
        self._flows = flows
        self._work = work
        self._tell = tell
        self._measures: dict[Measure, str] = {}
        for program in self._programs:
            for feature in program.typology.features:
                self._measures.setdefault(measure_of(feature), f"m{len(self._measures)}")

    def result(self) -> BatchResult:
        motifs = self._motifs()
        points = self._points(motifs)
        features = self._features(points, motifs)
        alerts: list[tuple[tuple[int, int], Raised]] = []
        peaks = []
        for place, program in enumerate(self._programs):
            self._tell("typologies", place, len(self._programs))
            rows, peak = self._scored(program, features, motifs)
            alerts += [((one.n, place), one) for one in raised(program, rows)]
            peaks.append(peak)
        self._tell("typologies", len(self._programs), len(self._programs))
        alerts.sort(key=lambda pair: pair[0])
        return BatchResult(
            tuple(one for _, one in alerts),
            peaks_of(peaks),
            self._counted(self._flows.transfers),
            self._counted(self._flows.accounts),
        )

    def _counted(self, table: ir.Table) -> int:
        return int(self._work.fetch(table.aggregate(rows=table.count()))["rows"][0])

    def _motifs(self) -> dict[str, ir.Table]:
        wanted = [(one, name) for one, name in self._measures.items() if one.is_motif]
        found = {}
        for done, (measure, name) in enumerate(wanted):
            self._tell("motifs", done, len(wanted))
            found[name] = motif_table(self._flows.transfers, measure, self._work)
        return found

    def _points(self, motifs: Mapping[str, ir.Table]) -> ir.Table:
        legs = self._flows.legs.select("account", "n")
        if motifs:
            members = [one.select("account", "n") for one in motifs.values()]
            legs = ibis.union(legs, *members, distinct=True)
        return points_of(legs, self._flows.transfers, self._flows.legs, self._work)

    def _features(self, points: ir.Table, motifs: Mapping[str, ir.Table]) -> ir.Table:
        self._tell("features of legs", 0, 1)
        wanted = {name: one for one, name in self._measures.items() if not one.is_motif}
        legs = LegFeatures(self._flows, points, self._work).table(wanted)
        flow = points.join(legs, "point") if wanted else points
        for name, motif in motifs.items():
            there = motif.select(of="account", at="n", **{name: motif["size"]})
            flow = flow.left_join(there, [flow.account == there.of, flow.n == there["at"]])
            flow = flow.drop("of", "at")
        self._tell("features of legs", 1, 1)
        return self._work.keep(name_columns(flow, self._flows), "rows")

    def _scored(
        self, program: TypologyProgram, rows: ir.Table, motifs: Mapping[str, ir.Table]
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        typology = program.typology
        names = {f.name: self._measures[measure_of(f)] for f in typology.features}
        rows = rows.filter(self._looked_at(typology, rows, motifs))
        columns: dict[str, Any] = {path: rows[path] for path in TYPES}
        for feature, column in names.items():
            value = rows[column]
            columns[f"flow.{feature}"] = value.fill_null(0) if column in motifs else value
        held = {
            name: condition(one, columns, self._lists) for name, one in program.conditions.items()
        }
        scored = rows.select(
            "n", "sequence", "at_us", "side", "account_name",
            score=score_of(typology.score, typology.terms, held),
            **{term_column(i): held[term.name] for i, term in enumerate(typology.terms)},
            **{VALUE + path: column for path, column in columns.items()},
        )  # fmt: skip
        scored = self._work.keep(scored.filter(scored.score > 0), "scored")
        peak = scored.group_by("account_name").aggregate(peak=scored.score.max())
        peaks = (
            self._work.fetch(peak)
            .sort("account_name")
            .select(
                pl.lit(typology.id).alias("typology"),
                pl.col("account_name").alias("account"),
                pl.col("peak").cast(pl.Float64),
            )
        )
        return self._work.fetch(scored.filter(scored.score >= typology.alert)), peaks

    def _types(self, typology: Typology) -> dict[str, CelType]:
        flows = {f"flow.{feature.name}": named(type_of(feature)) for feature in typology.features}
        return {**TYPES, **dict.fromkeys(self._lists, MEMBERS), **flows}

    def _looked_at(self, typology: Typology, rows: ir.Table, motifs: Mapping[str, ir.Table]) -> Any:
        """The two accounts of a transfer, and members of motifs that the typology reads."""
        found = rows.side != MEMBER
        for feature in typology.features:
            column = self._measures[measure_of(feature)]
            if column in motifs:
                found = found | rows[column].notnull()
        return found
