"""Typologies of the payment path over a table of payments: the same conditions, in batch.

Guards: a typology runs when the table has every name that it reads, or can count it; otherwise it
is left out with the name that is missing, never run without it. Columns bear the names of the
catalogue (`payment.amount_base_minor`), with `sequence` and `at_us`; `agg.<name>` may stand in the
table too and is then taken as it is. Order: columns, windows, scores, quiet days per entity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import polars as pl

from paywarden.aml.monitoring.batch.conditions import Lists, condition
from paywarden.aml.monitoring.batch.payment_windows import window_table
from paywarden.aml.monitoring.batch.reasons import VALUE, Raised, raised
from paywarden.aml.monitoring.batch.results import BatchResult, peaks_of
from paywarden.aml.monitoring.batch.scores import score_of, term_column
from paywarden.aml.monitoring.batch.workspace import Workspace
from paywarden.core.errors import InvalidRequest
from paywarden.risk.features.catalogue import COMPANION_FIELDS, FIELDS
from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.cel.syntax import Present, Reference
from paywarden.risk.rules.cel.tree import nodes_of
from paywarden.risk.rules.scope import condition_types
from paywarden.risk.rules.typology_model import Typology
from paywarden.risk.rules.typology_program import TypologyProgram, typology_program

NEEDED: Final = ("sequence", "at_us")
ENTITIES: Final[Mapping[str, str]] = {
    "payer": "payer.id",
    "payee": "payee.id",
    "account": "payee.account",
    "merchant": "merchant.id",
    "customer": "payer.id",
}
_TYPES: Final = {"int": "int64", "double": "float64", "bool": "boolean", "string": "string",
                 "timestamp": "int64"}  # fmt: skip


def run_payments(
    typologies: Sequence[Typology],
    windows: Sequence[Aggregate],
    table: ir.Table,
    connection: Any,
    lists: Lists | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> BatchResult:
    """Every alert of typologies of `runs: payment` over a table of payments.

    `windows`: those that the conditions may read as `agg.<name>`. Errors: InvalidRequest for a
    table without `sequence` or `at_us`; what a typology lacks stands in `not_run`.
    """
    for name in NEEDED:
        if name not in table.columns:
            raise InvalidRequest("batch_column", f"the table has no column `{name}`")
    work = Workspace(connection)
    try:
        run = _Payments(windows, table, work, lists or {})
        return run.result([one for one in typologies if one.runs == "payment"], progress)
    finally:
        work.close()


class _Payments:
    def __init__(
        self, windows: Sequence[Aggregate], table: ir.Table, work: Workspace, lists: Lists
    ) -> None:
        self._work = work
        self._lists = lists
        self._windows = {one.name: one for one in windows}
        self._types = condition_types(windows, [name.removeprefix("lists.") for name in lists])
        given = work.keep(table, "given")
        order = ibis.window(order_by=[given.at_us, given.sequence])
        numbered = given.mutate(n=ibis.row_number().over(order).cast("int64") + 1)
        self._table = work.keep(numbered, "payments")
        self._made: dict[str, ir.Table | InvalidRequest] = {}

    def result(
        self,
        typologies: Sequence[Typology],
        progress: Callable[[str, int, int], None] | None,
    ) -> BatchResult:
        alerts: list[tuple[tuple[int, int], Raised]] = []
        peaks, left = [], []
        for place, typology in enumerate(typologies):
            if progress is not None:
                progress("typologies", place, len(typologies))
            try:
                program = typology_program(typology, self._types)
                rows, peak = self._scored(program)
            except InvalidRequest as error:
                left.append({"typology": typology.id, "reason": error.detail})
                continue
            alerts += [((one.n, place), one) for one in raised(program, rows)]
            peaks.append(peak)
        alerts.sort(key=lambda pair: pair[0])
        count = self._work.fetch(self._table.aggregate(rows=self._table.count()))["rows"]
        return BatchResult(
            tuple(one for _, one in alerts), peaks_of(peaks), int(count[0]), 0, tuple(left)
        )

    def _scored(self, program: TypologyProgram) -> tuple[pl.DataFrame, pl.DataFrame]:
        typology = program.typology
        paths = _read_by(program)
        table, columns = self._with_windows(paths)
        held = {
            name: condition(one, columns, self._lists) for name, one in program.conditions.items()
        }
        entity = columns.get(ENTITIES[typology.entity])
        if entity is None:
            detail = f"the table has no `{ENTITIES[typology.entity]}`"
            raise InvalidRequest("batch_column", detail)
        scored = table.select(
            "n",
            "at_us",
            "sequence",
            account_name=entity.cast("string"),
            side=ibis.literal(0, "int64"),
            score=score_of(typology.score, typology.terms, held),
            **{term_column(i): held[term.name] for i, term in enumerate(typology.terms)},
            **{VALUE + path: columns[path] for path in paths if path in columns},
        )
        scored = scored.filter((scored.score > 0) & scored.account_name.notnull())
        scored = self._work.keep(scored, "scored")
        peak = scored.group_by("account_name").aggregate(peak=scored.score.max())
        peaks = self._work.fetch(peak).select(
            pl.lit(typology.id).alias("typology"), pl.col("account_name").alias("account"), "peak"
        )
        return self._work.fetch(scored.filter(scored.score >= typology.alert)), peaks

    def _with_windows(self, paths: Sequence[str]) -> tuple[ir.Table, dict[str, Any]]:
        """The payments with the windows that are read, and the column of each path."""
        table = self._table
        for path in paths:
            name = path.removeprefix("agg.")
            if name == path or path in table.columns or name not in self._windows:
                continue
            values = self._window(name).select(of="n", **{path: "value"})
            table = table.left_join(values, table.n == values.of).drop("of")
        return table, _columns(table)

    def _window(self, name: str) -> ir.Table:
        """Counted once; a window that cannot be counted says why each time it is asked."""
        if name not in self._made:
            try:
                columns = _columns(self._table)
                self._made[name] = window_table(
                    self._table, columns, self._windows[name], self._work
                )
            except InvalidRequest as error:
                self._made[name] = error
        made = self._made[name]
        if isinstance(made, InvalidRequest):
            raise made
        return made


def _columns(table: ir.Table) -> dict[str, Any]:
    """Columns by path in the types of the catalogue; empty texts are absent."""
    found: dict[str, Any] = {}
    for path in table.columns:
        field = FIELDS.get(path) or COMPANION_FIELDS.get(path)
        column = table[path]
        if field is None or field.type not in _TYPES:
            found[path] = column
        elif field.type == "string":
            found[path] = column.cast("string").nullif("")
        else:
            found[path] = column.cast(_TYPES[field.type])
    return found


def _read_by(program: TypologyProgram) -> list[str]:
    """Paths that conditions and sentences read, in order of first mention."""
    trees = [one.expr for one in program.conditions.values()]
    seen = [
        node.path
        for tree in trees
        for node in nodes_of(tree)
        if isinstance(node, Reference | Present)
    ]
    return [path for path in dict.fromkeys(seen) if not path.startswith("lists.")]
