"""Window values on disk, a column each, so that a changed rule computes no window again.

Guards: a column is named by the digest of the observations and of the aggregate's meaning (not its
name), so that what was computed for another question is never taken. A column appears whole (it is
written beside its place, flushed and renamed) or not at all: a run that was killed leaves only
parts, which the next one removes. Values are those of windows: numbers, and words of the kind that
the log holds in the clear; never a person's field. Folders are for this user only.
Shapes: n payments a column.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from paywarden.core.errors import Unavailable
from paywarden.lab.firing import aggregate_column
from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.columns import Column

_FORMAT = 1
_SMALL = ("count", "distinct")
_DTYPES: dict[str, Any] = {"int": np.int64, "double": np.float64, "string": np.int32}


def aggregate_digest(stream: str, one: Aggregate, kind: str, start_us: int) -> str:
    """Names the values of an aggregate over a stream whose history begins at `start_us`."""
    meaning = (
        _FORMAT, stream, start_us, one.function, one.of, sorted(one.by), one.window_us, one.daily,
        one.where, one.exclude_current, kind,
    )  # fmt: skip
    return hashlib.blake2b(repr(meaning).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """One column, mapped from disk and read block by block."""

    kind: str
    data: npt.NDArray[Any]
    bits: npt.NDArray[np.uint8] | None
    symbols: tuple[str, ...]

    def part(self, start: int, stop: int) -> Column:
        """Payments start to stop as conditions read them."""
        data = self.data[start:stop]
        if self.bits is None:
            valid = np.ones(stop - start, np.bool_)
        else:
            packed = self.bits[start // 8 : -(-stop // 8)]
            held = np.unpackbits(packed).view(np.bool_)
            valid = held[start % 8 : start % 8 + stop - start]
        if self.kind == "int":
            data = data.astype(np.int64)
        return aggregate_column(self.kind, np.asarray(data), valid, self.symbols)


class _About(msgspec.Struct, frozen=True):
    kind: str
    rows: int
    symbols: list[str]
    whole: bool


class FeatureStore:
    """Columns of one folder. One process writes a column at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in folder.glob("*.part*"):
            part.unlink(missing_ok=True)

    def find(self, name: str) -> StoredColumn | None:
        """A column that is there whole, or None."""
        about_file = self._folder / f"{name}.about"
        try:
            about = msgspec.json.decode(about_file.read_bytes(), type=_About)
            data = np.load(self._folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            bits = None
            if not about.whole:
                bits = np.load(self._folder / f"{name}.valid.npy", allow_pickle=False)
        except (OSError, ValueError, msgspec.DecodeError):
            return None
        if len(data) != about.rows:
            return None
        return StoredColumn(about.kind, data, bits, tuple(about.symbols))

    def writer(self, name: str, function: str, kind: str, rows: int) -> ColumnWriter:
        """Begin a column. Errors: Unavailable when the disk is full."""
        return ColumnWriter(self._folder, name, function, kind, rows)

    def prune(self, keep_octets: int) -> None:
        """Drop the columns least recently used, above a size."""
        held = sorted(self._folder.glob("*.about"), key=lambda p: p.stat().st_mtime, reverse=True)
        total = 0
        for about in held:
            files = list(self._folder.glob(f"{about.name.removesuffix('.about')}.*"))
            total += sum(file.stat().st_size for file in files)
            if total > keep_octets:
                for file in files:
                    file.unlink(missing_ok=True)

    def touch(self, names: Sequence[str]) -> None:
        """Mark columns as used now."""
        for name in names:
            about = self._folder / f"{name}.about"
            if about.exists():
                about.touch()


class ColumnWriter:
    """Writes one column block by block, then shows it."""

    def __init__(self, folder: Path, name: str, function: str, kind: str, rows: int) -> None:
        self._base = folder / name
        self._kind = kind
        self._rows = rows
        dtype = np.int32 if function in _SMALL else _DTYPES[kind]
        self._part = folder / f"{name}.part.npy"
        try:
            self._data = np.lib.format.open_memmap(self._part, "w+", dtype, (rows,))
        except OSError as error:
            raise Unavailable("work_folder_full", "the work folder takes no more") from error
        self._valid = np.zeros(rows, np.bool_)

    def write(self, start: int, values: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> None:
        """Values of payments from `start` on."""
        stop = start + len(values)
        self._data[start:stop] = values
        self._valid[start:stop] = valid

    def finish(self, symbols: tuple[str, ...]) -> None:
        """Flush and show the column; the file that describes it comes last."""
        whole = bool(self._valid.all())
        self._data.flush()
        del self._data
        if not whole:
            np.save(self._base.with_suffix(".valid.npy"), np.packbits(self._valid))
        os.replace(self._part, self._base.with_suffix(".npy"))
        texts = list(symbols) if self._kind == "string" else []
        about = msgspec.json.encode(_About(self._kind, self._rows, texts, whole))
        draft = self._base.with_suffix(".part.about")
        draft.write_bytes(about)
        os.replace(draft, self._base.with_suffix(".about"))


def clear(folder: Path, told: Callable[[str], None] | None = None) -> None:
    """Remove a work folder and everything in it."""
    if folder.exists():
        shutil.rmtree(folder)
        if told is not None:
            told(folder.name)
