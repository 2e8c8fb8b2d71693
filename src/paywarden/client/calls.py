"""Calls of the API: what is sent, and how an answer becomes a typed value.

Guards: every POST carries an Idempotency-Key, one per logical call; nothing here or below logs a
body. Both clients share this module, so they cannot differ. Not done here: sending.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from paywarden.client import answers
from paywarden.client.answers import Decision, Outcome, Reason
from paywarden.client.errors import ClientError, NotReached, Unserved
from paywarden.client.payment import AnyPayment, identity_of
from paywarden.client.retrying import Heard, Reply, RetryPolicy, Unproven
from paywarden.client.signing import ServerKey, SignedRequest, Signing, SigningKey
from paywarden.core.clock import Clock, Randomness
from paywarden.core.secret import Secret

OnFailure = Literal["raise", "fail_open", "fail_closed"]
T = TypeVar("T")
DECIDE_SECONDS = 2.0
OTHER_SECONDS = 30.0
REPLY_LIMIT = 64 * 1024 * 1024
_LOCAL: Mapping[str, tuple[Outcome, str]] = {
    "fail_open": ("allow", "allowed by the caller's own choice: the risk service gave no answer"),
    "fail_closed": ("block", "blocked by the caller's own choice: the risk service gave no answer"),
}


@dataclass(frozen=True, slots=True)
class Setup:
    """What a client was made with. `on_failure` and time limits may be given per call as well."""

    base_url: str
    api_key: Secret[str]
    on_failure: OnFailure
    decide_seconds: float
    other_seconds: float
    retries: RetryPolicy
    clock: Clock
    randomness: Randomness
    signing_key: SigningKey | None = None
    server_key: ServerKey | None = None

    def __post_init__(self) -> None:
        check_url(self.base_url)
        check_choice(self.on_failure)
        if min(self.decide_seconds, self.other_seconds) <= 0:
            raise ValueError("time limits are above 0 seconds")
        if self.server_key is not None and self.signing_key is None:
            raise ValueError("answers are signed to signed requests: give a signing_key as well")

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every request."""
        given = {
            "authorization": f"Bearer {self.api_key.expose()}",
            "accept": "application/json",
            "user-agent": "paywarden-client",
        }
        if self.signing_key is not None:
            given["accept-encoding"] = "identity"  # what is signed is what goes over the wire
        return given

    def sign(self, request: httpx.Request) -> SignedRequest | None:
        """Sign one try in place; None when this client signs nothing."""
        if self.signing_key is None:
            return None
        signing = Signing(self.signing_key, self.server_key, self.clock, self.randomness)
        signed = signing.sign(
            request.method,
            request.url.netloc.decode("ascii"),
            request.url.raw_path.decode("ascii"),
            request.headers,
            request.content,
        )
        request.headers.update(signed.headers)
        return signed

    def idempotency_key(self) -> str:
        """A key for one logical call."""
        return self.randomness.octets(16).hex()


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


def check_url(base_url: str) -> None:
    """ValueError for an address that would send the key over an open wire."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("base_url is an address such as https://risk.example")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("base_url holds no user, query or fragment")
    loopback = parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
    if parts.scheme == "http" and not loopback:
        raise ValueError("the API key goes over TLS only: use https, or http to this machine")


def check_choice(choice: str) -> None:
    """ValueError for a word that is none of the three."""
    if choice != "raise" and choice not in _LOCAL:
        raise ValueError("on_failure is raise, fail_open or fail_closed")


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


def of_decision(decision_id: str, act: str = "") -> str:
    """Path of a decision; an id cannot leave its place in the path."""
    return f"/v1/decisions/{quote(decision_id, safe='')}{act}"


def of_ruleset(ruleset_hash: str, act: str = "") -> str:
    """Path of a ruleset."""
    return f"/v1/rulesets/{quote(ruleset_hash, safe='')}{act}"


def names_of(decision: Decision | str) -> tuple[str, str, str]:
    """(decision id, payment id, attempt); the latter two are empty when only the id is given."""
    if isinstance(decision, str):
        return decision, "", ""
    return decision.id, decision.payment_id, decision.attempt


def decide(
    setup: Setup, payment: AnyPayment, seconds: float | None, key: str | None
) -> Call[Decision]:
    """POST /v1/decisions."""
    limit = seconds or setup.decide_seconds
    return post(setup, "/v1/decisions", {"payment": payment}, Decision, limit, key)


def decide_batch(
    setup: Setup, payments: Sequence[AnyPayment], seconds: float | None, key: str | None
) -> Call[answers.BatchAnswer]:
    """POST /v1/decisions/batch."""
    body = {"payments": list(payments)}
    return post(setup, "/v1/decisions/batch", body, answers.BatchAnswer, seconds, key)


def resume(
    setup: Setup,
    decision_id: str,
    result: str,
    occurred_at: datetime | str | None,
    method: str | None,
    seconds: float | None,
    key: str | None,
) -> Call[Decision]:
    """POST /v1/decisions/{id}/continue."""
    given = {"result": result, "occurred_at": occurred_at, "method": method}
    body = {name: value for name, value in given.items() if value is not None}
    limit = seconds or setup.decide_seconds
    return post(setup, of_decision(decision_id, "/continue"), body, Decision, limit, key)


def events(
    setup: Setup, given: Sequence[Mapping[str, Any]], seconds: float | None, key: str | None
) -> Call[answers.EventsAnswer]:
    """POST /v1/events."""
    return post(setup, "/v1/events", {"events": list(given)}, answers.EventsAnswer, seconds, key)


def edit_list(
    setup: Setup, name: str, entry: Mapping[str, Any], key: str | None
) -> Call[answers.ListEdited]:
    """POST /v1/lists/{name}/entries."""
    body = {field_name: value for field_name, value in entry.items() if value is not None}
    path = f"/v1/lists/{quote(name, safe='')}/entries"
    return post(setup, path, body, answers.ListEdited, None, key)


def create_ruleset(
    setup: Setup, files: Mapping[str, str], seconds: float | None, key: str | None
) -> Call[answers.Ruleset]:
    """POST /v1/rulesets."""
    return post(setup, "/v1/rulesets", {"files": dict(files)}, answers.Ruleset, seconds, key)


def publish(
    setup: Setup, ruleset_hash: str, seconds: float | None, key: str | None
) -> Call[answers.Published]:
    """POST /v1/rulesets/{hash}/publish."""
    path = of_ruleset(ruleset_hash, "/publish")
    return post(setup, path, None, answers.Published, seconds, key)


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
