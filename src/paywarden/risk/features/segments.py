"""Sealed segments: observations on disk as columns, from which windows are rebuilt and back-filled.

Guards: a segment is complete or it is not there (written aside, file synced, renamed, directory
synced), and every column carries a SHA-256, so damage is noticed and named with its sequence range;
the caller rebuilds just that range from the journal. Segments know nothing of a policy, so a new
window back-fills from them. One directory per scope; a file is named `FIRST-LAST.seg`.
Layout: magic, length of the header (8 bytes, little-endian), header (JSON), columns end to end.
Not done here: the journal itself (`paywarden.kit.journal`), deciding how long to keep segments.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import Corrupt
from paywarden.kit.durable import sync_directory
from paywarden.risk.features.catalogue import OBSERVED
from paywarden.risk.features.columns import (
    DTYPES,
    ObservationColumns,
    concat,
    from_observations,
)
from paywarden.risk.features.observation import KEY_COUNT, VALUE_COUNT, Observation

SEGMENT_EVENTS = 65_536
PART_EVENTS = 256
_MAGIC = b"pwseg\x00\x01\n"
_HEADER_LIMIT = 64 * 1024 * 1024
_NAME = re.compile(r"^(\d{20})-(\d{20})\.seg$")


class SegmentWriter:
    """Collects observations of one scope and seals each `events` of them.

    They become columns in small parts, so that a thread never holds the interpreter for long. What
    is not sealed yet lives in the journal only; `seal` seals it early (tests, export).
    """

    def __init__(self, directory: Path, events: int = SEGMENT_EVENTS) -> None:
        self._directory = directory
        self._events = events
        self._parts: list[ObservationColumns] = []
        self._fresh: list[Observation] = []
        self._count = 0
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def pending(self) -> int:
        """Observations that no segment holds yet."""
        return self._count

    def append(self, observation: Observation) -> Path | None:
        """Take one observation; the path of the segment that it completed, if any."""
        self._fresh.append(observation)
        self._count += 1
        if len(self._fresh) >= PART_EVENTS:
            self._gather()
        return self.seal() if self._count >= self._events else None

    def extend(self, columns: ObservationColumns) -> None:
        """Take many observations that follow those taken before."""
        self._gather()
        start = 0
        while start < len(columns):
            stop = min(len(columns), start + self._events - self._count)
            self._parts.append(columns.slice(start, stop))
            self._count += stop - start
            start = stop
            if self._count >= self._events:
                self.seal()

    def seal(self) -> Path | None:
        """Seal what is pending; None when nothing is. On an error it stays pending."""
        self._gather()
        if not self._parts:
            return None
        path = write_segment(self._directory, concat(self._parts))
        self._parts, self._count = [], 0
        return path

    def _gather(self) -> None:
        if self._fresh:
            self._parts.append(from_observations(self._fresh))
            self._fresh = []


def write_segment(directory: Path, columns: ObservationColumns) -> Path:
    """Write one segment durably; its path. `columns` must not be empty.

    It notes the end of the segment before it, so that a missing file is noticed. A range that is
    rebuilt from the journal is written with the same bounds as before.
    """
    first, last = int(columns.seq[0]), int(columns.seq[-1])
    before = [end for _, end in ranges(directory) if end < first]
    path = directory / _name(first, last)
    blobs = {name: np.ascontiguousarray(array).tobytes() for name, array in _arrays(columns)}
    header = {
        "events": len(columns),
        "first": first,
        "last": last,
        "previous": max(before, default=0),
        "symbols": list(columns.symbols),
        "columns": [
            {"name": name, "bytes": len(blob), "sha256": hashlib.sha256(blob).hexdigest()}
            for name, blob in blobs.items()
        ],
    }
    text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    digest = hashlib.sha256(text).digest()
    aside = path.with_suffix(".part")
    with open(aside, "wb") as file:
        file.write(_MAGIC + len(text).to_bytes(8, "little") + digest + text)
        for blob in blobs.values():
            file.write(blob)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)
    sync_directory(directory)
    return path


def load(directory: Path, from_seq: int) -> Iterator[ObservationColumns]:
    """Segments that hold anything at or after from_seq, cut to it, in order.

    Raises Corrupt, naming file and sequence range, for damage, for a segment that overlaps another
    and for one that is missing before or between those found.
    """
    end = 0
    for first, last in ranges(directory):
        if first <= end:
            raise _corrupt(_name(first, last), first, last, "overlaps another segment")
        before, end = end, last
        if last < from_seq:
            continue
        header, body = _open(directory, first, last)
        previous = int(header["previous"])
        if previous > before and previous >= from_seq:
            missing = max(before + 1, from_seq)
            raise _corrupt(_name(first, last), missing, previous, "before this one is missing")
        columns = _parse(_name(first, last), header, body)
        start = int(np.searchsorted(columns.seq, from_seq))
        yield columns.slice(start, len(columns)) if start else columns


def ranges(directory: Path) -> list[tuple[int, int]]:
    """(first, last) sequence of each segment file, in order; other files are not looked at."""
    if not directory.is_dir():
        return []
    found = (_NAME.match(entry.name) for entry in directory.iterdir())
    return sorted((int(match[1]), int(match[2])) for match in found if match)


def read_segment(directory: Path, first: int, last: int) -> ObservationColumns:
    """One segment, checked. Raises Corrupt, naming file and sequence range."""
    return _parse(_name(first, last), *_open(directory, first, last))


def _name(first: int, last: int) -> str:
    return f"{first:020d}-{last:020d}.seg"


def _open(directory: Path, first: int, last: int) -> tuple[dict[str, Any], memoryview]:
    """Header and body of a segment; the header is checked, the body is not yet."""
    name = _name(first, last)
    try:
        content = (directory / name).read_bytes()
    except FileNotFoundError:
        raise _corrupt(name, first, last, "is missing") from None
    start = len(_MAGIC) + 40
    length = int.from_bytes(content[len(_MAGIC) : len(_MAGIC) + 8], "little")
    text = content[start : start + length]
    good = content[: len(_MAGIC)] == _MAGIC and len(text) == length <= _HEADER_LIMIT
    if not good or hashlib.sha256(text).digest() != content[len(_MAGIC) + 8 : start]:
        raise _corrupt(name, first, last, "has a damaged header")
    header: dict[str, Any] = json.loads(text)
    if (header["first"], header["last"]) != (first, last):
        raise _corrupt(name, first, last, "holds other sequences than its name says")
    return header, memoryview(content)[start + length :]


def _parse(name: str, header: dict[str, Any], body: memoryview) -> ObservationColumns:
    first, last, count = header["first"], header["last"], header["events"]
    arrays: dict[str, npt.NDArray[Any]] = {}
    dtypes = _dtypes()
    offset = 0
    for each in header["columns"]:
        blob = body[offset : offset + each["bytes"]]
        offset += each["bytes"]
        if hashlib.sha256(blob).hexdigest() != each["sha256"]:
            raise _corrupt(name, first, last, "has a damaged column")
        if each["name"] in dtypes:
            arrays[each["name"]] = np.frombuffer(blob, dtypes[each["name"]])
    if offset != len(body):
        raise _corrupt(name, first, last, "has bytes after its end")
    return _assemble(arrays, count, tuple(header["symbols"]))


def _assemble(
    arrays: dict[str, npt.NDArray[Any]], count: int, symbols: tuple[str, ...]
) -> ObservationColumns:
    """Columns from named arrays; fields that the segment does not know are absent."""
    values, valid = [], []
    for field in OBSERVED:
        assert field.storage is not None
        fill = -1 if field.storage == "symbol" else 0
        empty = np.full(count, fill, DTYPES[field.storage])
        values.append(arrays.get(f"value {field.path}", empty))
        masked = field.storage in ("int", "double", "bool")
        absent = np.zeros(count, np.bool_)
        valid.append(arrays.get(f"valid {field.path}", absent) if masked else None)
    kinds = len(arrays["keys"]) // count
    keys = np.zeros((count, KEY_COUNT), np.uint64)
    keys[:, :kinds] = arrays["keys"].reshape(count, kinds)
    return ObservationColumns(
        arrays["seq"],
        arrays["t_us"],
        arrays["s_us"],
        arrays["identity"],
        arrays["retracts"],
        keys,
        tuple(values),
        tuple(valid),
        symbols,
    )


def _dtypes() -> dict[str, npt.DTypeLike]:
    found: dict[str, npt.DTypeLike] = {
        "seq": np.int64,
        "t_us": np.int64,
        "s_us": np.int64,
        "identity": np.uint64,
        "retracts": np.int64,
        "keys": np.uint64,
    }
    for field in OBSERVED:
        assert field.storage is not None
        found[f"value {field.path}"] = DTYPES[field.storage]
        found[f"valid {field.path}"] = np.bool_
    return found


def _arrays(columns: ObservationColumns) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    yield "seq", columns.seq
    yield "t_us", columns.t_us
    yield "s_us", columns.s_us
    yield "identity", columns.identity
    yield "retracts", columns.retracts
    yield "keys", columns.keys
    for index in range(VALUE_COUNT):
        yield f"value {OBSERVED[index].path}", columns.values[index]
        mask = columns.valid[index]
        if mask is not None:
            yield f"valid {OBSERVED[index].path}", mask


def _corrupt(name: str, first: int, last: int, what: str) -> Corrupt:
    return Corrupt(
        "segment_corrupt",
        f"segment {what}; rebuild sequences {first} to {last} from the journal",
        pointer=name,
    )
