"""From where a request comes: the peer of the connection, or what a trusted proxy says.

Guards: headers are believed only when the peer itself is in `trusted_proxies`; then the address is
the last one of X-Forwarded-For that is no trusted proxy, because everything before it was written
by the sender. Senders of IPv6 have a whole /64 at their disposal, so addresses are grouped by it
(RFC 6177); IPv4-mapped addresses count as IPv4. Standard: RFC 7239 section 8.1 on trust.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

HOPS_LIMIT: Final = 16
SOCKET: Final = "unix"
"""Among trusted proxies: whoever comes by the unix socket."""
_PREFIX_OCTETS = 8
_LOOPBACK_6: Final = bytes(_PREFIX_OCTETS)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Origins:
    """Tells the group of addresses that a request counts for."""

    def __init__(self, trusted_proxies: Sequence[str] = ()) -> None:
        self._socket = SOCKET in trusted_proxies
        self._trusted = tuple(ipaddress.ip_network(one) for one in trusted_proxies if one != SOCKET)

    def of(self, request: Mapping[str, Any], forwarded: str | None) -> bytes:
        """The packed IPv4 address or IPv6 /64 of an ASGI request; empty when there is none."""
        client = request.get("client")
        peer = None if client is None else parsed(client[0])
        if peer is None:  # a unix socket
            behind = self._behind(forwarded) if forwarded and self._socket else None
            return b"" if behind is None else packed(behind)
        if forwarded is not None and self._trusted and self._is_trusted(peer):
            peer = self._behind(forwarded) or peer
        return packed(peer)

    def _behind(self, forwarded: str) -> Address | None:
        for text in reversed(forwarded.split(",")[-HOPS_LIMIT:]):
            address = parsed(text.strip())
            if address is None:
                return None
            if not self._is_trusted(address):
                return address
        return None

    def _is_trusted(self, address: Address) -> bool:
        return any(
            address.version == network.version and address in network for network in self._trusted
        )


def is_local(group: bytes) -> bool:
    """Whether a group is this machine: a unix socket, 127.0.0.0/8 or ::1."""
    return not group or group == _LOOPBACK_6 or (len(group) == 4 and group[0] == 127)


@lru_cache(4_096)
def parsed(text: str) -> Address | None:
    """The address of a text, None when it is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def packed(address: Address) -> bytes:
    """Octets of the group: 4 of IPv4, the first 8 of IPv6."""
    return address.packed if address.version == 4 else address.packed[:_PREFIX_OCTETS]
