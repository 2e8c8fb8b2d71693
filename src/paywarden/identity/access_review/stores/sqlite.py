"""Reviews of access in SQLite; what a person did, from the audit log's table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from paywarden.core.errors import Corrupt
from paywarden.core.instants import MINUTE_US
from paywarden.core.scope import Scope
from paywarden.identity.access_review.model import (
    Cover,
    Item,
    Occasion,
    Review,
    ReviewId,
    Snapshot,
    Verdict,
)
from paywarden.identity.access_review.ports import Deeds
from paywarden.kit.db.reader import Reader, Row
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.db.unit import UnitOfWork

SCHEMA: Final = SchemaPart(
    "access_reviews",
    "access_reviews_0002",
    "paywarden.identity.access_review:migrations/versions",
    known=("access_reviews_0001",),
)
_REVIEW = (
    "scope", "review", "occasion", "covers", "opened_by", "opened_at_us", "due_at_us",
    "snapshot_sha256", "told_at_us", "closed_at_us", "closed_by", "evidence",
)  # fmt: skip
_SAID = ("verdict", "decided_by", "decided_at_us", "reason", "approval", "done_at_us",
         "seconded_by")  # fmt: skip
_ADD = Insert("access_reviews", _REVIEW)
_ADD_ITEM = Insert("access_review_items", ("scope", "review", "number", "snapshot"))
_DECIDE = Change(
    "decide_access_review_item",
    "UPDATE access_review_items SET verdict = ?, decided_by = ?, decided_at_us = ?, reason = ?,"
    " approval = ?, done_at_us = ?, seconded_by = ?"
    " WHERE scope = ? AND review = ? AND number = ? AND done_at_us IS NULL",
)
_CLOSE = Change(
    "close_access_review",
    "UPDATE access_reviews SET closed_at_us = ?, closed_by = ?, evidence = ?"
    " WHERE scope = ? AND review = ? AND closed_at_us IS NULL",
)
_TELL = Change(
    "tell_access_review", "UPDATE access_reviews SET told_at_us = ? WHERE scope = ? AND review = ?"
)
_SELECT = f"SELECT {', '.join(_REVIEW)} FROM access_reviews"  # noqa: S608
_FIND = f"{_SELECT} WHERE scope = ? AND review = ?"
_OPEN = f"{_SELECT} WHERE closed_at_us IS NULL ORDER BY due_at_us, review LIMIT 1000"
_PAGE = (
    f"{_SELECT} WHERE scope = ?1 AND (?2 = '' OR (opened_at_us, review) <"  # noqa: S608
    " (SELECT opened_at_us, review FROM access_reviews WHERE scope = ?1 AND review = ?2))"
    " ORDER BY opened_at_us DESC, review DESC LIMIT ?3"
)
_ITEM = (
    f"SELECT number, snapshot, {', '.join(_SAID)} FROM access_review_items"  # noqa: S608
    " WHERE scope = ? AND review = ?"
)
_ONE_ITEM = f"{_ITEM} AND number = ?"
_ITEMS = f"{_ITEM} AND number > ? ORDER BY number LIMIT ?"
_CAMPAIGNS = (
    "SELECT scope, max(closed_at_us) FROM access_reviews"
    " WHERE occasion = 'campaign' AND closed_at_us IS NOT NULL GROUP BY scope"
)
# The log is dense and its times all but rise, so the search begins near the span, not at row one.
_COUNTS = (
    "SELECT count(*), coalesce(sum(verdict = 'confirm' AND (seconded_by IS NOT NULL"
    " OR json_extract(CAST(snapshot AS TEXT), '$.doubt') IS NULL)), 0),"
    " coalesce(sum(verdict = 'revoke' AND done_at_us IS NOT NULL), 0)"
    " FROM access_review_items WHERE scope = ? AND review = ?"
)
_NEAR = "SELECT at_us FROM audit_log WHERE id = ?"
_LAST = "SELECT coalesce(max(id), 0) FROM audit_log"
_DEEDS = (
    "SELECT trim(action || ' ' ||"
    " coalesce(json_extract(CAST(detail AS TEXT), '$.operation'), '')) AS deed,"
    " count(*), min(id), max(id) FROM audit_log"
    " WHERE id > ? AND id <= ? AND scope = ? AND actor = ?"
    " AND at_us >= ? AND at_us < ? GROUP BY deed ORDER BY deed"
)
SLACK_US: Final = MINUTE_US
"""How far the clock may have stepped back within the log without hiding anything here."""


class SqliteReviews:
    """`Store` over the two tables."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def open(self, unit: UnitOfWork, review: Review, found: Sequence[Snapshot]) -> None:
        """Add a review with its items, numbered from 1."""
        r, name = review, (review.scope.text, review.review.text)
        covers = " ".join(sorted(r.covers))
        unit.add(_ADD, (*name, r.occasion.value, covers, r.opened_by, r.opened_at_us,
                        r.due_at_us, r.snapshot_sha256, None, None, None, None))  # fmt: skip
        for number, one in enumerate(found, start=1):
            unit.add(_ADD_ITEM, (*name, number, one.octets()))

    def decide(self, unit: UnitOfWork, review: Review, item: Item) -> None:
        """Write what was said of an item."""
        verdict = None if item.verdict is None else item.verdict.value
        said = (verdict, item.decided_by, item.decided_at_us, item.reason, item.approval,
                item.done_at_us, item.seconded_by)  # fmt: skip
        unit.add(_DECIDE, (*said, review.scope.text, review.review.text, item.number))

    def close(self, unit: UnitOfWork, review: Review) -> None:
        """Write who closed a review, when, and its evidence."""
        ended = (review.closed_at_us, review.closed_by, review.evidence)
        unit.add(_CLOSE, (*ended, review.scope.text, review.review.text))

    def told(self, unit: UnitOfWork, review: Review, at_us: int) -> None:
        """Write when it was told that a review is late."""
        unit.add(_TELL, (at_us, review.scope.text, review.review.text))

    def find(self, scope: Scope, review: ReviewId) -> Review | None:
        """A review of a scope."""
        row = self._reader.one(_FIND, (scope.text, review.text))
        return None if row is None else _review(row)

    def item(self, scope: Scope, review: ReviewId, number: int) -> Item | None:
        """One item."""
        row = self._reader.one(_ONE_ITEM, (scope.text, review.text, number))
        return None if row is None else _item(row)

    def items(self, scope: Scope, review: ReviewId, after: int, limit: int) -> Sequence[Item]:
        """Items with a number above `after`, ascending."""
        rows = self._reader.rows(_ITEMS, (scope.text, review.text, after, limit))
        return [_item(row) for row in rows]

    def counts(self, scope: Scope, review: ReviewId) -> Mapping[str, int]:
        """How many items there are, were confirmed, revoked, and are left to settle."""
        row = self._reader.one(_COUNTS, (scope.text, review.text)) or (0, 0, 0)
        items, confirmed, revoked = map(int, row)
        left = items - confirmed - revoked
        return {"items": items, "confirmed": confirmed, "revoked": revoked, "open": left}

    def page(self, scope: Scope, after: str, limit: int) -> Sequence[Review]:
        """Reviews, newest first, older than `after`."""
        return [_review(row) for row in self._reader.rows(_PAGE, (scope.text, after, limit))]

    def open_reviews(self) -> Sequence[Review]:
        """Open reviews of every scope, the first due first."""
        return [_review(row) for row in self._reader.rows(_OPEN, ())]

    def last_closed(self) -> Mapping[Scope, int]:
        """When the last campaign of each scope was closed."""
        return {Scope.parse(text): at for text, at in self._reader.rows(_CAMPAIGNS, ())}


class SqliteDeeds:
    """`DeedsOf` over the audit log."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __call__(self, scope: Scope, actor: str, from_us: int, to_us: int) -> Deeds:
        """Events of an actor within a span."""
        start, end = (self._before(at) for at in (from_us - SLACK_US, to_us + SLACK_US))
        rows = self._reader.rows(_DEEDS, (start, end, scope.text, actor, from_us, to_us))
        by_action = Counter({action: count for action, count, _, _ in rows})
        first = min((row[2] for row in rows), default=None)
        last = max((row[3] for row in rows), default=None)
        return Deeds(
            None if first is None else first - 1, None if last is None else last - 1, by_action
        )

    def _before(self, at_us: int) -> int:
        """The last id whose event is older than an instant, by bisection; 0 when none is."""
        low, high = 0, self._last()
        while low < high:
            middle = (low + high + 1) // 2
            row = self._reader.one(_NEAR, (middle,))
            if row is not None and row[0] < at_us:
                low = middle
            else:
                high = middle - 1
        return low

    def _last(self) -> int:
        row = self._reader.one(_LAST)
        return 0 if row is None else int(row[0])


def _review(row: Row) -> Review:
    scope, review, occasion, covers, *rest = row
    held: list[Any] = list(rest)
    return Review(
        Scope.parse(scope), ReviewId(review), Occasion(occasion),
        frozenset(map(Cover, covers.split())), *held,
    )  # fmt: skip


def _item(row: Row) -> Item:
    number, snapshot, verdict, by, at_us, reason, approval, done_at_us, second = row
    try:
        found = msgspec.json.decode(snapshot, type=Snapshot)
    except msgspec.DecodeError as fault:
        raise Corrupt("access_review_damaged", "a reviewed item cannot be read") from fault
    said = None if verdict is None else Verdict(verdict)
    return Item(number, found, said, by, at_us, reason or "", approval, done_at_us, second)
