"""Which destinations a webhook may reach: the guard against server-side request forgery.

Guards: https only, no credentials and no fragment in the URL; every address that the name resolves
to must be a public one, and the connection goes to an address that was checked, so a name that
resolves otherwise a moment later (DNS rebinding) changes nothing. Addresses that carry another
inside (IPv4-mapped, 6to4, NAT64, Teredo) are judged by what they carry. Redirects are not followed
(`sending.py`). `Allowed` lets an operator open named networks, for instance a receiver in the same
house; plain http is allowed into those only.
Source: OWASP, "Server-Side Request Forgery Prevention"; RFC 6890 (special addresses).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from paywarden.core.errors import InvalidRequest

URL_LIMIT = 2_000
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")


class Allowed:
    """Networks that the operator opened beside the public ones."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks: tuple[Network, ...] = tuple(map(ipaddress.ip_network, networks))

    @property
    def any(self) -> bool:
        """Whether anything was opened."""
        return bool(self._networks)

    def opened(self, address: str) -> bool:
        """Whether the operator opened this address by name."""
        found = ipaddress.ip_address(address)
        return any(found.version == net.version and found in net for net in self._networks)

    def permits(self, address: str) -> bool:
        """Whether a connection may go to this address."""
        if self.opened(address):
            return True
        return all(map(_public, _meanings(ipaddress.ip_address(address))))


def check_url(url: str, allowed: Allowed) -> None:
    """Refuse what can be told from the text alone. Errors: InvalidRequest `webhook_url_refused`."""
    reason = _fault(url, allowed)
    if reason is not None:
        raise InvalidRequest("webhook_url_refused", reason, pointer="/url")


def refused_addresses(addresses: Sequence[str], allowed: Allowed) -> bool:
    """Whether the answer of a name look-up holds nothing, or anything that must not be reached.

    One forbidden address among public ones is refused too: nobody needs such a name.
    """
    return not addresses or not all(map(allowed.permits, addresses))


def _fault(url: str, allowed: Allowed) -> str | None:
    if len(url) > URL_LIMIT or not url.isascii() or not url.isprintable() or " " in url:
        return f"a URL is at most {URL_LIMIT} printable ASCII characters"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "this is not a URL"
    if parts.scheme != "https" and not (parts.scheme == "http" and allowed.any):
        return "a URL begins with https://"
    if not parts.hostname:
        return "the URL names no host"
    if "@" in parts.netloc or "\\" in url:
        return "a URL holds no user, password or backslash"
    if parts.fragment:
        return "a URL holds no fragment"
    if port is not None and port != 443 and port < 1_024 and not allowed.any:
        return "the port must be 443 or above 1023"
    return _host_fault(parts.hostname, allowed)


def _host_fault(host: str, allowed: Allowed) -> str | None:
    if host.endswith((".localhost", ".local", ".internal")) or host == "localhost":
        return None if allowed.any else "the host is a local name"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None
    return None if allowed.permits(host) else "the address is not a public one"


def _meanings(address: Address) -> list[Address]:
    """The address, and every address that it carries."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    carried: list[Address] = [address]
    if address.sixtofour is not None:
        carried.append(address.sixtofour)
    if address.teredo is not None:
        carried.extend(address.teredo)
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address in _LOCAL_NAT64:
        carried.append(ipaddress.IPv4Address(0))
    return carried


def _public(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved
