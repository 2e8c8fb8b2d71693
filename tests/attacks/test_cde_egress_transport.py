"""Attacks on the way to a destination: addresses, keys, certificates, redirects, proxies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cde_egress_place  # noqa: F401
import pytest
from egress_kit import NUMBER, Egress, Server, ok, order, pin_of, serving

from paywarden.cde.egress.answers import Passed
from paywarden.cde.egress.transport import Failed


@pytest.fixture
async def egress(tmp_path: Path) -> AsyncIterator[Egress]:
    async with Egress(tmp_path) as made:
        made.vault.keep()
        yield made


async def failed(egress: Egress, server: Server, **changed: Any) -> str:
    """The code of a failure before anything was sent."""
    egress.approve(egress.destination(server.port, **changed))
    found = await egress.forwarding.forward(order())
    assert isinstance(found, Failed)
    assert not found.sent
    assert server.arrived == []
    assert egress.logged()[-1]["detail"]["code"] == found.code
    return found.code


async def test_a_key_that_is_not_pinned(egress: Egress) -> None:
    async with serving(egress.authority.issue("psp.test")) as server:
        assert await failed(egress, server) == "destination_pin_mismatch"


async def test_the_backup_key_is_believed(egress: Egress) -> None:
    made = egress.authority.issue("psp.test")
    async with serving(made) as server:
        pins = [pin_of(egress.made), pin_of(made)]
        egress.approve(egress.destination(server.port, pins=pins))
        assert await egress.forwarding.forward(order()) == Passed(200, {})


async def test_a_pinned_key_with_an_expired_certificate(egress: Egress) -> None:
    made = egress.authority.issue("psp.test", days=5, since=10)
    async with serving(made) as server:
        pins = [pin_of(made), pin_of(egress.backup)]
        assert await failed(egress, server, pins=pins) == "destination_certificate_refused"


async def test_a_pinned_key_under_another_name(egress: Egress) -> None:
    made = egress.authority.issue("other.test")
    async with serving(made) as server:
        pins = [pin_of(made), pin_of(egress.backup)]
        assert await failed(egress, server, pins=pins) == "destination_certificate_refused"


async def test_a_pinned_key_of_an_unknown_authority(egress: Egress, tmp_path: Path) -> None:
    from tls_kit import Authority

    made = Authority(tmp_path / "other", "Other Authority").issue("psp.test")
    async with serving(made) as server:
        pins = [pin_of(made), pin_of(egress.backup)]
        assert await failed(egress, server, pins=pins) == "destination_certificate_refused"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "0.0.0.0", "::1",
     "fe80::1", "fd00::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "224.0.0.1"],
)  # fmt: skip
async def test_addresses_that_nobody_opened(tmp_path: Path, address: str) -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34", address]

    async with Egress(tmp_path, resolve=resolve) as egress, serving(egress.made) as server:
        egress.vault.keep()
        code = await failed(egress, server, opened_networks=[])
        assert code == "destination_address_refused"


async def test_a_name_that_moves_after_the_check(tmp_path: Path) -> None:
    """The first look-up is the only one: what a second would say is never asked."""
    asked = []

    async def resolve(_host: str, _port: int) -> list[str]:
        asked.append(1)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    async with Egress(tmp_path, resolve=resolve) as egress, serving(egress.made) as server:
        egress.vault.keep()
        egress.approve(egress.destination(server.port))
        assert await egress.forwarding.forward(order()) == Passed(200, {})
        assert asked == [1]
        await egress.transport.__aexit__()  # a fresh connection asks, and is checked, anew
        egress.vault.keep()
        found = await egress.forwarding.forward(order())
        assert found == Failed("destination_address_refused", False)
        assert len(server.arrived) == 1


@pytest.mark.parametrize("status", ["301 X", "302 X", "303 X", "307 X", "308 X"])
async def test_redirects_are_not_followed(egress: Egress, status: str) -> None:
    async with serving(egress.made) as other, serving(egress.made) as server:
        where = f"location: https://psp.test:{other.port}/v1/payments"
        server.answer = lambda _: ok(b'{"id": "x"}', status, where)
        egress.approve(egress.destination(server.port))
        found = await egress.forwarding.forward(order())
    assert found == Passed(int(status[:3]), withheld="status_not_listed")
    assert other.arrived == []


async def test_proxies_of_the_environment_are_not_used(
    egress: Egress, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving(egress.made) as server:
        egress.approve(egress.destination(server.port))
        assert await egress.forwarding.forward(order()) == Passed(200, {})


async def test_an_answer_that_breaks_off_is_not_asked_for_again(egress: Egress) -> None:
    async with serving(egress.made) as server:
        server.answer = lambda _: b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"
        egress.approve(egress.destination(server.port, seconds=1))
        found = await egress.forwarding.forward(order())
    assert isinstance(found, Failed)
    assert found.sent
    assert len(server.arrived) == 1
    assert NUMBER in server.arrived[0].body
