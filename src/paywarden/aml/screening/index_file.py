"""An index as one file: written once, then mapped into memory by whoever searches.

Guards, in order: magic and format, the fingerprint of the tables and code that made it (a file of
another version is refused, never read wrongly), length, SHA-256 over everything, and that every
offset lies within what it points into, since compiled loops check no bounds. The file is private to
its owner (mode 0600), holds no code and no pickle, and appears under its name only when complete.
The arrays are mapped read-only: processes that open the same file share one copy.
"""

from __future__ import annotations

import hashlib
import os
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from paywarden.aml.screening.index import ScreeningIndex
from paywarden.aml.screening.kernels import Numbers
from paywarden.core.errors import InvalidRequest

MAGIC: Final = b"PWSCREEN"
FORMAT: Final = 1
HEADER_LIMIT_OCTETS: Final = 65_536
_ALIGNMENT: Final = 64
_DIGEST: Final = 32
_TYPES: Final = frozenset({"uint8", "int32", "int64", "float32", "float64"})
_SHAPED_BY: Final = (
    "common_words.txt", "hangul.py", "kernels.py", "org_forms.py", "parsing.py", "rarity.py",
    "sounds.py", "vocabulary.py", "words.py", "writing.py",
)  # fmt: skip
"""Files of this room that decide what an index holds."""


class _Array(msgspec.Struct, frozen=True):
    name: str
    type: str
    count: int
    offset: int


class _Head(msgspec.Struct, frozen=True):
    format: int
    fingerprint: str
    octets: int
    arrays: list[_Array]


def fingerprint() -> str:
    """SHA-256 (hex) of the tables and code that decide what an index holds."""
    room, state = files("paywarden.aml.screening"), hashlib.sha256()
    for name in _SHAPED_BY:
        state.update(hashlib.sha256(room.joinpath(name).read_bytes()).digest())
    return state.hexdigest()


def write_index(index: ScreeningIndex, path: Path) -> None:
    """Write the index; an older file of that name is replaced when the new one is complete."""
    arrays = {name: np.ascontiguousarray(one) for name, one in index.arrays().items()}
    told, offset = list[_Array](), 0
    for name, one in arrays.items():
        told.append(_Array(name, str(one.dtype), len(one), offset))
        offset += -(-one.nbytes // _ALIGNMENT) * _ALIGNMENT
    head = msgspec.msgpack.encode(_Head(FORMAT, fingerprint(), offset, told))
    start = _start(len(head))
    front = (MAGIC + len(head).to_bytes(8, "big") + head).ljust(start, b"\0")
    draft, state = path.with_name(f".{path.name}.{os.getpid()}"), hashlib.sha256(front)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
            sink.write(front)
            for one in arrays.values():
                octets = one.tobytes().ljust(-(-one.nbytes // _ALIGNMENT) * _ALIGNMENT, b"\0")
                state.update(octets)
                sink.write(octets)
            sink.write(state.digest())
            sink.flush()
            os.fsync(sink.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def read_index(path: Path) -> ScreeningIndex:
    """Map an index. Errors: InvalidRequest, code `screening_index_unusable`: build it anew."""
    try:
        octets = np.memmap(path, np.uint8, "r")
    except (OSError, ValueError) as fault:
        raise _unusable(path, "cannot be opened") from fault
    head, start = _head(path, octets)
    if len(octets) != start + head.octets + _DIGEST:
        raise _unusable(path, "is cut off")
    if hashlib.sha256(octets[:-_DIGEST].data).digest() != octets[-_DIGEST:].tobytes():
        raise _unusable(path, "is damaged")
    arrays = {one.name: _array(path, octets, start, head, one) for one in head.arrays}
    try:
        return ScreeningIndex.of_arrays(arrays)
    except (KeyError, ValueError) as fault:
        raise _unusable(path, "holds what does not belong together") from fault


def _head(path: Path, octets: Numbers) -> tuple[_Head, int]:
    front = octets[:16].tobytes()
    length = int.from_bytes(front[8:], "big")
    if not front.startswith(MAGIC) or length > HEADER_LIMIT_OCTETS:
        raise _unusable(path, "is no index")
    try:
        head = msgspec.msgpack.decode(octets[16 : 16 + length].tobytes(), type=_Head)
    except (msgspec.MsgspecError, ValueError) as fault:
        raise _unusable(path, "is no index") from fault
    if head.format != FORMAT or head.fingerprint != fingerprint():
        raise _unusable(path, "was made by another version")
    return head, _start(length)


def _array(path: Path, octets: Numbers, start: int, head: _Head, one: _Array) -> Any:
    if one.type not in _TYPES or one.count < 0 or one.offset < 0 or one.offset % _ALIGNMENT:
        raise _unusable(path, "holds an unknown kind of array")
    size = one.count * np.dtype(one.type).itemsize
    if one.offset + size > head.octets:
        raise _unusable(path, "is cut off")
    return octets[start + one.offset : start + one.offset + size].view(one.type)


def _start(head: int) -> int:
    return -(-(16 + head) // _ALIGNMENT) * _ALIGNMENT


def _unusable(path: Path, why: str) -> InvalidRequest:
    detail = f"this file of an index {why}; build it anew from the lists"
    return InvalidRequest("screening_index_unusable", detail, pointer=path.name)
