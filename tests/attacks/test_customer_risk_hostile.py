"""Customers made to do harm: the largest graphs, circles, huge texts, ids that look like cards.

Nothing is asserted about time; work is bounded by limits that are asserted instead.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "decision"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "aml" / "customer_risk"))

from customer_kit import COMPANY, PERSON, form, merged
from decision_room import Room, copy_home, make_home, opened

from paywarden.aml.customer_risk.ownership import HOLDINGS, PARTIES
from paywarden.entrypoints import api
from paywarden.identity.api_keys import new_key


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("hostile-customers"))


@pytest.fixture
async def room(template: Path, tmp_path: Path) -> AsyncIterator[Room]:
    async with opened(copy_home(template, tmp_path / "home")) as made:
        yield made


def client(room: Room, role: str = "operator", merchant: str | None = None) -> httpx.AsyncClient:
    own = room.installation
    secret, record = new_key(
        room.test, role, own.pepper, own.clock, own.randomness, merchant=merchant
    )
    own.api_keys.save(record)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(api.application(own)), base_url="http://x",
        headers={"authorization": f"Bearer {secret.expose()}"},
    )  # fmt: skip


def company(parties: int, holdings: list[dict[str, Any]]) -> dict[str, Any]:
    people = [{"id": f"c{n}", "kind": "company"} for n in range(parties)]
    return merged(COMPANY, {"company": {"ownership": {"parties": people, "holdings": holdings}}})


async def test_the_largest_tangle_ends_with_a_clear_finding(room: Room) -> None:
    names = [f"c{n}" for n in range(PARTIES)]
    pairs = [(names[(n * 7 + k) % PARTIES], names[n]) for n in range(PARTIES) for k in (1, 2, 5)]
    pairs = [(above, below) for above, below in pairs if above != below][: HOLDINGS - 1]
    holdings = [{"owner": a, "owned": b, "percent": 33.0} for a, b in pairs]
    holdings.append({"owner": "c0", "owned": "self", "percent": 100})
    async with client(room) as http:
        answer = await http.put("/v1/aml/customers/tangle", json=company(PARTIES, holdings))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["summary"]["level"] == "high"
        factors = {line["factor"] for line in found["explanation"]}
        assert {"circular-ownership", "owner-unknown", "many-layers"} <= factors
        over = company(PARTIES + 1, [])
        assert (await http.put("/v1/aml/customers/tangle", json=over)).status_code == 422
        many = company(3, [{"owner": "c0", "owned": "c1"}] * (HOLDINGS + 1))
        assert (await http.put("/v1/aml/customers/tangle", json=many)).status_code == 422


@pytest.mark.parametrize(
    "change",
    [
        {"person": {"name": "A" * 100_000}},
        {"person": {"name": ""}},
        {"person": {"name": "A", "nationalities": ["DE"] * 1_000}},
        {"person": {"name": "A"}, "products": ["account"] * 1_000},
        {"person": {"name": "A"}, "expected_monthly_minor": 10**30},
        {"person": {"name": "A"}, "expected_monthly_minor": -1},
        {"person": {"name": "A"}, "expected_monthly_minor": 1e300},
        {"person": {"name": "A", "birth_date": "0000-00-00"}},
        {"person": {"name": "A", "birth_date": "9999-12-31"}},
        {"person": {"name": "A", "country": "de"}},
        {"person": {"name": "A", "country": "ＤＥ"}},
        {"person": {"name": "A"}, "verification": {"documents": [{"kind": "x"}] * 21}},
        {"person": {"name": "A"}, "company": {"name": "B"}},
        {"person": {"name": "A"}, "level": "low"},
        [],
    ],
)
async def test_what_cannot_be_taken_is_refused_and_nothing_is_kept(room: Room, change: Any) -> None:
    async with client(room) as http:
        answer = await http.put("/v1/aml/customers/strange", json=change)
        assert answer.status_code == 422, answer.text
        assert "AAAA" not in answer.text
        assert (await http.get("/v1/aml/customers/strange")).status_code == 404


async def test_a_name_out_of_any_script_is_only_text(room: Room) -> None:
    strange = "\u202eevil\u202c \u0000 <script>alert(1)</script> '; DROP TABLE aml_customers; --"
    given = merged(PERSON, {"person": {"name": strange}})
    async with client(room) as http:
        made = await http.put("/v1/aml/customers/x", json=given)
        assert made.status_code == 200
        assert made.json()["form"]["person"]["name"] == strange
        assert made.headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", ["a%2Fb", "%00", "a" * 129, "..%2f..", "a%0Ab", "%7f"])
async def test_ids_that_no_customer_can_have_are_unknown(room: Room, name: str) -> None:
    async with client(room) as http:
        put = await http.put(f"/v1/aml/customers/{name}", json=PERSON)
        assert put.status_code in (404, 422), put.text
        got = await http.get(f"/v1/aml/customers/{name}")
        assert got.status_code in (404, 422)


async def test_an_id_like_a_card_number_is_hashed_as_in_payments(room: Room) -> None:
    number = "4111111111111111"
    known = await room.installation.customer_risk.customers.put(
        room.live, number, form(screening={"pep": "foreign"}), "key:t"
    )
    assert known.named.id.startswith("h_")
    fields = room.fields(await room.decide(payer={"id": number}))
    assert fields["risk.customer_level"] == "high"
    await room.ledger.settle()
    home = room.installation.home.root
    stored = b"".join(one.read_bytes() for one in home.rglob("*") if one.is_file())
    assert number.encode() not in stored


async def test_a_merchants_key_learns_nothing_of_anybodys_risk(room: Room) -> None:
    async with client(room) as officer, client(room, "merchant", "m_1") as http:
        made = await officer.put(
            "/v1/aml/customers/m_1", json=merged(COMPANY, {"screening": {"pep": "foreign"}})
        )
        assert made.json()["summary"]["level"] == "high"
        for method, path in (
            ("GET", "/v1/aml/customers/m_1"), ("GET", "/v1/aml/customers"),
            ("GET", "/v1/aml/merchants/m_1/exposure"), ("GET", "/v1/aml/calendar"),
            ("GET", "/v1/aml/risk-models"),
        ):  # fmt: skip
            answer = await http.request(method, path)
            assert answer.status_code == 403, (path, answer.text)
        paid = {
            "id": "order-1", "type": "card_payment", "occurred_at": room.time().isoformat(),
            "amount_minor": 100, "currency": "EUR", "merchant": {"id": "m_1"},
            "payer": {"id": "m_1"},
        }  # fmt: skip
        told = await http.post("/v1/decisions", json={"payment": paid})
        assert told.status_code == 200, told.text
        own = await http.get(f"/v1/decisions/{told.json()['id']}")
        for text in (told.text, own.text):
            assert "high" not in text
            assert "risk." not in text


async def test_a_model_made_to_burn_time_is_refused_or_ends(room: Room) -> None:
    from paywarden.aml.customer_risk.model_desk import shipped_text

    deep = "(" * 400 + "true" + ")" * 400
    wide = "customer.operations.exists(a, " * 30 + "true" + ")" * 30
    async with client(room) as http:
        for condition in (deep, wide, "customer.country.matches('(a+)+$')"):
            text = shipped_text().replace(
                "when: customer.relationship_days < 180", f'when: "{condition}"'
            )
            answer = await http.post("/v1/aml/risk-models", json={"text": text})
            assert answer.status_code in (200, 422), answer.text
        big = {"text": "x" * 200_001}
        assert (await http.post("/v1/aml/risk-models", json=big)).status_code == 422
        bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"
        refused = await http.post("/v1/aml/risk-models", json={"text": bomb})
        assert refused.json()["code"] == "risk_model_invalid"


async def test_answers_to_hostile_bodies_never_repeat_them(room: Room) -> None:
    canary = "Zq7-canary-Xy9"
    async with client(room) as http:
        for body in (
            {"person": {"name": "A", "occupation": canary}},
            {"person": {"name": "A"}, "channel": canary},
            {"person": {"name": 7, "country": canary}},
        ):  # fmt: skip
            answer = await http.put("/v1/aml/customers/x", content=json.dumps(body))
            assert answer.status_code == 422
            assert canary not in answer.text, answer.text
