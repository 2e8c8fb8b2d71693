"""A stream of any length through the block reader, with bounded memory.

Blocks overlap: each is read with what came before it as context, and its last octets are held back
until what follows is known. A number is therefore judged once, with both its sides in view,
wherever the blocks happen to end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from paywarden.cde.discovery.block import Hit, hits

BLOCK_OCTETS = 1 << 20
BEHIND_OCTETS = 512
AHEAD_OCTETS = 1024


def stream_hits(read: Callable[[int], bytes], first: int = 0) -> Iterator[Hit]:
    """Numbers of a stream in order; places count from `first`. `read(n)` gives b"" at the end."""
    block, base, unread = b"", first, 0  # unread: octets of the block already judged
    wide: bool | None = None
    while True:
        piece = read(BLOCK_OCTETS)
        block += piece
        if wide is None:
            wide = block[:2] in (b"\xff\xfe", b"\xfe\xff")
        end = len(block) if not piece else max(unread, len(block) - AHEAD_OCTETS)
        for hit in hits(block, wide=wide) if len(block) > unread else ():
            if unread <= hit.start < end:
                yield hit._replace(start=base + hit.start, end=base + hit.end)
        if not piece:
            return
        cut = max(0, end - BEHIND_OCTETS)
        block, base, unread = block[cut:], base + cut, end - cut
