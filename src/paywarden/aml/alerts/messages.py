"""Wire types of alerts."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from paywarden.aml.alerts.model import Alert, Entity
from paywarden.aml.alerts.ports import AlertGroup, KeptAlert
from paywarden.core.instants import INSTANT_PATTERN, format_rfc3339

GroupName = Annotated[str, Meta(pattern="^ag_[0-9a-f]{32}$", max_length=35)]
AlertCursor = Annotated[str, Meta(pattern="^(al_[0-9a-f]{32})?$", max_length=35)]
GroupCursor = Annotated[str, Meta(pattern="^(ag_[0-9a-f]{32})?$", max_length=35)]
KindWord = Annotated[str, Meta(pattern="^(screening|typology|customer_risk)$")]
EntityWord = Annotated[str, Meta(pattern="^(payer|payee|account|merchant|customer)$")]
Limit = Annotated[int, Meta(ge=1, le=200)]
InstantText = Annotated[
    str,
    Meta(
        max_length=40,
        description="RFC 3339 with a zone",
        extra_json_schema={"format": "date-time", "pattern": INSTANT_PATTERN},
    ),
]


class AlertsQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Filters of a page; absent ones leave nothing out. `entity_id` as alerts show it; by the name
    that callers use, alerts are found with POST /v1/aml/alerts/find, since addresses are logged on
    the way. `since` (from) and `until` (before): event times, RFC 3339."""

    kind: KindWord | None = None
    subject: Annotated[str, Meta(max_length=200)] | None = None
    group: GroupName | None = None
    entity_kind: EntityWord | None = None
    entity_id: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    interdicted: bool = False
    since: InstantText | None = None
    until: InstantText | None = None
    after: AlertCursor = ""
    limit: Limit = 50


class AlertsOfEntity(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Whose alerts are wanted: the entity as callers name it in payments."""

    entity_kind: EntityWord
    entity_id: Annotated[str, Meta(min_length=1, max_length=256)]
    after: AlertCursor = ""
    limit: Limit = 50


class GroupsQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A page of groups."""

    after: GroupCursor = ""
    limit: Limit = 50


class EntityView(msgspec.Struct, frozen=True):
    """Whom an alert is about: by id as the caller named it, or by keyed hash."""

    kind: str
    id: str


class ReasonView(msgspec.Struct, frozen=True):
    """One part of the score with its values."""

    name: str
    weight: float
    says: str


class AlertView(msgspec.Struct, frozen=True):
    """An alert. `threshold`: what the score reached; `interdicted`: a payment is held for it."""

    id: str
    group: str
    kind: str
    subject: str
    entity: EntityView
    score: float
    threshold: float
    interdicted: bool
    at: str
    raised_at: str
    log_sequence: int
    reasons: list[ReasonView]
    decisions: list[str]
    payments: list[str]
    others: list[EntityView]
    versions: dict[str, str]


class AlertPage(msgspec.Struct, frozen=True):
    """Alerts, newest first. `next`: pass it as `after`."""

    alerts: list[AlertView]
    has_more: bool
    next: str | None = None


class GroupView(msgspec.Struct, frozen=True):
    """Alerts of one entity. `first_at`, `last_at`: event times."""

    id: str
    entity: EntityView
    alerts: int
    interdicted: int
    highest_score: float
    first_at: str
    last_at: str


class GroupPage(msgspec.Struct, frozen=True):
    """Groups, that with the newest alert first."""

    groups: list[GroupView]
    has_more: bool
    next: str | None = None


class GroupAnswer(msgspec.Struct, frozen=True):
    """A group with its newest alerts (at most 200)."""

    group: GroupView
    alerts: list[AlertView]


def alert_view(kept: KeptAlert) -> AlertView:
    """Wire form of an alert."""
    alert: Alert = kept.alert
    return AlertView(
        alert.id, alert.group, alert.kind, alert.subject, _entity(alert.entity), alert.score,
        alert.threshold, alert.interdicted, format_rfc3339(alert.at_us),
        format_rfc3339(kept.raised_at_us), alert.sequence,
        [ReasonView(one.name, one.weight, one.says) for one in alert.reasons],
        list(alert.decisions), list(alert.payments), [_entity(one) for one in alert.others],
        dict(alert.versions),
    )  # fmt: skip


def group_view(group: AlertGroup) -> GroupView:
    """Wire form of a group."""
    return GroupView(
        group.id, _entity(group.entity), group.alerts, group.interdicted, group.highest,
        format_rfc3339(group.first_at_us), format_rfc3339(group.last_at_us),
    )  # fmt: skip


def _entity(entity: Entity) -> EntityView:
    return EntityView(entity.kind, entity.id)
