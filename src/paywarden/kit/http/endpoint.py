"""The ASGI application of one operation: a fixed order that no handler can skip.

Order: request id, admission limit, rate by address, authentication, client certificate, permission,
rate by key, the tenant's share of places, body within its limit and time, signature, idempotency
key, decoding, handler, encoding, signature of the answer. What a request weighs beyond its
operation is taken from the rate when body and query are known, right before the handler. A body
that its `screen` refuses is never digested for a key, nor kept. Not done here: verifying signatures
(`signing`, behind the port `Signatures`), reading (`body`, `query`), answering (`answering`), TLS
(the server's).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from paywarden.core.errors import InvalidRequest, LimitExceeded, PaywardenError
from paywarden.core.identifiers import RequestId
from paywarden.core.message_signature import content_digest
from paywarden.kit.http.answering import Answering, Turn
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.body import body_of
from paywarden.kit.http.decoding import BodyDecoder
from paywarden.kit.http.operation import Answer, Call, Operation
from paywarden.kit.http.query import query_of, require_idempotency_key
from paywarden.kit.http.same_origin import require_same_origin
from paywarden.kit.http.surroundings import Surroundings

LARGE_BODY = 128 * 1024
"""From here on digesting a body would hold up the event loop."""


class Endpoint:
    """ASGI application of one operation."""

    def __init__(self, operation: Operation, surroundings: Surroundings) -> None:
        self._operation = operation
        self._around = surroundings
        self._decoder: BodyDecoder[Any] | None = (
            None
            if operation.body is None or operation.takes_octets
            else BodyDecoder(operation.body)
        )
        self._answering = Answering(operation, surroundings)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request; every exception ends here as a problem."""
        started_ns = self._around.clock.monotonic_ns()
        turn = Turn(RequestId.new(self._around.randomness).text, started_ns)
        try:
            self._admit()
            try:
                answer = await self._answer(scope, receive, turn)
            finally:
                self._around.in_flight -= 1
        except PaywardenError as error:
            self._around.on_refused(error, self._operation.name, turn.principal)
            answer = self._answering.refusal(error, turn.request_id)
        except Exception as error:
            answer = self._answering.fault(error, turn.request_id)
        await self._answering.send(answer, turn, send, head=scope["method"] == "HEAD")

    def _admit(self) -> None:
        self._around.in_flight += 1
        if self._around.in_flight > self._around.max_in_flight:
            self._around.in_flight -= 1
            raise LimitExceeded("too_many_requests", "too many requests in flight; come back soon")

    async def _answer(self, scope: AsgiScope, receive: Receive, turn: Turn) -> Answer:
        headers, around, operation = _headers(scope), self._around, self._operation
        if operation.from_browser:
            require_same_origin(operation.method, headers, around.origins)
        if operation.public:
            if around.rates is not None and operation.method != "GET":
                around.rates.by_address(scope, headers)
            wanted = operation.body is not None
            raw = await body_of(receive, headers, operation.body_limit) if wanted else b""
            return await self._act(scope, headers, None, raw, turn)
        if around.rates is not None:
            around.rates.by_address(scope, headers)
        principal = turn.principal = around.authenticator.authenticate(headers)
        if around.certificates is not None:
            around.certificates.check(principal, scope["headers"])
        if principal.session is not None:
            require_same_origin(operation.method, headers, around.origins)
        principal.require(operation.permission or "")
        if principal.roles and around.recorder is not None:
            await around.recorder.record(principal, operation.name, turn.request_id)
        if around.rates is not None:
            turn.headers = around.rates.by_key(principal, operation.weight)
        around.places.enter(principal.scope)
        try:
            return await self._proven(scope, receive, headers, principal, turn)
        finally:
            around.places.leave(principal.scope)

    async def _proven(
        self,
        scope: AsgiScope,
        receive: Receive,
        headers: Mapping[str, str],
        principal: Principal,
        turn: Turn,
    ) -> Answer:
        signatures = self._around.signatures
        claimed = signatures is not None and signatures.are_claimed(headers)
        wanted, limit = self._operation.body or claimed, self._operation.body_limit
        raw = await body_of(receive, headers, limit) if wanted else b""
        if signatures is not None:
            digest = await _digest(raw) if claimed and len(raw) > LARGE_BODY else None
            turn.proof = signatures.verify(principal, scope, headers, raw, digest)
        if turn.proof is None:
            return await self._act(scope, headers, principal, raw, turn)
        try:
            return await self._act(scope, headers, principal, raw, turn)
        finally:
            await turn.proof.durable()

    async def _act(
        self,
        scope: AsgiScope,
        headers: Mapping[str, str],
        principal: Principal | None,
        raw: bytes,
        turn: Turn,
    ) -> Answer:
        operation = self._operation
        query = query_of(operation.query, scope)
        if not raw and operation.body_optional:
            raw = b"{}"
        if operation.screen_aside is not None:
            self._refuse(await operation.screen_aside(raw))

        async def act() -> Answer:
            here = self._decoder and operation.screen_aside is None
            body = self._decoded(raw) if here else raw if operation.takes_octets else None
            path = scope.get("path_params", {})
            self._take_rest(principal, body, query, turn)
            call = Call(turn.request_id, principal, body, raw, path, query, turn.started_ns)
            if (senders := self._around.senders) is not None:
                sender = senders.of(scope, headers.get("x-forwarded-for"))
                call = call._replace(sender=sender)
            return await operation.handler(call)

        key = headers.get("idempotency-key")
        if key is None or not operation.takes_idempotency_key:
            return await act()
        if self._around.replays is None or principal is None:
            return await act()
        require_idempotency_key(key)
        if operation.screen is not None and operation.screen(raw) is not None:
            return await act()
        route = f"{operation.method} {scope['path']}"
        return await self._around.replays.run(principal, route, key, raw, act)

    def _take_rest(self, principal: Principal | None, body: Any, query: Any, turn: Turn) -> None:
        cost, rates = self._operation.cost, self._around.rates
        if cost is None or rates is None or principal is None:
            return
        more = cost(body, query) - self._operation.weight
        if more > 0:
            turn.headers = ()  # a refusal brings its own
            turn.headers = rates.by_key(principal, more)

    def _decoded(self, raw: bytes) -> Any:
        assert self._decoder is not None
        screen = self._operation.screen
        if screen is not None and self._operation.screen_always:
            self._refuse(screen(raw))
        try:
            return self._decoder.decode(raw)
        except InvalidRequest:
            # The worse fault is told first: a card number in a field of another form, say.
            if screen is not None:
                self._refuse(screen(raw))
            raise

    def _refuse(self, refusal: InvalidRequest | None) -> None:
        if refusal is not None:
            self._around.metrics.card_numbers_refused.inc()
            raise refusal


async def _digest(raw: bytes) -> str:
    """Content-Digest of a large body, made away from the event loop."""
    return await asyncio.to_thread(content_digest, raw)


def _headers(scope: AsgiScope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
