"""Operations of access reviews: /v1/access-reviews.

Guards: opening, judging and closing are people's; who may judge which item is checked below, not
here. Evidence is the stored document, octet for octet: its SHA-256 stands in the log.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paywarden.core.errors import NotFound, NotPermitted
from paywarden.core.identifiers import PersonId
from paywarden.core.instants import format_rfc3339, from_datetime
from paywarden.identity.access_review.evidence import deeds_view, found_view, instant
from paywarden.identity.access_review.model import Cover, Item, Review, Verdict
from paywarden.identity.access_review.service import Reviews
from paywarden.identity.approvals.http import maker_of
from paywarden.kit.http.operation import Answer, Call, Operation

ROOT, ONE = "/v1/access-reviews", "/v1/access-reviews/{id}"
READ, MANAGE, DECIDE = "access_reviews:read", "access_reviews:manage", "access_reviews:decide"
ITEM: str = ONE + "/items/{item}/decide"
_REASON = Annotated[str, Meta(min_length=1, max_length=500)]
_PATH: dict[str, Any] = {
    "tag": "access reviews",
    "path_texts": {"id": "Review id, `rev_...`", "item": "Number of the item, from 1"},
    "path_patterns": {"id": "^rev_[a-z2-7]{26}$", "item": "^[1-9][0-9]{0,5}$"},
}


class OpenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/access-reviews."""

    due_at: Annotated[datetime, Meta(tz=True)]
    covers: Annotated[list[Literal["people", "keys"]], Meta(min_length=1, max_length=2)] = (
        msgspec.field(default_factory=lambda: ["people", "keys"])
    )


class DecideRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of decide."""

    verdict: Literal["confirm", "revoke"]
    reason: _REASON


class CloseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of close: what whoever answers for it states."""

    statement: _REASON


class ReviewsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /v1/access-reviews."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    after: Annotated[str, Meta(pattern="^(rev_[a-z2-7]{26})?$", max_length=30)] = ""


class ItemsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /v1/access-reviews/{id}/items; `after` is a number."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    after: Annotated[int, Meta(ge=0, le=999_999)] = 0


class ReviewView(msgspec.Struct, frozen=True):
    """A review; `counts` of items: all, confirmed, revoked, and left to settle."""

    id: str
    occasion: str
    covers: list[str]
    opened_by: str
    opened_at: str
    due_at: str
    overdue: bool
    closed_by: str | None
    closed_at: str | None
    snapshot_sha256: str
    evidence_sha256: str | None
    counts: dict[str, int]


class ReviewPage(msgspec.Struct, frozen=True):
    """Reviews, newest first."""

    items: list[ReviewView]
    has_more: bool
    next: str | None


class ItemView(msgspec.Struct, frozen=True):
    """An item. `found` is the access as it was; `deeds`: what was done under the sealed role."""

    number: int
    found: dict[str, Any]
    verdict: str | None
    decided_by: str | None
    decided_at: str | None
    reason: str
    approval: str | None
    revoked_at: str | None
    settled: bool
    deeds: dict[str, Any] | None
    seconded_by: str | None


class ItemPage(msgspec.Struct, frozen=True):
    """Items by number."""

    items: list[ItemView]
    has_more: bool
    next: int | None


class ReviewOperations:
    """Handlers over reviews; `now_us` tells what is overdue."""

    def __init__(self, reviews: Reviews, now_us: Any) -> None:
        self._reviews = reviews
        self._now_us = now_us

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        tag: dict[str, Any] = {"tag": "access reviews"}
        return [
            Operation("POST", ROOT, "open_access_review", "Open a campaign", self.open,
                      ReviewView, OpenRequest, permission=MANAGE, status=201, **tag),
            Operation("GET", ROOT, "list_access_reviews", "Reviews, newest first", self.listing,
                      ReviewPage, query=ReviewsQuery, permission=READ, **tag),
            Operation("GET", ONE, "get_access_review", "Read a review", self.read, ReviewView,
                      permission=READ, **_path("id")),
            Operation("GET", ONE + "/items", "list_access_review_items", "What is reviewed",
                      self.items, ItemPage, query=ItemsQuery, permission=READ, **_path("id")),
            Operation("POST", ITEM, "decide_access_review_item", "Confirm or revoke",
                      self.decide, ItemView, DecideRequest, permission=DECIDE,
                      **_path("id", "item")),
            Operation("POST", ONE + "/close", "close_access_review", "Close a settled review",
                      self.close, ReviewView, CloseRequest, permission=MANAGE, **_path("id")),
            Operation("GET", ONE + "/evidence", "get_access_review_evidence",
                      "The document of a closed review", self.evidence, dict[str, Any],
                      permission=READ, **_path("id")),
        ]  # fmt: skip

    async def open(self, call: Call) -> Answer:
        """POST /v1/access-reviews."""
        body: OpenRequest = call.body
        found = await self._reviews.open(
            call.asker.scope, frozenset(map(Cover, body.covers)), from_datetime(body.due_at),
            _person(call),
        )  # fmt: skip
        headers = (("location", f"{ROOT}/{found.review.text}"),)
        return Answer(self._view(found), 201, headers)

    async def listing(self, call: Call) -> Answer:
        """GET /v1/access-reviews."""
        query: ReviewsQuery = call.query
        rows = self._reviews.page(call.asker.scope, query.after, query.limit + 1)
        items = [self._view(one) for one in rows[: query.limit]]
        more = len(rows) > query.limit
        return Answer(ReviewPage(items, more, items[-1].id if more else None))

    async def read(self, call: Call) -> Answer:
        """GET /v1/access-reviews/{id}."""
        return Answer(self._view(self._reviews.find(call.asker.scope, call.path["id"])))

    async def items(self, call: Call) -> Answer:
        """GET /v1/access-reviews/{id}/items."""
        query: ItemsQuery = call.query
        review = self._reviews.find(call.asker.scope, call.path["id"])
        rows = self._reviews.items(review, query.after, query.limit + 1)
        shown = rows[: query.limit]
        items = await asyncio.to_thread(lambda: [self._item(review, one) for one in shown])
        more = len(rows) > query.limit
        return Answer(ItemPage(items, more, items[-1].number if more else None))

    async def decide(self, call: Call) -> Answer:
        """POST /v1/access-reviews/{id}/items/{item}/decide."""
        body: DecideRequest = call.body
        scope, name = call.asker.scope, call.path["id"]
        _person(call)
        item = await self._reviews.decide(
            scope, name, _number(call), Verdict(body.verdict), body.reason, maker_of(call.asker)
        )
        review = self._reviews.find(scope, name)
        return Answer(await asyncio.to_thread(self._item, review, item))

    async def close(self, call: Call) -> Answer:
        """POST /v1/access-reviews/{id}/close."""
        body: CloseRequest = call.body
        scope, name = call.asker.scope, call.path["id"]
        return Answer(
            self._view(await self._reviews.close(scope, name, _person(call), body.statement))
        )

    async def evidence(self, call: Call) -> Answer:
        """GET /v1/access-reviews/{id}/evidence."""
        return Answer(self._reviews.evidence(call.asker.scope, call.path["id"]))

    def _view(self, one: Review) -> ReviewView:
        made = one.evidence
        return ReviewView(
            one.review.text,
            one.occasion.value,
            sorted(one.covers),
            one.opened_by,
            format_rfc3339(one.opened_at_us),
            format_rfc3339(one.due_at_us),
            one.overdue_at(self._now_us()),
            one.closed_by,
            instant(one.closed_at_us),
            one.snapshot_sha256.hex(),
            None if made is None else hashlib.sha256(made).hexdigest(),
            dict(self._reviews.counts(one)),
        )

    def _item(self, review: Review, one: Item) -> ItemView:
        deeds = self._reviews.deeds(review, one)
        return ItemView(
            one.number,
            found_view(one.found),
            None if one.verdict is None else one.verdict.value,
            one.decided_by,
            instant(one.decided_at_us),
            one.reason,
            one.approval,
            instant(one.done_at_us),
            one.settled,
            None if deeds is None else deeds_view(deeds),
            one.seconded_by,
        )


def _path(*names: str) -> dict[str, Any]:
    """Texts and patterns of the parameters that a path really has."""
    kept: dict[str, Any] = {"tag": _PATH["tag"]}
    for table in ("path_texts", "path_patterns"):
        kept[table] = {name: _PATH[table][name] for name in names}
    return kept


def _person(call: Call) -> PersonId:
    if call.asker.person is None:
        raise NotPermitted("access_review_needs_person", "a key judges nobody: sign in")
    return call.asker.person


def _number(call: Call) -> int:
    text = call.path["item"]
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise NotFound("access_review_item_not_found", "no such item in this review")
    return int(text)
