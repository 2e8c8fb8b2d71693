"""One typed HTTP operation, in a fixed order that no handler can skip.

Order: request id, admission limit, rate by address, authentication, client certificate, permission,
rate by key, the tenant's share of places, body within its limit and time, signature, idempotency
key, decoding, handler, encoding, signature of the answer. Default deny: an operation without a
permission must say `public=True`. What a request weighs beyond its operation is taken from the rate
when body and query are known, right before the handler. A body that its `screen` refuses is never
digested for a key, nor kept. Handlers raise `paywarden.core.errors`; only this module and `problem`
speak HTTP. Not done here: verifying signatures (`signing`, behind the port `Signatures`), TLS (the
server's).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import (
    InvalidRequest,
    LimitExceeded,
    NotAuthenticated,
    NotYet,
    PaywardenError,
    TooLarge,
    Unparsable,
)
from paywarden.core.identifiers import IncidentId, RequestId
from paywarden.core.message_signature import content_digest
from paywarden.kit.http import problem
from paywarden.kit.http.authenticator import Authenticator, Principal
from paywarden.kit.http.decoding import BodyDecoder
from paywarden.kit.http.limits.fairness import FairPlaces
from paywarden.kit.http.limits.gate import RateGate, RateLimited
from paywarden.kit.http.same_origin import require_same_origin
from paywarden.kit.http.signing.ports import Proof, Signatures
from paywarden.kit.log import logger
from paywarden.kit.metrics import Metrics

BODY_LIMIT = 256 * 1024
LARGE_BODY = 128 * 1024
"""From here on digesting a body would hold up the event loop."""
BODY_SECONDS = 20.0
"""A body that takes longer is given up, so that slow senders cannot hold every place."""
Headers = tuple[tuple[str, str], ...]


class Answer(NamedTuple):
    """What a handler returns: a struct or raw bytes, a status and extra headers."""

    payload: Any
    status: int = 200
    headers: Headers = ()
    content_type: str = "application/json"


class Call(NamedTuple):
    """One request as a handler sees it."""

    request_id: str
    principal: Principal | None
    body: Any
    raw_body: bytes
    path: Mapping[str, str]
    query: Any
    started_ns: int

    @property
    def asker(self) -> Principal:
        """The authenticated principal; a programmer's error on a public operation."""
        if self.principal is None:
            raise NotAuthenticated("not_authenticated", "this operation needs a key")
        return self.principal


Handler = Callable[[Call], Awaitable[Answer]]
Screen = Callable[[bytes], InvalidRequest | None]
"""The refusal of a raw body that holds what may not even be looked at closer, or None."""
ScreenAside = Callable[[bytes], Awaitable[InvalidRequest | None]]
"""The same away from the event loop. The body is then decoded there too: the handler gets it raw,
and whoever decodes it raises what `decoding` raises."""


Cost = Callable[[Any, Any], int]
"""Requests that a decoded body and query count for, at least 1."""


class Replays(Protocol):
    """Port of idempotent replays (the `Idempotency-Key` header)."""

    async def run(
        self,
        principal: Principal,
        route: str,
        key: str,
        body: bytes,
        act: Callable[[], Awaitable[Answer]],
    ) -> Answer:
        """Run `act` at most once for (scope, route, key); same key with another body is refused."""
        ...


@dataclass(frozen=True, slots=True)
class Operation:
    """Declaration of an operation; the OpenAPI document is made from these alone.

    `weight`: requests that one counts for at the rate limits; `cost`: the same by body and query.
    `answer_headers`: text by name of headers that its handler may add.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    answer: Any
    body: Any = None
    query: Any = None
    permission: str | None = None
    public: bool = False
    status: int = 200
    tag: str = "decisions"
    answer_content_type: str = "application/json"
    path_texts: Mapping[str, str] = field(default_factory=dict)
    body_limit: int = BODY_LIMIT
    idempotent: bool = True
    also_declares: Mapping[int, str] = field(default_factory=dict)
    also_answers: Mapping[int, Any] = field(default_factory=dict)
    body_optional: bool = False
    screen: Screen | None = None
    screen_always: bool = False
    screen_aside: ScreenAside | None = None
    path_patterns: Mapping[str, str] = field(default_factory=dict)
    from_browser: bool = False
    weight: int = 1
    cost: Cost | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.public == (self.permission is not None):
            raise ValueError(f"{self.name}: exactly one of public and permission")

    @property
    def takes_idempotency_key(self) -> bool:
        """Whether the same Idempotency-Key gives the same answer here."""
        return self.method == "POST" and self.idempotent and not self.public


Refused = Callable[[PaywardenError, str, Principal | None], None]
"""Told of every refusal: why, at which operation, and who asked when that was proven."""


def nobody_told(_error: PaywardenError, _operation: str, _principal: Principal | None) -> None:
    """For processes that keep no audit log."""


class Certificates(Protocol):
    """Port of client certificates: which key may come with which."""

    def check(self, principal: Principal, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Pass, or refuse; `headers` as they came, repeats included."""
        ...


class Recorder(Protocol):
    """Port: notes requests of callers who are watched, before anything is done for them."""

    async def record(self, principal: Principal, operation: str, request_id: str) -> None:
        """Return when the note is durable, or when none is needed."""
        ...


@dataclass(slots=True)
class Surroundings:
    """What every operation of a process shares."""

    authenticator: Authenticator
    clock: Clock
    randomness: Randomness
    metrics: Metrics
    replays: Replays | None = None
    max_in_flight: int = 512
    in_flight: int = 0
    signatures: Signatures | None = None
    rates: RateGate | None = None
    origins: frozenset[str] = frozenset()
    certificates: Certificates | None = None
    on_refused: Refused = nobody_told
    recorder: Recorder | None = None
    places: FairPlaces = field(init=False)

    def __post_init__(self) -> None:
        self.places = FairPlaces(self.max_in_flight)


@dataclass(slots=True)
class _Turn:
    """What is known of one request while it is answered; `headers` go with any answer."""

    request_id: str
    started_ns: int
    proof: Proof | None = None
    principal: Principal | None = None
    headers: Headers = ()


class Endpoint:
    """ASGI application of one operation."""

    def __init__(self, operation: Operation, surroundings: Surroundings) -> None:
        self._operation = operation
        self._around = surroundings
        self._decoder: BodyDecoder[Any] | None = (
            BodyDecoder(operation.body) if operation.body is not None else None
        )
        self._encoder = msgspec.json.Encoder()
        self._counters: dict[int, Any] = {}

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request; every exception ends here as a problem."""
        started_ns = self._around.clock.monotonic_ns()
        turn = _Turn(RequestId.new(self._around.randomness).text, started_ns)
        try:
            self._admit()
            try:
                answer = await self._answer(scope, receive, turn)
            finally:
                self._around.in_flight -= 1
        except PaywardenError as error:
            self._around.on_refused(error, self._operation.name, turn.principal)
            answer = self._refusal(error, turn.request_id)
        except Exception as error:
            answer = self._fault(error, turn.request_id)
        await self._send(answer, turn, send, head=scope["method"] == "HEAD")

    def _admit(self) -> None:
        self._around.in_flight += 1
        if self._around.in_flight > self._around.max_in_flight:
            self._around.in_flight -= 1
            raise LimitExceeded("too_many_requests", "too many requests in flight; come back soon")

    async def _answer(self, scope: AsgiScope, receive: Receive, turn: _Turn) -> Answer:
        headers, around, operation = _headers(scope), self._around, self._operation
        if operation.from_browser:
            require_same_origin(operation.method, headers, around.origins)
        if operation.public:
            if around.rates is not None and operation.method != "GET":
                around.rates.by_address(scope, headers)
            raw = await self._body(receive, headers) if self._decoder else b""
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
        turn: _Turn,
    ) -> Answer:
        signatures = self._around.signatures
        claimed = signatures is not None and signatures.are_claimed(headers)
        raw = await self._body(receive, headers) if self._decoder or claimed else b""
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
        turn: _Turn,
    ) -> Answer:
        operation = self._operation
        query = _query(operation.query, scope)
        if not raw and operation.body_optional:
            raw = b"{}"
        if operation.screen_aside is not None:
            self._refuse(await operation.screen_aside(raw))

        async def act() -> Answer:
            here = self._decoder and operation.screen_aside is None
            body = self._decoded(raw) if here else None
            path = scope.get("path_params", {})
            self._take_rest(principal, body, query, turn)
            call = Call(turn.request_id, principal, body, raw, path, query, turn.started_ns)
            return await operation.handler(call)

        key = headers.get("idempotency-key")
        if key is None or not operation.takes_idempotency_key:
            return await act()
        if self._around.replays is None or principal is None:
            return await act()
        _check_key(key)
        if operation.screen is not None and operation.screen(raw) is not None:
            return await act()
        route = f"{operation.method} {scope['path']}"
        return await self._around.replays.run(principal, route, key, raw, act)

    def _take_rest(self, principal: Principal | None, body: Any, query: Any, turn: _Turn) -> None:
        cost, rates = self._operation.cost, self._around.rates
        if cost is None or rates is None or principal is None:
            return
        more = cost(body, query) - self._operation.weight
        if more > 0:
            turn.headers = ()  # a refusal brings its own
            turn.headers = rates.by_key(principal, more)

    async def _body(self, receive: Receive, headers: Mapping[str, str]) -> bytes:
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Unparsable("body_encoded", "send the body without Content-Encoding")
        deadline = _Deadline(BODY_SECONDS)
        try:
            return await _read_body(receive, headers, self._operation.body_limit)
        except asyncio.CancelledError:
            if deadline.passed():
                raise Unparsable("body_too_slow", "the body did not arrive in time") from None
            raise
        finally:
            deadline.cancel()

    def _decoded(self, raw: bytes) -> Any:
        assert self._decoder is not None
        screen = self._operation.screen
        if screen is not None and self._operation.screen_always:
            self._screen(screen, raw)
        try:
            return self._decoder.decode(raw)
        except InvalidRequest:
            # The worse fault is told first: a card number in a field of another form, say.
            if screen is not None:
                self._screen(screen, raw)
            raise

    def _screen(self, screen: Screen, raw: bytes) -> None:
        self._refuse(screen(raw))

    def _refuse(self, refusal: InvalidRequest | None) -> None:
        if refusal is not None:
            self._around.metrics.card_numbers_refused.inc()
            raise refusal

    def _refusal(self, error: PaywardenError, request_id: str) -> Answer:
        status = problem.status_of(error)
        if status == 500:
            return self._fault(error, request_id)
        headers: Headers = ()
        if isinstance(error, LimitExceeded | NotYet):
            told = error.headers if isinstance(error, RateLimited) else ()
            headers = (("retry-after", str(error.retry_after_seconds)), *told)
        elif status == 503:
            headers = (("retry-after", "1"),)
        elif status == 401:
            headers = (("www-authenticate", 'Bearer realm="paywarden"'),)
        return Answer(problem.problem_of(error, request_id), status, headers, problem.CONTENT_TYPE)

    def _fault(self, error: BaseException, request_id: str) -> Answer:
        incident = IncidentId.new(self._around.randomness).text
        logger().error(
            "request_fault",
            request_id=request_id,
            incident_id=incident,
            route=self._operation.path,
            error_type=type(error).__name__,
            place=_place_of(error),
        )
        body = problem.make(
            500, "internal_fault", f"an unexpected fault; quote {incident}", request_id
        )
        return Answer(body, 500, (), problem.CONTENT_TYPE)

    async def _send(self, answer: Answer, turn: _Turn, send: Send, *, head: bool) -> None:
        payload = answer.payload
        octets = payload if isinstance(payload, bytes) else self._encoder.encode(payload)
        counter = self._counters.get(answer.status)
        if counter is None:
            counter = self._around.metrics.requests.labels(self._operation.path, str(answer.status))
            self._counters[answer.status] = counter
        counter.inc()
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(octets)).encode()),
            (b"request-id", turn.request_id.encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            *((name.encode(), value.encode()) for name, value in (*answer.headers, *turn.headers)),
        ]
        if head:
            octets = b""
        if turn.proof is not None:
            headers += turn.proof.answer_headers(answer.status, answer.content_type, octets)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": octets})


class _Deadline:
    """Cancels the task that made it after so many seconds: `asyncio.timeout` at a quarter of its
    cost, for something that every request does once."""

    __slots__ = ("_late", "_others", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._others = task.cancelling()
        self._late = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        self._late = True
        self._task.cancel()

    def passed(self) -> bool:
        """Whether the cancellation was this one's alone, and is now taken back."""
        return self._late and self._task.uncancel() <= self._others

    def cancel(self) -> None:
        """Nothing more will happen."""
        self._timer.cancel()


async def _digest(raw: bytes) -> str:
    """Content-Digest of a large body, made away from the event loop."""
    return await asyncio.to_thread(content_digest, raw)


def _headers(scope: AsgiScope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def _read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:16]) > limit:
        raise _too_large(limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and len(body) <= limit:
        return body
    parts, total = [body], len(body)
    while message.get("more_body", False):
        if total > limit:
            raise _too_large(limit)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Unparsable("malformed_json", "the connection ended inside the body")
        parts.append(message.get("body", b""))
        total += len(parts[-1])
    if total > limit:
        raise _too_large(limit)
    return b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge("body_too_large", f"the body is over {limit} bytes; send less at once")


def _query(kind: Any, scope: AsgiScope) -> Any:
    text = scope.get("query_string", b"").decode("latin-1")
    if kind is None:
        if text:
            raise InvalidRequest("unknown_parameter", "this operation takes no query parameters")
        return None
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, max_num_fields=50, strict_parsing=bool(text)
        )
    except ValueError:
        raise Unparsable("malformed_query", "the query string cannot be read") from None
    given = dict(pairs)
    if len(given) != len(pairs):
        raise InvalidRequest("parameter_repeated", "a query parameter is given twice")
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError:
        raise InvalidRequest(
            "parameter_invalid", "a query parameter is unknown or out of range; see /docs"
        ) from None


def _check_key(key: str) -> None:
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise InvalidRequest(
            "idempotency_key_invalid", "Idempotency-Key must be 1 to 255 printable ASCII characters"
        )


def _place_of(error: BaseException) -> str:
    trace = error.__traceback__
    place = "unknown"
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
