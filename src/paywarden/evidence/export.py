"""Exporting the log for an auditor: records, tiles, checkpoints, and the verifier itself.

    records/000000.jsonl   65,536 records a file, each line a leaf's very octets
    tile/...               C2SP tlog-tiles, to name the first altered record
    checkpoints.jsonl      every checkpoint with its cosignatures, one JSON text a line
    decisions.jsonl        on demand: what decisions stated, by index
    journal.json           the event log held against the leaves: its findings
    verify.py              standard library only; keys come from elsewhere (`audit trust`)

Guards: exactly what the last checkpoint covers is written, in bounded memory, into a new folder.
Nothing is judged here: an altered record is exported as it stands, and the verifier names it. What
the event log says is held against the leaves (`check`), and what does not fit is in the export too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path
from typing import Final

from paywarden.core.errors import Conflict, NotFound
from paywarden.evidence.log import SignedLog
from paywarden.evidence.ports import Checkpoints
from paywarden.evidence.tiles import HEIGHT, WIDTH, TileStore, tile_path
from paywarden.kit.audit import READ_LIMIT, AuditRows

RECORDS_PER_FILE: Final = 65_536
_CHECKPOINTS_PAGE: Final = 500
Statements = Iterable[tuple[int, bytes]]
Told = Callable[[int], Statements]
"""What decisions stated, for a number of leaves."""
Check = Callable[[int], tuple[bytes, int]]
"""The report on the event log under so many leaves (JSON), and how many findings it holds."""


def nothing_told(_size: int) -> Statements:
    """For exports without decisions."""
    return ()


def nothing_checked(_size: int) -> tuple[bytes, int]:
    """For logs that stand on no event log."""
    return b"", 0


class Export:
    """Writes one log into folders."""

    def __init__(
        self, log: SignedLog, rows: AuditRows, checkpoints: Checkpoints, tiles: TileStore
    ) -> None:
        self._log = log
        self._rows = rows
        self._checkpoints = checkpoints
        self._tiles = tiles

    def write(
        self, folder: Path, check: Check = nothing_checked, statements: Told = nothing_told
    ) -> dict[str, int]:
        """Export everything signed; counts of records, checkpoints and findings of `check`.

        Errors: Conflict `folder_not_empty`, NotFound `checkpoint_not_yet`.
        """
        if folder.exists() and any(folder.iterdir()):
            raise Conflict("folder_not_empty", "export into a new or empty folder")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        count = self._write_checkpoints(folder)
        size = count.pop("size")
        self._write_records(folder / "records", size)
        self._write_tiles(folder, size)
        decisions = _write_statements(folder / "decisions.jsonl", statements(size), size)
        report, findings = check(size)
        if report:
            (folder / "journal.json").write_bytes(report + b"\n")
        script = resources.files("paywarden.evidence").joinpath("verify.py").read_text("utf-8")
        (folder / "verify.py").write_text(script, encoding="utf-8")
        return {"records": size, **count, "decisions": decisions, "journal_findings": findings}

    def _write_checkpoints(self, folder: Path) -> dict[str, int]:
        size, origin, count = 0, "", 0
        with (folder / "checkpoints.jsonl").open("w", encoding="utf-8") as file:
            while page := self._checkpoints.page(size, origin, _CHECKPOINTS_PAGE):
                for stored in page:
                    file.write(json.dumps(stored.note) + "\n")
                size, origin = page[-1].checkpoint.size, page[-1].checkpoint.origin
                count += len(page)
        if not count:
            raise NotFound("checkpoint_not_yet", "the log has no signed checkpoint yet")
        return {"size": size, "checkpoints": count}

    def _write_records(self, folder: Path, size: int) -> None:
        folder.mkdir(mode=0o700)
        for first in range(0, size, RECORDS_PER_FILE):
            last = min(first + RECORDS_PER_FILE, size)
            with (folder / f"{first // RECORDS_PER_FILE:06d}.jsonl").open("wb") as file:
                after = first
                while after < last:
                    rows = self._rows.rows(after, min(READ_LIMIT, last - after))
                    if not rows or rows[0].id > last:
                        break  # missing rows: the verifier says which
                    kept = [row for row in rows if row.id <= last]
                    file.writelines(self._log.leaf_of(row) + b"\n" for row in kept)
                    after = kept[-1].id

    def _write_tiles(self, folder: Path, size: int) -> None:
        level = 0
        while size >> HEIGHT * level:
            full, width = divmod(size >> HEIGHT * level, WIDTH)
            wanted = [(number, WIDTH) for number in range(full)]
            for number, hashes in wanted + ([(full, width)] if width else []):
                octets = self._tiles.read(level, number, hashes)
                if octets is not None:
                    path = folder / tile_path(level, number, hashes)
                    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    path.write_bytes(octets)
            level += 1


def _write_statements(path: Path, statements: Statements, size: int) -> int:
    count = 0
    for index, octets in statements:
        if index >= size:
            continue
        with path.open("ab") as file:
            file.write(b'{"index":%d,"decision":%b}\n' % (index, octets))
        count += 1
    return count
