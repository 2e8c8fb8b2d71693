"""Roll-outs in SQLite: one row each, the body as JSON, the columns that are searched beside it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paywarden.core.scope import Scope
from paywarden.decision.rollout.model import Rollout, RolloutId
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.statement import Change
from paywarden.kit.db.unit import UnitOfWork

ACTIVE_LIMIT = 1_000
_PUT = Change(
    "put_rollout",
    "INSERT INTO rollouts (scope, rollout_id, active, created_at_us, body) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (scope, rollout_id) DO UPDATE SET active = excluded.active, body = excluded.body",
)
_FIND = "SELECT body FROM rollouts WHERE scope = ? AND rollout_id = ?"
_PAGE = (
    "SELECT body FROM rollouts WHERE scope = ?1 AND (?2 = '' OR (created_at_us, rollout_id) <"
    " (SELECT created_at_us, rollout_id FROM rollouts WHERE scope = ?1 AND rollout_id = ?2))"
    " ORDER BY created_at_us DESC, rollout_id DESC LIMIT ?3"
)
_ACTIVE = "SELECT scope, body FROM rollouts WHERE active = 1 ORDER BY scope, rollout_id"


def _hook(kind: type, given: object) -> object:
    if kind is RolloutId and isinstance(given, str):
        return RolloutId.parse(given)
    raise NotImplementedError


_ENCODE = msgspec.json.Encoder(enc_hook=str)
_DECODE = msgspec.json.Decoder(Rollout, dec_hook=_hook)


class SqliteRollouts:
    """`Rollouts` over the table of this room."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def put(self, unit: UnitOfWork, scope: Scope, rollout: Rollout) -> None:
        """Store a roll-out, new or moved."""
        body = _ENCODE.encode(rollout)
        given = (scope.text, rollout.id.text, rollout.active, rollout.created_at_us, body)
        unit.add(_PUT, given)

    def find(self, scope: Scope, rollout_id: str) -> Rollout | None:
        """A roll-out of this scope."""
        row = self._reader.one(_FIND, (scope.text, rollout_id))
        return None if row is None else _DECODE.decode(row[0])

    def page(self, scope: Scope, *, after: str, limit: int) -> Sequence[Rollout]:
        """Roll-outs, newest first."""
        rows = self._reader.rows(_PAGE, (scope.text, after, limit), limit=limit)
        return [_DECODE.decode(row[0]) for row in rows]

    def active(self) -> Sequence[tuple[Scope, Rollout]]:
        """Every roll-out that still moves."""
        rows = self._reader.rows(_ACTIVE, (), limit=ACTIVE_LIMIT)
        return [(Scope.parse(scope), _DECODE.decode(body)) for scope, body in rows]
