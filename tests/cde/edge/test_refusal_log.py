"""Refusals in the edge's log: the first at once, repeats counted, and never without bound."""

from __future__ import annotations

import json

import httpx
import pytest
from edge_kit import CARD, POOR_KEY, SCOPE

from paywarden.cde.edge.refusal_log import KINDS_LIMIT, RefusalLog
from paywarden.core.clock import FixedClock
from paywarden.core.errors import InvalidRequest, LimitExceeded, NotAuthenticated
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.log import configure


def lines(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str, int]]:
    said = [json.loads(one) for one in capsys.readouterr().err.splitlines() if one[:1] == "{"]
    return [(one["code"], one["key_id"], one["count"]) for one in said]


def test_repeats_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    clock = FixedClock(1)
    log, who = RefusalLog(clock), Principal("key_a", SCOPE, frozenset())
    for _ in range(5):
        log.note(NotAuthenticated("key_unknown", "-"), "tokenise", None)
        log.note(LimitExceeded("cards_too_many", "-"), "tokenise", who)
        log.note(InvalidRequest("card_expired", "-"), "tokenise", who)
    assert lines(capsys) == [("key_unknown", "", 1), ("cards_too_many", "key_a", 1)]
    clock.advance(61)
    log.note(NotAuthenticated("key_unknown", "-"), "tokenise", None)
    assert lines(capsys) == [
        ("key_unknown", "", 4), ("cards_too_many", "key_a", 4), ("key_unknown", "", 1),
    ]  # fmt: skip


def test_kinds_are_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    log = RefusalLog(FixedClock(1))
    for number in range(KINDS_LIMIT + 100):
        who = Principal(f"key_{number}", SCOPE, frozenset())
        log.note(LimitExceeded("cards_too_many", "-"), "tokenise", who)
    assert len(lines(capsys)) == KINDS_LIMIT
    log.flush(last=True)
    assert lines(capsys) == [("others", "", 100)]


def test_a_running_edge_tells_of_them(
    shop: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    configure()
    shop.post("/v1/tokens", json={"card": CARD}, headers={"authorization": f"Bearer {POOR_KEY}"})
    shop.get("/v1/tokens/" + CARD["number"])
    told = capsys.readouterr().err
    assert '"code": "not_permitted"' in told
    assert '"code": "card_number_in_address"' in told
    assert CARD["number"] not in told
