"""What the acts of a group ask of the key agent, in one frame for all of a scope.

Guards: acts that ask in the same turn of the loop share a frame of at most `FRAME_ITEMS`; a refusal
or an absent agent fails each of them. A frame is sent once: nothing is asked twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Final

from paywarden.cde.frame_format import Refused
from paywarden.cde.keys.client import DataKey
from paywarden.cde.keys.wire import CardIndex
from paywarden.cde.vault.ports import CardKeys
from paywarden.core.errors import Unavailable

FRAME_ITEMS: Final = 256
_Ask = Callable[[Sequence[bytes]], Awaitable[Any]]


class GroupFrames:
    """Indexes and data keys for many at once."""

    def __init__(self, agent: CardKeys) -> None:
        self._agent = agent
        self._waiting: dict[Hashable, list[tuple[bytes, asyncio.Future[Any]]]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def index_cards(self, scope: str, pans: Sequence[bytes]) -> list[list[CardIndex]]:
        """Per number its digest under each living version. Errors: Unavailable."""
        return await self._asked(
            ("index", scope), pans, lambda items: self._agent.index_cards(scope, items)
        )

    async def new_data_keys(
        self, scope: str, period: str, contexts: Sequence[bytes]
    ) -> list[DataKey]:
        """A fresh data key per context. Errors: Unavailable."""
        return await self._asked(
            ("keys", scope, period),
            contexts,
            lambda items: self._agent.new_data_keys(scope, "pan", period, items),
        )

    async def _asked(self, kind: Hashable, items: Sequence[bytes], ask: _Ask) -> list[Any]:
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Any]] = [loop.create_future() for _ in items]
        if kind not in self._waiting:
            self._waiting[kind] = []
            loop.call_soon(self._send, kind, ask)
        self._waiting[kind].extend(zip(items, futures, strict=True))
        return await asyncio.gather(*futures)

    def _send(self, kind: Hashable, ask: _Ask) -> None:
        waiting = self._waiting.pop(kind)
        for start in range(0, len(waiting), FRAME_ITEMS):
            task = asyncio.create_task(_frame(waiting[start : start + FRAME_ITEMS], ask))
            self._under_way.add(task)  # a task that nobody holds may be collected
            task.add_done_callback(self._under_way.discard)


async def _frame(waiting: Sequence[tuple[bytes, asyncio.Future[Any]]], ask: _Ask) -> None:
    try:
        answer = await ask([item for item, _ in waiting])
        if isinstance(answer, Refused):
            raise Unavailable("key_agent_refused", f"the key agent refused ({answer.code})")
        for (_, future), value in zip(waiting, answer, strict=True):
            if not future.done():
                future.set_result(value)
    except Exception as fault:
        for _, future in waiting:
            if not future.done():
                future.set_exception(fault)
