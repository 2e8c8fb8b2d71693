"""API keys in SQLite."""

from __future__ import annotations

from paywarden.core.scope import Scope
from paywarden.identity.api_keys import KeyRecord
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Insert
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer

SCHEMA = SchemaPart(
    "identity",
    "identity_0002",
    "paywarden.identity:migrations/versions",
    known=("identity_0001",),
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
)
_INSERT = Insert("api_keys", _COLUMNS)
_FIND = f"SELECT {', '.join(_COLUMNS)} FROM api_keys WHERE key_id = ?"  # noqa: S608


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
        return KeyRecord(
            row[0], Scope.parse(row[1]), row[2], row[3], row[4], row[5], row[6], row[7]
        )

    def save(self, record: KeyRecord) -> None:
        """Store a new key durably before returning."""
        unit = UnitOfWork()
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
            ),
        )
        self._writer.submit(unit).result()

    def count(self) -> int:
        """How many keys exist."""
        row = self._reader.one("SELECT count(*) FROM api_keys")
        return 0 if row is None else int(row[0])
