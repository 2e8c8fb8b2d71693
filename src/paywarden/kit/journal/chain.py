"""The chain over log entries: a damaged, missing or moved row is found and named.

Each entry's digest is BLAKE2b-128 (RFC 7693) over the digest before it and the entry's fields in a
fixed, length-prefixed layout, so equal digests at one `seq` mean equal logs up to there. Not done
here: proof against somebody who may write the file (anyone can recompute this chain); the audit
room's signed log does that. A tail cut off at an entry's end is not visible in the chain itself.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Final

DIGEST_OCTETS: Final = 16
GENESIS: Final = bytes(DIGEST_OCTETS)
_HEAD = struct.Struct(">QqHHI")
_PERSON = b"paywarden.log.v1"


def link(previous: bytes, seq: int, scope: str, kind: str, at_us: int, body: bytes) -> bytes:
    """Digest (16 octets) of an entry whose predecessor has digest `previous`."""
    scope_octets, kind_octets = scope.encode(), kind.encode()
    head = _HEAD.pack(seq, at_us, len(scope_octets), len(kind_octets), len(body))
    octets = b"".join((previous, head, scope_octets, kind_octets, body))
    return blake2b(octets, digest_size=DIGEST_OCTETS, person=_PERSON).digest()
