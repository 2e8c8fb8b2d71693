"""Where a card number may be sent and what may come back, as two people approved it.

Guards: https, one exact host and port, path prefixes that end at a segment, methods, the fields of
a body that may take a number, the headers that a caller may add, the fields of an answer that may
come back, pins of the server's key and of its backup (RFC 7469, 2.4), limits. Everything that makes
a difference is in the value (`cde_client.card_acts`), so that the hash that people sign covers it.
Nothing says "approved": `book` verifies signatures. Not done here: connecting (`transport`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from paywarden.cde.egress import request_lines
from paywarden.cde.egress.pointers import parsed
from paywarden.cde_client.card_acts import DESTINATION_ACTION, Destination, payload
from paywarden.core.errors import InvalidRequest
from paywarden.core.scope import Scope

ACTION: Final = DESTINATION_ACTION
APPROVALS: Final = 2
APPROVER_ROLES: Final = frozenset({"approver", "security_officer"})
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\Z")


def payload_of(destination: Destination) -> bytes:
    """The octets whose hash people approve."""
    return payload(destination)


def host_of(destination: Destination) -> str:
    """Host name or address, in lower case."""
    return urlsplit(destination.base_url).hostname or ""


def port_of(destination: Destination) -> int:
    """Port of the server."""
    return urlsplit(destination.base_url).port or 443


def checked(destination: Destination) -> Destination:
    """The same. Errors: InvalidRequest `destination_invalid` naming the field."""
    for fault in (_base_fault, _path_fault, _pin_fault, _network_fault, _field_fault):
        found = fault(destination)
        if found is not None:
            raise InvalidRequest("destination_invalid", found[1], pointer=f"/{found[0]}")
    return destination


def only_loopback(destination: Destination) -> bool:
    """Whether it can reach nothing but this machine."""
    nets = [ipaddress.ip_network(one) for one in destination.opened_networks]
    local = host_of(destination) == "localhost" or _loopback_address(host_of(destination))
    return local and bool(nets) and all(net.is_loopback for net in nets)


def spki_pin(der_spki: bytes) -> str:
    """The pin of a key: base64 of SHA-256 over its SubjectPublicKeyInfo in DER."""
    return base64.b64encode(hashlib.sha256(der_spki).digest()).decode()


Fault = tuple[str, str] | None


def _base_fault(one: Destination) -> Fault:
    try:
        Scope.parse(one.scope)
    except ValueError:
        return "scope", "a scope is tenant/environment"
    try:
        parts = urlsplit(one.base_url)
        port = parts.port
    except ValueError:
        return "base_url", "this is not a URL"
    plain = f"https://{parts.hostname}" + (f":{port}" if port is not None else "")
    if one.base_url != plain or not _HOST.match(parts.hostname or "") or port == 0:
        return "base_url", "write https://host or https://host:port, in lower case, nothing else"
    return None


def _path_fault(one: Destination) -> Fault:
    for prefix in one.path_prefixes:
        if request_lines.path_fault(prefix) is not None or "?" in prefix:
            return "path_prefixes", "a prefix is a plain path"
    for name in one.headers:
        if request_lines.header_name_fault(name) is not None:
            return "headers", "a header that a caller may not set, or no header name"
    return None


def _pin_fault(one: Destination) -> Fault:
    if len(set(one.pins)) != len(one.pins):
        return "pins", "name the key in use and another one as its backup"
    for pin in one.pins:
        try:
            octets = base64.b64decode(pin, validate=True)
        except (binascii.Error, ValueError):
            octets = b""
        if len(octets) != 32:
            return "pins", "a pin is base64 of 32 octets"
    return None


def _network_fault(one: Destination) -> Fault:
    for text in one.opened_networks:
        try:
            ipaddress.ip_network(text)
        except ValueError:
            return "opened_networks", "a network is written address/bits"
    return None


def _field_fault(one: Destination) -> Fault:
    for name, places in (("fields", list(one.fields)), ("answer_fields", one.answer_fields)):
        if any(place.startswith("/") and parsed(place) is None for place in places):
            return name, "this is not a JSON pointer"
    if any(not place.startswith("/") for place in one.answer_fields):
        return "answer_fields", "fields of answers are JSON pointers"
    return None


def _loopback_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
