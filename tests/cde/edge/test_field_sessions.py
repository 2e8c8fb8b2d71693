"""Field sessions: origins, one card each, limits, and the page's headers, over real sockets."""

from __future__ import annotations

import concurrent.futures
import re
from typing import Any

import httpx
import pytest
from edge_kit import CARD, OTHER_KEY, SCOPE, Edge
from hypothesis import given
from hypothesis import strategies as st

from paywarden.cde.edge.tries import OF_MERCHANT_FIELDS, OF_SESSION, Allowance, Tries
from paywarden.cde.fields import served
from paywarden.cde.fields.origins import origin_of
from paywarden.cde.fields.sessions import LIFE_SECONDS, FieldSessions
from paywarden.core.clock import FixedClock
from paywarden.core.errors import InvalidRequest, LimitExceeded, NotFound, Unavailable
from paywarden.kit.clock import SystemRandomness

SHOP = "https://shop.example"
BROWSER = {"paywarden-request": "1"}
BAD_ORIGINS = (
    "", "*", "null", "shop.example", "https://*.shop.example", "https://shop.example/", "http://a.b",
    "https://shop.example:443", "https://shop.example:99999", "https://u@shop.example",
    "https://Shop.example", "https://shop.example https://evil.example", "https://shop.example;x",
    "https://shop.example\n", "https://shop", "https://[::1]", "data:", "https://shop.example?a",
)  # fmt: skip


def opened(shop: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = shop.post("/v1/field-sessions", json={"origin": SHOP, **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def send(edge: Edge, session: str, card: Any = CARD, **headers: str) -> httpx.Response:
    return httpx.post(
        f"{edge.origin}/fields/{session}/card", json={"card": card},
        headers={**BROWSER, "origin": edge.origin, **headers}, timeout=30,
    )  # fmt: skip


def test_a_session_takes_one_card(edge: Edge, shop: httpx.Client) -> None:
    session = opened(shop)["session"]
    bad = send(edge, session, {**CARD, "number": "4111111111111112"})
    assert bad.json()["code"] == "card_number_check_digit"
    taken = send(edge, session)
    assert taken.status_code == 201
    assert taken.json()["last4"] == "1111"
    replay = send(edge, session)
    assert (replay.status_code, replay.json()["code"]) == (404, "field_session_unknown")
    assert httpx.get(f"{edge.origin}/fields/{session}").status_code == 404
    assert edge.vault.asked == 1


def test_of_many_cards_at_once_one_is_taken(edge: Edge, shop: httpx.Client) -> None:
    edge.vault.delay_seconds = 0.3
    session = opened(shop, form="single_use")["session"]
    with concurrent.futures.ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: send(edge, session).status_code, range(8)))
    assert sorted(answers) == [201] + [404] * 7
    assert edge.vault.asked == 1


def test_a_vault_that_is_away_leaves_the_session_open(edge: Edge, shop: httpx.Client) -> None:
    session = opened(shop)["session"]
    edge.vault.refusing = Unavailable("cde_unreachable", "away")
    assert send(edge, session).status_code == 503
    edge.vault.refusing = None
    assert send(edge, session).status_code == 201


def test_a_session_has_few_tries_and_fewer_cards(edge: Edge, shop: httpx.Client) -> None:
    session = opened(shop)["session"]
    for _ in range(OF_SESSION.tries):
        assert send(edge, session, {**CARD, "number": "4111111111111112"}).status_code == 422
    last = send(edge, session)
    assert (last.status_code, last.json()["code"]) == (429, "tries_too_many")
    assert int(last.headers["retry-after"]) > 0
    other = opened(shop)["session"]
    edge.vault.refusing = Unavailable("cde_unreachable", "away")
    cards = ("4111111111111111", "5555555555554444", "378282246310005", "6011111111111117")
    told = [send(edge, other, {**CARD, "number": one, "cvv": "1234" if one[0] == "3" else "123"})
            for one in cards]  # fmt: skip
    assert [one.status_code for one in told] == [503, 503, 503, 429]
    assert told[-1].json()["code"] == "cards_too_many"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"paywarden-request": "0"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "null"},
    ],
)
def test_only_the_page_itself_sends(edge: Edge, shop: httpx.Client, headers: Any) -> None:
    session = opened(shop)["session"]
    refused = send(edge, session, **headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "cross_site")
    assert send(edge, session).status_code == 201


def test_the_page_is_locked(edge: Edge, shop: httpx.Client) -> None:
    made = opened(shop, ancestors=["https://top.example"])
    page = httpx.get(made["url"])
    policy = page.headers["content-security-policy"]
    assert f"frame-ancestors {SHOP} https://top.example;" in policy
    assert "unsafe" not in policy and "*" not in policy
    assert policy.startswith("default-src 'none'")
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert "payment=()" in page.headers["permissions-policy"]
    assert "set-cookie" not in page.headers
    for tag in re.findall(r"<(?:script|link)[^>]*>", page.text):
        assert 'integrity="sha384-' in tag
    assert not re.search(r"\son\w+=|style=|<style|javascript:", page.text)
    assert f'data-listener="{SHOP}"' in page.text
    assert made["loader_integrity"] == served.file("paywarden-fields.js").integrity


def test_an_unknown_session_is_framed_by_nobody(edge: Edge) -> None:
    page = httpx.get(f"{edge.origin}/fields/{'a' * 43}")
    assert page.status_code == 404
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_files_are_what_their_hash_says(edge: Edge) -> None:
    for one in served.files():
        answer = httpx.get(edge.origin + one.path)
        assert answer.content == one.octets
        assert answer.headers["content-type"] == one.content_type
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("origin", BAD_ORIGINS)
def test_only_origins_are_origins(shop: httpx.Client, origin: str) -> None:
    answer = shop.post("/v1/field-sessions", json={"origin": origin})
    assert answer.status_code == 422
    assert answer.json()["code"] in ("origin_invalid", "field_invalid")
    if origin:
        refused = shop.post("/v1/field-sessions", json={"origin": SHOP, "ancestors": [origin]})
        assert refused.status_code == 422


def test_plain_origins_are_for_test_alone() -> None:
    assert origin_of("http://localhost:3000", test=True) == "http://localhost:3000"
    with pytest.raises(InvalidRequest):
        origin_of("http://localhost:3000", test=False)


@given(st.text(alphabet=st.sampled_from("htps:/.-aZ19*;'\" \n\\_@?#é"), max_size=40))
def test_whatever_passes_has_no_word_of_a_policy(text: str) -> None:
    try:
        passed = origin_of("https://" + text, test=False)
    except InvalidRequest:
        return
    assert re.fullmatch(r"https://[a-z0-9.-]+(:[0-9]+)?", passed)


def test_a_session_ends_by_time() -> None:
    clock = FixedClock(1_000_000)
    sessions = FieldSessions(clock, SystemRandomness())
    text, _ = sessions.make(SCOPE, "shop-1", "key_a", SHOP, (), "multi_use")
    clock.advance(LIFE_SECONDS - 1)
    assert sessions.find(text).origin == SHOP
    clock.advance(1)
    with pytest.raises(NotFound):
        sessions.find(text)
    sessions.make(SCOPE, "shop-1", "key_a", SHOP, (), "multi_use")
    assert len(sessions) == 1, "ended ones are swept"


def test_open_sessions_are_bounded() -> None:
    sessions = FieldSessions(FixedClock(1), SystemRandomness(), limit=3, key_limit=2)
    for key in ("key_a", "key_a", "key_b"):
        sessions.make(SCOPE, "shop-1", key, SHOP, (), "multi_use")
    for key in ("key_a", "key_c"):
        with pytest.raises(LimitExceeded, match="field_sessions_full"):
            sessions.make(SCOPE, "shop-1", key, SHOP, (), "multi_use")


def test_other_shops_cannot_name_a_merchant(edge: Edge, shop: httpx.Client) -> None:
    refused = shop.post(
        "/v1/field-sessions", json={"origin": SHOP, "merchant": "shop-1"},
        headers={"authorization": f"Bearer {OTHER_KEY}"},
    )  # fmt: skip
    assert (refused.status_code, refused.json()["code"]) == (403, "merchant_foreign")


def test_one_bin_and_last_four_has_few_cards() -> None:
    tries = Tries(FixedClock(1), SystemRandomness())
    small = Allowance("key", 60, 1_000, 1_000, 3)
    for middle in range(3):
        tries.count_card([(small, "key_a")], b"41111111%04d1111" % middle)
    tries.count_card([(small, "key_a")], b"4111111100001111")
    with pytest.raises(LimitExceeded, match="cards_too_many"):
        tries.count_card([(small, "key_a")], b"4111111199991111")
    tries.count_card([(small, "key_a")], b"4111111199991112")
    tries.count_card([(small, "key_b")], b"4111111199991111")


def test_counts_are_bounded_and_hold_no_number() -> None:
    tries = Tries(FixedClock(1), SystemRandomness(), places=10)
    for number in range(100):
        tries.count_card([(OF_MERCHANT_FIELDS, f"key_{number}")], b"4111111111111111")
    assert len(tries) == 10
    assert b"4111" not in b"".join(digest for one in tries._held.values() for digest in one.cards)
