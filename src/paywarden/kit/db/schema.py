"""Which schema a database must have, checked without loading the migration tools.

Guards: a process never works on a schema that it does not know (newer program wrote it), on an old
one, or on one that a broken migration left half done. Each room that owns tables is one
`SchemaPart`, a branch of its own with one head. Not done here: changing a schema
(`paywarden.kit.db.migrate`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from paywarden.core.errors import Unavailable

VERSION_TABLE: Final = "schema_version"


@dataclass(frozen=True, slots=True)
class SchemaPart:
    """Tables of one room: `head` revision, and the `package:folder` of its migration scripts."""

    name: str
    head: str
    scripts: str
    known: tuple[str, ...] = ()

    @property
    def revisions(self) -> frozenset[str]:
        """Every revision that this program knows of this part."""
        return frozenset((*self.known, self.head))


KIT: Final = SchemaPart(
    "kit",
    "kit_0004",
    "paywarden.kit.db:migrations/versions",
    known=("kit_0001", "kit_0003"),
)


def check_schema(connection: sqlite3.Connection, parts: Sequence[SchemaPart]) -> None:
    """Pass when the file is exactly at the heads of `parts`.

    Errors: Unavailable `schema_missing`, `schema_newer`, `schema_older`, `schema_half_migrated`,
    each with the remedy.
    """
    found = stored_revisions(connection)
    if found is None:
        raise Unavailable("schema_missing", "the database has no schema; run migrate")
    unknown = found - frozenset().union(*(part.revisions for part in parts))
    if unknown:
        raise Unavailable(
            "schema_newer",
            f"the database is at {', '.join(sorted(unknown))}, which this program does not know; "
            "install the newer program, or restore the backup made before the migration",
        )
    behind = [part.name for part in parts if part.head not in found]
    if behind:
        raise Unavailable("schema_older", f"run migrate: {', '.join(behind)} is behind")
    if len(found) != len(parts):
        raise Unavailable("schema_half_migrated", "two revisions of one part; restore a backup")


def stored_revisions(connection: sqlite3.Connection) -> frozenset[str] | None:
    """Revisions in the file; None when there is no version table or it is empty."""
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if VERSION_TABLE not in names:
        if names:
            raise Unavailable("schema_half_migrated", "tables without a version; restore a backup")
        return None
    rows = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall()  # noqa: S608
    if not rows and names != {VERSION_TABLE}:
        tables = {name for name in names if not name.startswith("sqlite_")} - {VERSION_TABLE}
        if tables:
            raise Unavailable("schema_half_migrated", "tables without a version; restore a backup")
    return frozenset(row[0] for row in rows) or None
