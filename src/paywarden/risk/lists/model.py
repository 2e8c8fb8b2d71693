"""Values of lists: kinds, entries, edits. Pure.

Guards: a list holds one kind of value in one canonical spelling, so that a look-up cannot miss by
case, blanks or notation. Personal kinds are sealed (keyed digest, see `paywarden.risk.lists.store`)
before an edit is journalled. Legal edits: `add` (new entries, or new reason and expiry of known
ones), `remove`, `replace` (the whole content), `purge` (drop what has expired at `at_us`) and
`drop` (the list itself). Not done here: reading files (`reading`), folding edits (`store`).
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from paywarden.core.errors import InvalidRequest
from paywarden.core.scope import Scope
from paywarden.reference.canonical import (
    canonical_account,
    canonical_bin,
    canonical_country,
    canonical_domain,
    canonical_email,
    canonical_phone,
    canonical_text,
    parse_ip,
)
from paywarden.reference.card_numbers import looks_like_card_number
from paywarden.reference.ip_ranges import parse_network

MAX_VALUE_CHARS: Final = 256
MAX_REASON_CHARS: Final = 200
MAX_AUTHOR_CHARS: Final = 100
MAX_ENTRIES: Final = 1_000_000
MAX_LISTS: Final = 1_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


class ListKind(enum.StrEnum):
    """What a list holds, and so how its values are spelled."""

    CARD = "card"
    PAYER = "payer"
    PAYEE = "payee"
    EMAIL = "email"
    EMAIL_DOMAIN = "email_domain"
    PHONE = "phone"
    ACCOUNT = "account"
    DEVICE = "device"
    IP = "ip"
    MERCHANT = "merchant"
    COUNTRY = "country"
    BIN = "bin"
    STRING = "string"

    @property
    def personal(self) -> bool:
        """Whether values name a person and are therefore stored as keyed digests only."""
        return self in _PERSONAL


_PERSONAL: Final = frozenset(
    {
        ListKind.CARD,
        ListKind.PAYER,
        ListKind.PAYEE,
        ListKind.EMAIL,
        ListKind.PHONE,
        ListKind.ACCOUNT,
        ListKind.DEVICE,
    }
)


_NUMERIC: Final = frozenset(
    {ListKind.ACCOUNT, ListKind.PAYER, ListKind.PAYEE, ListKind.DEVICE, ListKind.IP}
)


class EditAction(enum.StrEnum):
    """What an edit does to its list."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"
    PURGE = "purge"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A value to put on a list; `expires_at_us` None means until removed."""

    value: str
    reason: str = ""
    expires_at_us: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A member as stored: why, until when (exclusive), since when, by whom."""

    reason: str
    expires_at_us: int | None
    added_at_us: int
    added_by: str


@dataclass(frozen=True, slots=True)
class ListEdit:
    """One change of one list of one scope, as a journal logs it (`msgspec` writes and reads it).

    Values of a sealed edit (`Lists.seal`) are canonical, and digests where the kind is personal;
    only sealed edits can be applied. `approved`: others agreed to it, or nobody had to.
    """

    scope: Scope
    name: str
    kind: ListKind
    action: EditAction
    entries: tuple[NewEntry, ...]
    reason: str
    by: str
    at_us: int
    sealed: bool = False
    approved: bool = False


def _email(value: object) -> str | None:
    email = canonical_email(value)
    return email.text if email is not None else None


def _network(value: object) -> str | None:
    """`first-last` of one CIDR network in canonical text; single addresses as /32 or /128."""
    network = parse_network(value.strip()) if isinstance(value, str) else None
    if network is None:
        parsed = parse_ip(value)
        network = (parsed[0], parsed[1], parsed[1]) if parsed else None
    if network is None:
        return None
    version, low, high = network
    size = high - low + 1
    # A range that is no CIDR network has no single prefix to look up.
    if size & (size - 1) or low % size:
        return None
    width = 32 if version == 4 else 128
    return network_key(version, low, width - size.bit_length() + 1)


def network_key(version: int, value: int, length: int) -> str:
    """Key of a network: version, prefix length and the address in hex (`4/24/cb007100`)."""
    return f"{version}/{length}/{value:x}"


def describe_network(key: str) -> str:
    """Readable text of a network key for people (`203.0.113.0/24`)."""
    version, length, value = key.split("/")
    kind = ipaddress.IPv4Network if version == "4" else ipaddress.IPv6Network
    return str(kind((int(value, 16), int(length))))


_CANONICAL: Final[dict[ListKind, Callable[[object], str | None]]] = {
    ListKind.EMAIL: _email,
    ListKind.EMAIL_DOMAIN: canonical_domain,
    ListKind.PHONE: canonical_phone,
    ListKind.ACCOUNT: canonical_account,
    ListKind.IP: _network,
    ListKind.COUNTRY: canonical_country,
    ListKind.BIN: canonical_bin,
}


def canonical_value(kind: ListKind, value: object) -> str | None:
    """The one spelling of a value of this kind, or None when it is not such a value.

    Kinds without notation of their own (card, payer, payee, device, merchant, string) keep their
    case: trimmed NFKC text of 1-200 printable characters. Whole numbers count as their text.
    """
    text = str(value) if type(value) is int else value
    return _CANONICAL.get(kind, canonical_text)(text)


def holds_card_number(kind: ListKind, value: str) -> bool:
    """Whether a value is a card number where none may be kept.

    Identifiers and accounts may look like one; those kinds are only ever kept as keyed digests.
    """
    return kind not in _NUMERIC and looks_like_card_number(value)


def check_name(name: str) -> str:
    """The name itself; InvalidRequest `list_bad_name` unless a-z, 0-9 and _, 1-63, letter first."""
    if not _NAME.match(name):
        detail = "a list's name is 1-63 of a-z, 0-9 and _, starting with a letter"
        raise InvalidRequest("list_bad_name", detail)
    return name
