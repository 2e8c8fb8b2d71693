"""The client for programs on an event loop.

Guards: a call ends at its time limit whatever the server does. One client belongs to one event
loop. Not done here: what is sent and how answers are read (`calls.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
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


class AsyncClient:
    """Calls the API of one installation from an event loop.

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
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        randomness: Randomness | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
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
        self._http = httpx.AsyncClient(
            base_url=self._setup.base_url, headers=self._setup.headers, transport=transport
        )

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close kept connections."""
        await self._http.aclose()

    # --- payments ---------------------------------------------------------------------------

    async def decide(
        self,
        payment: AnyPayment,
        *,
        on_failure: OnFailure | None = None,
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> Decision:
        """Decide one payment, before it is authorised. The same payment again is `repeated`."""
        choice = calls.decide(self._setup, payment, on_failure, seconds, idempotency_key)
        return await self._decided(choice)

    async def decide_batch(
        self,
        payments: Sequence[AnyPayment],
        *,
        on_failure: OnFailure | None = None,
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[BatchItem, ...]:
        """Decide up to 500 payments in order; each item is a decision or a refusal of its own."""
        choice = calls.decide_batch(self._setup, payments, on_failure, seconds, idempotency_key)
        return await self._decided(choice)

    async def continue_decision(
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
        return await self._decided(choice)

    async def get_decision(self, decision_id: str) -> DecisionRecord:
        """A recorded decision; the whole record with an operator's key."""
        path = calls.of_decision(decision_id)
        return await self._answer(calls.get(self._setup, path, DecisionRecord))

    async def get_receipt(self, decision_id: str) -> Receipt:
        """The proof that a decision is logged; `receipt_pending` until a checkpoint covers it."""
        path = calls.of_decision(decision_id, "/receipt")
        return await self._answer(calls.get(self._setup, path, Receipt))

    async def list_decisions(
        self, *, outcome: str | None = None, payment_id: str | None = None, page_size: int = 50
    ) -> AsyncIterator[DecisionRecord]:
        """Recorded decisions, newest first, page after page as they are asked for."""
        query = {"outcome": outcome, "payment_id": payment_id, "limit": page_size}
        after: str | None = None
        while True:
            given = {**query, "after": after}
            page = await self._answer(calls.get(self._setup, "/v1/decisions", DecisionPage, given))
            for item in page.items:
                yield item
            if not page.has_more or page.next is None or page.next == after:
                return
            after = page.next

    async def send_events(
        self,
        events: Sequence[Mapping[str, Any]],
        *,
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[EventResult, ...]:
        """Up to 500 results, labels, challenge results or account events; one result for each."""
        call = calls.events(self._setup, events, seconds, idempotency_key)
        return (await self._answer(call)).results

    # --- policy -----------------------------------------------------------------------------

    async def lists(self) -> tuple[ListSummary, ...]:
        """Every list of the key's tenant and environment."""
        return (await self._answer(calls.get(self._setup, "/v1/lists", ListPage))).items

    async def edit_list(
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
        return await self._answer(calls.edit_list(self._setup, name, entry, idempotency_key))

    async def rulesets(self, *, page_size: int = 50) -> AsyncIterator[Ruleset]:
        """Stored rulesets in order of their hash, without their files."""
        after = ""
        while True:
            given = {"limit": page_size, "after": after or None}
            page = await self._answer(calls.get(self._setup, "/v1/rulesets", RulesetPage, given))
            for item in page.items:
                yield item
            if not page.has_more or page.next is None or page.next == after:
                return
            after = page.next

    async def get_ruleset(self, ruleset_hash: str) -> Ruleset:
        """A stored ruleset with its files."""
        path = calls.of_ruleset(ruleset_hash)
        return await self._answer(calls.get(self._setup, path, Ruleset))

    async def create_ruleset(
        self,
        files: Mapping[str, str],
        *,
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> Ruleset:
        """Check, compile and store the files of a policy folder (path to text)."""
        call = calls.create_ruleset(self._setup, files, seconds, idempotency_key)
        return await self._answer(call)

    async def publish_ruleset(
        self,
        ruleset_hash: str,
        *,
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> Published:
        """Let a stored ruleset decide from the next payment on."""
        call = calls.publish(self._setup, ruleset_hash, seconds, idempotency_key)
        return await self._answer(call)

    # --- sending ----------------------------------------------------------------------------

    async def _decided(self, choice: Choice[T]) -> T:
        try:
            return choice.read(await self._reply(choice.call))
        except ClientError as fault:
            return choice.local(fault)

    async def _answer(self, call: Call[T]) -> T:
        return call.read(await self._reply(call))

    async def _reply(self, call: Call[Any]) -> Reply:
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
                await self._sleep(step.seconds)
                heard = None
            else:
                heard = await self._send(call, step.seconds)

    async def _send(self, call: Call[Any], seconds: float) -> Heard:
        request, signed = calls.prepared(self._setup, self._http, call, seconds)
        try:
            async with asyncio.timeout(seconds), self._stream(request) as answer:
                body = bytearray()
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > REPLY_LIMIT:
                        return Lost("answer too large")
                return calls.believed(
                    signed, Reply(answer.status_code, answer.headers, bytes(body))
                )
        except TimeoutError:
            return Lost("time limit")
        except httpx.HTTPError as fault:
            return Lost(type(fault).__name__)

    @asynccontextmanager
    async def _stream(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        answer = await self._http.send(request, stream=True)
        try:
            yield answer
        finally:
            await answer.aclose()
