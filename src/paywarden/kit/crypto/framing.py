"""Length-prefixed joining: two different lists of parts never give the same octets.

>>> framed(b"ab", b"c") == framed(b"a", b"bc")
False
"""

from __future__ import annotations


def framed(*parts: bytes) -> bytes:
    """Each part after its length in four octets, big-endian."""
    return b"".join([octets for part in parts for octets in (len(part).to_bytes(4, "big"), part)])
