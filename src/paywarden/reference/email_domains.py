"""Sets of mail domains: throw-away providers and free providers.

Guards: a listed domain covers its sub-domains too (providers hand them out by the thousand), never
its parents. Shipped: throw-away domains of disposable-email-domains (CC0) and a short list of free
providers of our own; the operator may load newer ones from a text file, one domain a line.

>>> "mailinator.com" in disposable_domains(), "a.mailinator.com" in disposable_domains()
(True, True)
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from paywarden.reference.canonical import canonical_domain
from paywarden.reference.provenance import MAX_AGE_DAYS_EMAIL, Provenance
from paywarden.reference.reading import (
    TableFile,
    numbered_lines,
    provenance_of,
    read_text,
    refuse,
)
from paywarden.reference.shipped import load_shipped

_MAX_LABELS = 10


class DomainSet:
    """Canonical domains; `in` also answers for sub-domains of a listed one."""

    def __init__(self, domains: Iterable[str], provenance: Provenance) -> None:
        self._domains = frozenset(domains)
        self.provenance = provenance

    def __len__(self) -> int:
        return len(self._domains)

    def __contains__(self, domain: object) -> bool:
        if domain in self._domains:
            return True
        if not isinstance(domain, str):
            return False
        parent = domain.partition(".")[2]
        for _ in range(_MAX_LABELS):
            if "." not in parent:
                return False
            if parent in self._domains:
                return True
            parent = parent.partition(".")[2]
        return False


@cache
def disposable_domains() -> DomainSet:
    """The shipped throw-away domains."""
    return _shipped("disposable_email_domains")


@cache
def free_domains() -> DomainSet:
    """The shipped free mail providers."""
    return _shipped("free_email_domains")


def _shipped(name: str) -> DomainSet:
    table = load_shipped(name)
    return DomainSet((row[0] for row in table.rows), table.provenance)


def load_domains(file: TableFile, name: str) -> DomainSet:
    """Domains of a text file, one a line, `#` starts a comment.

    Errors: those of `reading`, and InvalidRequest `table_bad_domain` with file:line.
    """
    table = read_text(file.path)
    domains: set[str] = set()
    rows = 0
    for rows, (line, text) in enumerate(numbered_lines(table), start=1):  # noqa: B007
        domain = canonical_domain(text)
        # A single label would cover a whole top-level domain.
        if domain is None or "." not in domain:
            raise refuse(table, line, "table_bad_domain", "not a mail domain such as example.org")
        domains.add(domain)
    return DomainSet(domains, provenance_of(name, file, table, rows, MAX_AGE_DAYS_EMAIL))
