"""Acts on cards that two people sign: what exactly is signed, for both sides.

The house asks and collects signatures over `payload(...)`; the environment makes the same octets of
what it is about to do and believes nothing else. JSON with sorted names and every field written
out, so that one meaning has one form. Guards: everything that makes a difference stands in the
value. Ends and makers of a grant are signed beside the payload (`challenge`). Not done here:
whether a destination is sound (`cde.egress.destinations`), verifying (`grants`).

>>> payload(Reveal("shop-1", "chargeback", "acme/live", "T-7", "tk_live_x"))[:40]
b'{"merchant":"shop-1","purpose":"chargeba'
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

DESTINATION_ACTION: Final = "card_destination.change"
REVEAL_ACTION: Final = "card_number.reveal"
Source = Literal["number", "expiry", "cvv"]
Place = Annotated[str, Meta(min_length=1, max_length=200)]
Prefix = Annotated[str, Meta(min_length=1, max_length=200)]
Network = Annotated[str, Meta(max_length=49)]
Token = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9_]+$")]
Merchant = Annotated[str, Meta(min_length=1, max_length=128)]
Word = Annotated[str, Meta(min_length=1, max_length=128, pattern="^[A-Za-z0-9._:/ -]+$")]
ScopeText = Annotated[str, Meta(max_length=80)]


class Destination(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One destination of one scope. `fields`: place in the body to what may stand there.

    Places are JSON pointers, or names of form fields. `revision` grows with each change;
    `statuses` are those whose answer may be read; `pins` are base64 SHA-256 of SPKI, the key in
    use and at least one backup; `opened_networks` opens networks that are not public.
    """

    name: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,62}$")]
    scope: ScopeText
    revision: Annotated[int, Meta(ge=1, le=2**31)]
    base_url: Annotated[str, Meta(max_length=300)]
    path_prefixes: Annotated[list[Prefix], Meta(min_length=1, max_length=32)]
    methods: Annotated[list[Literal["POST", "PUT", "PATCH"]], Meta(min_length=1, max_length=3)]
    fields: Annotated[dict[Place, Source], Meta(min_length=1, max_length=32)]
    pins: Annotated[list[Annotated[str, Meta(min_length=44, max_length=44)]],
                    Meta(min_length=2, max_length=8)]  # fmt: skip
    answer_fields: Annotated[list[Place], Meta(max_length=128)]
    headers: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=32)] = []
    content_types: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=8)] = (
        msgspec.field(default_factory=lambda: ["application/json"])
    )
    statuses: Annotated[list[Annotated[int, Meta(ge=200, le=599)]], Meta(max_length=64)] = (
        msgspec.field(default_factory=lambda: [200, 201, 202])
    )
    answer_limit_octets: Annotated[int, Meta(ge=1, le=1_048_576)] = 65_536
    seconds: Annotated[int, Meta(ge=1, le=60)] = 20
    forwards_per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] = 60_000
    opened_networks: Annotated[list[Network], Meta(max_length=8)] = []


class Reveal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One number to show: of which token, what for, under which ticket."""

    merchant: Merchant
    purpose: Word
    scope: ScopeText
    ticket: Word
    token: Token

    def __repr__(self) -> str:
        return "<Reveal>"


CardAct = Destination | Reveal


def payload(act: CardAct) -> bytes:
    """The octets whose hash people sign."""
    return msgspec.json.encode(act, order="sorted")


def destination_of(octets: bytes) -> Destination:
    """The destination of JSON. ValueError for anything that is none."""
    return msgspec.json.decode(octets, type=Destination)


def reveal_of(octets: bytes) -> Reveal:
    """The reveal of JSON. ValueError for anything that is none."""
    return msgspec.json.decode(octets, type=Reveal)
