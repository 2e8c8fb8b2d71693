"""Loads the enrichment tables that the settings name."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from paywarden.decision.derive import Deriver
from paywarden.entrypoints.settings import Tables
from paywarden.reference.bins import load_bins
from paywarden.reference.ip_ranges import load_ip_facts, load_ip_set
from paywarden.reference.reading import TableFile
from paywarden.risk.enrichment.enricher import Enricher
from paywarden.risk.enrichment.rates import Rates, load_rates
from paywarden.risk.enrichment.tables import EnrichmentTables

FALLBACK_CURRENCY = "EUR"


def load_tables(settings: Tables, root: Path, base_currency: str) -> EnrichmentTables:
    """Tables with rates towards `base_currency`. Errors: InvalidRequest with file and line."""

    def file(name: str) -> TableFile:
        return TableFile((root / name).absolute())

    rates = (
        load_rates(file(settings.rates), base_currency)
        if settings.rates
        else Rates(base_currency, {})
    )
    return EnrichmentTables(
        rates,
        load_bins(file(settings.bins)) if settings.bins else None,
        load_ip_facts(file(settings.ip_country), "ip_country") if settings.ip_country else None,
        load_ip_facts(file(settings.ip_asn), "ip_asn") if settings.ip_asn else None,
        load_ip_set(file(settings.datacenters), "datacenters") if settings.datacenters else None,
        load_ip_set(file(settings.vpns), "vpns") if settings.vpns else None,
    )


def derivers(settings: Tables, root: Path) -> Callable[[str], Deriver]:
    """A deriver per base currency, each table loaded once per currency."""

    @lru_cache(maxsize=64)
    def deriver(base_currency: str) -> Deriver:
        base = base_currency or FALLBACK_CURRENCY
        return Deriver(Enricher(load_tables(settings, root, base)))

    return deriver
