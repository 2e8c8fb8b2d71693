"""Refusals in the edge's log: the first at once, repeats counted, and never without bound."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import httpx
import pytest
from edge_kit import CARD, POOR_KEY, SCOPE, logged

from paywarden.cde.edge.refusal_log import KINDS_LIMIT, RefusalLog
from paywarden.core.clock import FixedClock
from paywarden.core.errors import InvalidRequest, LimitExceeded, NotAuthenticated
from paywarden.kit.http.authenticator import Principal


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    with logged() as stream:
        yield stream


def lines(said: io.StringIO) -> list[tuple[str, str, int]]:
    """What was said since the last look."""
    told = [json.loads(one) for one in said.getvalue().splitlines()]
    said.seek(0)
    said.truncate()
    return [(one["code"], one["key_id"], one["count"]) for one in told]


def test_repeats_are_counted(said: io.StringIO) -> None:
    clock = FixedClock(1)
    log, who = RefusalLog(clock), Principal("key_a", SCOPE, frozenset())
    for _ in range(5):
        log.note(NotAuthenticated("key_unknown", "-"), "tokenise", None)
        log.note(LimitExceeded("cards_too_many", "-"), "tokenise", who)
        log.note(InvalidRequest("card_expired", "-"), "tokenise", who)
    assert lines(said) == [("key_unknown", "", 1), ("cards_too_many", "key_a", 1)]
    clock.advance(61)
    log.note(NotAuthenticated("key_unknown", "-"), "tokenise", None)
    assert lines(said) == [
        ("key_unknown", "", 4), ("cards_too_many", "key_a", 4), ("key_unknown", "", 1),
    ]  # fmt: skip


def test_kinds_are_bounded(said: io.StringIO) -> None:
    log = RefusalLog(FixedClock(1))
    for number in range(KINDS_LIMIT + 100):
        who = Principal(f"key_{number}", SCOPE, frozenset())
        log.note(LimitExceeded("cards_too_many", "-"), "tokenise", who)
    assert len(lines(said)) == KINDS_LIMIT
    log.flush(last=True)
    assert lines(said) == [("others", "", 100)]


def test_a_running_edge_tells_of_them(shop: httpx.Client, said: io.StringIO) -> None:
    shop.post("/v1/tokens", json={"card": CARD}, headers={"authorization": f"Bearer {POOR_KEY}"})
    shop.get("/v1/tokens/" + CARD["number"])
    told = said.getvalue()
    assert '"code": "not_permitted"' in told
    assert '"code": "card_number_in_address"' in told
    assert CARD["number"] not in told
