"""Whatever is sent to the edge, and however it is bent: no card number comes back, or is logged.

The positive control is an operation that does echo, which the same search must find.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cde" / "edge"))
from edge_kit import SHOP_KEY, Edge, logged

from paywarden.entrypoints.settings import Limits

NUMBER, CODE = "5555555555554444", "918"
FORMS = (NUMBER, NUMBER[:12], NUMBER[::-1], base64.b64encode(NUMBER.encode()).decode().rstrip("="),
         NUMBER.encode().hex(), NUMBER.encode("utf-16-le").hex(), f"{int(NUMBER):x}")  # fmt: skip
NAMES = st.sampled_from(["card", "number", "expiry", "cvv", "form", "merchant", "x", NUMBER,
                         "origin", "ancestors", "button"])  # fmt: skip
LEAVES = st.sampled_from([NUMBER, int(NUMBER), f" {NUMBER}", NUMBER[:15], "2031-07", CODE, None,
                          True, "multi_use", "https://shop.example", f"https://{NUMBER}.example",
                          1e300, NUMBER + "\ud800", "４" * 16])  # fmt: skip
BODIES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
PATHS = st.sampled_from(
    ["/v1/tokens", "/v1/field-sessions", f"/v1/tokens/{NUMBER}", f"/fields/{NUMBER}/card",
     f"/fields/{'a' * 43}/card", f"/{NUMBER}", f"/v1/tokens?{NUMBER}", f"/fields/{NUMBER}"]
)  # fmt: skip


def leaks(text: str) -> list[str]:
    return [form for form in FORMS if form.lower() in text.lower()]


@pytest.fixture
def edge() -> Edge:
    made = Edge(8090, Limits(address_per_second=0, key_per_second=0, principal_per_second=0))
    made.vault.refusing = RuntimeError(NUMBER)  # a vault that quotes what it saw
    return made


def test_the_search_finds_an_echo() -> None:
    assert leaks(f"card {NUMBER} refused")
    assert leaks(base64.b64encode(f"{NUMBER}".encode()).decode())
    assert not leaks("card_number_check_digit 4444")


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(BODIES, PATHS, st.sampled_from(["POST", "GET", "DELETE", "PUT"]), st.booleans())
async def test_nothing_comes_back(edge: Edge, body: Any, path: str, method: str, own: bool) -> None:
    octets = json.dumps(body).encode()
    headers = {"authorization": f"Bearer {SHOP_KEY if own else NUMBER}", "x-card": NUMBER,
               "paywarden-request": "1", "origin": edge.origin, "idempotency-key": NUMBER,
               "user-agent": NUMBER}  # fmt: skip
    transport = httpx.ASGITransport(edge.app, raise_app_exceptions=True)
    with logged() as said:
        async with httpx.AsyncClient(transport=transport, base_url=edge.origin) as client:
            answer = await client.request(method, path, content=octets, headers=headers)
            metrics = (await client.get("/metrics")).text
    assert answer.status_code in range(400, 501) or path == "/v1/field-sessions"
    for text in (answer.text, str(answer.headers), metrics, said.getvalue()):
        assert not leaks(text), text


@pytest.mark.parametrize("octets", [b"", b"\xff" + NUMBER.encode(), NUMBER.encode(), b"[" * 4_000,
                                    b'{"card":{"number":"' + NUMBER.encode()])  # fmt: skip
async def test_broken_bodies_are_not_quoted(edge: Edge, octets: bytes) -> None:
    transport = httpx.ASGITransport(edge.app)
    headers = {"authorization": f"Bearer {SHOP_KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url=edge.origin) as client:
        answer = await client.post("/v1/tokens", content=octets, headers=headers)
    assert answer.status_code in (400, 422)
    assert not leaks(answer.text)
