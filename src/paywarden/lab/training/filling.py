"""Which inputs of a recipe a history can fill, and which of them stand in it twice.

Guards: an input of which some part can never have a value is left out, and so is one that counts
the same thing under another name (one card for each payer): trees would only be torn between them.
Not done here: values (`dataset.py`, `log_history.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from paywarden.core.errors import InvalidRequest
from paywarden.lab.tables import PaymentTable
from paywarden.lab.training.history import History
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.observing import KEY_PATHS
from paywarden.risk.rules.filters import FilterSet
from paywarden.risk.scoring.recipe import CompiledInput, Input, Recipe, compile_inputs


def fitting_recipe(history: History, inputs: Sequence[Input]) -> Recipe:
    """The recipe without what this history can never fill, and without what stands twice in it.

    Errors: InvalidRequest `inputs_unfillable`.
    """
    policy = history.policy
    whole = compile_inputs(inputs, policy.aggregates, policy.lists)
    windows = {one.name: one for one in (*policy.aggregates, *whole.windows)}
    table = history.prepared.table
    alias = _aliases(table)
    fillable = _Fillable(windows, table, history.ever)
    kept: dict[Any, Input] = {}
    for one in whole.inputs:
        if fillable.can(one):
            kept.setdefault(_canonical(one.tree, windows, alias), one.input)
    if not kept:
        raise InvalidRequest("inputs_unfillable", "these payments fill no input of the recipe")
    return compile_inputs(tuple(kept.values()), policy.aggregates, policy.lists)


class _Fillable:
    def __init__(
        self,
        windows: Mapping[str, Aggregate],
        table: PaymentTable,
        ever: Callable[[FilterSet], Sequence[bool]],
    ) -> None:
        self._windows = windows
        self._here = set(table.columns)
        texts = [one.where for one in windows.values() if one.where is not None]
        filters = FilterSet(texts)
        self._ever = dict(zip(filters.filters, ever(filters), strict=True))

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
