"""Data keys go under the newest key-encryption key, in the background, a few at a time.

Guards: only the 60-octet blobs change, never a record, so the root does not move and look-ups go
on. A step reads keys that lie under an older version, has the agent wrap them again (no data key
leaves it) and puts each new blob in the place of exactly the old one; a key that changed or went
meanwhile is left alone. Which keys are done is told by their own version, so a killed process goes
on where it was, and a step done twice changes nothing. A blob that the agent refuses (damaged, or
of a destroyed period) is passed over, counted and tried again in the next pass: it never stops the
others. NIST SP 800-57 part 1, 5.3.5; PCI DSS 3.7.4.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import structlog

from paywarden.cde.frame_format import Refused
from paywarden.cde.keys.wire import RewrapItem
from paywarden.cde.vault.model import WrappedKey
from paywarden.cde.vault.ports import CardKeys, VaultStore
from paywarden.cde.vault.wire import Rotation
from paywarden.core.clock import Clock
from paywarden.core.errors import PaywardenError, Unavailable

PORTION: Final = 50  # some milliseconds of the agent's time, which a look-up may have to wait
STEP_KEYS: Final = 2_000
LOOK_SECONDS: Final = 30.0
PROBES: Final = 8
FIRST: Final = (0, "")
OF_ONE_KEY: Final = frozenset(
    {"wrapped_key_invalid", "key_destroyed", "key_not_active", "period_unknown", "version_unknown"}
)
"""Refusals that tell of one blob or its period, not of the agent."""


class Rewrapping:
    """Steps of a rotation; `run` takes them by itself."""

    def __init__(self, store: VaultStore, agent: CardKeys, clock: Clock) -> None:
        self._store, self._agent, self._clock = store, agent, clock
        self._after = FIRST
        self._refused = self._refusing = 0
        self._turn = asyncio.Lock()

    async def step(self, count: int) -> int:
        """Rewrap up to `count` keys; how many changed (0: none is left that could be)."""
        async with self._turn:
            changed = 0
            active = await self._active_version()
            while active is not None and changed < count:
                began_ns = self._clock.monotonic_ns()
                found = await self._store.keys_under(
                    active, self._after, min(PORTION, count - changed)
                )
                if not found:
                    self._end_pass()
                    break
                changed += await self._rewrap(found)
                self._after = (found[-1].kek_version, found[-1].record_id)
                # As long a pause as the work took: agent, disk and loop stay free for look-ups.
                await asyncio.sleep((self._clock.monotonic_ns() - began_ns) / 1e9)
            return changed

    async def status(self) -> Rotation:
        """How far it is, told by the keys themselves."""
        versions = await self._store.key_versions()
        active = await self._active_version()
        older = sum(n for version, n in versions.items() if active and version < active)
        refused = min(older, max(self._refused, self._refusing))
        return Rotation(
            sum(versions.values()) - older,
            older - refused,
            {str(version): versions[version] for version in sorted(versions)},
            refused,
        )

    def _end_pass(self) -> None:
        """Begin again from the first key; what was refused will be tried once more."""
        if self._refusing:
            structlog.get_logger().error("rotation_keys_refused", count=self._refusing)
        self._after, self._refused, self._refusing = FIRST, self._refusing, 0

    async def run(self) -> None:
        """Look now and then for keys under an older version, and rewrap them at leisure."""
        while True:
            try:
                changed = await self.step(STEP_KEYS)
            except PaywardenError as fault:
                structlog.get_logger().warning("rotation_waits", code=fault.code)
                changed = 0
            await asyncio.sleep(0 if changed else LOOK_SECONDS)

    async def _active_version(self) -> int | None:
        """The version under which the agent wraps now; None while no key tells it."""
        for key in await self._store.newest_keys(PROBES):
            renewed = await self._wrapped_again([key])
            if renewed[0] is not None:
                return renewed[0].kek_version
        return None

    async def _rewrap(self, found: Sequence[WrappedKey]) -> int:
        scopes: defaultdict[str, list[WrappedKey]] = defaultdict(list)
        for key in found:
            scopes[key.scope].append(key)
        changed = 0
        for held in scopes.values():
            renewed = await self._wrapped_again(held)
            pairs = [(old, new) for old, new in zip(held, renewed, strict=True) if new is not None]
            self._refusing += len(held) - len(pairs)
            changed += await self._store.rewrap(pairs) if pairs else 0
        return changed

    async def _wrapped_again(self, held: Sequence[WrappedKey]) -> list[WrappedKey | None]:
        """New blobs; None for a key that the agent refuses (found by halving)."""
        items = [
            RewrapItem(key.period, key.record_id.encode(), key.wrapped, key.kek_version)
            for key in held
        ]
        answer = await self._agent.rewrap(held[0].scope, "pan", items)
        if not isinstance(answer, Refused):
            return [
                WrappedKey(key.record_id, key.scope, key.period, new.kek_version, new.wrapped)
                for key, new in zip(held, answer, strict=True)
            ]
        if answer.code not in OF_ONE_KEY:
            raise Unavailable("key_agent_refused", f"the key agent refused ({answer.code})")
        if len(held) == 1:
            return [None]
        middle = len(held) // 2
        first = await self._wrapped_again(held[:middle])
        return first + await self._wrapped_again(held[middle:])
