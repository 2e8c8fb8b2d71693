"""The port of operations to rate limits: before a key is checked, and after it is known.

Order: the address first, since it costs least and needs no look-up; after authentication the key
and the principal (tenant, environment and merchant). A request counts at all three or at none: what
one limit refuses is not taken from the others. An operation has a weight, and what its body
or query asks for may weigh more (`Operation.cost`); the rest is then taken before the handler runs.
Requests from this machine (loopback, a unix socket) have no limit by address. The strictest limit
is told in the headers `RateLimit-Policy` and `RateLimit`, on refusals with `Retry-After`. Keys
named in `exempt` (the operator's own) are not limited by key and principal.
Source: draft-ietf-httpapi-ratelimit-headers-10; RFC 9110 section 10.2.3; RFC 6585 section 4.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import LimitExceeded
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.limits.addresses import Origins, is_local
from paywarden.kit.http.limits.gcra import SECOND_NS, Policy, Step
from paywarden.kit.http.limits.table import TatTable

Headers = tuple[tuple[str, str], ...]
ADDRESS_PLACES: Final = 65_536
KEY_PLACES: Final = 16_384


class RateLimited(LimitExceeded):
    """A limit on the rate is reached; `headers` tell which."""

    def __init__(self, policy: Policy, step: Step) -> None:
        seconds = max(1, -(-step.retry_ns // SECOND_NS))
        super().__init__(
            "rate_limited", f"the limit by {policy.name} is reached; see Retry-After",
            retry_after_seconds=seconds,
        )  # fmt: skip
        self.headers = limit_headers(policy, step)


class RateGate(Protocol):
    """Port of an operation to rate limits."""

    def by_address(self, request: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """Count a request for where it comes from. Errors: RateLimited."""
        ...

    def by_key(self, principal: Principal, weight: int = 1) -> Headers:
        """Count it for whom it comes from; headers of the answer. Errors: RateLimited."""
        ...


@dataclass(frozen=True, slots=True)
class Policies:
    """Limits that are on; None is off."""

    address: Policy | None = None
    key: Policy | None = None
    principal: Policy | None = None


class Limits:
    """`RateGate` over tables of fixed size."""

    def __init__(
        self,
        policies: Policies,
        origins: Origins,
        clock: Clock,
        randomness: Randomness,
        *,
        exempt: Collection[str] = (),
        address_places: int = ADDRESS_PLACES,
        key_places: int = KEY_PLACES,
    ) -> None:
        self._policies, self._origins, self._clock = policies, origins, clock
        self._exempt = frozenset(exempt)
        self._addresses = TatTable(address_places, randomness.octets(16))
        self._keys = TatTable(key_places, randomness.octets(16))
        self._principals = TatTable(key_places, randomness.octets(16))

    @property
    def octets(self) -> int:
        """Memory of all tables."""
        return self._addresses.octets + self._keys.octets + self._principals.octets

    def by_address(self, request: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """Count a request for where it comes from. Errors: RateLimited."""
        policy = self._policies.address
        if policy is None:
            return
        now = self._clock.monotonic_ns()
        sender = self._origins.of(request, headers.get("x-forwarded-for"))
        if is_local(sender):
            return
        place, tat = self._addresses.place(sender, now)
        step = policy.step(tat, now)
        if not step.conforms:
            raise RateLimited(policy, step)
        self._addresses.put(place, step.tat_ns)

    def by_key(self, principal: Principal, weight: int = 1) -> Headers:
        """Count it for key and principal; headers of the strictest. Errors: RateLimited."""
        if principal.key_id in self._exempt:
            return ()
        now = self._clock.monotonic_ns()
        taken: list[tuple[TatTable, int, Policy, Step]] = []
        for policy, table, sender in (
            (self._policies.key, self._keys, principal.key_id.encode()),
            (self._policies.principal, self._principals, _name(principal)),
        ):
            if policy is None:
                continue
            place, tat = table.place(sender, now)
            step = policy.step(tat, now, weight)
            if not step.conforms:
                raise RateLimited(policy, step)
            taken.append((table, place, policy, step))
        if not taken:
            return ()
        for table, place, _, step in taken:
            table.put(place, step.tat_ns)
        _, _, policy, step = min(taken, key=lambda one: one[3].left)
        return limit_headers(policy, step)


def limit_headers(policy: Policy, step: Step) -> Headers:
    """`RateLimit-Policy` (quota and window) and `RateLimit` (what is left, when it is whole)."""
    reset = max(0, -(-step.reset_ns // SECOND_NS))
    return (
        ("ratelimit-policy", policy.text),
        ("ratelimit", f'"{policy.name}";r={step.left};t={reset}'),
    )


def _name(principal: Principal) -> bytes:
    return f"{principal.scope.text}\n{principal.merchant or ''}".encode()
