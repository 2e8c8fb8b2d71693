"""A file's payments and label reports as observations, block by block, in one order of time.

Guards: a label stands after every payment of its instant and carries the keys and fields of its
payment; what lies after the last payment is left out. How events become rows that windows see:
`event_observations`. Shapes: n payments and m labels.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from paywarden.lab.event_observations import EventObservations, EventOrder, Ints, MadeDigests
from paywarden.lab.labels import FRAUD
from paywarden.lab.tables import PaymentTable
from paywarden.risk.features.catalogue import EVENT_FIELDS, KEY_KINDS, OBSERVED
from paywarden.risk.features.columns import ObservationColumns, from_observations
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.rules.filter_columns import filter_columns
from paywarden.risk.rules.filters import FilterSet
from paywarden.risk.rules.program import paths_of_atom

Marks = npt.NDArray[np.int8]


class Observations(EventObservations):
    """Makes the observations of payments start to stop, with the labels that fall among them."""

    def __init__(
        self,
        table: PaymentTable,
        plan: WindowPlan,
        digester: Digester,
        reports: tuple[Ints, Ints, Marks],
        source: str,
        made: MadeDigests | None = None,
        kinds: frozenset[str] = frozenset(),
    ) -> None:
        """`reports`: payment (position in the table), instant, mark of each label, by instant."""
        super().__init__(table, plan, digester, _order(table, reports, source), made, kinds)


def _order(table: PaymentTable, reports: tuple[Ints, Ints, Marks], source: str) -> EventOrder:
    payment, when, mark = reports
    time_us = table.time_us
    at = np.arange(len(table)) + np.searchsorted(when, time_us, side="left")
    known = when <= time_us[-1] if len(table) else np.zeros(0, np.bool_)
    total = int(at[-1]) + 1 if len(table) else 0
    places = np.arange(len(when)) + np.searchsorted(time_us, when, side="right")
    known &= places < total
    of = np.empty(total, np.int64)
    of[at] = np.arange(len(table))
    of[places[known]] = payment[known]
    instants = time_us[of]
    instants[places[known]] = when[known]
    marks = np.full(total, -1, np.int8)
    marks[places[known]] = mark[known]
    label = marks >= 0
    none = np.int32(-1)
    own = {
        "event.kind": (label.astype(np.int32), ("payment", "label")),
        "event.verdict": (np.where(label, marks != FRAUD, none), ("fraud", "genuine")),
        "event.source": (np.where(label, np.int32(0), none), (source,)),
    }
    words = {path: (codes.astype(np.int32), texts) for path, (codes, texts) in own.items()}
    return EventOrder(of, instants, ~label, words)


def countable(mark: int, source: str, filters: FilterSet, plan: WindowPlan) -> bool:
    """Whether any window of the plan could count a label of this mark, whatever its payment.

    Labels that no window can count need not be fed at all.
    """
    if any(one.where < 0 for one in plan.aggregates):
        return True
    return any(possible_filters(filters, mark, source))


def possible_filters(filters: FilterSet, mark: int | None, source: str) -> list[bool]:
    """Per filter of the set, whether it could count a payment (None) or a label of this mark.

    Atoms over the event's own words are asked; all others are taken as possible.
    """
    own = _lone_event({"event.kind": "payment"} if mark is None else _label_words(mark, source))
    graph = filters.graph
    possible: list[bool] = []
    for number, (kind, *content) in enumerate(graph.nodes):
        if kind == "lit":
            known = all(path in EVENT_FIELDS for path in paths_of_atom(graph.atoms[content[0]]))
            possible.append(not known or bool(filter_columns(graph, number, own)[0]))
        else:
            held = [possible[child] for child in content[0]]
            possible.append(all(held) if kind == "and" else any(held))
    return [possible[root] for root in filters.roots]


def _label_words(mark: int, source: str) -> dict[str, str]:
    verdict = "fraud" if mark == FRAUD else "genuine"
    return {"event.kind": "label", "event.verdict": verdict, "event.source": source}


def _lone_event(own: Mapping[str, str]) -> ObservationColumns:
    values = tuple(0 if f.storage == "hash" else own.get(f.path) for f in OBSERVED)
    return from_observations([Observation(1, 0, 0, (0,) * len(KEY_KINDS), values)])
