"""Calls of the API as values: what is sent, and how an answer becomes a typed value.

Guards: every POST carries an Idempotency-Key, one per logical call; nothing here or below logs a
body. Both clients share this module, so they cannot differ. Not done here: which calls there are
(`operations`), sending.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, Protocol, TypeVar

import httpx
import msgspec

from paywarden.client import answers
from paywarden.client.answers import Decision, Outcome, Reason
from paywarden.client.errors import ClientError, NotReached, Unserved
from paywarden.client.payment import AnyPayment, identity_of
from paywarden.client.retrying import Heard, Reply, Unproven
from paywarden.client.setup import OnFailure, Setup, check_choice
from paywarden.client.signing import SignedRequest

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
REPLY_LIMIT = 64 * 1024 * 1024
_LOCAL: Mapping[str, tuple[Outcome, str]] = {
    "fail_open": ("allow", "allowed by the caller's own choice: the risk service gave no answer"),
    "fail_closed": ("block", "blocked by the caller's own choice: the risk service gave no answer"),
}


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One logical call and the type of its answer."""

    method: str
    path: str
    answer: type[T]
    seconds: float
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def call(self) -> Call[Any]:
        """What is sent."""
        return self

    def local(self, fault: ClientError) -> NoReturn:
        """No decision of the caller's own stands in for this call."""
        raise fault

    def read(self, reply: Reply) -> T:
        """The typed answer. Errors: Unserved `answer_unreadable`."""
        try:
            return msgspec.json.decode(reply.body, type=self.answer)
        except msgspec.DecodeError:
            raise Unserved(
                "answer_unreadable",
                "the answer is not what this operation gives; is this the right address?",
                request_id=reply.headers.get("request-id"),
                status=reply.status,
            ) from None


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """A call whose failure the caller may turn into a decision of its own, or read otherwise."""

    call: Call[Any]
    read: Callable[[Reply], T]
    local: Callable[[ClientError], T]
    """The local decision for a failure; raises it when it may not be one."""


Asked = Call[T] | Choice[T]
"""One logical call: `call` is sent, `read` makes the answer, `local` stands in or raises."""


class Page(Protocol[T_co]):
    """One page: `next` is the cursor of the one behind it."""

    @property
    def items(self) -> tuple[T_co, ...]:
        """What it holds."""
        ...

    @property
    def has_more(self) -> bool:
        """Whether there is a page behind it."""
        ...

    @property
    def next(self) -> str | None:
        """Its cursor."""
        ...


@dataclass(frozen=True, slots=True)
class Pages(Generic[T]):
    """A listing, page after page: `ask` makes the call for what stands behind a cursor."""

    ask: Callable[[str | None], Call[Page[T]]]

    def after(self, page: Page[T], before: str | None) -> str | None:
        """The cursor of the next page; None at the end, also of a server that turns in a circle."""
        return page.next if page.has_more and page.next != before else None


def prepared(
    setup: Setup, http: httpx.Client | httpx.AsyncClient, call: Call[Any], seconds: float
) -> tuple[httpx.Request, SignedRequest | None]:
    """One try of a call, signed anew when this client signs."""
    request = http.build_request(
        call.method,
        call.path,
        content=call.body,
        params=call.query,
        headers=call.headers,
        timeout=seconds,
    )
    return request, setup.sign(request)


def believed(signed: SignedRequest | None, reply: Reply) -> Heard:
    """The reply itself when it is proven or needs no proof."""
    if signed is None or signed.proves(reply.status, reply.headers, reply.body):
        return reply
    return Unproven(reply.status)


def post(
    setup: Setup, path: str, body: Any, answer: type[T], seconds: float | None, key: str | None
) -> Call[T]:
    """A POST with its Idempotency-Key; ValueError for a body that JSON cannot hold."""
    try:
        octets = b"" if body is None else msgspec.json.encode(body, enc_hook=_plain)
    except (TypeError, OverflowError, UnicodeEncodeError, msgspec.MsgspecError) as fault:
        # The message of the encoder may quote a value.
        raise ValueError(f"the body cannot be sent as JSON ({type(fault).__name__})") from None
    headers = {
        "content-type": "application/json",
        "idempotency-key": key or setup.idempotency_key(),
    }
    return Call("POST", path, answer, seconds or setup.other_seconds, octets, headers)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError("not a value of JSON")


def get(
    setup: Setup, path: str, answer: type[T], query: Mapping[str, Any] | None = None
) -> Call[T]:
    """A GET; absent parameters are not sent."""
    sent = {name: str(value) for name, value in (query or {}).items() if value is not None}
    return Call("GET", path, answer, setup.other_seconds, query=sent)


def read_batch(call: Call[answers.BatchAnswer], reply: Reply) -> tuple[answers.BatchItem, ...]:
    """Items in order, each decision marked when it was a repeat."""
    replace = msgspec.structs.replace
    return tuple(
        item
        if item.decision is None
        else replace(item, decision=replace(item.decision, repeated=item.repeated, local=False))
        for item in call.read(reply).items
    )


def read_decision(call: Call[Decision], reply: Reply) -> Decision:
    """The decision, with what its headers say."""
    decision = call.read(reply)
    repeated = reply.headers.get("decision-repeated") == "true"
    # What is local is for this side to say, whoever answered.
    return msgspec.structs.replace(decision, repeated=repeated, local=False, local_cause=None)


def local_decision(
    choice: OnFailure, fault: ClientError, payment_id: str, attempt: str
) -> Decision:
    """The caller's own choice as a clearly marked decision; raises `fault` when it may not be."""
    check_choice(choice)
    if choice == "raise" or not isinstance(fault, (NotReached, Unserved)):
        raise fault
    outcome, text = _LOCAL[choice]
    return Decision(
        id="",
        payment_id=payment_id,
        attempt=attempt,
        outcome=outcome,
        points=0,
        reasons=(Reason(f"LOCAL_{choice.upper()}", text),),
        degraded=("local_decision",),
        local=True,
        local_cause=fault.code,
    )


def local_batch(
    choice: OnFailure, fault: ClientError, payments: Sequence[AnyPayment]
) -> tuple[answers.BatchItem, ...]:
    """A local decision for each payment of a batch; raises `fault` when it may not be."""
    if not payments:
        raise fault
    return tuple(
        answers.BatchItem(decision=local_decision(choice, fault, *identity_of(payment)))
        for payment in payments
    )
