"""API keys in SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from paywarden.core.errors import PaywardenError
from paywarden.core.scope import Scope
from paywarden.identity.api_keys import KeyRecord
from paywarden.kit.db.reader import Reader, Row
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.log import logger

SCHEMA = SchemaPart(
    "identity",
    "identity_0004",
    "paywarden.identity:migrations/versions",
    known=("identity_0001", "identity_0002", "identity_0003"),
)
_COLUMNS = (
    "key_id",
    "scope",
    "role",
    "digest",
    "created_at_us",
    "merchant",
    "expires_at_us",
    "revoked_at_us",
    "owner",
    "name",
    "last_used_at_us",
    "outside_check",
)
_END = Change(
    "end_api_key",
    "UPDATE api_keys SET revoked_at_us = ?, expires_at_us = ? WHERE key_id = ? AND scope = ?",
)
_USE = Change(
    "note_api_key_use",
    "UPDATE api_keys SET last_used_at_us = max(coalesce(last_used_at_us, 0), ?),"
    " outside_check = coalesce(outside_check, ?) WHERE key_id = ?",
)
_INSERT = Insert("api_keys", _COLUMNS)
_FIND = f"SELECT {', '.join(_COLUMNS)} FROM api_keys WHERE key_id = ?"  # noqa: S608
_UNREVOKED = (
    f"SELECT {', '.join(_COLUMNS)} FROM api_keys WHERE revoked_at_us IS NULL"  # noqa: S608
    " ORDER BY created_at_us, key_id"
)
_ALL = f"SELECT {', '.join(_COLUMNS)} FROM api_keys WHERE scope = ? ORDER BY created_at_us"  # noqa: S608


class SqliteKeys:
    """`KeyStore` over the `api_keys` table; the tenant follows from the key id."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    def find(self, key_id: str) -> KeyRecord | None:
        """The record of a key id."""
        row = self._reader.one(_FIND, (key_id,))
        if row is None:
            return None
        return _record(row)

    def save(self, record: KeyRecord) -> None:
        """Store a new key durably before returning."""
        unit = UnitOfWork()
        self.stage(unit, record)
        self._writer.submit(unit).result()

    def records(self, scope: Scope) -> Sequence[KeyRecord]:
        """All keys of a scope, oldest first."""
        return [_record(row) for row in self._reader.rows(_ALL, (scope.text,))]

    def stage(self, unit: UnitOfWork, record: KeyRecord) -> None:
        """Add a new key to `unit`."""
        unit.add(
            _INSERT,
            (
                record.key_id,
                record.scope.text,
                record.role,
                record.digest,
                record.created_at_us,
                record.merchant,
                record.expires_at_us,
                record.revoked_at_us,
                record.owner,
                record.name,
                record.last_used_at_us,
                record.outside_check,
            ),
        )

    def stage_end(
        self,
        unit: UnitOfWork,
        scope: Scope,
        key_id: str,
        revoked_at_us: int | None,
        expires_at_us: int | None,
    ) -> None:
        """Add to `unit` when a key ends, or ended."""
        unit.add(_END, (revoked_at_us, expires_at_us, key_id, scope.text))

    def note_use(self, key_id: str, at_us: int, outside_check: bytes) -> None:
        """Write when a key was last used, without waiting; a failure is logged."""
        unit = UnitOfWork()
        unit.add(_USE, (at_us, outside_check, key_id))
        try:
            self._writer.submit(unit).add_done_callback(_tell_failure)
        except PaywardenError as fault:  # no writer at the moment: the use itself goes on
            logger().error("key_use_unwritten", key_id=key_id, code=fault.code)

    def unrevoked(self, limit: int) -> Sequence[KeyRecord]:
        """Keys of every scope that nobody has revoked, oldest first."""
        return [_record(row) for row in self._reader.rows(_UNREVOKED, limit=limit)]

    def count(self) -> int:
        """How many keys exist."""
        row = self._reader.one("SELECT count(*) FROM api_keys")
        return 0 if row is None else int(row[0])


def _record(row: Row) -> KeyRecord:
    key_id, scope, *rest = row
    return KeyRecord(key_id, Scope.parse(scope), *rest)


def _tell_failure(future: Future[None]) -> None:
    fault = future.exception()
    if fault is not None:
        logger().error("key_use_unwritten", error_type=type(fault).__name__)
