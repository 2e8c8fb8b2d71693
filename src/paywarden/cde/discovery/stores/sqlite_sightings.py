"""Sightings in a SQLite file of the card data environment, with full synchronisation.

Guards: the file is made readable for its owner only, before anything is written into it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from paywarden.cde.discovery.sightings import Sighting
from paywarden.core.errors import Corrupt, Unavailable

_SCHEMA = """
create table if not exists sightings (
  fingerprint text primary key, first_seen_us integer not null, octets blob not null
) strict
"""
_BUSY_SECONDS = 10.0


class SqliteSightings:
    """Implements `Sightings`. Errors: Unavailable when the file cannot be opened or is busy."""

    def __init__(self, path: Path) -> None:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))
            self._database = sqlite3.connect(path, timeout=_BUSY_SECONDS)
            self._database.execute("pragma journal_mode = wal")
            self._database.execute("pragma synchronous = full")
            self._database.execute(_SCHEMA)
        except (OSError, sqlite3.Error):
            raise Unavailable(
                "sightings_unusable", "the file of sightings cannot be opened or is busy"
            ) from None

    def find(self, fingerprint: str) -> Sighting | None:
        """One sighting, or None."""
        query = "select octets from sightings where fingerprint = ?"
        row = self._database.execute(query, (fingerprint,)).fetchone()
        return None if row is None else _read(row[0])

    def all(self) -> Sequence[Sighting]:
        """All of them, oldest first."""
        query = "select octets from sightings order by first_seen_us, fingerprint"
        return [_read(row[0]) for row in self._database.execute(query)]

    def save(self, sightings: Iterable[Sighting]) -> None:
        """Add or replace, all or none."""
        rows = [(one.fingerprint, one.first_seen_us, msgspec.json.encode(one)) for one in sightings]
        with self._database:
            self._database.executemany("insert or replace into sightings values (?, ?, ?)", rows)

    def close(self) -> None:
        """Give the file back."""
        self._database.close()


def _read(octets: bytes) -> Sighting:
    try:
        return msgspec.json.decode(octets, type=Sighting)
    except msgspec.DecodeError:
        raise Corrupt("sightings_damaged", "a row of the file of sightings is damaged") from None
