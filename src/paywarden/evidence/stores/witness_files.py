"""The witness' memory: one file per log, replaced whole and durable before a signature leaves."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from paywarden.evidence.checkpoint import Checkpoint, parse_checkpoint
from paywarden.evidence.note import parse_note
from paywarden.evidence.stores.last_signed_file import LastSignedFile

FORKS_LIMIT: Final = 100


class WitnessFiles:
    """`WitnessState` under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._forks = folder / "forks"

    def seen(self, origin: str) -> Checkpoint | None:
        """The remembered checkpoint of a log."""
        note = self._file(origin).read()
        return None if note is None else parse_checkpoint(parse_note(note).text)

    def remember(self, checkpoint: Checkpoint, note: str) -> None:
        """Replace it, durable on return."""
        self._file(checkpoint.origin).keep(note)

    def keep_fork(self, checkpoint: Checkpoint, note: str) -> None:
        """Keep a contradicting note, at most `FORKS_LIMIT` of them."""
        self._forks.mkdir(mode=0o700, exist_ok=True)
        name = hashlib.sha256(note.encode()).hexdigest()[:32]
        path = self._forks / f"{checkpoint.size}-{name}"
        if not path.exists() and sum(1 for _ in self._forks.iterdir()) < FORKS_LIMIT:
            LastSignedFile(path).keep(note)

    def _file(self, origin: str) -> LastSignedFile:
        name = hashlib.sha256(origin.encode()).hexdigest()[:32]
        return LastSignedFile(self._folder / f"{name}.checkpoint")
