"""The compiler's process: everything of a policy that takes long, away from payments.

Guards: reads only frames of its parent's key; its memory is limited, it dumps no core, and it runs
at a lower priority, so that payments go first where processors are few. It remembers parsed files,
checked trees and compiled functions by their content: what did not change is not done again, and
the result is the same as without memory. Faults of a policy are answers; anything else ends the
process, which the parent replaces. Not done here: starting and ending it (`compile_process.py`),
bodies as they were sent (the entry point adds those tasks).
"""

from __future__ import annotations

import gc
import marshal
import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import BinaryIO

import msgspec

from paywarden.core.errors import InvalidRequest, TooLarge, Unparsable
from paywarden.risk.lists.model import ListKind
from paywarden.risk.lists.reading import parse_list
from paywarden.risk.rules.compile_frames import (
    COMPILE,
    END,
    HEADER,
    KEY_BYTES,
    LISTS,
    PART,
    REMEMBER,
    Frames,
    refused,
)
from paywarden.risk.rules.file_pack import unpack_files
from paywarden.risk.rules.image_parts import parts_of
from paywarden.risk.rules.policy_image import TreeCache, build_policy_image
from paywarden.risk.rules.reader import read_policy_files
from paywarden.risk.rules.reading_memory import ReadingMemory

NICENESS = 10
ENTRIES_A_PART = 1_000
Task = Callable[[bytes], Iterator[bytes]]
"""A task takes the octets of a request and gives the parts of its answer."""


class ListsRequest(msgspec.Struct, frozen=True, array_like=True):
    """Which lists of packed files are wanted: kind by name."""

    kinds: dict[str, str]
    packed: bytes


class Workshop:
    """The tasks, and what is remembered between them."""

    def __init__(self) -> None:
        self._trees = TreeCache()
        self._memory = ReadingMemory()

    def tasks(self) -> Mapping[bytes, Task]:
        """Tasks by the kind of frame that asks for them."""
        return {COMPILE: self.compile_packed, REMEMBER: self.remember, LISTS: listed}

    def compile_packed(self, packed: bytes) -> Iterator[bytes]:
        """Parts of the image of packed files."""
        return self.compile(unpack_files(packed))

    def remember(self, packed: bytes) -> Iterator[bytes]:
        """No parts: have read and compiled these files, so that changes of them are quick."""
        for _ in self.compile_packed(packed):
            pass
        return iter(())

    def compile(self, files: Mapping[str, bytes]) -> Iterator[bytes]:
        """Parts of the image of files. Errors: PolicyErrors with every finding, InvalidRequest."""
        policy = read_policy_files(files, self._memory)
        yield from parts_of(build_policy_image(policy, self._trees), policy)


def listed(octets: bytes) -> Iterator[bytes]:
    """Parts (name, [(value, reason, expires_at_us)]) of list files.

    Errors: those of `parse_list`.
    """
    request = msgspec.msgpack.decode(octets, type=ListsRequest)
    files = unpack_files(request.packed)
    for name, kind in sorted(request.kinds.items()):
        content = files.get(f"lists/{name}.csv")
        if content is None:
            continue
        left = iter(parse_list(name, content, ListKind(kind)).entries)
        while part := [(e.value, e.reason, e.expires_at_us) for e in islice(left, ENTRIES_A_PART)]:
            yield marshal.dumps((name, part))


def serve(source: BinaryIO, sink: BinaryIO, tasks: Mapping[bytes, Task]) -> None:
    """Do what comes in until the parent closes its end."""
    key = _exactly(source, KEY_BYTES)
    received, sent = Frames(key, b">"), Frames(key, b"<")
    while (request := _request(source, received)) is not None:
        kind, octets = request
        for frame in _answer(tasks[kind], octets):
            sink.write(sent.packed(*frame))
        sink.flush()


def _answer(task: Task, octets: bytes) -> Iterator[tuple[bytes, bytes]]:
    try:
        for part in task(octets):
            yield PART, part
    except (InvalidRequest, Unparsable, TooLarge) as error:
        yield refused(error)
        return
    yield END, b""


def _request(source: BinaryIO, frames: Frames) -> tuple[bytes, bytes] | None:
    """(task, octets), or None at the end."""
    parts: list[bytes] = []
    while True:
        header = source.read(HEADER.size)
        if len(header) < HEADER.size:
            return None
        kind, length, digest = HEADER.unpack(header)
        payload = frames.checked(kind, digest, _exactly(source, length))
        if kind != PART:
            return kind, b"".join(parts)
        parts.append(payload)


def _exactly(source: BinaryIO, count: int) -> bytes:
    octets = source.read(count)
    if len(octets) < count:
        raise EOFError
    return octets


def run(tasks: Mapping[bytes, Task]) -> None:
    """Limit this process by the words of its command line, then serve standard input."""
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)
    # Trees and code hold no cycles, and collector passes over them cost a third of the time.
    gc.disable()
    serve(sys.stdin.buffer, sys.stdout.buffer, tasks)


if __name__ == "__main__":
    run(Workshop().tasks())
