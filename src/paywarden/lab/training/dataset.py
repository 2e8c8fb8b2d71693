"""The training set of a file: inputs of payments as they could be known when each was decided.

Guards: point in time by construction. The file runs through the engine in order of time; a label
reaches the windows `delay` after its payment and never earlier, so no input holds what was not
known. The label of a row is kept beside it with the instant from which it may be used. The rules of
the policy run in the same pass. Inputs that this file can never fill are left out, and so are
inputs that count the same thing under another name (one card for each payer).
Shapes: n payments in order of time, m kept rows, k inputs. Not done here: fitting (`fitting.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.decision.conduct import PolicyRuntime
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.deciding import Deciding, Progress
from paywarden.lab.file_lists import FileLists
from paywarden.lab.files import open_file
from paywarden.lab.firing import feature_columns
from paywarden.lab.labels import FRAUD, GENUINE, UNKNOWN, reported
from paywarden.lab.mapping import LabelMap
from paywarden.lab.mapping import Mapping as FileMapping
from paywarden.lab.mapping_file import read_mapping
from paywarden.lab.observations import Observations, possible_filters
from paywarden.lab.posterior_columns import with_posteriors
from paywarden.lab.prepared import Prepared, conditions_of, prepare, reports_of
from paywarden.lab.sources import Given, read_given
from paywarden.lab.tables import PaymentTable
from paywarden.risk.features.batch import FeatureColumns
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.observing import KEY_PATHS
from paywarden.risk.rules.column_program import FiredRules
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.filters import FilterSet
from paywarden.risk.rules.model import Policy
from paywarden.risk.rules.reader import read_policy
from paywarden.risk.rules.scope import condition_types
from paywarden.risk.scoring.inputs import Floats, InputColumns
from paywarden.risk.scoring.recipe import CompiledInput, Input, Recipe, compile_inputs

Bools = npt.NDArray[np.bool_]
Keep = Callable[[Prepared], Bools]


@dataclass(frozen=True, slots=True)
class Material:
    """A mapped file and a policy, read once; sets of several delays are built from it."""

    policy: Policy
    folder: Path
    mapping: FileMapping
    prepared: Prepared
    key: Secret[bytes]

    @property
    def label(self) -> LabelMap:
        """How labels are mapped. Errors: InvalidRequest `labels_needed`."""
        found = self.mapping.label
        if found is None or not (self.prepared.marks != UNKNOWN).any():
            detail = "the mapping names no column of labels; add a section [label]"
            raise InvalidRequest("labels_needed", detail, pointer=self.mapping.name)
        return found

    @property
    def reported_marks(self) -> npt.NDArray[np.int8]:
        """Labels that come to be known, [n]: a fraud that is never reported passes for genuine.

        Whatever learns reads these; only what judges reads the truth.
        """
        marks = self.prepared.marks
        found = np.where(marks == FRAUD, np.int8(GENUINE), marks)
        told = reported(marks, self.prepared.ids, self.label.reported_share)
        found[told] = marks[told]
        return found


@dataclass(frozen=True, slots=True)
class Dataset:
    """Inputs and outcomes. `matrix`: float32 [m, k]; `rows`: payment of each row, [m], ascending.

    `dictionaries`: texts by code, per input that is a text (codes stand in the matrix).
    `outcomes`, `points`: what the rules alone came to, for every payment, [n].
    """

    inputs: tuple[Input, ...]
    matrix: Floats
    rows: npt.NDArray[np.int64]
    dictionaries: Mapping[str, tuple[str, ...]]
    outcomes: npt.NDArray[np.int8]
    points: npt.NDArray[np.int32]
    delay_us: int


def read_material(
    file: Path, mapping_path: Path, folder: Path, key: Secret[bytes], limit: int | None = None
) -> Material:
    """Read policy, mapping and file. Errors: as `decide_file`."""
    if not folder.is_dir():
        detail = "there is no such folder"
        raise InvalidRequest("policy_folder_missing", detail, pointer=str(folder))
    policy = read_policy(folder)
    mapping = read_mapping(mapping_path)
    given = read_given(mapping, open_file(file, mapping.separator), limit, CardScreen(key))
    policy, taken = _in_currency(policy, mapping, given)
    prepared = prepare(given, mapping, [policy])
    prepared.degraded.update(taken)
    return Material(policy, folder, mapping, prepared, key)


def _in_currency(
    policy: Policy, mapping: FileMapping, given: Given
) -> tuple[Policy, dict[str, int]]:
    """The policy in the file's one currency where no rate leads to its own, and that it was so.

    Without it no amount would be an input. A model made so is served in that currency alone.
    """
    known: list[str] = []
    if "payment.currency" in given.fields:
        known = given.fields["payment.currency"].drop_nulls().unique().to_list()
    if mapping.rates is not None or len(known) != 1 or known[0] == policy.base_currency:
        return policy, {}
    word = f"amounts_taken_in_{known[0]}"
    return replace(policy, base_currency=known[0]), {word: len(given.time_us)}


def build(
    material: Material,
    inputs: Sequence[Input],
    delay_us: int,
    keep: Bools,
    progress: Progress,
) -> Dataset:
    """One pass over the file; `keep` [n]: payments whose inputs are wanted."""
    label, policy = material.label, material.policy
    texts = [*conditions_of(policy), *(one.text for one in inputs)]
    prepared = with_posteriors(material.prepared, label, delay_us, material.key, texts)
    material = replace(material, prepared=prepared)
    recipe = fitting_recipe(material, inputs)
    served = replace(policy, aggregates=(*policy.aggregates, *recipe.windows))
    runtime = PolicyRuntime(compile_policy(served))
    table = material.prepared.table
    types = condition_types(served.aggregates, policy.lists)
    collecting = _Collecting(InputColumns(recipe.inputs, types), table, keep)
    observations = Observations(
        table,
        runtime.plan,
        Digester(material.key),
        reports_of(material.prepared, label, delay_us, runtime.compiled.filters, runtime.plan),
        label.source,
    )
    engine = Deciding(runtime, table, FileLists(policy.lists, material.folder))
    decided = engine.run(observations, progress, collecting.watch)
    cases = decided.verdicts.cases
    words = np.array([case.outcome for case in cases], np.int8)
    points = np.array([case.combined.points for case in cases], np.int32)
    return Dataset(
        tuple(one.input for one in recipe.inputs),
        collecting.matrix,
        collecting.rows,
        collecting.dictionaries,
        words[decided.numbers],
        points[decided.numbers],
        delay_us,
    )


class _Collecting:
    """Keeps the inputs of the wanted payments, block by block."""

    def __init__(self, columns: InputColumns, table: PaymentTable, keep: Bools) -> None:
        self._columns = columns
        self._table = table
        self._keep = keep
        self.rows = np.flatnonzero(keep)
        self.matrix = np.empty((len(self.rows), len(columns.inputs)), np.float32)
        self.dictionaries: dict[str, tuple[str, ...]] = {
            one.input.name: table.columns[one.paths[0]].dictionary
            for one in columns.inputs
            if one.kind == "string" and one.paths[0] in table.columns
        }

    def watch(self, start: int, features: FeatureColumns, _fired: FiredRules) -> None:
        """What `Deciding` calls after every block."""
        stop = start + len(features.rows)
        wanted = self._keep[start:stop]
        if not wanted.any():
            return
        columns = self._table.part(start, stop, self._columns.paths)
        columns.update(feature_columns(features))
        block = self._columns.matrix(columns, stop - start)
        first = int(np.searchsorted(self.rows, start))
        self.matrix[first : first + int(wanted.sum())] = block[wanted]


# --- which inputs a file can fill -----------------------------------------------------------------


def fitting_recipe(material: Material, inputs: Sequence[Input]) -> Recipe:
    """The recipe without what this file can never fill, and without what stands twice in it."""
    policy = material.policy
    whole = compile_inputs(inputs, policy.aggregates, policy.lists)
    windows = {one.name: one for one in (*policy.aggregates, *whole.windows)}
    table = material.prepared.table
    alias = _aliases(table)
    fillable = _Fillable(windows, table, material.label.source)
    kept: dict[Any, Input] = {}
    for one in whole.inputs:
        if fillable.can(one):
            kept.setdefault(_canonical(one.tree, windows, alias), one.input)
    if not kept:
        raise InvalidRequest("inputs_unfillable", "the mapping fills no input of the recipe")
    return compile_inputs(tuple(kept.values()), policy.aggregates, policy.lists)


class _Fillable:
    def __init__(self, windows: Mapping[str, Aggregate], table: PaymentTable, source: str) -> None:
        self._windows = windows
        self._here = set(table.columns)
        texts = [one.where for one in windows.values() if one.where is not None]
        filters = FilterSet(texts)
        marks = [possible_filters(filters, mark, source) for mark in (None, FRAUD, GENUINE)]
        ever = [any(held) for held in zip(*marks, strict=True)]
        self._ever = dict(zip(filters.filters, ever, strict=True))

    def can(self, one: CompiledInput) -> bool:
        """Whether the input could ever have a value, and one that changes."""
        read = [self._path(path) for path in one.paths]
        if _branches(one.tree):
            return any(read)
        own = [p for p in one.paths if p.startswith("agg.")]
        silent = bool(own) and not any(self._counts(self._windows[p[4:]]) for p in own)
        return all(read) and not (silent and len(own) == len(one.paths))

    def _path(self, path: str) -> bool:
        if not path.startswith("agg."):
            return path in self._here
        window = self._windows[path[4:]]
        of = window.of is None or window.of.startswith("event.") or window.of in self._here
        return of and all(KEY_PATHS[kind] in self._here for kind in window.by)

    def _counts(self, window: Aggregate) -> bool:
        return window.where is None or self._ever[window.where]


def _branches(tree: Any) -> bool:
    if not isinstance(tree, tuple):
        return False
    return tree[:1] == ("has",) or tree[:2] == ("call", "_?_:_") or any(map(_branches, tree))


def _aliases(table: PaymentTable) -> dict[str, str]:
    """Key kinds that name the same entities as an earlier one, to the earlier one."""
    found: dict[str, str] = {}
    seen: list[str] = []
    for kind, path in KEY_PATHS.items():
        column = table.columns.get(path)
        if column is None:
            continue
        for other in seen:
            codes = table.columns[KEY_PATHS[other]].data
            if np.array_equal(codes, column.data):
                found[kind] = other
                break
        else:
            seen.append(kind)
    return found


def _canonical(tree: Any, windows: Mapping[str, Aggregate], alias: Mapping[str, str]) -> Any:
    if not isinstance(tree, tuple):
        return tree
    if tree[:1] == ("ref",) and tree[1].startswith("agg."):
        window = windows[tree[1][4:]]
        keys = tuple(sorted({alias.get(kind, kind) for kind in window.by}))
        return ("ref", replace(window, name="", by=keys))
    return tuple(_canonical(part, windows, alias) for part in tree)
