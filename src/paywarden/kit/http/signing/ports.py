"""Ports of signed requests: what an operation asks, and what the verifier asks of other rooms.

Guards: an operation sees one port, `Signatures`, and one value of it, `Proof`. Client keys come
from the identity room, nonces and audit from stores; all by the scope of the caller's own API key,
so that a key of another tenant does not exist for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from paywarden.core.scope import Scope
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.signing.keys import Algorithm, SigningKey, VerifyingKey

HeaderList = list[tuple[bytes, bytes]]


class Proof(Protocol):
    """A request whose signature is proven."""

    def answer_headers(self, status: int, content_type: str, body: bytes) -> HeaderList:
        """Headers that sign the answer to this request."""
        ...

    async def durable(self) -> None:
        """Return when the request can never be accepted again. Errors: Unavailable."""
        ...


class Signatures(Protocol):
    """Port of an operation to the signatures of requests."""

    def are_claimed(self, headers: Mapping[str, str]) -> bool:
        """Whether a request says that it is signed."""
        ...

    def verify(
        self,
        principal: Principal,
        request: Mapping[str, Any],
        headers: Mapping[str, str],
        body: bytes,
        digest: str | None = None,
    ) -> Proof | None:
        """The proof of a signed request (an ASGI scope), None for an unsigned one that may be.

        `digest`: the Content-Digest (SHA-256) of `body` where it was made already.

        Errors: Unparsable (400), NotAuthenticated (401), NotPermitted (403), LimitExceeded (429),
        Unavailable (503), each with a stable code.
        """
        ...


@dataclass(frozen=True, slots=True)
class PartnerBinding:
    """What an RSA2 key is bound to: the partner's id, a key version, and exact paths."""

    client_id: str
    key_version: int
    routes: frozenset[str]


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """What signs the answers to one client key's requests."""

    key_id: str
    algorithm: Algorithm
    key: SigningKey


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A client's signing key, ready for use.

    `api_key_id` binds it to one API key, `merchant` to the keys of one merchant; neither: to every
    key of the tenant and environment. `partner` is set for RSA2 keys alone.
    """

    key_id: str
    scope: Scope
    algorithm: Algorithm
    key: VerifyingKey
    answers: AnswerKey
    api_key_id: str | None = None
    merchant: str | None = None
    expires_at_us: int | None = None
    revoked_at_us: int | None = None
    partner: PartnerBinding | None = None

    def belongs_to(self, principal: Principal) -> bool:
        """Whether requests of this principal may carry this key's signature."""
        return (
            self.scope == principal.scope
            and self.api_key_id in (None, principal.key_id)
            and self.merchant in (None, principal.merchant)
        )


class ClientKeys(Protocol):
    """Registered client keys."""

    def find(self, scope: Scope, key_id: str) -> ClientKey | None:
        """The key of this scope with this id, live or not. Errors: Unavailable, Corrupt."""
        ...

    def find_partner(self, scope: Scope, client_id: str, key_version: int) -> ClientKey | None:
        """The RSA2 key of this scope for a partner's id and key version."""
        ...

    def must_sign(self, scope: Scope, api_key_id: str) -> bool:
        """Whether requests with this API key are refused without a signature."""
        ...


class Pending(Protocol):
    """Writes on their way to the disk."""

    async def durable(self) -> None:
        """Return when they are there. Errors: Unavailable."""
        ...


class NonceStore(Protocol):
    """Durable record of what was accepted."""

    def add(self, unit: UnitOfWork, digest: bytes, keep_until_us: int) -> None:
        """Add to `unit` that `digest` (16 octets) was accepted."""
        ...

    def live(self, now_us: int, after_id: int, limit: int) -> list[tuple[int, bytes, int]]:
        """(id, digest, keep_until_us) not yet past, by ascending id."""
        ...

    def sweep(self, unit: UnitOfWork, now_us: int) -> None:
        """Add to `unit` the removal of a bounded number of old ones."""
        ...
