"""Both clients send the same, read the same, and never show what they sent."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from types import MappingProxyType

import httpx
import pytest
from client_kit import DECISION, KEY, PAYMENT, Stage, ok, problem, run

from paywarden.client import Client, ClientError, NotReached, Payment, Refused, Unserved
from paywarden.client.payment import Instrument, Payer

pytestmark = pytest.mark.parametrize("kind", ["sync", "async"])


async def test_a_payment_is_decided(kind: str) -> None:
    stage = Stage(ok(DECISION))
    decision = await run(stage, kind, "decide", PAYMENT)
    assert decision.outcome == "challenge" and decision.points == 12
    assert decision.reasons[0].code == "CARD_TESTING"
    assert decision.required_action.continue_path == "/v1/decisions/dec_1/continue"
    assert not decision.repeated and not decision.local
    sent = stage.requests[0]
    assert sent.method == "POST" and str(sent.url) == "https://risk.example/v1/decisions"
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert stage.body() == {"payment": PAYMENT}


async def test_a_typed_payment_sends_what_is_set_and_nothing_else(kind: str) -> None:
    stage = Stage(ok(DECISION))
    payment = Payment(
        id="order-1",
        type="card_payment",
        occurred_at=datetime(2026, 11, 22, 1, 2, 3, 4, UTC),
        amount_minor=100,
        currency="EUR",
        payer=Payer(name="Ann", birth_date=date(1990, 2, 1)),
        instrument=Instrument(kind="card", reference="card-7"),
        metadata=MappingProxyType({"basket": 3}),
    )
    await run(stage, kind, "decide", payment)
    assert stage.body()["payment"] == {
        "id": "order-1",
        "type": "card_payment",
        "occurred_at": "2026-11-22T01:02:03.000004Z",
        "amount_minor": 100,
        "currency": "EUR",
        "payer": {"name": "Ann", "birth_date": "1990-02-01"},
        "instrument": {"kind": "card", "reference": "card-7"},
        "metadata": {"basket": 3},
    }


async def test_a_repeat_says_so(kind: str) -> None:
    decision = await run(Stage(ok(DECISION, decision_repeated="true")), kind, "decide", PAYMENT)
    assert decision.repeated


async def test_a_server_cannot_pretend_to_be_local(kind: str) -> None:
    lie = {**DECISION, "local": True, "local_cause": "x", "repeated": True}
    decision = await run(Stage(ok(lie)), kind, "decide", PAYMENT)
    assert not decision.local and decision.local_cause is None and not decision.repeated


async def test_every_logical_call_has_its_own_key(kind: str) -> None:
    stage = Stage(ok(DECISION), ok(DECISION), ok(DECISION))
    await run(stage, kind, "decide", PAYMENT)
    await run(stage, kind, "decide", PAYMENT)
    await run(stage, kind, "decide", PAYMENT, idempotency_key="mine")
    first, second, third = stage.keys()
    assert first != second and third == "mine" and len(first) == 32


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (400, Refused),
        (401, Refused),
        (404, Refused),
        (409, Refused),
        (422, Refused),
        (500, Unserved),
    ],
)
async def test_a_problem_becomes_an_error_with_its_place(
    kind: str, status: int, raised: type[ClientError]
) -> None:
    stage = Stage(problem(status, "some_code", "/payment/currency"))
    with pytest.raises(raised) as caught:
        await run(stage, kind, "decide", PAYMENT)
    error = caught.value
    assert (error.code, error.detail) == ("some_code", "about some_code")
    assert (error.pointer, error.request_id) == ("/payment/currency", "req_7")
    assert error.status == status and len(stage.requests) == 1


async def test_an_answer_of_something_else_is_an_error(kind: str) -> None:
    stage = Stage(httpx.Response(200, text="<html>proxy</html>"))
    with pytest.raises(Unserved) as caught:
        await run(stage, kind, "decide", PAYMENT)
    assert caught.value.code == "answer_unreadable"
    stage = Stage(httpx.Response(404, text="<html>proxy</html>", headers={"request-id": "req_9"}))
    with pytest.raises(Refused) as caught_refusal:
        await run(stage, kind, "decide", PAYMENT)
    assert caught_refusal.value.code == "http_404" and caught_refusal.value.request_id == "req_9"


async def test_a_redirect_is_not_followed(kind: str) -> None:
    stage = Stage(httpx.Response(302, headers={"location": "https://thief.example/"}))
    with pytest.raises(Refused, match="http_302"):
        await run(stage, kind, "decide", PAYMENT)
    assert len(stage.requests) == 1


async def test_a_batch_keeps_its_order(kind: str) -> None:
    items = [
        {"decision": DECISION, "repeated": True},
        {"code": "currency_unknown", "detail": "no", "pointer": "/payments/1/currency"},
    ]
    stage = Stage(ok({"items": items}))
    first, second = await run(stage, kind, "decide_batch", [PAYMENT, PAYMENT])
    assert first.decision.outcome == "challenge" and first.decision.repeated
    assert second.decision is None and second.pointer == "/payments/1/currency"
    assert stage.body() == {"payments": [PAYMENT, PAYMENT]}


async def test_continue_names_the_decision(kind: str) -> None:
    stage = Stage(ok({**DECISION, "outcome": "allow"}), ok(DECISION))
    decision = await run(
        stage, kind, "continue_decision", "dec_1", "authenticated", method="three_ds"
    )
    assert decision.outcome == "allow"
    assert stage.requests[0].url.path == "/v1/decisions/dec_1/continue"
    assert stage.body() == {"result": "authenticated", "method": "three_ds"}
    await run(stage, kind, "continue_decision", decision, "failed")
    assert stage.requests[1].url.path == "/v1/decisions/dec_1/continue"


async def test_an_id_cannot_leave_its_path(kind: str) -> None:
    stage = Stage(problem(404, "decision_not_found"))
    with pytest.raises(Refused):
        await run(stage, kind, "get_decision", "../../v1/lists?x=1#y")
    raw = stage.requests[0].url.raw_path
    assert raw == b"/v1/decisions/..%2F..%2Fv1%2Flists%3Fx%3D1%23y"


async def test_events_give_one_result_each(kind: str) -> None:
    results = [{"id": "ev-1", "status": "recorded"}, {"id": "ev-2", "status": "repeated"}]
    stage = Stage(ok({"results": results}))
    found = await run(stage, kind, "send_events", [{"id": "ev-1"}, {"id": "ev-2"}])
    assert [one.status for one in found] == ["recorded", "repeated"]


async def test_pages_follow_each_other(kind: str) -> None:
    def item(number: int) -> dict[str, object]:
        return {**DECISION, "id": f"dec_{number}", "created_at": "2026-11-22T01:02:03Z"}

    stage = Stage(
        ok({"items": [item(3), item(2)], "has_more": True, "next": "dec_2"}),
        ok({"items": [item(1)], "has_more": False, "next": None}),
    )
    found = await run(stage, kind, "list_decisions", outcome="challenge", page_size=2)
    assert [one.id for one in found] == ["dec_3", "dec_2", "dec_1"]
    first, second = (dict(request.url.params) for request in stage.requests)
    assert first == {"outcome": "challenge", "limit": "2"}
    assert second == {"outcome": "challenge", "limit": "2", "after": "dec_2"}
    assert "idempotency-key" not in stage.requests[0].headers


async def test_a_page_that_leads_to_itself_ends(kind: str) -> None:
    page = {"items": [], "has_more": True, "next": "dec_2"}
    stage = Stage(ok(page), ok(page))
    assert await run(stage, kind, "list_decisions") == []


async def test_lists_and_rulesets(kind: str) -> None:
    summary = {"name": "stolen", "kind": "card", "entries": 1, "version": 2, "sha256": "00"}
    stage = Stage(ok({"items": [summary], "has_more": False, "next": None}))
    assert (await run(stage, kind, "lists"))[0].name == "stolen"
    edited = {"name": "stolen", "entries": 2, "version": 3, "log_sequence": 9}
    stage = Stage(ok(edited))
    until = datetime(2027, 1, 1, tzinfo=UTC)
    done = await run(stage, kind, "edit_list", "stolen", "card-1", "reported", expires_at=until)
    assert done.log_sequence == 9
    assert stage.body() == {
        "value": "card-1",
        "reason": "reported",
        "action": "add",
        "expires_at": "2027-01-01T00:00:00Z",
    }
    ruleset = {
        "hash": "rs_1", "name": "mine", "rules": 3, "created_at": "2026-11-22T01:02:03Z",
        "created_by": "key", "live": False,
    }  # fmt: skip
    stage = Stage(
        ok(ruleset, 201),
        ok({"hash": "rs_1", "live": True, "log_sequence": 4}),
        ok({**ruleset, "files": {"policy.yaml": "x"}}),
        ok({"items": [ruleset], "has_more": False, "next": None}),
    )
    assert (await run(stage, kind, "create_ruleset", {"policy.yaml": "x"})).hash == "rs_1"
    assert (await run(stage, kind, "publish_ruleset", "rs_1")).log_sequence == 4
    assert (await run(stage, kind, "get_ruleset", "rs_1")).files == {"policy.yaml": "x"}
    assert [one.hash for one in await run(stage, kind, "rulesets")] == ["rs_1"]


async def test_nothing_sent_shows_up_in_logs_or_errors(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "canary-4929"
    stage = Stage(httpx.ReadError(canary), problem(422, "field_invalid"))
    with pytest.raises(Refused) as caught:
        await run(stage, kind, "decide", {**PAYMENT, "payer": {"name": canary}})
    shown = caplog.text + str(caught.value) + repr(stage.sync()) + repr(stage.sync()._setup)
    assert canary not in shown and KEY not in shown
    stage = Stage(httpx.ReadError(canary), httpx.ReadError(canary), httpx.ReadError(canary),
                  httpx.ReadError(canary))  # fmt: skip
    with pytest.raises(NotReached) as lost:
        await run(stage, kind, "decide", PAYMENT)
    assert canary not in str(lost.value) and "ReadError" in lost.value.detail


async def test_a_body_that_json_cannot_hold_is_the_callers_fault(kind: str) -> None:
    stage = Stage()
    for value in (object(), "\ud800"):
        with pytest.raises(ValueError, match="cannot be sent as JSON"):
            await run(stage, kind, "decide", {**PAYMENT, "metadata": {"x": value}})
    assert stage.requests == []


async def test_keys_go_over_tls_only(kind: str) -> None:
    for address in ("http://risk.example", "ftp://x", "risk.example", "https://u:p@risk.example"):
        with pytest.raises(ValueError):
            Client(address, KEY)
    for address in ("http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:1/"):
        Client(address, KEY).close()
