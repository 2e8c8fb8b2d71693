"""What answers carry, over a real socket: declared, and declared where it belongs."""

from __future__ import annotations

import httpx
import pytest
from declared_headers import declared, document, only_declared, operation_of
from test_api_signing import decide, signed
from test_support_api import Server, own_server

ALWAYS = {"request-id", "cache-control", "x-content-type-options"}
SIGNED = {"content-digest", "signature-input", "signature"}
RATES = {"ratelimit", "ratelimit-policy"}


def carried(answer: httpx.Response) -> set[str]:
    only_declared(answer)
    return {name.lower() for name in answer.headers}


def test_signed_and_plain_answers(server: Server) -> None:
    body = httpx.Request("POST", "http://x", json=server.payment()).content
    name = server.name("headers")
    first = decide(server, signed(server, body, idempotency_key=name), body)
    again = decide(server, signed(server, body, idempotency_key=name), body)
    assert carried(first) >= ALWAYS | SIGNED | RATES
    assert carried(again) >= SIGNED | {"idempotent-replayed"}
    plain = server.client().post("/v1/decisions", content=body)
    assert carried(plain) >= ALWAYS | RATES | {"decision-repeated"}
    assert not carried(plain) & SIGNED


def test_refusals_and_pages(granian: Server) -> None:
    refused = httpx.get(f"{granian.url}/v1/lists")
    assert carried(refused) >= {"www-authenticate"} and refused.status_code == 401
    for path in ("/docs", "/sign-in", "/openapi.json", "/livez", "/metrics", "/v1/audit/keys"):
        answer = httpx.get(granian.url + path)
        assert answer.status_code == 200
        assert carried(answer) >= ALWAYS
    unreadable = granian.client().post("/v1/decisions", content=b"{")
    assert unreadable.status_code == 400 and carried(unreadable) >= RATES


def test_rates_are_on_by_default_and_refuse_with_the_declared_headers() -> None:
    slow = {"PAYWARDEN_LIMITS__KEY_PER_SECOND": "0.1", "PAYWARDEN_LIMITS__KEY_BURST": "9"}
    with own_server("granian", "slow", **slow) as server:
        client = server.client()
        payments = [server.bare_payment() for _ in range(6)]
        taken = client.post("/v1/decisions/batch", json={"payments": payments})
        assert taken.status_code == 200
        assert taken.headers["ratelimit"].startswith('"key";r=3;'), "a batch costs its items"
        refused = client.post("/v1/decisions/batch", json={"payments": payments})
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert carried(refused) >= RATES | {"retry-after"}
        assert client.get("/v1/lists").status_code == 200, "a refused batch took one, not six"
    with own_server("granian", "usual") as server:
        told = server.client().get("/v1/lists").headers
        assert told["ratelimit-policy"] == '"key";q=5000;w=5'


@pytest.mark.parametrize("header", ["Signature", "Signature-Input", "Content-Digest"])
def test_what_signs_a_request_is_declared_behind_a_key(header: str) -> None:
    wanted = {"$ref": f"#/components/parameters/{header}"}
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            assert (wanted in operation["parameters"]) is bool(operation["security"]), (
                path,
                method,
            )


def test_the_check_can_fail() -> None:
    request = httpx.Request("GET", "http://x/v1/lists")
    headers = {"request-id": "r", "x-more": "1"}
    with pytest.raises(AssertionError, match="x-more"):
        only_declared(httpx.Response(200, headers=headers, request=request))
    found = operation_of("GET", "/v1/lists")
    assert found is not None and "x-more" not in declared(found, 200)
