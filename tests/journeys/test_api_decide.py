"""Decide, result, label: what happened counts for the next payment, once."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest
from test_support_api import Server, now_text, problem


def card(server: Server) -> dict[str, Any]:
    return {"kind": "card", "reference": server.name("card"), "bin": "411111"}


def result(server: Server, decided: dict[str, Any], **fields: Any) -> dict[str, Any]:
    place = {"payment_id": decided["payment_id"], "attempt": decided["attempt"]}
    return server.event("payment_result", **place, **fields)


def test_answer_has_the_form_of_the_contract(server: Server) -> None:
    answer = server.decide(id=server.name("form"))
    assert set(answer) == {
        "id", "payment_id", "attempt", "outcome", "points", "reasons", "required_action", "advice",
        "ruleset", "model", "degraded", "latency_ms", "receipt",
    }  # fmt: skip
    assert answer["id"].startswith("dec_")
    assert answer["ruleset"].startswith("rs_")
    assert (answer["outcome"], answer["points"], answer["reasons"]) == ("allow", 0, [])
    assert answer["attempt"] == "1"
    assert answer["degraded"] == []


def test_a_burst_of_declines_blocks_the_card(server: Server) -> None:
    instrument = card(server)
    for number in range(5):
        decided = server.decide(instrument=instrument, attempt=str(number))
        assert decided["outcome"] == "allow"
        (told,) = server.send_events(result(server, decided, status="declined", code="05"))
        assert told["status"] == "recorded"
    sixth = server.decide(instrument=instrument)
    assert sixth["outcome"] == "block"
    assert [reason["code"] for reason in sixth["reasons"]] == ["CARD_TESTING"]
    assert sixth["reasons"][0]["text"] == "Too many declined payments on this card"
    assert server.decide(instrument=card(server))["outcome"] == "allow"


def test_events_of_one_request_count_together_and_only_once(server: Server) -> None:
    instrument = card(server)
    decided = server.decide(instrument=instrument)
    declines = [result(server, decided, status="declined") for _ in range(4)]
    assert {one["status"] for one in server.send_events(*declines)} == {"recorded"}
    assert {one["status"] for one in server.send_events(*declines)} == {"repeated"}
    other = {**declines[0], "status": "authorised"}
    (refused,) = server.send_events(other)
    assert (refused["status"], refused["code"]) == ("refused", "event_conflict")
    assert server.decide(instrument=instrument)["outcome"] == "allow"
    server.send_events(result(server, decided, status="declined"))
    assert server.decide(instrument=instrument)["outcome"] == "block"


def test_reported_fraud_counts_until_it_is_withdrawn(server: Server) -> None:
    instrument = card(server)
    decided = server.decide(instrument=instrument)
    place = {"payment_id": decided["payment_id"]}
    label = server.event("label", **place, verdict="fraud", source="chargeback", reason="10.4")
    again = server.event("label", **place, verdict="fraud", source="issuer_notice")
    assert [one["status"] for one in server.send_events(label, again)] == ["recorded"] * 2
    after = server.decide(instrument=instrument)
    assert (after["outcome"], after["points"]) == ("review", 75)
    shown = server.client().get(f"/v1/decisions/{after['id']}").json()["record"]
    assert shown["features"]["card_fraud_7d"] == 1, "two reports of one fraud are one"
    server.send_events(server.event("label", **place, verdict="withdrawn", source="analyst"))
    assert server.decide(instrument=instrument)["outcome"] == "allow"


def test_account_events_count_for_their_payer(server: Server) -> None:
    payer = {"id": server.name("payer")}
    events = [server.event("login_failed", payer=payer) for _ in range(3)]
    assert {one["status"] for one in server.send_events(*events)} == {"recorded"}
    assert server.decide(payer=payer)["outcome"] == "review"


def test_a_bad_event_stops_nobody_else(server: Server) -> None:
    decided = server.decide()
    results = server.send_events(
        result(server, decided, status="captured"),
        server.event("payment_result", payment_id=server.name("never"), status="declined"),
        server.event("payment_result", payment_id=decided["payment_id"]),
        server.event("label", verdict="fraud"),
        result(server, decided, status="refunded"),
    )
    assert [one["status"] for one in results] == [
        "recorded", "refused", "refused", "refused", "recorded",
    ]  # fmt: skip
    assert [one.get("pointer") for one in results[1:4]] == [
        "/events/1/payment_id", "/events/2/status", "/events/3/payment_id",
    ]  # fmt: skip


def test_the_same_body_again_is_the_same_decision(server: Server) -> None:
    client = server.client()
    body = server.payment()
    first = client.post("/v1/decisions", json=body)
    again = client.post("/v1/decisions", json=body)
    assert again.json() == first.json()
    assert "decision-repeated" not in first.headers
    assert again.headers["decision-repeated"] == "true"
    payer = body["payment"]["payer"]
    third = server.decide(payer=payer, instrument=body["payment"]["instrument"])
    features = client.get(f"/v1/decisions/{third['id']}").json()["record"]["features"]
    assert features["card_payments_1h"] == 2, "the repeat counted nothing"


def test_another_body_for_the_same_attempt_is_a_conflict(server: Server) -> None:
    client = server.client()
    body = server.payment()
    client.post("/v1/decisions", json=body).raise_for_status()
    body["payment"]["amount_minor"] += 1
    problem(client.post("/v1/decisions", json=body), 409, "attempt_conflict")
    body["payment"]["attempt"] = "2"
    assert client.post("/v1/decisions", json=body).status_code == 200


def test_idempotency_key_gives_the_stored_answer(server: Server) -> None:
    client, key = server.client(), {"idempotency-key": server.name("key")}
    body = server.payment()
    first = client.post("/v1/decisions", json=body, headers=key)
    again = client.post("/v1/decisions", json=body, headers=key)
    assert first.status_code == 200
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    other = client.post("/v1/decisions", json=server.payment(), headers=key)
    problem(other, 422, "idempotency_key_reused")
    assert client.post("/v1/decisions", json=body).headers["decision-repeated"] == "true"


def test_two_senders_may_choose_the_same_idempotency_key(server: Server) -> None:
    key = {"idempotency-key": server.name("shared")}
    facts: dict[str, Any] = {"instrument": None}
    mine = server.payment(**facts)
    theirs = server.payment(merchant={"id": "m_7"}, **facts)
    one = server.client("merchant").post("/v1/decisions", json=mine, headers=key)
    two = server.client("other_merchant").post("/v1/decisions", json=theirs, headers=key)
    assert one.status_code == two.status_code == 200, two.text
    assert one.json()["id"] != two.json()["id"]


def test_a_refused_request_may_be_sent_again_under_its_key(server: Server) -> None:
    client, key = server.client(), {"idempotency-key": server.name("key")}
    bad = server.payment(amount_minor=-1)
    assert client.post("/v1/decisions", json=bad, headers=key).status_code == 422
    assert client.post("/v1/decisions", json=server.payment(), headers=key).status_code == 200


def test_one_key_at_once_is_done_once(server: Server) -> None:
    """In flight: 409, never a second act."""
    key = server.name("race")
    body = {"payments": [server.bare_payment() for _ in range(60)]}
    answers: list[httpx.Response] = []

    def send() -> None:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            headers = {
                "authorization": f"Bearer {server.keys['operator']}", "idempotency-key": key,
            }  # fmt: skip
            answers.append(client.post("/v1/decisions/batch", json=body, headers=headers))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [one for one in answers if one.status_code == 200]
    assert len({one.content for one in done}) == 1
    for one in answers:
        if one.status_code != 200:
            problem(one, 409, "idempotency_in_flight")
    items = done[0].json()["items"]
    assert not any(item.get("repeated") for item in items)


def test_a_batch_is_decided_in_order(server: Server) -> None:
    instrument = card(server)
    payments = [server.bare_payment(instrument=instrument) for _ in range(3)]
    payments.insert(1, server.bare_payment(currency="XXX"))
    payments.append(payments[0])
    answer = server.client().post("/v1/decisions/batch", json={"payments": payments})
    items = answer.json()["items"]
    assert [item.get("code") for item in items] == [None, "currency_unknown", None, None, None]
    assert items[1]["pointer"] == "/payments/1/currency"
    assert items[4]["repeated"] is True
    assert items[4]["decision"]["id"] == items[0]["decision"]["id"]
    counts = [
        server.client().get(f"/v1/decisions/{items[n]['decision']['id']}").json()["record"]
        ["features"]["card_payments_1h"]
        for n in (0, 2, 3)
    ]  # fmt: skip
    assert counts == [1, 2, 3]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("authenticated", "allow"),
        ("attempted", "allow"),
        ("failed", "block"),
        ("abandoned", "block"),
        ("not_available", "review"),
    ],
)
def test_a_challenge_goes_on_with_its_result(server: Server, given: str, expected: str) -> None:
    client = server.client()
    instrument = card(server)
    first = server.decide(amount_minor=600_000, instrument=instrument)
    assert (first["outcome"], first["points"]) == ("challenge", 45)
    path = first["required_action"]["continue_path"]
    assert path == f"/v1/decisions/{first['id']}/continue"
    done = client.post(path, json={"result": given})
    assert done.status_code == 200, done.text
    second = done.json()
    assert second["outcome"] == expected
    assert (second["payment_id"], second["id"] != first["id"]) == (first["payment_id"], True)
    shown = client.get(f"/v1/decisions/{second['id']}").json()
    assert shown["continues"] == first["id"]
    assert shown["record"]["features"]["card_payments_1h"] == 1, "counted once"
    again = client.post(path, json={"result": given})
    assert again.json()["id"] == second["id"]
    assert again.headers["decision-repeated"] == "true"
    other = "failed" if given != "failed" else "authenticated"
    problem(client.post(path, json={"result": other}), 409, "attempt_conflict")


def test_only_a_challenge_can_go_on(server: Server) -> None:
    allowed = server.decide()
    path = f"/v1/decisions/{allowed['id']}/continue"
    problem(server.client().post(path, json={"result": "authenticated"}), 409, "not_challenged")


def test_the_merchants_own_payments_are_never_challenged(server: Server) -> None:
    assert server.decide(amount_minor=600_000, initiator="merchant")["outcome"] == "review"


def test_late_and_early_times_are_held(server: Server) -> None:
    for seconds, late in ((-3_600, True), (-60, False), (3_600, False)):
        decided = server.decide(occurred_at=now_text(seconds))
        record = server.client().get(f"/v1/decisions/{decided['id']}").json()["record"]
        assert record["clock"]["late"] is late


def test_account_events_are_decided_without_an_amount(server: Server) -> None:
    decided = server.decide(type="account_event", amount_minor=None, currency=None)
    assert decided["outcome"] == "allow"
    bare = server.payment(amount_minor=None)
    body = problem(server.client().post("/v1/decisions", json=bare), 422, "amount_missing")
    assert body["pointer"] == "/payment/amount_minor"
