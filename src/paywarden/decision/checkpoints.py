"""Checkpoints: what the sealed observations of a scope made of its state, so that a start need not
make it again.

Guards: a checkpoint is taken up only when it is whole and ours (`checkpoint_file.py`) and belongs
to this scope, to these aggregates, to this start of the history and to the very program text that
made it (`binding_of`), and to this log (`mark`: the log's chain digest at its sequence); otherwise
it is passed over with a line in the log, the next older one is tried, and in the end everything is
replayed. What is read from one equals what is replayed, because it is the memory that the same
replay left. Companions that were read when it was made are in it; one that is lacking is no reason
to pass it over, for that alone is then read from the log (`start.py`). Kept are the two newest of
the present binding and the newest of all others, for a way back. One writer per scope, by a lock on
the folder.
Not done here: replaying what came after (`start.py`), deciding when to write (`checkpointing.py`).
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from paywarden.core.errors import Conflict, Corrupt
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.decision.checkpoint_file import Array, SectionsFile, write_file
from paywarden.decision.companions import NONE, Companions, Names
from paywarden.decision.state import Observed
from paywarden.kit.log import logger
from paywarden.risk import features, labels, links, posteriors, rules
from paywarden.risk.features.arena import Resumption, Windows
from paywarden.risk.features.identities import IdentityIndex
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.observation import KEY_COUNT
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.labels.rate import LabelPeaks, Peaks

KEPT = 2
KEPT_OF_OTHERS = 1
_NAME = re.compile(r"^(\d{20})-([0-9a-f]{24})\.ckpt$")
_FORM = "paywarden.checkpoint.v1"
Mark = Callable[[int], bytes | None]


class Form(msgspec.Struct, frozen=True, array_like=True):
    """Type and shape of an array of a companion's image."""

    dtype: str
    shape: tuple[int, ...]


class Head(msgspec.Struct, frozen=True, array_like=True):
    """What a checkpoint says of itself. `windows_words`: length of the window memory.

    `companions`: forms of each one's image, by name.
    """

    scope: str
    binding: str
    seq: int
    mark: bytes
    t_us: int
    windows_words: int
    windows_seq: int
    windows_clock_us: int | None
    texts: tuple[str, ...]
    identities_used: tuple[int, ...]
    labels_used: tuple[int, ...]
    companions: dict[str, tuple[Form, ...]]
    label_peaks: Peaks


def binding_of(scope: Scope, aggregates: Sequence[Aggregate], history_start_us: int) -> str:
    """Name of everything that two states must share for one to stand for the other."""
    parts = (_FORM, _program(), sys.byteorder, scope.text, history_start_us, tuple(aggregates))
    return hashlib.sha256(msgspec.msgpack.encode(parts)).hexdigest()[:24]


@functools.cache
def _program() -> str:
    """Digest of every source whose code or numbers shape windows, companions and indexes."""
    digest = hashlib.sha256()
    for package in (features, labels, links, posteriors, rules):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            text = path.read_bytes()
            digest.update(f"{path.relative_to(root.parent)} {len(text)}\n".encode() + text)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Place:
    """Which checkpoint is meant: of which scope, for which windows and companions, up to where."""

    scope: Scope
    plan: WindowPlan
    binding: str
    seq: int
    companions: Names = NONE


class Checkpoints:
    """Checkpoints of every scope under one folder. `mark` gives the log's chain digest at a seq."""

    def __init__(self, root: Path, key: Secret[bytes], mark: Mark) -> None:
        self.root = root
        self.key = key
        self.mark = mark

    def folder_of(self, scope: Scope) -> Path:
        """Where the checkpoints of a scope lie."""
        return self.root / scope.tenant / scope.environment.value

    def found(self, scope: Scope, binding: str | None = None) -> list[tuple[int, Path]]:
        """(seq, file), newest first, of one binding or of all."""
        folder = self.folder_of(scope)
        if not folder.is_dir():
            return []
        named = ((_NAME.match(entry.name), entry) for entry in folder.iterdir())
        listed = [
            (int(name[1]), path)
            for name, path in named
            if name is not None and binding in (None, name[2])
        ]
        return sorted(listed, reverse=True)

    def resume(self, observed: Observed, latest: Place) -> int:
        """Take up the newest usable checkpoint not after `latest`; its seq, or 0 for none."""
        scope = latest.scope
        for seq, path in self.found(scope, latest.binding):
            if seq > latest.seq:
                continue
            try:
                self._load(path, observed, replace(latest, seq=seq))
            except (Corrupt, OSError, msgspec.MsgspecError) as fault:
                code = fault.code if isinstance(fault, Corrupt) else type(fault).__name__
                logger().warning("checkpoint_refused", code=code, seq=seq, file=path.name)
                if isinstance(fault, Corrupt):
                    path.unlink(missing_ok=True)  # it would be refused again, and stand for one
                continue
            logger().info("checkpoint_taken_up", tenant=scope.tenant, seq=seq, file=path.name)
            return seq
        return 0

    def save(self, observed: Observed, scope: Scope, binding: str, seq: int) -> int:
        """Write what the observations up to seq made; bytes. The caller holds `writing`."""
        mark = self.mark(seq)
        assert observed.windows is not None and mark is not None
        memory, rest = observed.windows.image()
        identities_used, identities = observed.identities.image()
        labels_used, labels = observed.labels.image()
        images = {name: one.image() for name, one in observed.companions.kept}
        head = Head(
            scope.text, binding, seq, mark, observed.ticker.t_us,
            len(memory), rest.seq, rest.clock_us, rest.texts,
            tuple(identities_used), tuple(labels_used),
            {name: tuple(map(_form, image)) for name, image in images.items()},
            observed.label_peaks.image(),
        )  # fmt: skip
        sections: list[tuple[str, Array]] = [
            ("windows", memory),
            ("label_seqs", rest.label_seqs),
            ("label_keys", rest.label_keys),
            *_named("identities", identities),
            *_named("labels", labels),
            *(pair for name, image in images.items() for pair in _named(name, image)),
        ]
        path = self.folder_of(scope) / f"{seq:020d}-{binding}.ckpt"
        return write_file(path, msgspec.msgpack.encode(head), sections, self.key)

    @contextlib.contextmanager
    def writing(self, scope: Scope) -> Iterator[None]:
        """The right to write checkpoints of a scope. Errors: Conflict while another has it."""
        folder = self.folder_of(scope)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in folder.glob("*.part"):
                left.unlink()
            yield
        except BlockingIOError:
            raise Conflict("checkpoint_running", "a checkpoint is being written already") from None
        finally:
            os.close(handle)

    def prune(self, scope: Scope, binding: str, seq: int) -> None:
        """Remove what is kept no longer, and what claims to know more than the log (up to seq)."""
        mine = self.found(scope, binding)
        beyond = [path for one, path in mine if one > seq]
        kept = [path for one, path in mine if one <= seq]
        others = [path for _one, path in self.found(scope) if path not in (*beyond, *kept)]
        for path in (*beyond, *kept[KEPT:], *others[KEPT_OF_OTHERS:]):
            path.unlink(missing_ok=True)

    def _load(self, path: Path, observed: Observed, place: Place) -> None:
        with contextlib.closing(SectionsFile(path, self.key)) as file:
            head = msgspec.msgpack.decode(file.head, type=Head)
            wanted = (place.scope.text, place.binding, place.seq)
            if (head.scope, head.binding, head.seq) != wanted:
                raise Corrupt("checkpoint_misnamed", "it is not what its name says")
            if head.mark != self.mark(head.seq):
                raise Corrupt("checkpoint_other_log", "it was made from another log")
            windows, identities, labels = _read(file, head, place.plan, observed.history_start_us)
            observed.companions = _companions(file, head, place.companions)
        observed.windows, observed.identities, observed.labels = windows, identities, labels
        observed.label_peaks = LabelPeaks(head.label_peaks)
        observed.ticker.t_us = max(observed.ticker.t_us, head.t_us)


def _read(
    file: SectionsFile, head: Head, plan: WindowPlan, history_start_us: int
) -> tuple[Windows, IdentityIndex, IdentityIndex]:
    windows = Windows(plan, history_start_us)
    labels = file.length("label_seqs") // 8
    seqs, keys = np.zeros(labels, np.int64), np.zeros((labels, KEY_COUNT), np.uint64)
    identities = _tables(file, "identities", len(head.identities_used))
    standing = _tables(file, "labels", len(head.labels_used))
    file.read(
        [
            ("windows", windows.blank(head.windows_words)),
            ("label_seqs", seqs),
            ("label_keys", keys),
            *_named("identities", identities),
            *_named("labels", standing),
        ]
    )
    windows.resume(Resumption(head.windows_seq, head.windows_clock_us, head.texts, seqs, keys))
    return (
        windows,
        IdentityIndex.resumed(head.identities_used, identities),
        IdentityIndex.resumed(head.labels_used, standing),
    )


def _companions(file: SectionsFile, head: Head, wanted: Names) -> Companions:
    """Those that are wanted and in the file."""
    found = Companions.fresh(wanted & head.companions.keys())
    for name, one in found.kept:
        forms = head.companions[name]
        image = tuple(np.empty(form.shape, np.dtype(form.dtype)) for form in forms)
        file.read(_named(name, image))
        one.resume(image)
    return found


def _form(array: Array) -> Form:
    return Form(array.dtype.str, array.shape)


def _tables(file: SectionsFile, name: str, parts: int) -> list[Any]:
    return [np.empty((file.length(f"{name}/{part}") // 16, 2), np.int64) for part in range(parts)]


def _named(name: str, tables: Sequence[Array]) -> list[tuple[str, Array]]:
    return [(f"{name}/{part}", table) for part, table in enumerate(tables)]
