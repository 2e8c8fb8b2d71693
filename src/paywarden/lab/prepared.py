"""A mapped file as the engine sees it: payments in order of time, each once, with all fields.

Guards: whatever reads a file (deciding, back-test) prepares it here, so that both see the same
payments. A payment that stands twice counts once. Fields of which every payment has its own are
dropped when no condition reads them. Labels that no window could count are not fed at all.
Not done here: reading (`sources.py`), windows (`observations.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from paywarden.lab.derived import derive_columns
from paywarden.lab.labels import FRAUD, GENUINE, reported
from paywarden.lab.mapping import LabelMap, Mapping, RatesMap
from paywarden.lab.observations import countable
from paywarden.lab.sources import Given
from paywarden.lab.tables import PaymentTable, table_of
from paywarden.risk.enrichment.enricher import Enricher
from paywarden.risk.enrichment.rates import Rates, freeze
from paywarden.risk.enrichment.tables import EnrichmentTables
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.rules.filters import FilterSet
from paywarden.risk.rules.model import Policy
from paywarden.risk.rules.typology_rows import compiled_rules

Reports = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int8]]
_UNIQUE = ("payment.id", "payer.name", "payment.billing_address.line1")
"""Fields of which every payment has its own: not worth a dictionary unless somebody reads them."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Payments in order of time, each once. `marks`: labels; `ids`: identifiers."""

    table: PaymentTable
    marks: npt.NDArray[np.int8]
    ids: pl.Series
    degraded: dict[str, int]


def prepare(given: Given, mapping: Mapping, policies: Sequence[Policy]) -> Prepared:
    """Payments with the derived fields that the policies (of one base currency) may read."""
    rows = np.arange(len(given.time_us))
    if given.repeats is not None:
        rows = rows[given.repeats == rows]
    order = rows[np.argsort(given.time_us[rows], kind="stable")]
    time_us = given.time_us[order]
    index = pl.Series(order)
    fields = given.fields.select(pl.all().gather(index))
    enricher = Enricher(EnrichmentTables(rates_of(mapping.rates, policies[0].base_currency)))
    derived, degraded = derive_columns(enricher, fields, time_us)
    unread = [path for path in _UNIQUE if not any(_reads(one, path) for one in policies)]
    table = table_of(derived.drop(unread, strict=False), time_us, order)
    return Prepared(table, given.labels[order], fields["payment.id"], degraded)


def reports_of(
    prepared: Prepared,
    label: LabelMap | None,
    delay_us: int | None,
    filters: FilterSet | None = None,
    plan: WindowPlan | None = None,
) -> Reports:
    """Payment, instant and mark of each label report, in order of payments.

    With `filters` and `plan`, only reports that a window of the plan could count.
    """
    none = np.zeros(0, np.int64)
    if label is None or delay_us is None:
        return none, none, np.zeros(0, np.int8)
    rows = reported(prepared.marks, prepared.ids, label.reported_share)
    for mark in (FRAUD, GENUINE):
        if filters is None or plan is None:
            continue
        if not countable(mark, label.source, filters, plan):
            rows = rows[prepared.marks[rows] != mark]
    return rows, prepared.table.time_us[rows] + delay_us, prepared.marks[rows]


def conditions_of(policy: Policy) -> list[str]:
    """Texts of everything in a policy that reads fields."""
    texts = [rule.when for rule in compiled_rules(policy)]
    texts += [segment.when for segment in policy.segments]
    return texts + [group.when for group in policy.merchant_groups]


def _reads(policy: Policy, path: str) -> bool:
    """Whether any condition of the policy may read a field."""
    return any(path in text for text in conditions_of(policy))


def rates_of(given: RatesMap | None, base: str) -> Rates:
    """Rates of the mapping, where they lead to the policy's base currency."""
    if given is None or given.base != base:
        return Rates(base, {})
    return Rates(
        base,
        {c: freeze(c, base, rate, None) for c, rate in given.rates.items() if c != base},
    )
