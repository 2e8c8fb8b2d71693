"""Reading the body of a request: within its limit and its time, and never compressed.

Guards: a declared length over the limit is refused before anything is read, an undeclared one as
soon as it is passed; a slow sender is given up, so that it cannot hold a place.
Not done here: decoding (`decoding`), screening and digesting (`endpoint`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Receive

from paywarden.core.errors import TooLarge, Unparsable

BODY_SECONDS = 20.0
"""A body that takes longer is given up, so that slow senders cannot hold every place."""


async def body_of(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """The whole body, at most `limit` octets. Errors: TooLarge, Unparsable."""
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Unparsable("body_encoded", "send the body without Content-Encoding")
    deadline = _Deadline(BODY_SECONDS)
    try:
        return await _read(receive, headers, limit)
    except asyncio.CancelledError:
        if deadline.passed():
            raise Unparsable("body_too_slow", "the body did not arrive in time") from None
        raise
    finally:
        deadline.cancel()


async def _read(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
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
