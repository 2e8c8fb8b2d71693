"""Refusals inside the application are leaves: who, what, why, and nothing that was sent.

Over the whole application in one process, as its HTTP operations are called.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "decision"))

from decision_room import Room, make_home, opened

from paywarden.decision.problems import CODES
from paywarden.decision.watched import WATCHED
from paywarden.entrypoints import api
from paywarden.identity.api_keys import new_key
from paywarden.kit.audit import AuditOutcome
from paywarden.kit.clock import SystemRandomness

CARD = "4111111111111111"
PAYMENT = {
    "id": "order-1", "type": "card_payment", "occurred_at": "2026-11-22T00:00:00Z",
    "amount_minor": 1_000, "currency": "EUR", "merchant": {"id": "m_2"},
}  # fmt: skip
HOOK = {"url": "https://127.0.0.1/in", "events": ["decision.recorded"]}
NOBODYS = "dec_" + "a" * 26


class Way(NamedTuple):
    """One refused request: how, and the leaf that tells of it."""

    role: str | None
    method: str
    path: str
    body: Any
    code: str
    action: str
    operation: str
    headers: dict[str, str] = {}


WAYS = (
    Way(None, "GET", "/v1/decisions", None, "key_missing", "identity:key:refuse",
        "list_decisions"),
    Way("merchant", "GET", "/v1/rulesets", None, "not_permitted", "identity:permission:refuse",
        "list_rulesets"),
    Way("merchant", "POST", "/v1/decisions", {"payment": PAYMENT}, "other_merchant",
        "identity:permission:refuse", "decide"),
    Way("merchant", "GET", f"/v1/decisions/{NOBODYS}", None, "decision_not_found",
        "access:object:miss", "get_decision"),
    Way("operator", "POST", "/v1/decisions",
        {"payment": {**PAYMENT, "payer": {"id": "p", "name": f"Ann {CARD}"}}},
        "card_number_not_accepted", "http:request:refuse", "decide"),
    Way("operator", "POST", "/v1/webhooks", HOOK, "webhook_url_refused", "http:request:refuse",
        "create_webhook"),
    Way("operator", "POST", "/v1/approvals/apr_" + "a" * 26 + "/approve", {"code": "123456"},
        "not_permitted", "identity:permission:refuse", "approve"),
    Way("operator", "POST", "/v1/approvals",
        {"action": "role.grant", "payload": {}, "reason": "x"}, "approval_maker",
        "identity:permission:refuse", "request_approval"),
    Way("operator", "GET", "/v1/decisions", None, "signature_input_malformed",
        "http:signature:verify", "list_decisions",
        {"signature-input": "sig1=(", "signature": "sig1=:AAAA:"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def home_of_refusals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(make_home(tmp_path_factory.mktemp("refusals")))


@pytest.fixture
async def room(home_of_refusals: Path, tmp_path: Path) -> AsyncIterator[Room]:
    home = Path(shutil.copytree(home_of_refusals, tmp_path / "home"))
    async with opened(home) as made:
        yield made


def client(room: Room, role: str | None) -> tuple[httpx.AsyncClient, str]:
    found, headers, actor = room.installation, {}, "anonymous:unproven"
    if role is not None:
        merchant = "m_1" if role == "merchant" else None
        secret, record = new_key(
            room.live, role, found.pepper, found.clock, SystemRandomness(), merchant
        )
        found.api_keys.save(record)
        headers, actor = {"authorization": f"Bearer {secret.expose()}"}, f"key:{record.key_id}"
    transport = httpx.ASGITransport(api.application(found))
    return (
        httpx.AsyncClient(transport=transport, base_url="http://localhost:8080", headers=headers),
        actor,
    )


def refused(room: Room) -> list[Any]:
    events = [e for _, e in room.ledger.stores.audit.read(None, 0, 1_000)]
    return [e for e in events if e.outcome is AuditOutcome.REFUSED]


async def settled(room: Room) -> None:
    """Return when all that was queued is durable."""
    from paywarden.kit.db.unit import UnitOfWork

    await room.installation.writer.commit(UnitOfWork())


@pytest.mark.parametrize("way", WAYS, ids=[one.code + "@" + one.operation for one in WAYS])
async def test_a_refusal_is_a_leaf(room: Room, way: Way) -> None:
    http, actor = client(room, way.role)
    async with http:
        answer = await http.request(way.method, way.path, json=way.body, headers=way.headers)
    assert answer.json()["code"] == way.code, answer.text
    await settled(room)
    (event,) = refused(room)
    assert (event.action, event.actor) == (way.action, actor)
    assert event.detail == {"code": way.code, "operation": way.operation, "count": 1}
    assert event.scope == room.live
    assert CARD not in str(event) and NOBODYS not in str(event)


async def test_refused_items_of_batches_are_leaves(room: Room) -> None:
    http, actor = client(room, "merchant")
    bad = {**PAYMENT, "payer": {"id": "p", "name": f"Ann {CARD}"}}
    async with http:
        answer = await http.post("/v1/decisions/batch", json={"payments": [PAYMENT, bad]})
        told = [one.get("code") for one in answer.json()["items"]]
        assert told == ["other_merchant", "card_number_not_accepted"], answer.text
        event = {"id": "e1", "kind": "label", "occurred_at": "2026-11-22T00:00:00Z",
                 "payment_id": "x", "verdict": "fraud", "source": "customer"}  # fmt: skip
        answer = await http.post("/v1/events", json={"events": [event]})
        assert answer.json()["results"][0]["code"] == "payment_unknown"
    await settled(room)
    assert [(e.detail["code"], e.detail["operation"], e.actor) for e in refused(room)] == [
        ("other_merchant", "decide_batch", actor),
        ("card_number_not_accepted", "decide_batch", actor),
        ("payment_unknown", "take_in_events", actor),
    ]


async def test_a_flood_becomes_a_count(room: Room) -> None:
    http, _ = client(room, "merchant")
    async with http:
        for _ in range(300):
            assert (await http.get("/v1/rulesets")).status_code == 403
    await settled(room)
    assert [e.detail["count"] for e in refused(room)] == [1]
    room.clock.advance(61)
    room.installation.refusals.flush()
    await settled(room)
    assert [e.detail["count"] for e in refused(room)] == [1, 299]


async def test_a_wrong_password_is_one_leaf_not_two(room: Room) -> None:
    http, _ = client(room, None)
    body = {"environment": "live", "login": "nobody", "password": "x" * 12}
    async with http:
        answer = await http.post(
            "/v1/identity/sign-in/password", json=body,
            headers={"paywarden-request": "1", "origin": "http://localhost:8080"},
        )  # fmt: skip
    assert answer.json()["code"] == "sign_in_refused", answer.text
    await settled(room)
    assert [e.action for e in refused(room)] == ["identity:session:sign_in"]


def test_watched_codes_exist() -> None:
    assert CODES.keys() >= WATCHED
