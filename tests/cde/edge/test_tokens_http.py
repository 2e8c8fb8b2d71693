"""Tokens over real sockets: what is answered, what is refused, and that nothing is echoed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from edge_kit import CARD, OTHER_KEY, POOR_KEY, TENANT_KEY, Edge, logged

from paywarden.cde.edge.problems import CODES
from paywarden.cde.frame_format import Refused
from paywarden.core.errors import Unavailable

NUMBER = CARD["number"]


def post(client: httpx.Client, card: Any = CARD, key: str | None = None, **rest: Any) -> Any:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return client.post("/v1/tokens", json={"card": card, **rest}, headers=headers)


def refusal(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert code in CODES
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"


def test_a_card_becomes_a_token(shop: httpx.Client) -> None:
    answer = post(shop)
    assert answer.status_code == 201
    body = answer.json()
    assert body["token"].startswith("tk_test_")
    assert (body["bin"], body["last4"], body["expiry"]) == ("41111111", "1111", "2031-07")
    assert NUMBER not in answer.text
    assert "cvv" not in answer.text
    described = shop.get(f"/v1/tokens/{body['token']}")
    assert described.json()["fingerprint"] == body["fingerprint"]
    assert shop.delete(f"/v1/tokens/{body['token']}").json() == {
        "token": body["token"], "deleted": True}  # fmt: skip
    refusal(shop.get(f"/v1/tokens/{body['token']}"), 404, "token_unknown")


def test_a_repeat_answers_the_same_token(shop: httpx.Client) -> None:
    first, again = post(shop).json(), post(shop).json()
    assert first["token"] == again["token"]
    assert (first["existing"], again["existing"]) == (False, True)
    once, twice = (post(shop, form="single_use").json() for _ in range(2))
    assert once["token"] != twice["token"]
    assert once["expires_at"].endswith("Z")


def test_an_idempotency_key_keeps_no_digest(shop: httpx.Client) -> None:
    made = [
        shop.post("/v1/tokens", json={"card": card}, headers={"idempotency-key": "k"})
        for card in (CARD, {**CARD, "number": "5555555555554444"})
    ]
    assert [one.status_code for one in made] == [201, 201]
    assert made[0].json()["token"] != made[1].json()["token"]


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"number": "4111111111111112"}, "card_number_check_digit", "/card/number"),
        ({"number": "411111111111111"}, "card_number_length", "/card/number"),
        ({"number": "4111 1111 1111 1111"}, "card_number_not_digits", "/card/number"),
        ({"number": "٤١١١١١١١١١١١١١١١"}, "card_number_not_digits", "/card/number"),
        ({"expiry": "07/31"}, "card_expiry_malformed", "/card/expiry"),
        ({"expiry": "2020-01"}, "card_expired", "/card/expiry"),
        ({"expiry": "2090-01"}, "card_expiry_too_far", "/card/expiry"),
        ({"cvv": "12"}, "card_code_malformed", "/card/cvv"),
        ({"number": 4111111111111111}, "field_invalid", "/card/number"),
        ({"number": "4" * 100}, "field_invalid", "/card/number"),
        ({NUMBER: "x"}, "unknown_field", "/card"),
    ],
)
def test_a_bad_card_is_told_by_its_rule(
    edge: Edge, shop: httpx.Client, change: Any, code: str, pointer: str
) -> None:
    answer = post(shop, {**CARD, **change})
    refusal(answer, 422, code)
    assert answer.json()["pointer"] == pointer
    assert edge.vault.asked == 0
    for value in [*CARD.values(), *map(str, change.values())]:
        assert value not in answer.text.replace(answer.json()["request_id"], "")


def test_names_that_stand_twice_are_refused(shop: httpx.Client) -> None:
    text = '{"card":{"number":"4111111111111111","number":"5555555555554444","expiry":"2031-07"}}'
    answer = shop.post("/v1/tokens", content=text)
    refusal(answer, 422, "field_repeated")
    assert NUMBER not in answer.text


def test_an_oversize_or_broken_body_is_refused(shop: httpx.Client) -> None:
    refusal(shop.post("/v1/tokens", content=b"{" + b" " * 5_000 + b"}"), 413, "body_too_large")
    refusal(shop.post("/v1/tokens", content=b'{"card":{"number":"4111'), 400, "malformed_json")
    refusal(shop.post("/v1/tokens", content=b"{}"), 422, "field_missing")


def test_numbers_in_an_address_are_refused(edge: Edge, shop: httpx.Client) -> None:
    for path in (f"/v1/tokens/{NUMBER}", "/v1/tokens/4111-1111-1111-1111"):
        answer = shop.get(path)
        refusal(answer, 422, "card_number_in_address")
        assert NUMBER not in answer.text
    for path in (
        f"/v1/tokens?number={NUMBER}",
        f"/{NUMBER}",
        f"/v1/tokens/x?merchant={NUMBER}&a=b",
    ):
        answer = shop.get(path)
        assert answer.status_code in (404, 405, 422)
        assert NUMBER not in answer.text
    refusal(shop.post(f"/v1/tokens?number={NUMBER}", json={"card": CARD}), 422, "unknown_parameter")


def test_foreign_and_unknown_tokens_are_one_answer(edge: Edge, shop: httpx.Client) -> None:
    token = post(shop).json()["token"]
    other = {"authorization": f"Bearer {OTHER_KEY}"}
    shapes = []
    for name in (token, "tk_test_" + "A" * 22, "tk_live_" + "A" * 22, "tk_test_short", "9" * 16):
        for call in (shop.get, shop.delete):
            answer = call(f"/v1/tokens/{name}", headers=other)
            refusal(answer, 404, "token_unknown")
            body = {**answer.json(), "request_id": ""}
            shapes.append(str(body))
    assert len(set(shapes)) == 1
    assert shop.get(f"/v1/tokens/{token}").status_code == 200, "still the owner's"


def test_keys_and_merchants(edge: Edge, shop: httpx.Client) -> None:
    refusal(post(shop, key="nobody"), 401, "key_unknown")
    refusal(post(shop, key=POOR_KEY), 403, "not_permitted")
    refusal(post(shop, key=TENANT_KEY), 422, "merchant_missing")
    refusal(post(shop, merchant="shop-2"), 403, "merchant_foreign")
    made = post(shop, key=TENANT_KEY, merchant="shop-1")
    assert made.json()["token"] == post(shop).json()["token"]
    token, headers = made.json()["token"], {"authorization": f"Bearer {TENANT_KEY}"}
    found = shop.get(f"/v1/tokens/{token}", headers=headers, params={"merchant": "shop-1"})
    assert found.status_code == 200


def test_a_token_of_the_tenant_itself_is_asked_for_by_name(edge: Edge, shop: httpx.Client) -> None:
    made = post(shop, key=TENANT_KEY, tenant_wide=True)
    assert made.status_code == 201, made.text
    token = made.json()["token"]
    assert token != post(shop).json()["token"]
    headers = {"authorization": f"Bearer {TENANT_KEY}"}

    def seen(**query: Any) -> httpx.Response:
        return shop.get(f"/v1/tokens/{token}", headers=headers, params=query)

    assert seen(tenant_wide="true").json()["token"] == token
    refusal(seen(merchant="shop-1"), 404, "token_unknown")
    refusal(seen(), 422, "merchant_missing")
    refusal(seen(merchant="shop-1", tenant_wide="true"), 422, "merchant_superfluous")
    refusal(shop.get(f"/v1/tokens/{token}"), 404, "token_unknown")  # a shop has its own only
    refusal(post(shop, tenant_wide=True), 403, "merchant_foreign")
    foreign = shop.get(f"/v1/tokens/{token}", params={"tenant_wide": "true"})
    refusal(foreign, 403, "merchant_foreign")
    refusal(post(shop, key=TENANT_KEY, merchant="*"), 422, "field_invalid")


def test_a_vault_that_fails_is_told_without_its_words(edge: Edge, shop: httpx.Client) -> None:
    edge.vault.refusing = Refused("decrypt_budget_exceeded", f"saw {NUMBER}")
    answer = post(shop)
    refusal(answer, 503, "vault_refused")
    edge.vault.refusing = Unavailable("cde_unreachable", "vault.sock does not answer")
    refusal(post(shop), 503, "cde_unreachable")
    edge.vault.refusing = RuntimeError(NUMBER)
    fault = post(shop)
    refusal(fault, 500, "internal_fault")
    assert NUMBER not in answer.text + fault.text


def test_numeric_tokens_are_described(shop: httpx.Client) -> None:
    token = post(shop, form="numeric").json()["token"]
    assert token.isdigit()
    assert shop.get(f"/v1/tokens/{token}").json()["last4"] == "1111"


def test_health_and_metrics_hold_no_card(edge: Edge, shop: httpx.Client) -> None:
    with logged() as said:
        post(shop)
        post(shop, {**CARD, "number": "4111111111111112"})
        shop.get(f"/v1/tokens/{NUMBER}")
        edge.vault.refusing = RuntimeError(NUMBER)
        post(shop)
    assert shop.get("/livez").status_code == shop.get("/readyz").status_code == 200
    metrics = shop.get("/metrics").text
    assert 'route="/v1/tokens",status="201"' in metrics
    assert "request_fault" in said.getvalue()
    for text in (metrics, said.getvalue()):
        for digits in (NUMBER, NUMBER[:8], "4111111111111112"):
            assert digits not in text


def test_docs_list_every_problem(shop: httpx.Client) -> None:
    page = shop.get("/docs").text
    assert all(f'id="{code}"' in page for code in CODES)
