"""Tables over IP addresses: country and network owner (ASN), and plain sets of networks.

Guards: IPv4 and IPv6 apart; nested and crossing ranges are settled when loaded (`ranges`: most
specific first, then the later line). A network with host bits set is refused, because whoever
wrote 10.0.0.5/8 meant something else. Standards: RFC 4632, RFC 4291.

Files: `load_ip_facts` CSV (or CSV.gz), with a header: `network` (CIDR or one address) or `start`
and `end`, and `country`, `asn`, `name` as far as there; or without one: start, end and one more
column that is a country or an ASN. `load_ip_set` text: one address, CIDR or `first-last` a line,
`#` starts a comment.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from paywarden.reference.provenance import MAX_AGE_DAYS_IP, Provenance
from paywarden.reference.ranges import Ranges, Span
from paywarden.reference.reading import (
    TableFile,
    TableText,
    check_width,
    columns,
    csv_rows,
    numbered_lines,
    provenance_of,
    read_text,
    refuse,
)

MAX_ASN = 2**32 - 1
_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_CIDR4 = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}(?:/(3[0-2]|[12]?[0-9]))?").fullmatch
_COUNTRY = re.compile(r"[A-Z]{2}").fullmatch
_ASN = re.compile(r"(?:AS)?([0-9]{1,10})", re.IGNORECASE).fullmatch
_UNKNOWN_COUNTRIES = frozenset({"", "-", "ZZ", "NONE"})
_BAD_NETWORK = "not an address, CIDR without host bits, or range first-last"

Network = tuple[int, int, int]
"""IP version, first and last address as integers."""


class IpFacts(NamedTuple):
    """What the table says about a range; None is unknown."""

    country: str | None
    asn: int | None


class IpTable:
    """Country and ASN by address."""

    def __init__(
        self, v4: list[Span], v6: list[Span], facts: list[IpFacts], provenance: Provenance
    ) -> None:
        self.v4 = Ranges.build(v4)
        self.v6 = Ranges.build(v6)
        self.facts = facts
        self.provenance = provenance

    def find(self, version: int, value: int) -> IpFacts | None:
        """Facts of one address (as `parse_ip` gives it), or None."""
        row = (self.v4 if version == 4 else self.v6).find(value)
        return self.facts[row] if row >= 0 else None


class IpSet:
    """Membership by address."""

    def __init__(self, v4: list[Span], v6: list[Span], provenance: Provenance) -> None:
        self.v4 = Ranges.build(v4)
        self.v6 = Ranges.build(v6)
        self.provenance = provenance

    def holds(self, version: int, value: int) -> bool:
        """Whether one address (as `parse_ip` gives it) lies in the set."""
        return (self.v4 if version == 4 else self.v6).find(value) >= 0


def parse_network(text: str) -> Network | None:
    """Version, first and last address of `address`, `CIDR` or `first-last`; None if malformed.

    IPv4-mapped IPv6 becomes IPv4, as everywhere.
    """
    match = _CIDR4(text)
    if match is not None:
        return _ipv4(match)
    first, dash, last = text.partition("-")
    if dash:
        return _between(parse_network(first.strip()), parse_network(last.strip()))
    if len(text) > 64 or "%" in text or ":" not in text:
        return None
    try:
        network = ipaddress.IPv6Network(text)
    except ValueError:
        return None
    return _unmapped(int(network.network_address), int(network.broadcast_address))


def _ipv4(match: re.Match[str]) -> Network | None:
    a, b, c, d, length = match.groups()
    low = (int(a) << 24) | (int(b) << 16) | (int(c) << 8) | int(d)
    size = 1 << (32 - int(length)) if length else 1
    return None if low % size else (4, low, low + size - 1)


def _unmapped(low: int, high: int) -> Network:
    if low >> 32 == 0xFFFF and high >> 32 == 0xFFFF:
        return 4, low & 0xFFFF_FFFF, high & 0xFFFF_FFFF
    return 6, low, high


def _between(first: Network | None, last: Network | None) -> Network | None:
    if first is None or last is None or first[0] != last[0]:
        return None
    single = first[1] == first[2] and last[1] == last[2]
    return (first[0], first[1], last[1]) if single and first[1] <= last[1] else None


def load_ip_set(file: TableFile, name: str) -> IpSet:
    """Read a set of networks (data centres, VPN exits).

    Errors: those of `reading`, and InvalidRequest `ip_bad_network` with file:line.
    """
    table = read_text(file.path)
    spans: dict[int, list[Span]] = {4: [], 6: []}
    for line, text in numbered_lines(table):
        network = parse_network(text)
        if network is None:
            raise refuse(table, line, "ip_bad_network", _BAD_NETWORK)
        spans[network[0]].append((network[1], network[2], 0))
    rows = len(spans[4]) + len(spans[6])
    provenance = provenance_of(name, file, table, rows, MAX_AGE_DAYS_IP)
    return IpSet(spans[4], spans[6], provenance)


def load_ip_facts(file: TableFile, name: str) -> IpTable:
    """Read country and ASN ranges.

    Errors: those of `reading`, and InvalidRequest `ip_bad_network`, `ip_bad_cell` with file:line.
    """
    table = read_text(file.path)
    spans: dict[int, list[Span]] = {4: [], 6: []}
    facts: dict[IpFacts, int] = {}
    for (version, low, high), fact in _fact_rows(table):
        spans[version].append((low, high, facts.setdefault(fact, len(facts))))
    rows = len(spans[4]) + len(spans[6])
    provenance = provenance_of(name, file, table, rows, MAX_AGE_DAYS_IP)
    return IpTable(spans[4], spans[6], list(facts), provenance)


def _fact_rows(table: TableText) -> Iterator[tuple[Network, IpFacts]]:
    rows = csv_rows(table)
    line, first = next(rows, (1, ["network"]))
    width = len(first)
    bare = parse_network(first[0].strip()) is not None
    read = _bare_reader(table, width, line) if bare else _headed_reader(table, first, line)
    if bare:
        yield read(line, first)
    for line, cells in rows:
        check_width(table, cells, width, line)
        yield read(line, cells)


_Reader = Callable[[int, list[str]], tuple[Network, IpFacts]]


def _headed_reader(table: TableText, header: list[str], line: int) -> _Reader:
    names = {name.strip().lower() for name in header}
    required = ("network",) if "network" in names else ("start", "end")
    where = columns(table, header, line, required, ("country", "asn", "name"))

    def read(line: int, cells: list[str]) -> tuple[Network, IpFacts]:
        text = "-".join(cells[where[name]].strip() for name in required)
        country = cells[where["country"]] if "country" in where else ""
        asn = cells[where["asn"]] if "asn" in where else ""
        return _network(table, line, text), IpFacts(
            _country(table, line, country), _asn(table, line, asn)
        )

    return read


def _bare_reader(table: TableText, width: int, line: int) -> _Reader:
    if width not in (3, 4):
        detail = "without a header: start, end, country; or start, end, asn, name"
        raise refuse(table, line, "ip_bad_cell", detail)

    def read(line: int, cells: list[str]) -> tuple[Network, IpFacts]:
        network = _network(table, line, f"{cells[0].strip()}-{cells[1].strip()}")
        third = cells[2].strip()
        if _ASN(third):
            return network, IpFacts(None, _asn(table, line, third))
        return network, IpFacts(_country(table, line, third), None)

    return read


def _network(table: TableText, line: int, text: str) -> Network:
    network = parse_network(text)
    if network is None:
        raise refuse(table, line, "ip_bad_network", _BAD_NETWORK)
    return network


def _country(table: TableText, line: int, text: str) -> str | None:
    country = text.strip().upper()
    if country in _UNKNOWN_COUNTRIES:
        return None
    if not _COUNTRY(country):
        raise refuse(table, line, "ip_bad_cell", "country must be an alpha-2 code or blank")
    return country


def _asn(table: TableText, line: int, text: str) -> int | None:
    if not text.strip():
        return None
    match = _ASN(text.strip())
    if match is None or int(match.group(1)) > MAX_ASN:
        raise refuse(table, line, "ip_bad_cell", "asn must be 0-4294967295, with or without AS")
    return int(match.group(1)) or None
