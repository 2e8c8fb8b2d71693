"""The `Idempotency-Key` header over `kit.idempotency`: the same request twice is one answer.

Guards: a key is its sender's own: two API keys that choose the same text do not meet. An answer is
stored only when the act succeeded (2xx); a refusal may be tried again. The stored answer commits
right after the act, before it leaves; a crash between the two is covered by the acts' own identity
(payment and attempt, event id, content hash), so nothing is done twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

import msgspec

from paywarden.core.errors import Conflict, InvalidRequest
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.operation import Answer
from paywarden.kit.idempotency import Idempotency, InFlight, OtherBody, Replay

REPLAYED = ("idempotent-replayed", "true")


class StoredReplays:
    """`Replays` over stored answers."""

    def __init__(self, idempotency: Idempotency, writer: Writer) -> None:
        self._idempotency = idempotency
        self._writer = writer

    async def run(
        self,
        principal: Principal,
        route: str,
        key: str,
        body: bytes,
        act: Callable[[], Awaitable[Answer]],
    ) -> Answer:
        """Run `act` once per key, or give its stored answer. Errors: Conflict, InvalidRequest."""
        bound = route.encode() + b"\n" + principal.key_id.encode() + b"\n" + body
        begun = self._idempotency.begin(principal.scope, _own(principal, key), bound)
        if isinstance(begun, Replay):
            return Answer(begun.answer, begun.status, (REPLAYED,))
        if isinstance(begun, InFlight):
            raise Conflict("idempotency_in_flight", "the first request of this key is not done yet")
        if isinstance(begun, OtherBody):
            raise InvalidRequest(
                "idempotency_key_reused", "this Idempotency-Key belongs to another request"
            )
        try:
            answer = await act()
            octets = (
                answer.payload
                if isinstance(answer.payload, bytes)
                else msgspec.json.encode(answer.payload)
            )
            unit = UnitOfWork()
            self._idempotency.complete(unit, begun, answer.status, octets)
            await self._writer.commit(unit)
            return Answer(octets, answer.status, answer.headers, answer.content_type)
        finally:
            self._idempotency.release(begun)


def _own(principal: Principal, key: str) -> str:
    """The key within its sender's own names, as printable text of fixed length."""
    return hashlib.blake2b(f"{principal.key_id}\n{key}".encode(), digest_size=32).hexdigest()
