"""The client for programs that block.

Guards: each try is bounded by what is left of the call's time, checked at every part that arrives;
one wait inside a part may take as long as was left when the try began, so a server that drips its
answer's body can hold a call for at most twice its limit (`AsyncClient` cuts exactly). Threads may
share one client. Not done here: which operations there are, with
their signatures and texts (`operations.py`).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from paywarden.client import calls, operations
from paywarden.client.calls import REPLY_LIMIT, Asked, Call, Pages
from paywarden.client.errors import ClientError
from paywarden.client.faces import dressed
from paywarden.client.machine import SystemClock, SystemRandomness
from paywarden.client.retrying import Heard, Lost, Pause, Reply, RetryPolicy, converse
from paywarden.client.setup import DECIDE_SECONDS, OTHER_SECONDS, OnFailure, Setup
from paywarden.client.signing import ServerKey, SigningKey
from paywarden.core.clock import Clock, Randomness
from paywarden.core.secret import Secret

P = ParamSpec("P")
T = TypeVar("T")


def _answering(
    build: Callable[Concatenate[Setup, P], Asked[T]],
) -> Callable[Concatenate[Client, P], T]:
    """The method of one operation; its signature and text are the operation's."""

    def act(self: Client, /, *args: P.args, **given: P.kwargs) -> T:
        return self._answer(build(self._setup, *args, **given))

    return dressed(act, build)


def _paging(
    build: Callable[Concatenate[Setup, P], Pages[T]],
) -> Callable[Concatenate[Client, P], Iterator[T]]:
    """The method of one listing; pages are asked for as they are needed."""

    def walk(self: Client, /, *args: P.args, **given: P.kwargs) -> Iterator[T]:
        pages, after = build(self._setup, *args, **given), None
        while True:
            page = self._answer(pages.ask(after))
            yield from page.items
            after = pages.after(page, after)
            if after is None:
                return

    return dressed(walk, build, "Iterator[{}]")


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

    # --- payments -----------------------------------------------------------------------------

    decide = _answering(operations.decide)
    decide_batch = _answering(operations.decide_batch)
    continue_decision = _answering(operations.continue_decision)
    get_decision = _answering(operations.get_decision)
    get_receipt = _answering(operations.get_receipt)
    list_decisions = _paging(operations.list_decisions)
    send_events = _answering(operations.send_events)
    label = _answering(operations.label)

    # --- policy -------------------------------------------------------------------------------

    lists = _answering(operations.lists)
    edit_list = _answering(operations.edit_list)
    rulesets = _paging(operations.rulesets)
    get_ruleset = _answering(operations.get_ruleset)
    create_ruleset = _answering(operations.create_ruleset)
    publish_ruleset = _answering(operations.publish_ruleset)
    roll_back_ruleset = _answering(operations.roll_back_ruleset)

    # --- approvals ----------------------------------------------------------------------------

    approvals = _paging(operations.approvals)
    get_approval = _answering(operations.get_approval)
    cancel_approval = _answering(operations.cancel_approval)
    execute_approval = _answering(operations.execute_approval)

    # --- sending ----------------------------------------------------------------------------

    def _answer(self, asked: Asked[T]) -> T:
        try:
            return asked.read(self._reply(asked.call))
        except ClientError as fault:
            return asked.local(fault)

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
