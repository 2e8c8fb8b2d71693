"""Rate limits: addresses, tables, the gate, fair places, and what an operation answers."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from paywarden.core.clock import FixedClock
from paywarden.core.errors import InvalidRequest, LimitExceeded, NotAuthenticated
from paywarden.core.scope import Environment, Scope
from paywarden.entrypoints.limits import rate_gate
from paywarden.entrypoints.settings import Limits as LimitSettings
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.endpoint import Endpoint
from paywarden.kit.http.limits.addresses import Origins
from paywarden.kit.http.limits.fairness import FairPlaces
from paywarden.kit.http.limits.gate import Limits, Policies, RateLimited
from paywarden.kit.http.limits.gcra import Policy
from paywarden.kit.http.limits.table import TatTable
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.kit.http.surroundings import Surroundings
from paywarden.kit.metrics import Metrics

SCOPES = [Scope(name, Environment.LIVE) for name in ("a", "b", "c")]
PRINCIPAL = Principal("key_a", SCOPES[0], frozenset({"things:do"}))


def request(peer: str | None) -> dict[str, Any]:
    return {"client": None if peer is None else (peer, 1234)}


def gate(clock: FixedClock, **policies: Policy) -> Limits:
    return Limits(Policies(**policies), Origins(), clock, SystemRandomness(), exempt={"key_own"})


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),  # the peer is no proxy of ours
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.7", "198.51.100.7"),  # what the sender wrote is in front
        ("10.0.0.1", "1.2.3.4, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, nonsense", "10.0.0.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("::ffff:203.0.113.9", None, "203.0.113.9"),
    ],
)
def test_forwarded_headers_are_believed_of_proxies_alone(
    peer: str, forwarded: str | None, found: str
) -> None:
    origins = Origins(["10.0.0.0/8", "fd00::/8"])
    octets = bytes(int(part) for part in found.split("."))
    assert origins.of(request(peer), forwarded) == octets


def test_an_ipv6_sender_is_its_64() -> None:
    origins = Origins(["fd00::/8"])
    one, two = request("2001:db8:1:2::1"), request("2001:db8:1:2:ffff::9")
    assert origins.of(one, None) == origins.of(two, None) and len(origins.of(one, None)) == 8
    assert origins.of(one, None) != origins.of(request("2001:db8:1:3::1"), None)
    assert origins.of(request("fd00::1"), "2001:db8:1:2::7") == origins.of(one, None)
    assert origins.of(request(None), None) == b""


def test_a_proxy_on_the_socket_is_believed_when_named() -> None:
    assert Origins().of(request(None), "198.51.100.7") == b""
    origins = Origins(["unix", "10.0.0.0/8"])
    assert origins.of(request(None), "1.2.3.4, 198.51.100.7, 10.0.0.2") == bytes([198, 51, 100, 7])
    assert origins.of(request(None), None) == origins.of(request(None), "nonsense") == b""


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", None])
def test_this_machine_has_no_limit_by_address(peer: str | None) -> None:
    rates = gate(FixedClock(), address=Policy("address", 1.0, 1))
    for _ in range(5):
        rates.by_address(request(peer), {})
    for elsewhere in ("126.0.0.1", "128.0.0.1", "2001:db8::1"):
        rates.by_address(request(elsewhere), {})
        with pytest.raises(RateLimited):
            rates.by_address(request(elsewhere), {})


def test_a_million_addresses_fit_in_the_same_memory() -> None:
    table, policy = TatTable(4_096, b"k" * 16), Policy("address", 1.0, 5)
    before = table.octets
    assert before == 4_096 * 16
    for number in range(1_000_000 // 20):  # a twentieth: the size cannot depend on the number
        place, tat = table.place(number.to_bytes(4, "big"), 0)
        step = policy.step(tat, 0)
        if step.conforms:
            table.put(place, step.tat_ns)
    assert table.octets == before
    assert not policy.step(table.place(b"new", 0)[1], 0).conforms


def test_by_address() -> None:
    clock = FixedClock()
    rates = gate(clock, address=Policy("address", 1.0, 2))
    for _ in range(2):
        rates.by_address(request("203.0.113.9"), {})
    with pytest.raises(RateLimited) as caught:
        rates.by_address(request("203.0.113.9"), {"x-forwarded-for": "1.1.1.1"})
    assert caught.value.retry_after_seconds == 1
    rates.by_address(request("203.0.113.10"), {})
    clock.advance(1)
    rates.by_address(request("203.0.113.9"), {})


def test_by_key_and_principal_counts_at_both_or_none() -> None:
    clock = FixedClock()
    rates = gate(clock, key=Policy("key", 1.0, 2), principal=Policy("principal", 1.0, 3))
    second = dataclasses.replace(PRINCIPAL, key_id="key_b")
    third = dataclasses.replace(PRINCIPAL, key_id="key_c")
    assert rates.by_key(PRINCIPAL) == (("ratelimit-policy", '"key";q=2;w=2'), ("ratelimit", '"key";r=1;t=1'))  # fmt: skip  # noqa: E501
    rates.by_key(PRINCIPAL)
    with pytest.raises(RateLimited):
        rates.by_key(PRINCIPAL)
    assert dict(rates.by_key(second))["ratelimit"] == '"principal";r=0;t=3'
    with pytest.raises(RateLimited) as caught:
        rates.by_key(third)
    assert dict(caught.value.headers)["ratelimit"].startswith('"principal";r=0')
    clock.advance(1)
    rates.by_key(third)  # the refusal before took nothing from its own key
    assert rates.by_key(dataclasses.replace(PRINCIPAL, key_id="key_own")) == ()
    other = Principal("key_d", SCOPES[1], frozenset())
    rates.by_key(other)


def test_what_weighs_more_takes_more_and_never_more_than_all() -> None:
    clock = FixedClock()
    rates = gate(clock, key=Policy("key", 1.0, 10))
    assert dict(rates.by_key(PRINCIPAL, 7))["ratelimit"] == '"key";r=3;t=7'
    with pytest.raises(RateLimited) as caught:
        rates.by_key(PRINCIPAL, 4)
    assert caught.value.retry_after_seconds == 1
    rates.by_key(PRINCIPAL, 3)
    clock.advance(9)
    with pytest.raises(RateLimited):
        rates.by_key(PRINCIPAL, 500)
    clock.advance(1)
    assert dict(rates.by_key(PRINCIPAL, 500))["ratelimit"] == '"key";r=0;t=10'


def test_limits_are_on_by_default() -> None:
    given = LimitSettings()
    made = rate_gate(given, FixedClock(), SystemRandomness())
    assert made is not None
    told = dict(made.by_key(PRINCIPAL))
    assert told["ratelimit"] == f'"key";r={given.key_burst - 1};t=1'
    sender = request("203.0.113.9")
    for _ in range(given.address_burst):
        made.by_address(sender, {})
    with pytest.raises(RateLimited):
        made.by_address(sender, {})


def test_limits_that_are_off_cost_nothing() -> None:
    assert gate(FixedClock()).by_key(PRINCIPAL) == ()
    gate(FixedClock()).by_address(request("203.0.113.9"), {})
    off = LimitSettings(address_per_second=0, key_per_second=0, principal_per_second=0)
    assert rate_gate(off, FixedClock(), SystemRandomness()) is None
    made = rate_gate(LimitSettings(key_per_second=5.0), FixedClock(), SystemRandomness())
    assert made is not None and made.by_key(PRINCIPAL)
    with pytest.raises(InvalidRequest):
        wrong = LimitSettings(key_per_second=5.0, trusted_proxies="10.0.0.1/8x")
        rate_gate(wrong, FixedClock(), SystemRandomness())
    for rate, burst in ((0, 1), (-1, 1), (1, 0), (2_000_000, 1)):
        with pytest.raises(ValueError):
            Policy("key", rate, burst)


def test_one_tenant_alone_has_nearly_all_places() -> None:
    places = FairPlaces(16)
    for _ in range(14):
        places.enter(SCOPES[0])
    with pytest.raises(LimitExceeded) as caught:
        places.enter(SCOPES[0])
    assert caught.value.code == "tenant_share_full"
    places.enter(SCOPES[1])
    places.enter(SCOPES[2])


def test_places_even_out_as_requests_end() -> None:
    places = FairPlaces(16)
    held = dict.fromkeys(SCOPES[:2], 0)
    for _ in range(14):
        places.enter(SCOPES[0])
        held[SCOPES[0]] += 1
    for _ in range(50):  # the greedy one asks first, always
        for scope in SCOPES[:2]:
            try:
                if places.total < 16:
                    places.enter(scope)
                    held[scope] += 1
            except LimitExceeded:
                pass
        places.leave(SCOPES[0])
        held[SCOPES[0]] -= 1
        if held[SCOPES[0]] < 7:
            break
    assert held[SCOPES[1]] >= 7
    for scope, count in held.items():
        for _ in range(count):
            places.leave(scope)
    assert places.total == 0


class Thing(msgspec.Struct):
    name: str = "none"


class Gate:
    def __init__(self) -> None:
        self.asked = 0

    def authenticate(self, headers: Mapping[str, str]) -> Principal:
        self.asked += 1
        authorization = headers.get("authorization")
        if authorization is None:
            raise NotAuthenticated("key_missing", "no key")
        return Principal("key_a", Scope(authorization, Environment.LIVE), frozenset({"things:do"}))


class Shop:
    """An operation that waits, behind limits."""

    def __init__(self, rates: Limits | None, max_in_flight: int = 512, **more: Any) -> None:
        self.gate, self.go = Gate(), asyncio.Event()

        async def act(_call: Call) -> Answer:
            await self.go.wait()
            return Answer(Thing())

        around = Surroundings(
            self.gate, FixedClock(), SystemRandomness(), Metrics(), None, max_in_flight, rates=rates
        )
        listed = Operation(
            "GET", "/things", "do", "Do", act, Thing, **{"permission": "things:do", **more}
        )
        self.endpoint = Endpoint(listed, around)
        self.around = around

    async def ask(self, tenant: str | None = "a") -> tuple[int, dict[str, str]]:
        sent: list[Any] = []
        headers = [] if tenant is None else [(b"authorization", tenant.encode())]
        scope = {
            "type": "http", "method": "GET", "path": "/things", "headers": headers,
            "query_string": b"", "client": ("203.0.113.9", 1),
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.endpoint(scope, receive, send)
        return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}


async def test_answers_tell_the_limit_and_refusals_when_to_come_back() -> None:
    shop = Shop(gate(FixedClock(), key=Policy("key", 0.5, 1)))
    shop.go.set()
    status, headers = await shop.ask()
    assert (status, headers["ratelimit"]) == (200, '"key";r=0;t=2')
    status, headers = await shop.ask()
    assert (status, headers["retry-after"]) == (429, "2")
    assert headers["ratelimit-policy"] == '"key";q=1;w=2'


async def test_guessing_keys_is_limited_by_address_before_any_look_up() -> None:
    shop = Shop(gate(FixedClock(), address=Policy("address", 1.0, 2)))
    statuses = [(await shop.ask(None))[0] for _ in range(4)]
    assert statuses == [401, 401, 429, 429]
    assert shop.gate.asked == 2


async def test_a_busy_tenant_leaves_room_for_another() -> None:
    shop = Shop(None, max_in_flight=8)
    busy = [asyncio.create_task(shop.ask("a")) for _ in range(8)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    other = asyncio.create_task(shop.ask("b"))
    await asyncio.sleep(0)
    shop.go.set()
    statuses = sorted(status for status, _ in await asyncio.gather(*busy))
    assert statuses == [200] * 7 + [429]
    assert (await other)[0] == 200
    assert shop.around.places.total == shop.around.in_flight == 0


async def test_a_body_costs_what_it_holds_right_before_the_handler() -> None:
    shop = Shop(gate(FixedClock(), key=Policy("key", 1.0, 5)), cost=lambda _body, _query: 4)
    shop.go.set()
    status, headers = await shop.ask()
    assert (status, headers["ratelimit"]) == (200, '"key";r=1;t=4')
    status, headers = await shop.ask()
    assert (status, headers["ratelimit"]) == (429, '"key";r=0;t=5')
    assert shop.around.places.total == 0


async def test_an_operation_weighs_what_it_declares() -> None:
    shop = Shop(gate(FixedClock(), key=Policy("key", 1.0, 50)), weight=20)
    shop.go.set()
    assert (await shop.ask())[1]["ratelimit"] == '"key";r=30;t=20'


async def test_signing_in_is_limited_by_address_and_reading_pages_is_not() -> None:
    for method, statuses in (("POST", [200, 429]), ("GET", [200, 200])):
        rates = gate(FixedClock(), address=Policy("address", 1.0, 1))
        shop = Shop(rates, public=True, permission=None)
        shop.endpoint = Endpoint(
            dataclasses.replace(shop.endpoint._operation, method=method), shop.around
        )
        shop.go.set()
        assert [(await shop.ask())[0] for _ in range(2)] == statuses
