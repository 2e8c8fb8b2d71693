"""Connections kept for reuse: bounded, fresh, never those whose request did not end in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from egress_kit import Egress, ok, order, serving

from paywarden.cde.egress.answers import Passed
from paywarden.cde.egress.transport import CONNECTIONS, Failed

FIELDS = {"/card/number": "number", "/card/exp": "expiry:MM/YY"}


@pytest.fixture
async def egress(tmp_path: Path) -> AsyncIterator[Egress]:
    async with Egress(tmp_path) as made:
        made.vault.keep(cvv=None)
        yield made


async def test_many_at_once_share_a_bounded_number_of_connections(egress: Egress) -> None:
    async with serving(egress.made) as server:
        egress.approve(egress.destination(server.port))
        asked = [egress.forwarding.forward(order(fields=FIELDS)) for _ in range(3 * CONNECTIONS)]
        assert set(map(str, await asyncio.gather(*asked))) == {str(Passed(200, {}))}
        assert server.connections <= CONNECTIONS
        assert len(server.arrived) == 3 * CONNECTIONS


async def test_one_that_the_other_side_closed_is_not_used_again(egress: Egress) -> None:
    async with serving(egress.made) as server:
        egress.approve(egress.destination(server.port))
        server.answer = lambda _: ok(b"{}", "200 OK", "connection: close")
        for _ in range(3):
            assert await egress.forwarding.forward(order(fields=FIELDS)) == Passed(200, {})
        assert server.connections == 3


async def test_one_whose_answer_was_cut_is_closed(egress: Egress) -> None:
    async with serving(egress.made) as server:
        egress.approve(egress.destination(server.port, answer_limit_octets=10))
        server.answer = lambda _: ok(b'{"id": "' + b"x" * 100 + b'"}')
        for _ in range(2):
            found = await egress.forwarding.forward(order(fields=FIELDS))
            assert found == Passed(200, withheld="answer_too_large")
        assert server.connections == 2


async def test_a_slow_destination_is_given_up_and_its_connection_with_it(egress: Egress) -> None:
    async with serving(egress.made) as server:
        egress.approve(egress.destination(server.port, seconds=1))
        server.answer = lambda _: ok(b"{}")[:-1]  # one octet never comes
        found = await egress.forwarding.forward(order(fields=FIELDS))
        assert found == Failed("destination_timed_out", True)
        server.answer = lambda _: ok(b"{}")
        assert await egress.forwarding.forward(order(fields=FIELDS)) == Passed(200, {})
        assert server.connections == 2


async def test_a_changed_destination_gets_fresh_connections(egress: Egress) -> None:
    async with serving(egress.made) as server:
        egress.approve(egress.destination(server.port))
        await egress.forwarding.forward(order(fields=FIELDS))
        pins = [egress.destination(1).pins[1], "A" * 43 + "="]
        egress.approve(egress.destination(server.port, revision=2, pins=pins), "e")
        found = await egress.forwarding.forward(order(fields=FIELDS))
        assert found == Failed("destination_pin_mismatch", False)
        assert len(server.arrived) == 1
