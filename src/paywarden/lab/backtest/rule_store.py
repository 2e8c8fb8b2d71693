"""Where rules fired, kept on disk block by block and named by what each answer depends on.

Guards: a block's file appears whole or not at all and carries a digest of its content; a file that
does not match its digest is computed again. A set of rules has a folder; the newest few are kept.
What is there is only positions of payments: no field, no identifier.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from paywarden.risk.rules.column_program import RuleMatches

KEPT_SETS = 6
_NAMES = "rules.json"
_DIGEST_OCTETS = 16


@dataclass(frozen=True, slots=True)
class EarlierBlock:
    """What an earlier run found on a block. `taken[i]`: index there of rule i, -1 if missing."""

    matches: RuleMatches
    taken: npt.NDArray[np.int64]

    @property
    def missing(self) -> list[int]:
        """Rules that have to be evaluated."""
        found: list[int] = np.flatnonzero(self.taken < 0).tolist()
        return found

    def merged(self, fresh: RuleMatches) -> RuleMatches:
        """All rules in order: the taken ones, and `fresh` for the missing."""
        old, total = self.matches, len(self.taken)
        new = np.flatnonzero(self.taken < 0)
        had = np.flatnonzero(self.taken >= 0)
        counts = np.zeros(total, np.int64)
        counts[had] = np.diff(old.offsets)[self.taken[had]]
        counts[new] = np.diff(fresh.offsets)
        offsets = np.zeros(total + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        payments = np.empty(int(offsets[-1]), np.int32)
        errors = np.zeros(total, np.int64)
        errors[had], errors[new] = old.errors[self.taken[had]], fresh.errors
        _copy(payments, offsets, had, old, self.taken[had])
        _copy(payments, offsets, new, fresh, np.arange(len(new)))
        return RuleMatches(offsets, payments, errors)


def _copy(
    to: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    rules: npt.NDArray[np.int64],
    source: RuleMatches,
    places: npt.NDArray[np.int64],
) -> None:
    """Copy the payments of `places` in the source to `rules`, neighbours in one piece."""
    if not len(rules):
        return
    breaks = np.flatnonzero((np.diff(rules) != 1) | (np.diff(places) != 1)) + 1
    firsts, lasts = [0, *breaks.tolist()], [*breaks.tolist(), len(rules)]
    for first, last in zip(firsts, lasts, strict=True):
        begin, end = places[first], places[last - 1] + 1
        piece = source.payments[source.offsets[begin] : source.offsets[end]]
        start = offsets[rules[first]]
        to[start : start + len(piece)] = piece


@dataclass(frozen=True, slots=True)
class Known:
    """The set asked for, and the best earlier one. `taken`: see `EarlierBlock`."""

    folder: Path
    earlier: Path | None
    taken: npt.NDArray[np.int64]

    def block(self, start: int, stop: int) -> EarlierBlock | None:
        """What is known of a block: of this very set first, else of the earlier one."""
        own = _load(self.folder, start, stop)
        if own is not None:
            return EarlierBlock(own, np.arange(len(self.taken)))
        if self.earlier is None:
            return None
        other = _load(self.earlier, start, stop)
        return None if other is None else EarlierBlock(other, self.taken)


class RuleStore:
    """Sets of rules under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def known(self, names: Sequence[str]) -> Known:
        """The folder of a set of rules, made if it is new, and what can be taken from another."""
        digest = hashlib.blake2b("\n".join(names).encode(), digest_size=16).hexdigest()
        folder = self._folder / digest
        best: tuple[int, Path | None, npt.NDArray[np.int64]]
        best = (0, None, np.full(len(names), -1, np.int64))
        for other in self._sets():
            if other == folder:
                continue
            taken = _shared(other, names)
            count = int((taken >= 0).sum())
            if count > best[0]:
                best = (count, other, taken)
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / _NAMES).write_bytes(msgspec.json.encode(list(names)))
        folder.touch()
        self._prune(folder, best[1])
        return Known(folder, best[1], best[2])

    def keep(self, known: Known, start: int, stop: int, found: RuleMatches) -> None:
        """Write a block of the set, unless it is there."""
        path = _path(known.folder, start, stop)
        if path.exists():
            return
        body = b"".join(
            (
                np.int64(len(found.errors)).tobytes(),
                found.offsets.astype(np.int64).tobytes(),
                found.errors.astype(np.int64).tobytes(),
                found.payments.astype(np.int32).tobytes(),
            )
        )
        draft = path.with_suffix(".part")
        with draft.open("wb") as file:
            file.write(hashlib.blake2b(body, digest_size=_DIGEST_OCTETS).digest())
            file.write(body)
        os.replace(draft, path)

    def _sets(self) -> list[Path]:
        """Newest first."""
        found = [path for path in self._folder.iterdir() if (path / _NAMES).is_file()]
        return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)

    def _prune(self, *kept: Path | None) -> None:
        for path in self._sets()[KEPT_SETS:]:
            if path not in kept:
                shutil.rmtree(path)


def _path(folder: Path, start: int, stop: int) -> Path:
    return folder / f"{start}-{stop}.matches"


def _shared(folder: Path, names: Sequence[str]) -> npt.NDArray[np.int64]:
    try:
        there = msgspec.json.decode((folder / _NAMES).read_bytes(), type=list[str])
    except (OSError, msgspec.DecodeError):
        there = []
    places = {name: place for place, name in enumerate(there)}
    return np.array([places.get(name, -1) for name in names], np.int64)


def _load(folder: Path, start: int, stop: int) -> RuleMatches | None:
    """A block, or None when it is absent or not what was written."""
    try:
        octets = _path(folder, start, stop).read_bytes()
    except OSError:
        return None
    body = memoryview(octets)[_DIGEST_OCTETS:]
    if hashlib.blake2b(body, digest_size=_DIGEST_OCTETS).digest() != octets[:_DIGEST_OCTETS]:
        return None
    rules = int(np.frombuffer(body, np.int64, 1)[0])
    offsets = np.frombuffer(body, np.int64, rules + 1, 8)
    errors = np.frombuffer(body, np.int64, rules, 16 + 8 * rules)
    payments = np.frombuffer(body, np.int32, int(offsets[-1]), 16 + 16 * rules)
    return RuleMatches(offsets, payments, errors)
