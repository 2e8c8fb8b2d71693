"""Operations that read alerts: /v1/aml/alerts and /v1/aml/alert-groups.

Guards: for those who work against money laundering and for nobody else; a caller that is bound to a
merchant is refused whatever it may do, since alerts speak of his customers and of himself. Every
read is an audit event that is durable before the data leaves. Alerts are never changed here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from paywarden.aml.alerts.events import READ
from paywarden.aml.alerts.messages import (
    AlertPage,
    AlertsOfEntity,
    AlertsQuery,
    AlertView,
    GroupAnswer,
    GroupPage,
    GroupsQuery,
    alert_view,
    group_view,
)
from paywarden.aml.alerts.ports import AlertFilter, AlertStore
from paywarden.core.errors import InvalidRequest, NotFound, NotPermitted
from paywarden.core.instants import parse_rfc3339
from paywarden.core.scope import Scope
from paywarden.evidence.read_watch import ReadWatch
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.operation import Answer, Call, Operation

TAG: Final = "aml"
SHOWN_IN_GROUP: Final = 200
EntityIds = Callable[[Scope, str, str], str]
"""(scope, kind, id as the caller named it) -> id as alerts hold it."""


class AlertOperations:
    """Handlers over the store."""

    def __init__(self, store: AlertStore, watch: ReadWatch, entity_ids: EntityIds) -> None:
        self._store = store
        self._watch = watch
        self._entity_ids = entity_ids

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            Operation("GET", "/v1/aml/alerts", "list_aml_alerts", "Alerts, newest first",
                      self.page, AlertPage, query=AlertsQuery, permission=READ, tag=TAG),
            Operation("POST", "/v1/aml/alerts/find", "find_aml_alerts",
                      "Alerts about an entity, by the name that payments give it", self.find,
                      AlertPage, body=AlertsOfEntity, permission=READ, tag=TAG, idempotent=False),
            Operation("GET", "/v1/aml/alerts/{id}", "get_aml_alert", "An alert with its evidence",
                      self.read, AlertView, permission=READ, tag=TAG,
                      path_texts={"id": "Alert id, `al_...`"}),
            Operation("GET", "/v1/aml/alert-groups", "list_aml_alert_groups",
                      "Alerts by entity, that with the newest alert first", self.groups,
                      GroupPage, query=GroupsQuery, permission=READ, tag=TAG),
            Operation("GET", "/v1/aml/alert-groups/{id}", "get_aml_alert_group",
                      "One entity with its alerts", self.group, GroupAnswer, permission=READ,
                      tag=TAG, path_texts={"id": "Group id, `ag_...`"}),
        ]  # fmt: skip

    async def page(self, call: Call) -> Answer:
        """GET /v1/aml/alerts."""
        return await self._page(_insider(call), _filter(call.query), call.query)

    async def find(self, call: Call) -> Answer:
        """POST /v1/aml/alerts/find."""
        asker, body = _insider(call), call.body
        entity = self._entity_ids(asker.scope, body.entity_kind, body.entity_id)
        wanted = AlertFilter(entity_kind=body.entity_kind, entity_id=entity)
        return await self._page(asker, wanted, body)

    async def read(self, call: Call) -> Answer:
        """GET /v1/aml/alerts/{id}."""
        asker = _insider(call)
        found = self._store.find(asker.scope, call.path["id"])
        if found is None:
            raise NotFound("aml_alert_not_found", "there is no such alert here")
        await self._watch.read(asker, "aml:alert:read", {"alert": found.alert.id})
        return Answer(alert_view(found))

    async def groups(self, call: Call) -> Answer:
        """GET /v1/aml/alert-groups."""
        asker, query = _insider(call), call.query
        found = self._store.groups(asker.scope, query.after, query.limit + 1)
        shown, more = found[: query.limit], len(found) > query.limit
        await self._watch.read(asker, "aml:alert:list", {"groups": len(shown)})
        last = shown[-1].id if more else None
        return Answer(GroupPage([group_view(one) for one in shown], more, last))

    async def group(self, call: Call) -> Answer:
        """GET /v1/aml/alert-groups/{id}."""
        asker = _insider(call)
        found = self._store.group(asker.scope, call.path["id"])
        if found is None:
            raise NotFound("aml_group_not_found", "there is no such group here")
        alerts = self._store.page(asker.scope, AlertFilter(group=found.id), "", SHOWN_IN_GROUP)
        await self._watch.read(asker, "aml:alert:read", {"group": found.id})
        return Answer(GroupAnswer(group_view(found), [alert_view(one) for one in alerts]))

    async def _page(
        self, asker: Principal, wanted: AlertFilter, asked: AlertsQuery | AlertsOfEntity
    ) -> Answer:
        found = self._store.page(asker.scope, wanted, asked.after, asked.limit + 1)
        shown, more = found[: asked.limit], len(found) > asked.limit
        await self._watch.read(asker, "aml:alert:list", {"alerts": len(shown)})
        last = shown[-1].alert.id if more else None
        return Answer(AlertPage([alert_view(one) for one in shown], more, last))


def _filter(query: AlertsQuery) -> AlertFilter:
    return AlertFilter(
        query.kind, query.subject, query.group, query.entity_kind, query.entity_id,
        query.interdicted, _instant(query.since, "/since"), _instant(query.until, "/until"),
    )  # fmt: skip


def _insider(call: Call) -> Principal:
    """The asker, who is bound to no merchant."""
    if call.asker.merchant is not None:
        raise NotPermitted("other_merchant", "alerts are shown to keys of no one merchant")
    return call.asker


def _instant(text: str | None, pointer: str) -> int | None:
    if text is None:
        return None
    try:
        return parse_rfc3339(text)
    except (ValueError, OverflowError):
        detail = "write an RFC 3339 time, such as 2026-01-01T00:00:00Z"
        raise InvalidRequest("bad_instant", detail, pointer=pointer) from None
