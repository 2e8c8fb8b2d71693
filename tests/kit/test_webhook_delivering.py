"""Delivering: fan-out, exactly one take-over, the schedule, 410, disabling, replay, limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from webhook_kit import OTHER, SCOPE, SECOND, START, Post, answering, opened

from paywarden.core.secret import Secret
from paywarden.kit.db import connection
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.stores import sqlite_webhook_deliveries, sqlite_webhook_endpoints
from paywarden.kit.webhooks import requests, schedule, signatures
from paywarden.kit.webhooks.delivering import PER_ENDPOINT
from paywarden.kit.webhooks.model import Attempt, SecretKind, SigningSecret

HOUR = 3_600


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    with opened(tmp_path) as made:
        yield made


async def test_an_event_reaches_just_those_who_want_it(post: Post) -> None:
    everything, typed = post.add(), post.add(url="https://b.example/", events=("thing.made",))
    other_type = post.add(events=("webhook.ping",))
    elsewhere, stopped = post.add(scope=OTHER), post.add(disabled=True)
    merchant, stranger = post.add(merchant="m_1"), post.add(merchant="m_2")
    post.tell("a", merchant="m_1")
    assert len(await post.work()) == 3
    for one in (everything, typed, merchant):
        assert post.states(one) == [("delivered", 1)]
    for one in (other_type, elsewhere, stopped, stranger):
        assert post.states(one) == []
    ids = {headers["webhook-id"] for _, headers, _ in post.sender.sent}
    assert len(ids) == 1


async def test_a_message_has_the_envelope_and_a_signature_that_verifies(post: Post) -> None:
    one = post.add()
    post.tell("a")
    (body,) = await post.work()
    assert msgspec.json.decode(body) == {
        "type": "thing.made",
        "timestamp": "2023-11-14T22:13:20.000000Z",
        "data": {"name": "a", "merchant_id": None},
    }
    _, headers, _ = post.sender.sent[0]
    timestamp = int(headers["webhook-timestamp"])
    assert timestamp == START // SECOND
    assert headers == signatures.headers(headers["webhook-id"], timestamp, body, one.secrets)


async def test_events_from_before_the_endpoint_are_not_sent(post: Post) -> None:
    post.tell("before")
    post.clock.now += 1
    post.add()
    assert await post.work() == []


async def test_a_failed_delivery_follows_the_schedule_and_ends(post: Post) -> None:
    one = post.add()
    post.sender.answer = answering(500)
    post.tell("a")
    assert len(await post.work()) == 1
    for attempt, pause in enumerate(schedule.PAUSES_SECONDS[1:], start=1):
        assert post.states(one) == [("pending", attempt)]
        assert await post.work(pause - 1) == []
        assert len(await post.work(1 + 0.1 * pause)) == 1
    assert post.states(one) == [("failed", len(schedule.PAUSES_SECONDS))]
    assert post.deliveries.disabled() == {one.id: "failing"}
    post.tell("after")
    assert await post.work(1) == []


async def test_a_retry_has_the_same_id_and_a_fresh_signature(post: Post) -> None:
    post.add()
    post.sender.answer = answering(None, "timed_out")
    post.tell("a")
    await post.work()
    await post.work(6)
    (_, first, body), (_, second, again) = post.sender.sent
    assert body == again
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] != second["webhook-timestamp"]
    assert first["webhook-signature"] != second["webhook-signature"]


async def test_retry_after_postpones_and_never_hastens(post: Post) -> None:
    post.add()
    post.sender.answer = answering(429, wait=100)
    post.tell("a")
    await post.work()
    assert await post.work(99) == []
    post.sender.answer = answering(503, wait=1)
    assert len(await post.work(1)) == 1
    assert await post.work(299) == []
    assert len(await post.work(32)) == 1


async def test_retry_after_is_bounded(post: Post) -> None:
    post.add()
    post.sender.answer = answering(503, wait=10**8)
    post.tell("a")
    await post.work()
    assert len(await post.work(24 * HOUR)) == 1


async def test_gone_stops_the_endpoint_and_what_waits(post: Post) -> None:
    one, other = post.add(), post.add(url="https://b.example/")
    answers = {"https://a.example/in": 500, "https://b.example/": 200}
    post.sender.answer = lambda url: Attempt(START, 1, answers[url], None)
    post.tell("a", "b")
    await post.work()
    answers["https://a.example/in"] = 410
    await post.work(6)
    assert sorted(state for state, _ in post.states(one)) in (
        ["discarded", "failed"],
        ["failed", "failed"],
    )
    assert post.deliveries.disabled() == {one.id: "gone"}
    post.tell("c")
    assert len(await post.work(1)) == 1
    assert post.states(other) == [("delivered", 1)] * 3
    post.ask(lambda unit: requests.ask(unit, SCOPE, requests.ENABLED, one.id, post.clock.now))
    await post.work()
    post.tell("d")
    answers["https://a.example/in"] = 200
    assert len(await post.work(1)) == 2


@pytest.mark.parametrize("status", [199, 301, 302, 307, 308, 400, 404, 500])
async def test_only_2xx_is_success(post: Post, status: int) -> None:
    one = post.add()
    post.sender.answer = answering(status)
    post.tell("a")
    await post.work()
    assert post.states(one) == [("pending", 1)]


async def test_removed_endpoints_get_nothing_more(post: Post) -> None:
    one = post.add()
    post.sender.answer = answering(500)
    post.tell("a")
    await post.work()

    def remove(unit: object) -> None:
        post.endpoints.remove(unit, SCOPE, one.id)  # type: ignore[arg-type]

    post.ask(remove)
    post.sender.answer = answering(200)
    assert await post.work(6) == []
    assert post.states(one) == [("discarded", 1)]


async def test_ping_and_replay(post: Post) -> None:
    one = post.add(events=("thing.made",))
    post.ask(lambda unit: requests.ask(unit, SCOPE, requests.PING_WANTED, one.id, START))
    (ping,) = await post.work()
    assert msgspec.json.decode(ping)["type"] == "webhook.ping"
    number = post.deliveries.page(SCOPE, one.id, 2**62, None, 1)[0].id
    again = lambda unit, scope=SCOPE: requests.ask(  # noqa: E731
        unit, scope, requests.REPLAY_WANTED, one.id, START, number
    )
    post.ask(again)
    assert await post.work() == [ping]
    first, second = post.sender.sent
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    post.ask(lambda unit: again(unit, OTHER))
    assert await post.work() == []


async def test_a_rotated_secret_signs_beside_the_new_one_until_it_ends(post: Post) -> None:
    one = post.add()
    old = one.secrets[0]
    fresh = SigningSecret(SecretKind.HMAC, Secret(b"f" * 32), START)
    ending = replace(old, expires_at_us=START + 10 * SECOND)
    changed = replace(one, secrets=(fresh, ending))
    post.ask(lambda unit: post.endpoints.change(unit, changed))
    post.tell("a")
    await post.work()
    post.tell("b")
    await post.work(10)
    (_, both, _), (_, single, _) = post.sender.sent
    assert len(both["webhook-signature"].split()) == 2
    assert len(single["webhook-signature"].split()) == 1


async def test_a_death_between_sending_and_recording_sends_again(tmp_path: Path) -> None:
    with opened(tmp_path) as post:
        one = post.add()
        post.tell("a", "b")
        while post.taking_over.step():
            pass
        # The process dies here: taken over, perhaps sent, not recorded.
    with opened(tmp_path) as post:
        assert len(await post.work()) == 2
        assert post.states(one) == [("delivered", 1)] * 2
    with opened(tmp_path) as post:
        assert await post.work(100) == []


async def test_a_slow_receiver_holds_only_its_own_places(post: Post) -> None:
    post.add(url="https://slow.example/")
    post.add(url="https://fast.example/")
    post.tell(*map(str, range(20)))
    while post.taking_over.step():
        pass
    await post.deliverer.send_due()
    assert sum(post.deliverer._load.values()) == 2 * PER_ENDPOINT
    await post.deliverer.settle()
    rounds = 0
    while await post.work():
        rounds += 1
    assert len(post.sender.sent) == 40
    assert rounds == 4


async def test_secrets_at_rest_are_sealed_and_bound(post: Post, tmp_path: Path) -> None:
    one, other = post.add(), post.add()
    plain = one.secrets[0].octets.expose()
    for file in tmp_path.iterdir():
        assert plain not in file.read_bytes()
    box = post.endpoints._box
    sealed = box.seal(SCOPE, one.id, one.secrets)
    assert box.open(SCOPE, one.id, sealed)[0].octets.expose() == plain
    for scope, endpoint, octets in (
        (SCOPE, other.id, sealed),
        (OTHER, one.id, sealed),
        (SCOPE, one.id, sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (SCOPE, one.id, b""),
    ):
        with pytest.raises(Exception, match="webhook_secrets_damaged"):
            box.open(scope, endpoint, octets)


async def test_old_deliveries_are_dropped_with_their_attempts(post: Post) -> None:
    one = post.add()
    post.tell("a")
    await post.work()
    number = post.deliveries.page(SCOPE, one.id, 2**62, None, 1)[0].id
    assert len(post.deliveries.attempts(number)) == 1
    post.deliveries.prune(post.clock.now)
    assert post.states(one) == [("delivered", 1)]
    post.deliveries.prune(post.clock.now + 1)
    assert post.states(one) == []
    assert post.deliveries.attempts(number) == []


def test_the_schedule_is_the_recommended_one() -> None:
    assert sum(schedule.PAUSES_SECONDS) == 75 * HOUR + 35 * 60 + 5
    assert schedule.pause_us(10, 0.0) is None
    assert schedule.pause_us(1, 0.0) == 5 * SECOND
    assert schedule.pause_us(1, 1.0) == int(5.5 * SECOND)


def test_every_statement_fits_the_schema(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    for file, module in (
        ("paywarden.sqlite", sqlite_webhook_endpoints),
        ("webhooks.sqlite", sqlite_webhook_deliveries),
    ):
        held = connection.open_writing(tmp_path / file)
        found = [one for one in vars(module).values() if isinstance(one, Insert | Change)]
        assert len(found) >= 3
        for one in found:
            text = one.text if isinstance(one, Change) else one.sql(1)
            held.execute(f"EXPLAIN {text}", [1] * text.count("?"))
        held.close()
