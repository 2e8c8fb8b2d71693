"""Answers on their way out: problems for refusals and faults, encoding, headers, the signature.

Guards: a fault tells the caller an incident id and nothing else; its place goes to the log, never
its text. Every answer carries its request id, is never stored by others, and is signed last, as it
leaves. Not done here: which error is which status (`problem`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.types import Send

from paywarden.core.errors import LimitExceeded, NotYet, PaywardenError
from paywarden.core.identifiers import IncidentId
from paywarden.kit.http import problem
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.limits.gate import RateLimited
from paywarden.kit.http.operation import Answer, Headers, Operation
from paywarden.kit.http.signing.ports import Proof
from paywarden.kit.http.surroundings import Surroundings
from paywarden.kit.log import logger


@dataclass(slots=True)
class Turn:
    """What is known of one request while it is answered; `headers` go with any answer."""

    request_id: str
    started_ns: int
    proof: Proof | None = None
    principal: Principal | None = None
    headers: Headers = ()


class Answering:
    """Makes the octets of an operation's answers, and its refusals."""

    def __init__(self, operation: Operation, around: Surroundings) -> None:
        self._operation = operation
        self._around = around
        self._encoder = msgspec.json.Encoder()
        self._counters: dict[int, Any] = {}

    def refusal(self, error: PaywardenError, request_id: str) -> Answer:
        """The answer to a deliberate error; one that no status fits is a fault."""
        status = problem.status_of(error)
        if status == 500:
            return self.fault(error, request_id)
        headers: Headers = ()
        if isinstance(error, LimitExceeded | NotYet):
            told = error.headers if isinstance(error, RateLimited) else ()
            headers = (("retry-after", str(error.retry_after_seconds)), *told)
        elif status == 503:
            headers = (("retry-after", "1"),)
        elif status == 401:
            headers = (("www-authenticate", 'Bearer realm="paywarden"'),)
        return Answer(problem.problem_of(error, request_id), status, headers, problem.CONTENT_TYPE)

    def fault(self, error: BaseException, request_id: str) -> Answer:
        """The answer to what nobody foresaw: an incident id, and its place for the operator."""
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

    async def send(self, answer: Answer, turn: Turn, sending: Send, *, head: bool) -> None:
        """Count, encode, sign and send."""
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
        if self._around.leaving:
            headers.append((b"connection", b"close"))
        if head:
            octets = b""
        if turn.proof is not None:
            headers += turn.proof.answer_headers(answer.status, answer.content_type, octets)
        await sending({"type": "http.response.start", "status": answer.status, "headers": headers})
        await sending({"type": "http.response.body", "body": octets})


def _place_of(error: BaseException) -> str:
    trace = error.__traceback__
    place = "unknown"
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
