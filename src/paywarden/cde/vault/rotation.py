"""Data keys go under the newest key-encryption key, in the background, a few at a time.

Guards: only the 60-octet blobs change, never a record, so the root does not move and look-ups go
on. A step reads keys that lie under an older version, has the agent wrap them again (no data key
leaves it) and puts each new blob in the place of exactly the old one; a key that changed or went
meanwhile is left alone. Which keys are done is told by their own version, so a killed process goes
on where it was, and a step done twice changes nothing. NIST SP 800-57 part 1, 5.3.5; PCI DSS 3.7.4.
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
from paywarden.core.errors import PaywardenError, Unavailable

PORTION: Final = 250
PAUSE_SECONDS: Final = 0.01
LOOK_SECONDS: Final = 30.0
_ANY: Final = 2**31 - 1


class Rewrapping:
    """Steps of a rotation; `run` takes them by itself."""

    def __init__(self, store: VaultStore, agent: CardKeys) -> None:
        self._store, self._agent = store, agent
        self._active: int | None = None
        self._turn = asyncio.Lock()

    async def step(self, count: int) -> int:
        """Rewrap up to `count` keys; how many changed (0: none lies under an older version)."""
        async with self._turn:
            changed = 0
            active = await self._active_version()
            while active is not None and changed < count:
                found = await self._store.keys_under(active, min(PORTION, count - changed))
                done = await self._rewrap(found) if found else 0
                if not done:
                    break
                changed += done
                await asyncio.sleep(0)
            return changed

    async def status(self) -> Rotation:
        """How far it is, told by the keys themselves."""
        versions = await self._store.key_versions()
        active = await self._active_version()
        remaining = sum(n for version, n in versions.items() if active and version < active)
        return Rotation(
            sum(versions.values()) - remaining,
            remaining,
            {str(version): versions[version] for version in sorted(versions)},
        )

    async def run(self) -> None:
        """Look now and then for keys under an older version, and rewrap them at leisure."""
        while True:
            try:
                changed = await self.step(PORTION)
            except PaywardenError as fault:
                structlog.get_logger().warning("rotation_waits", code=fault.code)
                changed = 0
            await asyncio.sleep(PAUSE_SECONDS if changed else LOOK_SECONDS)

    async def _active_version(self) -> int | None:
        """The version under which the agent wraps now; None while there is no key at all."""
        one = await self._store.keys_under(_ANY, 1)
        if not one:
            return None
        return (await self._wrapped_again(one))[0].kek_version

    async def _rewrap(self, found: Sequence[WrappedKey]) -> int:
        scopes: defaultdict[str, list[WrappedKey]] = defaultdict(list)
        for key in found:
            scopes[key.scope].append(key)
        changed = 0
        for held in scopes.values():
            renewed = await self._wrapped_again(held)
            pairs = [(old, new) for old, new in zip(held, renewed, strict=True)
                     if new.kek_version != old.kek_version]  # fmt: skip
            changed += await self._store.rewrap(pairs)
        return changed

    async def _wrapped_again(self, held: Sequence[WrappedKey]) -> list[WrappedKey]:
        items = [
            RewrapItem(key.period, key.record_id.encode(), key.wrapped, key.kek_version)
            for key in held
        ]
        answer = await self._agent.rewrap(held[0].scope, "pan", items)
        if isinstance(answer, Refused):
            raise Unavailable("key_agent_refused", f"the key agent refused ({answer.code})")
        return [
            WrappedKey(key.record_id, key.scope, key.period, new.kek_version, new.wrapped)
            for key, new in zip(held, answer, strict=True)
        ]
