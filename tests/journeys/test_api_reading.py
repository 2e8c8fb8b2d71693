"""Reading decisions: pages, the merchant's view and the operator's record, and replay."""

from __future__ import annotations

from typing import Any

from test_support_api import Server, problem


def pages(server: Server, key: str = "operator", **query: Any) -> list[dict[str, Any]]:
    """Every item by following `next`."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    for _ in range(50):
        page = server.client(key).get("/v1/decisions", params={**query, **after}).json()
        found += page["items"]
        if not page["has_more"]:
            assert page["next"] is None
            return found
        after = {"after": page["next"]}
    raise AssertionError("the pages do not end")


def test_pages_hold_every_decision_once_newest_first(server: Server) -> None:
    payment_id = server.name("paged")
    made = [server.decide(id=payment_id, attempt=str(n))["id"] for n in range(7)]
    found = pages(server, limit=3, payment_id=payment_id)
    assert [one["id"] for one in found] == made[::-1]
    assert all("record" not in one for one in found)


def test_decisions_are_found_by_outcome(server: Server) -> None:
    payment_id = server.name("outcomes")
    for number, amount in enumerate((100, 600_000, 200)):
        server.decide(id=payment_id, attempt=str(number), amount_minor=amount)
    challenged = pages(server, payment_id=payment_id, outcome="challenge")
    assert [one["attempt"] for one in challenged] == ["1"]


def test_bad_queries_are_refused(server: Server) -> None:
    client = server.client()
    for query in ("limit=0", "limit=201", "limit=x", "outcome=maybe", "color=red", "after=dec_x"):
        answer = client.get("/v1/decisions?" + query)
        problem(answer, 422, "parameter_invalid")
    problem(client.get("/v1/decisions?limit=1&limit=2"), 422, "parameter_repeated")
    problem(client.get("/v1/decisions?limit"), 400, "malformed_query")
    problem(client.get("/v1/features?x=1"), 422, "unknown_parameter")
    strange = "dec_" + "a" * 26
    problem(client.get("/v1/decisions", params={"after": strange}), 404, "cursor_unknown")


def test_merchants_see_what_they_were_told_and_only_their_own(server: Server) -> None:
    merchant = server.client("merchant")
    decided = merchant.post("/v1/decisions", json=server.payment(instrument=None)).json()
    foreign = server.decide(merchant={"id": "m_7"})
    path = f"/v1/decisions/{decided['id']}"
    shown = merchant.get(path).json()
    assert "record" not in shown
    told = {name: value for name, value in decided.items() if name != "receipt"}
    assert {name: shown[name] for name in told} == told
    assert "record" in server.client().get(path).json()
    for other in (f"/v1/decisions/{foreign['id']}", f"/v1/decisions/{'dec_' + 'a' * 26}"):
        problem(merchant.get(other), 404, "decision_not_found")
    theirs = f"/v1/decisions/{foreign['id']}/continue"
    problem(merchant.post(theirs, json={"result": "failed"}), 404, "decision_not_found")
    seen = {one["id"] for one in pages(server, "merchant", limit=200)}
    assert decided["id"] in seen
    assert foreign["id"] not in seen


def test_a_merchants_key_speaks_for_its_merchant_only(server: Server) -> None:
    merchant = server.client("merchant")
    foreign = server.payment(instrument=None, merchant={"id": "m_7"})
    problem(merchant.post("/v1/decisions", json=foreign), 403, "other_merchant")
    body = {"payments": [server.bare_payment(instrument=None), foreign["payment"]]}
    items = merchant.post("/v1/decisions/batch", json=body).json()["items"]
    assert [item.get("code") for item in items] == [None, "other_merchant"]
    assert items[1]["pointer"] == "/payments/1/merchant"
    decided = server.decide(merchant={"id": "m_7"})
    results = server.send_events(
        server.event("payment_result", payment_id=decided["payment_id"], status="declined"),
        server.event("login_failed", payer={"id": "x"}, merchant={"id": "m_7"}),
        server.event("login_failed", payer={"id": "x"}, merchant={"id": "m_42"}),
        key="merchant",
    )
    assert [one.get("code") for one in results] == ["payment_unknown", "other_merchant", None]


def test_merchants_may_not_assert_cards_label_as_analysts_or_touch_policy(server: Server) -> None:
    merchant = server.client("merchant")
    asserted = merchant.post("/v1/decisions", json=server.payment())
    problem(asserted, 403, "instrument_assertion_not_permitted")
    decided = merchant.post("/v1/decisions", json=server.payment(instrument=None)).json()
    label = server.event(
        "label", payment_id=decided["payment_id"], verdict="fraud", source="analyst"
    )
    (refused,) = server.send_events(label, key="merchant")
    assert refused["code"] == "label_not_permitted"
    for method, path in (
        ("GET", "/v1/features"),
        ("GET", "/v1/lists"),
        ("POST", "/v1/lists/stolen_cards/entries"),
        ("GET", "/v1/rulesets"),
        ("POST", "/v1/rulesets"),
        ("POST", f"/v1/rulesets/{decided['ruleset']}/publish"),
        ("POST", f"/v1/decisions/{decided['id']}/replay"),
    ):
        # Permission comes before the body: a broken body says nothing more.
        body = problem(merchant.request(method, path, content=b"{"), 403, "not_permitted")
        assert "permission" in body["detail"]


def test_the_record_explains_the_decision(server: Server) -> None:
    server.client().post(
        "/v1/lists/stolen_cards/entries", json={"value": "card-explained", "reason": "case 7"}
    ).raise_for_status()
    payer = {"name": "Ann Example", "email": "ann@example.org", "phone": "+4930123456"}
    decided = server.decide(
        instrument={"kind": "card", "reference": "card-explained", "bin": "411111"}, payer=payer
    )
    assert decided["outcome"] == "block"
    record = server.client().get(f"/v1/decisions/{decided['id']}").json()["record"]
    (rule,) = record["rules"]
    assert (rule["id"], rule["hard"], rule["outcome"]) == ("listed-card", True, "block")
    assert rule["values"]["card.fingerprint"] == "card-explained"
    assert record["decided_by"] == ["rule:listed-card"]
    inputs = record["inputs"]
    assert inputs["payment.amount_minor"] == 12_345
    assert (inputs["payer.email"], inputs["payer.name"]) == ("a**@example.org", "A** E**")
    assert "Ann" not in str(record)
    assert record["enrichment"]["payment.amount_base_minor"] == 12_345
    assert set(record["features"]) >= {"card_payments_1h", "card_fraud_7d"}
    assert record["stage_us"] and record["log_sequence"] > 0


def test_replay_gives_the_same_answer(server: Server) -> None:
    instrument = {"kind": "card", "reference": server.name("card"), "bin": "411111"}
    made = [server.decide(instrument=instrument, amount_minor=a) for a in (100, 600_000, 300)]
    for decided in made:
        path = f"/v1/decisions/{decided['id']}/replay"
        for body in (b"", b"{}", b'{"ruleset": null}'):
            answer = server.client().post(path, content=body)
            assert answer.status_code == 200, answer.text
            again = answer.json()
            assert again["identical"] is True, again
            assert again["difference"] == {}
            assert (again["outcome"], again["points"]) == (decided["outcome"], decided["points"])
            assert again["windows"] == "log"
    missing = {"ruleset": "rs_" + "0" * 64}
    path = f"/v1/decisions/{made[0]['id']}/replay"
    problem(server.client().post(path, json=missing), 404, "ruleset_not_found")


def test_ids_of_other_environments_and_tenants_do_not_exist(server: Server) -> None:
    mine = server.decide()["id"]
    live = server.client("live").post("/v1/decisions", json=server.payment()).json()["id"]
    for key, name in (("live", mine), ("other_tenant", mine), ("operator", live)):
        client = server.client(key)
        problem(client.get(f"/v1/decisions/{name}"), 404, "decision_not_found")
        path = f"/v1/decisions/{name}/continue"
        problem(client.post(path, json={"result": "failed"}), 404, "decision_not_found")
        problem(client.post(f"/v1/decisions/{name}/replay"), 404, "decision_not_found")
        problem(client.get("/v1/decisions", params={"after": name}), 404, "cursor_unknown")
    assert mine not in {one["id"] for one in pages(server, "live", limit=200)}


def test_live_and_test_windows_do_not_meet(server: Server) -> None:
    card = {"kind": "card", "reference": server.name("card"), "bin": "411111"}
    decided = server.decide(instrument=card)
    server.send_events(
        *(
            server.event("payment_result", payment_id=decided["payment_id"], status="declined")
            for _ in range(5)
        )
    )
    assert server.decide(instrument=card)["outcome"] == "block"
    assert server.decide("live", instrument=card)["outcome"] == "allow"
