"""Many fixed octet strings in one pass.

The loop looks at two octets of each place, then at two more, and names the few places where some
string may begin; the strings themselves are compared afterwards. Strings have at least six octets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from paywarden.cde.discovery.alphabet import Longs, Octets
from paywarden.cde.discovery.machine_code import compiled

BLOCK_OCTETS = 4 << 20
_PLACES = 1 << 16


@compiled
def likely_places(buffer: Octets, first: Octets, second: Octets, start: int, out: Longs) -> int:
    """Fill `out` with places where the first four octets of a string may stand; how many."""
    found = 0
    for at in range(start, buffer.size - 3):
        if first[int(buffer[at]) | (int(buffer[at + 1]) << 8)]:
            if second[int(buffer[at + 2]) | (int(buffer[at + 3]) << 8)]:
                out[found] = at
                found += 1
                if found == out.size:
                    return found
    return found


class Patterns:
    """A set of named octet strings."""

    def __init__(self, strings: Mapping[str, bytes]) -> None:
        self.longest = max((len(one) for one in strings.values()), default=0)
        self._first, self._second = np.zeros(1 << 16, np.uint8), np.zeros(1 << 16, np.uint8)
        self._by_head: dict[bytes, list[tuple[str, bytes]]] = defaultdict(list)
        for name, octets in strings.items():
            self._first[int.from_bytes(octets[:2], "little")] = 1
            self._second[int.from_bytes(octets[2:4], "little")] = 1
            self._by_head[octets[:4]].append((name, octets))
        self._lately: set[tuple[int, str]] = set()  # found in the octets that blocks share
        self._out = np.empty(_PLACES, np.int64)

    def in_block(self, block: bytes) -> Iterator[tuple[int, str]]:
        """(place, name) of each occurrence."""
        octets = np.frombuffer(block, np.uint8)
        start = 0
        while True:
            count = likely_places(octets, self._first, self._second, start, self._out)
            places = self._out[:count].tolist()
            for at in places:
                for name, string in self._by_head.get(block[at : at + 4], ()):
                    if block.startswith(string, at):
                        yield at, name
            if count < _PLACES:
                return
            start = places[-1] + 1

    def in_stream(self, read: Callable[[int], bytes], first: int = 0) -> Iterator[tuple[int, str]]:
        """(place, name) in a stream of any length, each once."""
        keep = max(0, self.longest - 1)
        block, base = b"", first
        while piece := read(BLOCK_OCTETS):
            block += piece
            seen: list[tuple[int, str]] = []
            for at, name in self.in_block(block):
                if (base + at, name) not in self._lately:
                    yield base + at, name
                seen.append((base + at, name))
            cut = max(0, len(block) - keep)
            self._lately = {one for one in seen if one[0] >= base + cut}
            block, base = block[cut:], base + cut
        self._lately = set()
