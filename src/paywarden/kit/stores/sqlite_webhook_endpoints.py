"""Endpoints of webhooks in the log's database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from paywarden.core.scope import Scope
from paywarden.kit.db.reader import Reader, Row
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.webhooks.model import Endpoint
from paywarden.kit.webhooks.secret_box import SecretBox

WEBHOOK_ENDPOINTS: Final = SchemaPart(
    "webhook_endpoints",
    "webhook_endpoints_0001",
    "paywarden.kit.webhooks:migrations/endpoints",
)
_COLUMNS = (
    "id", "scope", "url", "events", "description", "merchant", "secrets", "created_at_us",
    "created_by", "disabled",
)  # fmt: skip
_INSERT = Insert("webhook_endpoints", _COLUMNS)
_CHANGE = Change(
    "change_webhook_endpoint",
    "UPDATE webhook_endpoints SET url = ?, events = ?, description = ?, secrets = ?, disabled = ?"
    " WHERE id = ? AND scope = ?",
)
_REMOVE = Change(
    "remove_webhook_endpoint", "DELETE FROM webhook_endpoints WHERE id = ? AND scope = ?"
)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM webhook_endpoints"  # noqa: S608
_FIND = _SELECT + " WHERE id = ? AND scope = ?"
_PAGE = _SELECT + " WHERE scope = ? AND id > ? ORDER BY id LIMIT ?"
_COUNT = "SELECT count(*) FROM webhook_endpoints WHERE scope = ?"


class SqliteEndpoints:
    """`Endpoints` over the table `webhook_endpoints`; secrets are sealed."""

    def __init__(self, reader: Reader, box: SecretBox) -> None:
        self._reader = reader
        self._box = box

    def add(self, unit: UnitOfWork, endpoint: Endpoint) -> None:
        """Store a new endpoint with the unit."""
        one = endpoint
        unit.add(
            _INSERT,
            (
                one.id, one.scope.text, one.url, _joined(one.events), one.description,
                one.merchant, self._sealed(one), one.created_at_us, one.created_by,
                int(one.disabled),
            ),
        )  # fmt: skip

    def change(self, unit: UnitOfWork, endpoint: Endpoint) -> None:
        """Replace url, events, description, secrets and whether it is disabled."""
        one = endpoint
        unit.add(
            _CHANGE,
            (
                one.url, _joined(one.events), one.description, self._sealed(one),
                int(one.disabled), one.id, one.scope.text,
            ),
        )  # fmt: skip

    def remove(self, unit: UnitOfWork, scope: Scope, endpoint: str) -> None:
        """Delete the row, overwritten in the file (`secure_delete`)."""
        unit.add(_REMOVE, (endpoint, scope.text))

    def find(self, scope: Scope, endpoint: str) -> Endpoint | None:
        """One endpoint of a scope."""
        row = self._reader.one(_FIND, (endpoint, scope.text))
        return None if row is None else self._endpoint(row)

    def of_scope(self, scope: Scope, after: str, limit: int) -> Sequence[Endpoint]:
        """Endpoints of a scope with an id above `after`, ascending."""
        rows = self._reader.rows(_PAGE, (scope.text, after, limit), limit=limit)
        return [self._endpoint(row) for row in rows]

    def count(self, scope: Scope) -> int:
        """How many endpoints a scope has."""
        row = self._reader.one(_COUNT, (scope.text,))
        return 0 if row is None else int(row[0])

    def _sealed(self, one: Endpoint) -> bytes:
        return self._box.seal(one.scope, one.id, one.secrets)

    def _endpoint(self, row: Row) -> Endpoint:
        scope = Scope.parse(row[1])
        return Endpoint(
            row[0],
            scope,
            row[2],
            tuple(msgspec.json.decode(row[3], type=list[str])),
            row[4],
            row[5],
            self._box.open(scope, row[0], row[6]),
            row[7],
            row[8],
            bool(row[9]),
        )


def _joined(events: Sequence[str]) -> str:
    return msgspec.json.encode(list(events)).decode()
