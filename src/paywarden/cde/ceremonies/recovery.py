"""After a crash: every transcript that has no end is given the true one.

A ceremony ends by activated, cancelled, expired, unlocked, quorum_wrong or interrupted. One that
was killed has none. Its last line says how far it came: before `activating`, nothing was in force;
after it, the record on disk decides: the digest that the line names is the one there, or it is not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from paywarden.cde.ceremonies.desk import TRANSCRIPTS, digest_of
from paywarden.cde.ceremonies.transcript import Line, Transcript, read
from paywarden.cde.roots import record as records
from paywarden.core.clock import Clock
from paywarden.core.errors import NotFound
from paywarden.core.secret import Secret

ENDS: Final = frozenset(
    {"activated", "cancelled", "expired", "unlocked", "quorum_wrong", "interrupted"}
)


def recover(folder: Path, transcript_key: Secret[bytes], clock: Clock) -> list[str]:
    """End what a crash left open; the names of those ceremonies. Errors: Corrupt."""
    (folder / f"{records.RECORD_NAME}.new").unlink(missing_ok=True)
    found = []
    for path in sorted((folder / TRANSCRIPTS).glob("cer_*.jsonl")):
        transcript = Transcript(path, transcript_key, clock)
        lines = read(path, transcript.public_key)
        if lines and lines[-1].what in ENDS:
            continue
        transcript.add(*_end(folder, lines))
        found.append(path.stem)
    return found


def _end(folder: Path, lines: list[Line]) -> tuple[str, str]:
    if lines and lines[-1].what == "activating":
        try:
            if digest_of(records.load(folder)) == lines[-1].facts.get("record"):
                return "activated", ""
        except NotFound:
            pass
    return "interrupted", ""
