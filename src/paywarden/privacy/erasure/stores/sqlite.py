"""Erasures in SQLite, beside the log and not beside the keys: the two are restored apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from paywarden.core.scope import Scope
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Insert
from paywarden.kit.db.unit import UnitOfWork
from paywarden.privacy.erasure.model import Erasure

SCHEMA: Final = SchemaPart(
    "erasures", "erasures_0001", "paywarden.privacy.erasure:migrations/versions"
)
PAGE: Final = 1_000
_INSERT = Insert("erasures", ("key_id", "scope", "subject", "erased_at_us"))
_LAST = (
    "SELECT key_id, erased_at_us FROM erasures WHERE scope = ? AND subject = ?"
    " ORDER BY erased_at_us DESC LIMIT 1"
)
_ALL = (
    "SELECT key_id, scope, subject, erased_at_us FROM erasures WHERE key_id > ?"
    " ORDER BY key_id LIMIT ?"
)


class SqliteErasures:
    """`Store` over the table `erasures`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def add(self, unit: UnitOfWork, erasure: Erasure) -> None:
        """Write an erasure with the unit."""
        one = erasure
        unit.add(_INSERT, (one.key_id, one.scope.text, one.subject, one.at_us))

    def last_of(self, scope: Scope, subject: str) -> Erasure | None:
        """The newest erasure of a subject."""
        row = self._reader.one(_LAST, (scope.text, subject))
        return None if row is None else Erasure(scope, subject, row[0], row[1])

    def all(self) -> Iterator[Erasure]:
        """Every erasure of every scope, in pages."""
        last = b""
        while page := self._reader.rows(_ALL, (last, PAGE)):
            for key_id, scope, subject, at_us in page:
                yield Erasure(Scope.parse(scope), subject, key_id, at_us)
            last = page[-1][0]
