"""The client for programs that block.

Guards: each try is bounded by what is left of the call's time, checked at every part that arrives;
one wait inside a part may take as long as was left when the try began, so a server that drips its
answer's body can hold a call for at most twice its limit (`AsyncClient` cuts exactly). Threads may
share one client. Not done here: what is sent and how answers are read (`calls.py`).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Self, TypeVar

import httpx

from paywarden.client import calls
from paywarden.client.answers import (
    BatchItem,
    Decision,
    DecisionPage,
    DecisionRecord,
    EventResult,
    ListEdited,
    ListPage,
    ListSummary,
    Published,
    Ruleset,
    RulesetPage,
)
from paywarden.client.calls import REPLY_LIMIT, Call, Choice
from paywarden.client.errors import ClientError
from paywarden.client.machine import SystemClock, SystemRandomness
from paywarden.client.payment import AnyPayment
from paywarden.client.receipts import Receipt
from paywarden.client.retrying import Heard, Lost, Pause, Reply, RetryPolicy, converse
from paywarden.client.setup import DECIDE_SECONDS, OTHER_SECONDS, OnFailure, Setup
from paywarden.client.signing import ServerKey, SigningKey
from paywarden.core.clock import Clock, Randomness
from paywarden.core.secret import Secret

T = TypeVar("T")


class Client:
    """Calls the API of one installation.

    Args: `base_url` such as `https://risk.example`; `api_key` `pw_...`; `on_failure` what `decide`,
    `decide_batch` and `continue_decision` do when the service gives no answer in time: `raise`,
    `fail_open` (a local `allow`) or `fail_closed` (a local `block`); time limits in seconds for a
    whole call, retries included; `signing_key` signs every try; `server_key` is the pinned key of
    answers (an HMAC `signing_key` checks them itself). Every method may raise `ClientError`. Close
    it, or use `with`.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        on_failure: OnFailure = "raise",
        decide_seconds: float = DECIDE_SECONDS,
        other_seconds: float = OTHER_SECONDS,
        retries: RetryPolicy | None = None,
        signing_key: SigningKey | None = None,
        server_key: ServerKey | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._setup = Setup(
            base_url.rstrip("/"),
            Secret(api_key),
            on_failure,
            decide_seconds,
            other_seconds,
            retries or RetryPolicy(),
            clock or SystemClock(),
            randomness or SystemRandomness(),
            signing_key,
            server_key,
        )
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=self._setup.base_url, headers=self._setup.headers, transport=transport
        )

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close kept connections."""
        self._http.close()

    # --- payments ---------------------------------------------------------------------------

    def decide(
        self,
        payment: AnyPayment,
        *,
        on_failure: OnFailure | None = None,
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> Decision:
        """Decide one payment, before it is authorised. The same payment again is `repeated`."""
        choice = calls.decide(self._setup, payment, on_failure, seconds, idempotency_key)
        return self._decided(choice)

    def decide_batch(
        self,
        payments: Sequence[AnyPayment],
        *,
        on_failure: OnFailure | None = None,
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[BatchItem, ...]:
        """Decide up to 500 payments in order; each item is a decision or a refusal of its own."""
        choice = calls.decide_batch(self._setup, payments, on_failure, seconds, idempotency_key)
        return self._decided(choice)

    def continue_decision(
        self,
        decision: Decision | str,
        result: str,
        *,
        occurred_at: datetime | str | None = None,
        method: str | None = None,
        on_failure: OnFailure | None = None,
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> Decision:
        """Decide again with a challenge's result (`authenticated`, `failed`, ...)."""
        choice = calls.resume(
            self._setup, decision, result, occurred_at, method, on_failure, seconds, idempotency_key
        )
        return self._decided(choice)

    def get_decision(self, decision_id: str) -> DecisionRecord:
        """A recorded decision; the whole record with an operator's key."""
        path = calls.of_decision(decision_id)
        return self._answer(calls.get(self._setup, path, DecisionRecord))

    def get_receipt(self, decision_id: str) -> Receipt:
        """The proof that a decision is logged; `receipt_pending` until a checkpoint covers it."""
        path = calls.of_decision(decision_id, "/receipt")
        return self._answer(calls.get(self._setup, path, Receipt))

    def list_decisions(
        self, *, outcome: str | None = None, payment_id: str | None = None, page_size: int = 50
    ) -> Iterator[DecisionRecord]:
        """Recorded decisions, newest first, page after page as they are asked for."""
        query = {"outcome": outcome, "payment_id": payment_id, "limit": page_size}
        after: str | None = None
        while True:
            given = {**query, "after": after}
            page = self._answer(calls.get(self._setup, "/v1/decisions", DecisionPage, given))
            yield from page.items
            if not page.has_more or page.next is None or page.next == after:
                return
            after = page.next

    def send_events(
        self,
        events: Sequence[Mapping[str, Any]],
        *,
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[EventResult, ...]:
        """Up to 500 results, labels, challenge results or account events; one result for each."""
        call = calls.events(self._setup, events, seconds, idempotency_key)
        return self._answer(call).results

    # --- policy -----------------------------------------------------------------------------

    def lists(self) -> tuple[ListSummary, ...]:
        """Every list of the key's tenant and environment."""
        return self._answer(calls.get(self._setup, "/v1/lists", ListPage)).items

    def edit_list(
        self,
        name: str,
        value: str,
        reason: str,
        *,
        action: Literal["add", "remove"] = "add",
        kind: str | None = None,
        expires_at: datetime | str | None = None,
        idempotency_key: str | None = None,
    ) -> ListEdited:
        """Add or remove one entry; `kind` is needed for a list that does not exist yet."""
        entry = {
            "value": value, "reason": reason, "action": action, "kind": kind,
            "expires_at": expires_at,
        }  # fmt: skip
        return self._answer(calls.edit_list(self._setup, name, entry, idempotency_key))

    def rulesets(self, *, page_size: int = 50) -> Iterator[Ruleset]:
        """Stored rulesets in order of their hash, without their files."""
        after = ""
        while True:
            given = {"limit": page_size, "after": after or None}
            page = self._answer(calls.get(self._setup, "/v1/rulesets", RulesetPage, given))
            yield from page.items
            if not page.has_more or page.next is None or page.next == after:
                return
            after = page.next

    def get_ruleset(self, ruleset_hash: str) -> Ruleset:
        """A stored ruleset with its files."""
        path = calls.of_ruleset(ruleset_hash)
        return self._answer(calls.get(self._setup, path, Ruleset))

    def create_ruleset(
        self,
        files: Mapping[str, str],
        *,
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> Ruleset:
        """Check, compile and store the files of a policy folder (path to text)."""
        call = calls.create_ruleset(self._setup, files, seconds, idempotency_key)
        return self._answer(call)

    def publish_ruleset(
        self,
        ruleset_hash: str,
        *,
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> Published:
        """Let a stored ruleset decide from the next payment on."""
        call = calls.publish(self._setup, ruleset_hash, seconds, idempotency_key)
        return self._answer(call)

    # --- sending ----------------------------------------------------------------------------

    def _decided(self, choice: Choice[T]) -> T:
        try:
            return choice.read(self._reply(choice.call))
        except ClientError as fault:
            return choice.local(fault)

    def _answer(self, call: Call[T]) -> T:
        return call.read(self._reply(call))

    def _reply(self, call: Call[Any]) -> Reply:
        setup = self._setup
        talk = converse(setup.retries, setup.clock, setup.randomness, call.seconds)
        heard: Heard = None
        while True:
            try:
                step = talk.send(heard)
            except StopIteration as end:
                reply: Reply = end.value
                return reply
            if isinstance(step, Pause):
                self._sleep(step.seconds)
                heard = None
            else:
                heard = self._send(call, step.seconds)

    def _send(self, call: Call[Any], seconds: float) -> Heard:
        clock = self._setup.clock
        ends_ns = clock.monotonic_ns() + round(seconds * 1e9)
        request, signed = calls.prepared(self._setup, self._http, call, seconds)
        try:
            with contextlib.closing(self._http.send(request, stream=True)) as answer:
                body = bytearray()
                for part in answer.iter_bytes():
                    body += part
                    if clock.monotonic_ns() > ends_ns:
                        return Lost("time limit")
                    if len(body) > REPLY_LIMIT:
                        return Lost("answer too large")
                return calls.believed(
                    signed, Reply(answer.status_code, answer.headers, bytes(body))
                )
        except httpx.HTTPError as fault:
            return Lost(type(fault).__name__)
