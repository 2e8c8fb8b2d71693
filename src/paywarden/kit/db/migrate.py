"""Bringing a database's schema to the heads that this program knows, all or nothing.

Guards: the whole migration is one SQLite transaction (DDL included), so an interrupted migration
leaves the old schema; a newer schema is refused before anything is touched; the single-writer lock
is held meanwhile. Loads SQLAlchemy and Alembic, hence imported only by `init` and `migrate`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import cast

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy.pool import StaticPool

from paywarden.core.errors import Unavailable
from paywarden.kit.db import connection
from paywarden.kit.db.schema import (
    VERSION_TABLE,
    SchemaPart,
    check_schema,
    stored_revisions,
)


def migrate(
    path: Path, parts: Sequence[SchemaPart], *, page_octets: int = connection.PAGE_OCTETS
) -> bool:
    """Create or upgrade the database `path` to the heads of `parts`; True when it changed.

    Args: `page_octets` counts only for a new file (4,096 suits small rows at random places).

    Errors: Conflict while a writer runs, Unavailable `schema_newer` or `schema_half_migrated`,
    Corrupt for a file that is not ours.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with connection.lock_file(path), closing(_open(path, page_octets)) as held:
        before = stored_revisions(held)
        _refuse_unknown(before, parts)
        _upgrade(held, parts)
        check_schema(held, parts)
        return before != stored_revisions(held)


def script_directory(parts: Sequence[SchemaPart]) -> ScriptDirectory:
    """Alembic's view of the scripts of all parts."""
    places = [str(_folder(part)) for part in parts]
    return ScriptDirectory(places[0], version_locations=places)


def _open(path: Path, page_octets: int) -> sqlite3.Connection:
    return connection.open_writing(path, create=True, page_octets=page_octets)


def _folder(part: SchemaPart) -> Path:
    package, _, folder = part.scripts.partition(":")
    return Path(str(resources.files(package).joinpath(folder)))


def _refuse_unknown(found: frozenset[str] | None, parts: Sequence[SchemaPart]) -> None:
    known = frozenset().union(*(part.revisions for part in parts))
    unknown = sorted((found or frozenset()) - known)
    if unknown:
        raise Unavailable(
            "schema_newer", f"the database is at {', '.join(unknown)}; install the newer program"
        )


def _upgrade(held: sqlite3.Connection, parts: Sequence[SchemaPart]) -> None:
    scripts = script_directory(parts)
    engine = sa.create_engine("sqlite://", creator=lambda: held, poolclass=StaticPool)
    sa.event.listen(engine, "begin", lambda opened: opened.exec_driver_sql("BEGIN IMMEDIATE"))

    def steps(found: tuple[str, ...], _context: MigrationContext) -> list[RevisionStep]:
        return scripts._upgrade_revs("heads", cast(str, found))

    environment = EnvironmentContext(Config(), scripts, fn=steps)
    try:
        with engine.begin() as opened, environment:
            environment.configure(
                connection=opened, transactional_ddl=True, version_table=VERSION_TABLE
            )
            environment.run_migrations()
    except (RevisionError, CommandError) as fault:
        raise Unavailable("schema_half_migrated", "the stored versions do not fit") from fault
