"""Networks: which address a person, a carrier, an office or a hosting company speaks from.

Benign look-alikes live here: a carrier's few exits are shared by thousands of innocents, offices
and households share one address, some honest people use a VPN in a data centre.
"""

from __future__ import annotations

import enum
import ipaddress

import numpy as np

from paywarden.simulator.rows import Ints
from paywarden.simulator.world.geography import COUNTRIES
from paywarden.simulator.world.pools import Cast


class Line(enum.IntEnum):
    """Kind of connection."""

    HOME = 0
    OFFICE = 1
    MOBILE = 2
    HOTEL = 3
    HOSTING = 4


CARRIER_EXITS = 8
HOTEL_EXITS = 60
VPN_EXITS = 24


def draw(rng: np.random.Generator, cast: Cast, country: Ints, line: Line) -> Ints:
    """One new address per entry of `country` (indices) in that country's block for `line`."""
    base, size = _blocks(line)
    host = rng.integers(1, size[country] - 1)
    return cast.add("ips", len(country), address=base[country] + host, line=line, country=country)


def neighbours(rng: np.random.Generator, cast: Cast, country: Ints, line: Line) -> Ints:
    """The same, but all of a country within one random /24 of its block."""
    base, size = _blocks(line)
    start = base + rng.integers(0, size // 256, len(size)) * 256
    host = rng.integers(1, 255, len(country))
    return cast.add("ips", len(country), address=start[country] + host, line=line, country=country)


def _blocks(line: Line) -> tuple[Ints, Ints]:
    nets = []
    for country in COUNTRIES:
        block = {Line.MOBILE: country.mobile, Line.HOSTING: country.hosting}.get(
            line, country.homes
        )
        nets.append(ipaddress.IPv4Network(block))
    base = np.array([int(net.network_address) for net in nets], dtype=np.int64)
    return base, np.array([net.num_addresses for net in nets], dtype=np.int64)


def text(address: int) -> str:
    """Dotted form of an address.

    >>> text(3405803785)
    '203.0.113.9'
    """
    return str(ipaddress.IPv4Address(address))
