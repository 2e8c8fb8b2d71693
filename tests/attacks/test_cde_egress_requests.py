"""Attacks of a caller on forwarding: where it goes, what it says, whose token it is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cde_egress_place  # noqa: F401
import pytest
from egress_kit import FIELDS, NUMBER, TEST, TOKEN, Egress, Server, ok, order, serving

from paywarden.cde.egress.answers import Passed
from paywarden.cde.egress.canaries import Canaries
from paywarden.core.errors import LimitExceeded, NotFound, NotPermitted, PaywardenError, Unavailable
from paywarden.core.scope import Environment, Scope


@pytest.fixture
async def egress(tmp_path: Path) -> AsyncIterator[Egress]:
    async with Egress(tmp_path, canaries=Canaries(frozenset({"tk_test_canary"}))) as made:
        made.vault.keep()
        yield made


@pytest.fixture
async def server(egress: Egress) -> AsyncIterator[Server]:
    async with serving(egress.made) as served:
        egress.approve(egress.destination(served.port))
        yield served


async def refused(egress: Egress, server: Server, **changed: Any) -> str:
    """The code of a refusal; nothing was sent."""
    with pytest.raises(PaywardenError) as caught:
        await egress.forwarding.forward(order(**changed))
    assert server.arrived == []
    assert NUMBER.decode() not in str(caught.value)
    assert TOKEN not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    "path",
    [
        "/v1/refunds", "/v1/paymentsX", "/v1", "/", "/v1/payments/../refunds", "/v1/payments/./x",
        "/v1/payments/%2e%2e/refunds", "/v1/payments%2f..%2frefunds", "/v1/payments/..;/x/..",
        "//evil.example/v1/payments", "/v1//payments", "/v1/payments\\..\\x", "/v1/payments#x",
        "/v1/payments\r\nhost: evil", "/v1/payments ", "/v1/payments\x00", "/v1/payments/\u2025/x",
        "https://evil.example/v1/payments", "@evil.example/v1/payments", "v1/payments", "",
        "/v1/payments?a=%0d%0a", "/v1/payments?a=\r\n", "/v1/payments?" + "a" * 1_000,
    ],
)  # fmt: skip
async def test_paths_that_leave_what_was_approved(
    egress: Egress, server: Server, path: str
) -> None:
    code = await refused(egress, server, path=path)
    assert code in ("forward_path_invalid", "destination_path_forbidden")


@pytest.mark.parametrize(
    "headers",
    [
        {"x-other": "1"}, {"host": "evil.example"}, {"content-length": "0"},
        {"transfer-encoding": "chunked"}, {"authorization": "a\r\nx: y"}, {"authorization": "a\n"},
        {"Authorization": "a"}, {"authorization\r\nx": "a"}, {"authorization": "a\x00"},
        {"authorization": "é"}, {"authorization": "a" * 5_000}, {"connection": "close"},
    ],
)  # fmt: skip
async def test_headers_that_were_not_approved_or_split(
    egress: Egress, server: Server, headers: dict[str, str]
) -> None:
    assert await refused(egress, server, headers=headers) == "forward_header_refused"


async def test_a_destination_of_nobody_or_of_another_tenant(egress: Egress, server: Server) -> None:
    assert await refused(egress, server, destination="evil") == "destination_unknown"
    live = Scope("acme", Environment.LIVE)
    assert await refused(egress, server, scope=live) == "destination_unknown"
    assert await refused(egress, server, method="PUT") == "destination_method_forbidden"


@pytest.mark.parametrize(
    "fields",
    [
        {"/note": "number"}, {"/card/exp": "number"}, {"/cvv": "number"}, {"/card": "number"},
        {"/card/number": "cvv"}, {"": "number"},
    ],
)  # fmt: skip
async def test_a_number_goes_into_no_other_field(
    egress: Egress, server: Server, fields: dict[str, str]
) -> None:
    assert await refused(egress, server, fields=fields) == "card_field_forbidden"


async def test_a_token_elsewhere_stays_a_token(egress: Egress, server: Server) -> None:
    fields = {"/card/number": "number"}
    await egress.forwarding.forward(
        order(
            path=f"/v1/payments/{TOKEN}?t={TOKEN}", headers={"idempotency-key": TOKEN},
            fields=fields,
        )
    )  # fmt: skip
    (arrived,) = server.arrived
    assert arrived.head.count(TOKEN.encode()) == 3
    assert NUMBER not in arrived.head
    told = json.loads(arrived.body)
    assert (told["note"], told["cvv"], told["card"]["exp"]) == (TOKEN, "", None)


async def test_a_foreign_an_unknown_and_a_spent_token_are_one_answer(
    egress: Egress, server: Server
) -> None:
    egress.vault.keep("tk_test_foreign", merchant="shop-2")
    egress.vault.keep("tk_test_tenant", scope=Scope("other", Environment.TEST))
    said = set()
    for token in ("tk_test_foreign", "tk_test_tenant", "tk_test_nobody", "tk_test_canary"):
        body = b'{"card": {"number": null}}'
        with pytest.raises(NotFound) as caught:
            await egress.forwarding.forward(
                order(token=token, body=body, fields={"/card/number": "number"})
            )
        said.add(str(caught.value))
    assert len(said) == 1
    assert server.arrived == []


async def test_a_record_of_another_merchant_under_this_token_is_found_out(
    egress: Egress, server: Server
) -> None:
    egress.vault.keep(merchant="shop-2")
    records = egress.vault.records
    records[TEST.text, "shop-1", TOKEN] = records[TEST.text, "shop-2", TOKEN]
    assert await refused(egress, server) == "record_foreign"


async def test_a_single_use_token_is_spent_even_when_the_send_fails(
    egress: Egress, server: Server
) -> None:
    egress.vault.keep(single_use=True)
    server.answer = lambda _: b""
    await egress.forwarding.forward(order())
    with pytest.raises(NotFound):
        await egress.forwarding.forward(order())
    assert len(server.arrived) == 1


async def test_budget_spent_and_agent_gone_fail_closed(egress: Egress, server: Server) -> None:
    egress.vault.agent.left = 0
    with pytest.raises(LimitExceeded, match="decrypt_budget_exceeded"):
        await egress.forwarding.forward(order())
    egress.vault.agent.fault = Unavailable("cde_unreachable", "keys.sock cannot be reached")
    assert await refused(egress, server) == "cde_unreachable"


async def test_a_full_disk_stops_forwarding(egress: Egress, server: Server) -> None:
    egress.events._failed = True
    assert await refused(egress, server) == "events_unwritable"


async def test_a_disk_that_fails_after_the_send_does_not_ask_for_a_second_one(
    egress: Egress, server: Server
) -> None:
    def answer(_arrived: object) -> bytes:
        egress.events._failed = True
        return ok(b'{"id": "5555341244441115", "status": "paid"}')

    server.answer = answer
    found = await egress.forwarding.forward(order())
    assert isinstance(found, Passed)
    assert found.body == {"status": "paid"}
    with pytest.raises(PaywardenError):
        await egress.forwarding.forward(order())
    assert len(server.arrived) == 1


async def test_canaries_tell_at_the_first_touch(egress: Egress, server: Server) -> None:
    body = b'{"card": {"number": null}}'
    with pytest.raises(NotFound):
        await egress.forwarding.forward(
            order(token="tk_test_canary", body=body, fields={"/card/number": "number"})
        )
    (event,) = egress.logged()
    assert (event["kind"], event["severity"]) == ("canary_touched", "critical")
    assert event["detail"]["key"] == "key_shop"
    counted = egress.metrics.events.labels("canary_touched", "critical")._value.get()
    assert counted == 1


async def test_a_canary_card_tells_under_any_token(tmp_path: Path) -> None:
    canaries = Canaries(fingerprints=frozenset({"fp_canary"}))
    async with Egress(tmp_path, canaries=canaries) as egress, serving(egress.made) as server:
        egress.approve(egress.destination(server.port))
        egress.vault.keep(fingerprint="fp_canary")
        assert await refused(egress, server) == "card_not_found"
        assert egress.logged()[0]["kind"] == "canary_touched"


async def test_a_field_that_the_destination_lost_is_refused_at_once(
    egress: Egress, server: Server
) -> None:
    egress.approve(
        egress.destination(server.port, revision=2, fields={"/card/number": "number"}), "e"
    )
    with pytest.raises(NotPermitted, match="card_field_forbidden"):
        await egress.forwarding.forward(order(fields=FIELDS))
