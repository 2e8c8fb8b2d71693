"""Forwarding over real TLS: what arrives, what comes back, what is wiped and counted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from egress_kit import CVV, NUMBER, TOKEN, Arrived, Egress, Server, ok, order, serving

from paywarden.cde.egress.answers import Passed
from paywarden.cde.egress.transport import Failed
from paywarden.cde.events import verify
from paywarden.core.errors import InvalidRequest, LimitExceeded


@pytest.fixture
async def egress(tmp_path: Path) -> AsyncIterator[Egress]:
    async with Egress(tmp_path) as made:
        made.vault.keep()
        yield made


@pytest.fixture
async def server(egress: Egress) -> AsyncIterator[Server]:
    async with serving(egress.made) as served:
        egress.approve(egress.destination(served.port))
        yield served


async def test_the_number_arrives_in_named_fields_and_nowhere_else(
    egress: Egress, server: Server
) -> None:
    server.answer = lambda _: ok(b'{"id": "p_1", "status": "paid", "secret": "x"}')
    found = await egress.forwarding.forward(order())
    assert found == Passed(200, {"id": "p_1", "status": "paid"})
    (arrived,) = server.arrived
    told = json.loads(arrived.body)
    assert told["card"] == {"number": NUMBER.decode(), "exp": "04/31"}
    assert told["cvv"] == CVV.decode()
    assert told["note"] == TOKEN
    assert arrived.body.startswith(b'{"amount": 10.10, ')  # the rest keeps its octets
    assert NUMBER not in arrived.head


async def test_form_fields_are_filled_and_encoded(egress: Egress, server: Server) -> None:
    form = {"number": TOKEN, "exp": "", "cvc": "", "note": "a&b=c"}
    fields = {"number": "number", "exp": "expiry:MM/YY", "cvc": "cvv"}
    await egress.forwarding.forward(order(body=None, form=form, fields=fields))
    assert server.arrived[0].body == b"number=5555341244441115&exp=04%2F31&cvc=737&note=a%26b%3Dc"
    assert b"application/x-www-form-urlencoded" in server.arrived[0].head


async def test_connections_are_reused(egress: Egress, server: Server) -> None:
    for _ in range(3):
        egress.vault.keep()
        await egress.forwarding.forward(order())
    assert (len(server.arrived), server.connections) == (3, 1)


async def test_a_code_is_used_once(egress: Egress, server: Server) -> None:
    await egress.forwarding.forward(order())
    with pytest.raises(InvalidRequest, match="cvv_gone"):
        await egress.forwarding.forward(order())
    assert len(server.arrived) == 1
    assert egress.logged()[-1]["detail"]["code"] == "cvv_gone"


async def test_nothing_is_sent_twice_when_the_answer_is_lost(
    egress: Egress, server: Server
) -> None:
    server.answer = lambda _: b""
    found = await egress.forwarding.forward(order())
    assert isinstance(found, Failed)
    assert found.sent
    assert len(server.arrived) == 1


async def test_answers_over_their_limit_or_of_another_kind_are_withheld(
    egress: Egress, server: Server
) -> None:
    async def withheld(answer: bytes) -> str | None:
        egress.vault.keep()
        server.answer = lambda _: answer
        found = await egress.forwarding.forward(order())
        return found.code if isinstance(found, Failed) else found.withheld

    big = json.dumps({"id": "x" * 70_000}).encode()
    assert await withheld(ok(big)) == "answer_too_large"
    assert await withheld(ok(b"{}", "402 No")) == "status_not_listed"
    html = ok(b"{}").replace(b"application/json", b"text/html")
    assert await withheld(html) == "content_type_not_listed"
    assert await withheld(ok(b"nonsense")) == "answer_not_json"
    assert await withheld(ok(b"{}", "200 OK", "content-encoding: gzip")) == "answer_encoded"


async def test_lists_come_back_by_place_and_objects_do_not(egress: Egress, server: Server) -> None:
    server.answer = lambda _: ok(b'{"items": [{"id": 1, "x": 2}, {"id": 3}], "status": {"a": 1}}')
    found = await egress.forwarding.forward(order())
    assert found == Passed(200, {"items": {"0": {"id": 1}, "1": {"id": 3}}})


async def test_a_use_is_logged_before_it_happens_and_the_log_verifies(
    egress: Egress, server: Server
) -> None:
    seen: list[str] = []

    def answer(_arrived: Arrived) -> bytes:
        seen.extend(event["kind"] for event in egress.logged())
        return ok(b"{}")

    server.answer = answer
    await egress.forwarding.forward(order())
    assert seen == ["card_forwarded"]
    assert verify(egress.folder / "events.jsonl").seq == 1
    text = (egress.folder / "events.jsonl").read_bytes()
    assert NUMBER not in text
    assert CVV not in text.replace(b"1795566137", b"")


async def test_a_destination_has_a_rate(egress: Egress, server: Server) -> None:
    egress.approve(egress.destination(server.port, revision=2, forwards_per_minute=6), "e")
    await egress.forwarding.forward(order())
    with pytest.raises(LimitExceeded, match="destination_busy"):
        await egress.forwarding.forward(order())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{}", "card_field_absent"),
        (b'{"card": {"number": "other", "exp": null}, "cvv": null}', "card_field_taken"),
        (
            b'{"card": {"number": null, "number": null, "exp": null}, "cvv": ""}',
            "card_field_absent",
        ),
        (b'{"card": {"number": ' + b"[" * 100_000, "card_body_malformed"),
        (b'{"card": {"number": "\xff"}}', "card_body_malformed"),
        (b"", "card_body_malformed"),
    ],
)
async def test_bodies_that_do_not_fit_are_refused_before_the_vault_is_asked(
    egress: Egress, server: Server, body: bytes, code: str
) -> None:
    with pytest.raises(InvalidRequest, match=code):
        await egress.forwarding.forward(order(body=body))
    assert egress.vault.taken == []
