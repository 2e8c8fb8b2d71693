"""Alerts in SQLite, written in the unit of work of what raised them.

Guards: an alert, its group's count and its message are added by statements of one transaction that
look at what is there in that moment; so the same work done twice (a crash, a second reader of the
log) adds nothing, and neither do alerts within quiet days. Evidence has no person in the clear.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from paywarden.aml.alerts.events import ALERT_RAISED, told
from paywarden.aml.alerts.model import Alert, Entity, Reason
from paywarden.aml.alerts.ports import AlertFilter, AlertGroup, KeptAlert
from paywarden.core.instants import DAY_US
from paywarden.core.scope import Scope
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Change
from paywarden.kit.db.unit import UnitOfWork

SCHEMA: Final = SchemaPart(
    "aml_alerts", "aml_alerts_0001", "paywarden.aml.alerts:migrations/versions"
)
MOST_ASKED: Final = 500
_ADD = Change(
    "add_aml_alert",
    "INSERT OR IGNORE INTO aml_alerts (scope, id, group_id, kind, entity_kind, entity_id, subject,"
    " score, threshold, interdicted, at_us, raised_at_us, body, announced)"
    " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0 WHERE NOT EXISTS"
    " (SELECT 1 FROM aml_alerts WHERE scope = ?1 AND entity_kind = ?5 AND entity_id = ?6"
    " AND subject = ?7 AND kind = ?4 AND at_us > ?11 - ?14 AND at_us <= ?11)",
)
_GROUP = Change(
    "count_aml_alert",
    "INSERT INTO aml_alert_groups (scope, group_id, entity_kind, entity_id, alerts, interdicted,"
    " highest, first_at_us, last_at_us, last_number)"
    " SELECT scope, group_id, entity_kind, entity_id, 1, interdicted, score, at_us, at_us, number"
    " FROM aml_alerts WHERE scope = ?1 AND id = ?2 AND announced = 0"
    " ON CONFLICT (scope, group_id) DO UPDATE SET alerts = alerts + 1,"
    " interdicted = interdicted + excluded.interdicted, highest = max(highest, excluded.highest),"
    " first_at_us = min(first_at_us, excluded.first_at_us),"
    " last_at_us = max(last_at_us, excluded.last_at_us), last_number = excluded.last_number",
)
_TELL = Change(
    "tell_aml_alert",
    "INSERT INTO outbox (scope, topic, body, at_us)"
    " SELECT scope, ?3, ?4, raised_at_us FROM aml_alerts"
    " WHERE scope = ?1 AND id = ?2 AND announced = 0",
)
_TOLD = Change(
    "told_aml_alert",
    "UPDATE aml_alerts SET announced = 1 WHERE scope = ? AND id = ? AND announced = 0",
)
_COLUMNS = (
    "number, kind, entity_kind, entity_id, subject, score, threshold, interdicted, at_us,"
    " raised_at_us, body"
)
_FIND = f"SELECT {_COLUMNS} FROM aml_alerts WHERE scope = ? AND id = ?"  # noqa: S608
_KEPT = "SELECT id FROM aml_alerts WHERE scope = ?1 AND id IN (SELECT value FROM json_each(?2))"
_PAGE = (
    f"SELECT {_COLUMNS} FROM aml_alerts WHERE scope = ?1 AND (?2 = '' OR number <"  # noqa: S608
    " (SELECT number FROM aml_alerts WHERE scope = ?1 AND id = ?2))"
    " AND (?3 IS NULL OR kind = ?3) AND (?4 IS NULL OR subject = ?4)"
    " AND (?5 IS NULL OR group_id = ?5) AND (?6 IS NULL OR entity_kind = ?6)"
    " AND (?7 IS NULL OR entity_id = ?7) AND interdicted >= ?8"
    " AND (?9 IS NULL OR at_us >= ?9) AND (?10 IS NULL OR at_us < ?10)"
    " ORDER BY number DESC LIMIT ?11"
)
_FIGURES = (
    "SELECT count(*), coalesce(max(CASE kind WHEN 'typology' THEN score END), 0)"
    " FROM aml_alerts WHERE scope = ? AND entity_kind = ? AND entity_id = ? AND at_us >= ?"
    " AND kind <> 'customer_risk'"
)
_GROUP_COLUMNS = (
    "group_id, entity_kind, entity_id, alerts, interdicted, highest, first_at_us, last_at_us,"
    " last_number"
)
_ONE_GROUP = (
    f"SELECT {_GROUP_COLUMNS} FROM aml_alert_groups"  # noqa: S608
    " WHERE scope = ? AND group_id = ?"
)
_GROUPS = (
    f"SELECT {_GROUP_COLUMNS} FROM aml_alert_groups WHERE scope = ?1"  # noqa: S608
    " AND (?2 = '' OR last_number <"
    " (SELECT last_number FROM aml_alert_groups WHERE scope = ?1 AND group_id = ?2))"
    " ORDER BY last_number DESC LIMIT ?3"
)


class _Body(msgspec.Struct, array_like=True):
    """What is kept beside the columns; fields are append-only."""

    sequence: int
    reasons: tuple[Reason, ...]
    decisions: tuple[str, ...]
    payments: tuple[str, ...]
    others: tuple[Entity, ...]
    versions: tuple[tuple[str, str], ...]
    quiet_days: int = 0


_DECODE = msgspec.msgpack.Decoder(_Body)


class SqliteAlerts:
    """`AlertStore` over the tables of alerts."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def add(self, unit: UnitOfWork, scope: Scope, alert: Alert, now_us: int) -> None:
        """Keep and announce as part of `unit`, unless it is known or its quiet days say no."""
        body = _Body(
            alert.sequence, alert.reasons, alert.decisions, alert.payments, alert.others,
            alert.versions, alert.quiet_days,
        )  # fmt: skip
        given = (
            scope.text, alert.id, alert.group, alert.kind, alert.entity.kind, alert.entity.id,
            alert.subject, alert.score, alert.threshold, int(alert.interdicted), alert.at_us,
            now_us, msgspec.msgpack.encode(body), alert.quiet_days * DAY_US,
        )  # fmt: skip
        unit.add(_ADD, given)
        unit.add(_GROUP, (scope.text, alert.id))
        unit.add(_TELL, (scope.text, alert.id, ALERT_RAISED, told(alert)))
        unit.add(_TOLD, (scope.text, alert.id))

    def find(self, scope: Scope, alert_id: str) -> KeptAlert | None:
        """A durable alert of this scope."""
        row = self._reader.one(_FIND, (scope.text, alert_id))
        return None if row is None else _kept(row)

    def kept(self, scope: Scope, ids: Sequence[str]) -> frozenset[str]:
        """Which of at most 500 ids are kept."""
        if len(ids) > MOST_ASKED:
            raise ValueError(f"at most {MOST_ASKED} ids at once")
        asked = msgspec.json.encode(list(ids)).decode()
        rows = self._reader.rows(_KEPT, (scope.text, asked), limit=MOST_ASKED)
        return frozenset(row[0] for row in rows)

    def figures(
        self, scope: Scope, entity_kind: str, entity_id: str, since_us: int
    ) -> tuple[int, float]:
        """(alerts about an entity since then, highest score of a typology among them or 0)."""
        row = self._reader.one(_FIGURES, (scope.text, entity_kind, entity_id, since_us))
        return (0, 0.0) if row is None else (int(row[0]), float(row[1]))

    def page(
        self, scope: Scope, wanted: AlertFilter, after: str, limit: int
    ) -> Sequence[KeptAlert]:
        """Newest first."""
        given = (
            scope.text, after, wanted.kind, wanted.subject,
            wanted.group, wanted.entity_kind, wanted.entity_id, int(wanted.interdicted),
            wanted.since_us, wanted.until_us, limit,
        )  # fmt: skip
        return [_kept(row) for row in self._reader.rows(_PAGE, given, limit=limit)]

    def group(self, scope: Scope, group_id: str) -> AlertGroup | None:
        """A group of this scope."""
        row = self._reader.one(_ONE_GROUP, (scope.text, group_id))
        return None if row is None else _group(row)

    def groups(self, scope: Scope, after: str, limit: int) -> Sequence[AlertGroup]:
        """Newest first."""
        given = (scope.text, after, limit)
        return [_group(row) for row in self._reader.rows(_GROUPS, given, limit=limit)]


def _kept(row: Sequence[Any]) -> KeptAlert:
    body = _DECODE.decode(row[10])
    alert = Alert(
        kind=row[1],
        entity=Entity(row[2], row[3]),
        subject=row[4],
        score=row[5],
        threshold=row[6],
        at_us=row[8],
        sequence=body.sequence,
        reasons=body.reasons,
        interdicted=bool(row[7]),
        decisions=body.decisions,
        payments=body.payments,
        others=body.others,
        versions=body.versions,
        quiet_days=body.quiet_days,
    )
    return KeptAlert(row[0], alert, row[9])


def _group(row: Sequence[Any]) -> AlertGroup:
    return AlertGroup(row[0], Entity(row[1], row[2]), *row[3:])
