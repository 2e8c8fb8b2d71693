"""The tables that enrichment looks into, and what a decision's record says about them.

Guards: one frozen bundle is used for a whole decision; its `version` names every table's content,
so the log tells which facts were seen. Tables that the operator has not given are None, and the
fields that they would feed stay absent (unknown is not false). Not done here: loading on a
schedule; the process that owns the engine swaps the bundle at a logged sequence.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from paywarden.reference.bins import BinTable
from paywarden.reference.canonical import CANONICAL_VERSION
from paywarden.reference.email_domains import DomainSet, disposable_domains, free_domains
from paywarden.reference.ip_ranges import IpSet, IpTable
from paywarden.reference.provenance import Alarm, Provenance
from paywarden.reference.shipped import shipped_provenance
from paywarden.risk.enrichment.rates import Rates

_MAIL_TABLES = ("disposable_email_domains", "free_email_domains")


@dataclass(frozen=True, slots=True)
class EnrichmentTables:
    """Everything the enricher reads; operator tables are optional, shipped ones are defaults."""

    rates: Rates
    bins: BinTable | None = None
    ip_country: IpTable | None = None
    ip_asn: IpTable | None = None
    datacenters: IpSet | None = None
    vpns: IpSet | None = None
    disposable: DomainSet = field(default_factory=disposable_domains)
    free: DomainSet = field(default_factory=free_domains)

    def provenance(self) -> tuple[Provenance, ...]:
        """Origin of every table in use, by name."""
        given = (self.bins, self.ip_country, self.ip_asn, self.datacenters, self.vpns)
        used = [
            table.provenance for table in (*given, self.disposable, self.free) if table is not None
        ]
        used += [p for p in shipped_provenance() if p.name not in _MAIL_TABLES]
        if self.rates.provenance is not None:
            used.append(self.rates.provenance)
        return tuple(sorted(used, key=lambda p: (p.name, p.sha256)))

    def version(self) -> str:
        """SHA-256 (hex) over names and digests of all tables and the canonical forms' version."""
        lines = [f"canonical {CANONICAL_VERSION}", f"base {self.rates.base}"]
        lines += [f"{p.name} {p.sha256}" for p in self.provenance()]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def alarms(self, now_us: int) -> tuple[Alarm, ...]:
        """Alarms of all tables at `now_us` (microseconds), by table name."""
        found = (p.alarm(now_us) for p in self.provenance())
        return tuple(alarm for alarm in found if alarm is not None)
