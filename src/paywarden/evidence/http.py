"""Operations of the audit log: checkpoint, proofs, events, keys.

Guards: reading events is itself an event, durable before the page leaves; a page holds the events
of the key's own tenant and environment. Keys are public: pin them by another way than this one.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import msgspec

from paywarden.evidence.log import SignedLog
from paywarden.evidence.messages import (
    AuditEventsAnswer,
    ConsistencyAnswer,
    ConsistencyQuery,
    EventsQuery,
    InclusionAnswer,
    InclusionQuery,
    KeysAnswer,
)
from paywarden.evidence.proofs import Proofs
from paywarden.evidence.read_watch import ReadWatch
from paywarden.kit.audit import AuditRows
from paywarden.kit.http.operation import Answer, Call, Operation

NOTE = "text/plain; charset=utf-8"
PERMISSION = "audit:read"


class AuditOperations:
    """The operations, over one signed log."""

    def __init__(self, log: SignedLog, proofs: Proofs, rows: AuditRows, watch: ReadWatch) -> None:
        self._log = log
        self._proofs = proofs
        self._rows = rows
        self._watch = watch

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        root = "/v1/audit"
        allowed: dict[str, Any] = {"permission": PERMISSION, "tag": "audit"}
        return [
            Operation("GET", f"{root}/checkpoint", "get_checkpoint", "The last signed checkpoint",
                      self.checkpoint, bytes, answer_content_type=NOTE, **allowed),
            Operation("GET", f"{root}/proofs/inclusion", "prove_inclusion",
                      "Prove that an event stands in the log", self.inclusion, InclusionAnswer,
                      query=InclusionQuery, **allowed),
            Operation("GET", f"{root}/proofs/consistency", "prove_consistency",
                      "Prove that the log only grew", self.consistency, ConsistencyAnswer,
                      query=ConsistencyQuery, **allowed),
            Operation("GET", f"{root}/events", "list_audit_events", "Read the log, oldest first",
                      self.events, AuditEventsAnswer, query=EventsQuery,
                      cost=lambda _body, query: 1 + query.limit // 10, **allowed),
            Operation("GET", f"{root}/keys", "list_audit_keys", "Public keys of the log",
                      self.keys, KeysAnswer, public=True, tag="audit"),
        ]  # fmt: skip

    async def checkpoint(self, _call: Call) -> Answer:
        """GET /v1/audit/checkpoint."""
        return Answer(self._proofs.latest().note.encode(), content_type=NOTE)

    async def inclusion(self, call: Call) -> Answer:
        """GET /v1/audit/proofs/inclusion."""
        query: InclusionQuery = call.query
        size, path = self._proofs.path(query.index, query.size)
        return Answer(InclusionAnswer(query.index, size, _texts(path)))

    async def consistency(self, call: Call) -> Answer:
        """GET /v1/audit/proofs/consistency."""
        query: ConsistencyQuery = call.query
        path = self._proofs.consistency(query.from_, query.to)
        return Answer(ConsistencyAnswer(query.from_, query.to, _texts(path)))

    async def events(self, call: Call) -> Answer:
        """GET /v1/audit/events."""
        query: EventsQuery = call.query
        asker, after = call.asker, -1 if query.after is None else query.after
        detail = {"after": after, "limit": query.limit}
        await self._watch.read(asker, "audit:log:read", detail)
        wanted = query.limit + 1
        rows = await asyncio.to_thread(self._rows.rows, after + 1, wanted, asker.scope)
        shown = rows[: query.limit]
        more = len(rows) > query.limit
        items = [msgspec.Raw(self._log.leaf_of(row)) for row in shown]
        return Answer(AuditEventsAnswer(items, more, shown[-1].id - 1 if more else None))

    async def keys(self, _call: Call) -> Answer:
        """GET /v1/audit/keys."""
        return Answer(KeysAnswer([key.text for key in self._log.verifiers()]))


def _texts(path: list[bytes]) -> list[str]:
    return [base64.b64encode(one).decode() for one in path]
