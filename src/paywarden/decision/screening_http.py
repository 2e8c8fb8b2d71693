"""Operations of screening: which lists are in force, and what people judge of hits.

Guards: operators and officers alone, never a key bound to a merchant, for whoever learns that a
party was set aside or confirmed learns that it was found. A verdict rests on a hit of a recorded
decision, so nobody has to type a name again; giving and ending one is in the audit log.
Not done here: what a verdict does (`aml.screening`), taking lists in (`paywarden screening lists`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paywarden.aml.screening.serving.opinion import Hit
from paywarden.aml.screening.verdicts.desk import VerdictDesk
from paywarden.aml.screening.verdicts.model import Verdict
from paywarden.core.errors import NotFound, NotPermitted
from paywarden.core.instants import format_rfc3339
from paywarden.decision import errors
from paywarden.decision.decision_ids import DecisionIds
from paywarden.decision.entries import PaymentEntry
from paywarden.decision.intake import instant_of
from paywarden.decision.ledger import Ledger
from paywarden.decision.messages import Instant
from paywarden.decision.screening_record import hits_of
from paywarden.decision.sealing import Sealer
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.reference.provenance import Alarm

TAG = "screening"
VERDICT_ID = "^sv_[0-9a-f]{32}$"


class ListView(msgspec.Struct, frozen=True):
    """One list in force: SHA-256 of its snapshot, the publisher's date, how many entries."""

    source: str
    snapshot: str
    list_date: str | None
    entities: int


class AlarmView(msgspec.Struct, frozen=True):
    """What is wrong with a list, in a word and in words."""

    source: str
    word: str
    detail: str


class ListsView(msgspec.Struct, frozen=True):
    """Lists in force since `log_sequence`. `state`: none, ready, old (an alarm rings), down."""

    state: Literal["none", "ready", "old", "down"]
    version: str | None
    log_sequence: int | None
    lists: list[ListView]
    alarms: list[AlarmView]


class VerdictRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of giving a verdict on a hit of a decision.

    `different`: the party is not the listed one; needs `expires_at`, within 366 days. `same`: it
    is, and its payments are blocked from here on.
    """

    decision: Annotated[str, Meta(pattern="^dec_[a-z2-7]{26}$", max_length=30)]
    role: Literal["payer", "payee", "merchant", "remittance"]
    entry: Annotated[str, Meta(min_length=1, max_length=256)]
    verdict: Literal["different", "same"]
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    expires_at: Instant | None = None


class VerdictView(msgspec.Struct, frozen=True):
    """A verdict. `holds`: whether it counts now, as far as its own time goes."""

    id: str
    decision: str
    role: str
    list: str
    entry: str
    verdict: Literal["different", "same"]
    person: str
    reason: str
    decided_at: str
    expires_at: str | None
    ended_at: str | None
    ended_by: str | None
    holds: bool


class VerdictPage(msgspec.Struct, frozen=True):
    """A page of verdicts, in order of id."""

    items: list[VerdictView]
    has_more: bool
    next: str | None


class VerdictsQuery(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Query of GET /v1/screening/verdicts."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    after: Annotated[str, Meta(pattern=VERDICT_ID, max_length=35)] | None = None


class ListsState(msgspec.Struct, frozen=True):
    """What the desk of lists says of itself."""

    state: Literal["none", "ready", "old", "down"]
    alarms: tuple[Alarm, ...]


class ScreeningOperations:
    """Handlers over lists and verdicts."""

    def __init__(
        self,
        ledger: Ledger,
        verdicts: VerdictDesk,
        sealer: Sealer,
        ids: DecisionIds,
        state: Callable[[], ListsState],
    ) -> None:
        self._ledger = ledger
        self._verdicts = verdicts
        self._sealer = sealer
        self._ids = ids
        self._state = state

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        read: dict[str, Any] = {"permission": "screening:read", "tag": TAG}
        decide: dict[str, Any] = {"permission": "screening:decide", "tag": TAG}
        return [
            Operation("GET", "/v1/screening/lists", "get_screening_lists",
                      "The lists that parties are held against", self.lists, ListsView, **read),
            Operation("GET", "/v1/screening/verdicts", "list_screening_verdicts",
                      "What people judged of hits", self.page, VerdictPage, query=VerdictsQuery,
                      **read),
            Operation("POST", "/v1/screening/verdicts", "give_screening_verdict",
                      "Say that a party is, or is not, the listed one", self.give, VerdictView,
                      VerdictRequest, **decide),
            Operation("POST", "/v1/screening/verdicts/{verdict}/end", "end_screening_verdict",
                      "Let a verdict count no more", self.end, VerdictView,
                      path_texts={"verdict": "Verdict id, `sv_...`"},
                      path_patterns={"verdict": VERDICT_ID}, **decide),
        ]  # fmt: skip

    async def lists(self, call: Call) -> Answer:
        """GET /v1/screening/lists. Errors: NotPermitted."""
        _operators(call)
        standing, told = self._ledger.ready(call.asker.scope).screening, self._state()
        alarms = [AlarmView(one.table, one.word, one.detail) for one in told.alarms]
        if standing is None:
            return Answer(ListsView(told.state, None, None, [], alarms))
        lists = [
            ListView(one.source, one.snapshot, one.list_date, one.entities)
            for one in standing.lists.lists
        ]
        return Answer(ListsView(told.state, standing.lists.version, standing.seq, lists, alarms))

    async def page(self, call: Call) -> Answer:
        """GET /v1/screening/verdicts. Errors: NotPermitted."""
        _operators(call)
        query: VerdictsQuery = call.query
        found = self._verdicts.page(call.asker.scope, query.after or "", query.limit + 1)
        items = [self._view(one) for one in found[: query.limit]]
        more = len(found) > query.limit
        return Answer(VerdictPage(items, more, items[-1].id if more else None))

    async def give(self, call: Call) -> Answer:
        """POST /v1/screening/verdicts. Errors: NotPermitted, NotFound, InvalidRequest."""
        _operators(call)
        body: VerdictRequest = call.body
        scope = call.asker.scope
        seq, hit = await self._hit(call, body)
        verdict = await self._verdicts.give(
            scope, hit.party_key, hit.role, hit.found, body.verdict,
            person=call.asker.actor, reason=body.reason, decision_seq=seq,
            expires_at_us=_instant(body.expires_at),
        )  # fmt: skip
        return Answer(self._view(verdict))

    async def end(self, call: Call) -> Answer:
        """POST /v1/screening/verdicts/{verdict}/end. Errors: NotPermitted, NotFound, Conflict."""
        _operators(call)
        asker = call.asker
        ended = await self._verdicts.end(asker.scope, call.path["verdict"], asker.actor)
        return Answer(self._view(ended))

    async def _hit(self, call: Call, body: VerdictRequest) -> tuple[int, Hit]:
        scope = call.asker.scope
        seq = self._ids.seq_of(scope, body.decision)
        entry = await self._ledger.body_at(scope, seq) if seq is not None else None
        if seq is None or not isinstance(entry, PaymentEntry):
            raise errors.decision_not_found()
        for hit in hits_of(self._sealer, scope, seq, entry.screening):
            if (hit.role, hit.found.entry) == (body.role, body.entry):
                return seq, hit
        detail = "the decision has no such hit, or the person that it speaks of was erased"
        raise NotFound("screening_hit_unknown", detail, pointer="/entry")

    def _view(self, one: Verdict) -> VerdictView:
        now = self._ledger.clock.now_us()
        return VerdictView(
            one.id,
            self._ids.text(one.scope, one.decision_seq),
            one.role,
            one.source,
            one.entry,
            one.word,
            one.person,
            one.reason,
            format_rfc3339(one.decided_at_us),
            _shown(one.expires_at_us),
            _shown(one.ended_at_us),
            one.ended_by or None,
            one.holds(now, one.content_hash),
        )


def _shown(instant_us: int | None) -> str | None:
    return None if instant_us is None else format_rfc3339(instant_us)


def _instant(given: datetime | None) -> int | None:
    return None if given is None else instant_of(given, "/expires_at")


def _operators(call: Call) -> None:
    if call.asker.merchant is not None:
        raise NotPermitted("screening_not_for_merchants", "a key of a merchant sees no screening")
