"""Reason codes of chargebacks: what a dispute is about, by the scheme's code.

Guards: only a dispute about fraud is a label; one about service, authorisation or processing says
nothing about who paid. A code that two schemes use differently is unknown unless the scheme is
named. Withdrawn codes stay, so that old files can be read. Source: the schemes' public dispute
guides (Visa 10-13, Mastercard 48xx, American Express, Discover), as facts in our own words.

>>> dispute_kind("13.1"), dispute_kind("4837", "mastercard"), dispute_kind("no such code")
('service', 'fraud', None)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from paywarden.reference.shipped import load_shipped

KINDS = ("fraud", "service", "authorisation", "processing")


@dataclass(frozen=True, slots=True)
class DisputeReason:
    """One code of one scheme; `kind` is one of KINDS."""

    scheme: str
    code: str
    kind: str
    text: str


@cache
def dispute_reasons() -> dict[tuple[str, str], DisputeReason]:
    """All reasons by scheme and code."""
    found = (DisputeReason(*row) for row in load_shipped("dispute_reasons").rows)
    return {(one.scheme, one.code): one for one in found}


@cache
def dispute_schemes() -> tuple[str, ...]:
    """Every scheme that has codes here, sorted."""
    return tuple(sorted({scheme for scheme, _code in dispute_reasons()}))


@cache
def _kinds() -> dict[str, str]:
    """Kind by code, where all schemes that use the code agree."""
    found: dict[str, set[str]] = {}
    for one in dispute_reasons().values():
        found.setdefault(one.code, set()).add(one.kind)
    return {code: next(iter(kinds)) for code, kinds in found.items() if len(kinds) == 1}


def dispute_kind(code: str, scheme: str | None = None) -> str | None:
    """What a code is about, or None when it is not known; letters in either case."""
    plain = code.strip().upper()
    if scheme is None:
        return _kinds().get(plain)
    known = dispute_reasons().get((scheme, plain))
    return None if known is None else known.kind
