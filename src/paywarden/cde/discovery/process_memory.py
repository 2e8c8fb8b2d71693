"""The memory of a running process, as the system shows it in /proc (Linux).

Guards: reads only; every readable mapping is read, private or not. What cannot be read is told, for
a search that saw half of a process proves nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) ([rwxps-]{4}) \S+ \S+ \S+ *(.*)")
_OF_THE_KERNEL = frozenset({"[vvar]", "[vvar_vclock]", "[vsyscall]"})


class Mapping(NamedTuple):
    """One readable mapping: addresses and what it is (`[heap]`, a file, or nothing)."""

    start: int
    end: int
    name: str


def mappings(pid: int) -> list[Mapping]:
    """Readable mappings. Errors: OSError when the process is gone or may not be looked at."""
    found = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        match = _LINE.match(line)
        if match is not None and match[3][0] == "r" and match[4] not in _OF_THE_KERNEL:
            found.append(Mapping(int(match[1], 16), int(match[2], 16), match[4]))
    return found


def open_memory(pid: int) -> int:
    """A descriptor of its memory. Errors: OSError."""
    return os.open(f"/proc/{pid}/mem", os.O_RDONLY)


def reader(descriptor: int, one: Mapping) -> Callable[[int], bytes]:
    """`read(n)` over a mapping, b"" at its end. Errors: OSError when it went away meanwhile."""
    at = one.start

    def read(octets: int) -> bytes:
        nonlocal at
        piece = os.pread(descriptor, min(octets, one.end - at), at) if at < one.end else b""
        at += len(piece)
        return piece

    return read


def family(pid: int) -> Iterator[int]:
    """A process and all that descend from it, as they are now."""
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return
    for task in tasks:
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from family(int(child))
