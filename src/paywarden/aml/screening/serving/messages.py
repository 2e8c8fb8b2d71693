"""What crosses between the process that decides and the one that holds the lists.

Guards: frames of at most `FRAME_LIMIT_OCTETS`; both ends belong to one installation and one user,
and nothing but msgpack of these types is read, so that a fault of one end is a decoding error of
the other and no more. The order of fields is the form: append only.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

HEADER: Final = struct.Struct(">I")
FRAME_LIMIT_OCTETS: Final = 4 << 20
REPORTED_AT: Final = 0.5
"""Matches below this score are not told."""
HIT_AT: Final = 0.7
"""Score from which a party is a hit: the screener's operating point (`index.DEFAULT_THRESHOLD`),
said again here because the process that decides does not load the index."""
MOST_FOUND: Final = 5
"""Entries that are told of one party, the best first."""


class AskedParty(msgspec.Struct, array_like=True, frozen=True):
    """Who is asked about. `schema` empty: not known. `free_text`: names stand somewhere in it."""

    name: str
    schema: str = ""
    birth_date: str = ""
    countries: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    free_text: bool = False


class Found(msgspec.Struct, array_like=True, frozen=True):
    """One entry that a party may be.

    `asked`: the words that were held against it; `name`: the listed name that they are like.
    `features`: (name, value, what it adds to the log-odds). `identified`: an identifier is equal.
    """

    entry: str
    source: str
    schema: str
    content_hash: str
    asked: str
    name: str
    score: float
    why: str
    features: tuple[tuple[str, float, float], ...]
    programs: tuple[str, ...]
    pep: bool = False
    identified: bool = False


class Wanted(msgspec.Struct, array_like=True, frozen=True):
    """First frame to the child: which snapshots to read, `(source, snapshot)`.

    `changes`: what is new or other from one snapshot to the next, `(source, before, after)`;
    nothing is before the first one.
    """

    snapshots: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[str, str | None, str], ...] = ()


class Started(msgspec.Struct, array_like=True, frozen=True):
    """First frame from the child. `code` is empty when it is ready.

    `mapped`: a kept index was mapped. `not_kept`: why the one that was built is not kept.
    """

    code: str
    detail: str
    entities: int = 0
    names: int = 0
    seconds: float = 0.0
    mapped: bool = False
    not_kept: str = ""


class Question(msgspec.Struct, array_like=True, frozen=True):
    """Parties to be screened; `number` comes back with the answer.

    Without a party: forget whom you were asked about.
    """

    number: int
    parties: tuple[AskedParty, ...]


class Reply(msgspec.Struct, array_like=True, frozen=True):
    """What was found of each party, in order. `octets`: memory of the child."""

    number: int
    found: tuple[tuple[Found, ...], ...]
    octets: int = 0


_encode = msgspec.msgpack.Encoder().encode


def framed(message: msgspec.Struct) -> bytes:
    """A message with its length in front."""
    octets = _encode(message)
    return HEADER.pack(len(octets)) + octets
