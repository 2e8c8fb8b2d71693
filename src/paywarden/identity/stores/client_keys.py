"""Client keys and accepted signatures in SQLite.

Guards: with a `Recording`, which whoever changes keys for people brings, every change and its audit
event are one unit. A process that only reads keys has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from paywarden.core.clock import Clock
from paywarden.core.scope import Scope
from paywarden.identity.client_keys import ClientKeyRecord, Owner
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome, Scalar
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Change, Insert, Statement
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.http.signing.keys import Algorithm
from paywarden.kit.http.signing.ports import PartnerBinding

CLIENT_KEYS: Final = SchemaPart(
    "client_keys", "client_keys_0001", "paywarden.identity.client_key_schema:migrations/versions"
)
SWEPT_ROWS: Final = 2_000
_COLUMNS = (
    "key_id", "scope", "api_key_id", "merchant", "algorithm", "public", "sealed", "created_at_us",
    "expires_at_us", "revoked_at_us", "client_id", "key_version", "routes",
)  # fmt: skip
_INSERT = Insert("client_keys", _COLUMNS)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM client_keys"  # noqa: S608
_FIND = f"{_SELECT} WHERE key_id = ? AND scope = ?"
_FIND_PARTNER = f"{_SELECT} WHERE scope = ? AND client_id = ? AND key_version = ?"
_LIST = f"{_SELECT} WHERE scope = ? ORDER BY created_at_us, key_id"
_REVOKE = Change(
    "revoke_client_key",
    "UPDATE client_keys SET revoked_at_us = ?"
    " WHERE key_id = ? AND scope = ? AND revoked_at_us IS NULL",
)
_REQUIRE = Change(
    "require_signing", "INSERT OR IGNORE INTO signing_required (scope, api_key_id) VALUES (?, ?)"
)
_RELAX = Change("relax_signing", "DELETE FROM signing_required WHERE scope = ? AND api_key_id = ?")
_REQUIRED = "SELECT 1 FROM signing_required WHERE scope = ? AND api_key_id = ?"
_ACCEPT = Insert("accepted_signatures", ("digest", "keep_until_us"))
_LIVE = (
    "SELECT id, digest, keep_until_us FROM accepted_signatures"
    " WHERE id > ? AND keep_until_us > ? ORDER BY id LIMIT ?"
)
_SWEEP = Change(
    "sweep_accepted_signatures",
    "DELETE FROM accepted_signatures WHERE keep_until_us <= ?"
    " AND id IN (SELECT id FROM accepted_signatures ORDER BY id LIMIT ?)",
)


@dataclass(frozen=True, slots=True)
class Recording:
    """Where changes are written down, and whose they are (`kind:identifier`)."""

    audit: AuditLog
    clock: Clock
    actor: str

    def note(self, unit: UnitOfWork, scope: Scope, act: str, detail: dict[str, Scalar]) -> None:
        """Add the audit event of a change to its unit."""
        event = AuditEvent(
            scope, f"identity:signing_key:{act}", self.actor, AuditOutcome.DONE,
            self.clock.now_us(), detail,
        )  # fmt: skip
        self.audit.record(unit, event)


class SqliteClientKeys:
    """`ClientKeyStore` over the tables `client_keys` and `signing_required`."""

    def __init__(self, reader: Reader, writer: Writer, recording: Recording | None = None) -> None:
        self._reader = reader
        self._writer = writer
        self._recording = recording

    def find(self, scope: Scope, key_id: str) -> ClientKeyRecord | None:
        """The record of this scope with this id."""
        row = self._reader.one(_FIND, (key_id, scope.text))
        return None if row is None else _record(row)

    def find_partner(
        self, scope: Scope, client_id: str, key_version: int
    ) -> ClientKeyRecord | None:
        """The partner's record of this scope."""
        row = self._reader.one(_FIND_PARTNER, (scope.text, client_id, key_version))
        return None if row is None else _record(row)

    def listed(self, scope: Scope) -> Sequence[ClientKeyRecord]:
        """All records of a scope, oldest first."""
        return [_record(row) for row in self._reader.rows(_LIST, (scope.text,))]

    def save(self, record: ClientKeyRecord) -> None:
        """Store a new record durably. Errors: Conflict."""
        bound = record.partner
        row = (
            record.key_id, record.scope.text, record.owner.api_key_id, record.owner.merchant,
            record.algorithm.value, record.public, record.sealed, record.created_at_us,
            record.expires_at_us, record.revoked_at_us,
            bound.client_id if bound else None, bound.key_version if bound else None,
            " ".join(sorted(bound.routes)) if bound else None,
        )  # fmt: skip
        detail: dict[str, Scalar] = {"key": record.key_id, "algorithm": record.algorithm.value}
        self._write(_INSERT, row, record.scope, "add", detail)

    def revoke(self, scope: Scope, key_id: str, at_us: int) -> bool:
        """End a key; False when there is none that is not ended."""
        known = self.find(scope, key_id)
        if known is None or known.revoked_at_us is not None:
            return False
        self._write(_REVOKE, (at_us, key_id, scope.text), scope, "revoke", {"key": key_id})
        return True

    def stage_end(self, unit: UnitOfWork, scope: Scope, key_id: str, at_us: int) -> None:
        """Add to `unit` that a key ends; whoever stages it writes its event."""
        unit.add(_REVOKE, (at_us, key_id, scope.text))

    def must_sign(self, scope: Scope, api_key_id: str) -> bool:
        """Whether requests with this API key must be signed."""
        return self._reader.one(_REQUIRED, (scope.text, api_key_id)) is not None

    def set_must_sign(self, scope: Scope, api_key_id: str, required: bool) -> None:
        """Demand signatures of an API key, or no longer."""
        statement, act = (_REQUIRE, "require") if required else (_RELAX, "relax")
        self._write(statement, (scope.text, api_key_id), scope, act, {"api_key": api_key_id})

    def _write(
        self,
        statement: Statement,
        values: Sequence[Any],
        scope: Scope,
        act: str,
        detail: dict[str, Scalar],
    ) -> None:
        unit = UnitOfWork()
        unit.add(statement, values)
        if self._recording is not None:
            self._recording.note(unit, scope, act, detail)
        self._writer.submit(unit).result()


class SqliteNonces:
    """`NonceStore` over the table `accepted_signatures`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def add(self, unit: UnitOfWork, digest: bytes, keep_until_us: int) -> None:
        """Add to `unit` that `digest` was accepted."""
        unit.add(_ACCEPT, (digest, keep_until_us))

    def live(self, now_us: int, after_id: int, limit: int) -> list[tuple[int, bytes, int]]:
        """(id, digest, keep_until_us) not yet past, by ascending id."""
        rows = self._reader.rows(_LIVE, (after_id, now_us, limit), limit=limit)
        return [(row[0], row[1], row[2]) for row in rows]

    def sweep(self, unit: UnitOfWork, now_us: int) -> None:
        """Add to `unit` the removal of old ones among the first 2,000."""
        unit.add(_SWEEP, (now_us, SWEPT_ROWS))


def _record(row: Sequence[Any]) -> ClientKeyRecord:
    bound = None
    if row[10] is not None:
        bound = PartnerBinding(row[10], row[11], frozenset(row[12].split(" ")))
    return ClientKeyRecord(
        row[0], Scope.parse(row[1]), Owner(row[2], row[3]), Algorithm(row[4]), row[5], row[6],
        row[7], row[8], row[9], bound,
    )  # fmt: skip
