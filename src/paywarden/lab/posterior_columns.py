"""Posteriors as columns of a file's payments, by the code that decides live.

Guards: point in time: each payment has what was known before it, labels count from the instant of
their report, as in a live log. Computed once, before windows and rules, and only for the fields
that a condition or an input of a model names. An entity is known by the file alone: there is no
history before its first payment. Shapes: n payments. Not done here: links, which files do not have.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from paywarden.core.secret import Secret
from paywarden.lab.mapping import LabelMap
from paywarden.lab.observations import Observations
from paywarden.lab.prepared import Prepared, reports_of
from paywarden.risk.features.catalogue import POSTERIOR_FIELDS
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.posteriors.model import KINDS
from paywarden.risk.posteriors.store import Posteriors
from paywarden.risk.rules.columns import Column

BLOCK = 32_768


def with_posteriors(
    prepared: Prepared,
    label: LabelMap | None,
    delay_us: int | None,
    key: Secret[bytes],
    texts: Iterable[str],
) -> Prepared:
    """The payments with a column for each `posterior.*` that one of `texts` names.

    A kind of which no payment names an entity has no column.
    """
    read = tuple(texts)
    wanted = [path for path in POSTERIOR_FIELDS if any(path in text for text in read)]
    if not wanted:
        return prepared
    table = prepared.table
    source = label.source if label is not None else ""
    observations = Observations(
        table, WindowPlan((), {}), Digester(key), reports_of(prepared, label, delay_us), source,
        kinds=frozenset(KINDS),
    )  # fmt: skip
    store, count = Posteriors(), len(table)
    found = {path: np.zeros(count) for path in wanted}
    places = {path: divmod(place, 2) for place, path in enumerate(POSTERIOR_FIELDS)}
    for start in range(0, count, BLOCK):
        stop = min(start + BLOCK, count)
        values = store.observe_columns(*observations.block(start, stop))
        for path, data in found.items():
            kind, which = places[path]
            there = values[:, kind, 0] >= 0
            data[start:stop] = np.where(there, values[:, kind, which], np.nan)
    columns = {path: _column(data) for path, data in found.items() if not np.isnan(data).all()}
    return replace(prepared, table=replace(table, columns={**table.columns, **columns}))


def _column(data: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Column:
    there = ~np.isnan(data)
    return Column("double", np.where(there, data, 0.0), None if there.all() else there)
