"""The key agent as the other processes see it: one method per operation.

Guards: data keys are `Secret` from here on. A refusal is a value (`Refused`), an agent that cannot
be reached is Unavailable. Lists are answered in the order of what was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paywarden.cde.frame_client import FrameClient
from paywarden.cde.frame_format import Refused
from paywarden.cde.keys import wire
from paywarden.cde_client.messages import ApprovalGrant
from paywarden.core.secret import Secret


@dataclass(frozen=True, slots=True)
class DataKey:
    """A fresh data key (32 octets), the same wrapped (60), and the version that wrapped it."""

    key: Secret[bytes]
    wrapped: bytes
    kek_version: int


class KeyAgent:
    """Operations of the agent behind `frames`; what a caller may ask, the agent decides."""

    def __init__(self, frames: FrameClient) -> None:
        self._frames = frames

    async def new_data_keys(
        self, scope: str, purpose: wire.DataPurpose, period: str, contexts: Sequence[bytes]
    ) -> list[DataKey] | Refused:
        """A fresh data key per context."""
        asked = wire.NewDataKeys(scope, purpose, period, list(contexts))
        made: list[wire.NewDataKey] | Refused = await self._frames.ask(asked, list[wire.NewDataKey])
        if isinstance(made, Refused):
            return made
        return [DataKey(Secret(one.data_key), one.wrapped, one.kek_version) for one in made]

    async def open_data_keys(
        self,
        scope: str,
        purpose: wire.DataPurpose,
        period: str,
        items: Sequence[wire.WrappedItem],
        reason: wire.Reason,
        ticket: str = "",
    ) -> list[Secret[bytes]] | Refused:
        """The data keys, all of them or Refused; each item spends of the budgets."""
        asked = wire.OpenDataKeys(scope, purpose, period, list(items), reason, ticket)
        keys: list[bytes] | Refused = await self._frames.ask(asked, list[bytes])
        return keys if isinstance(keys, Refused) else [Secret(key) for key in keys]

    async def rewrap(
        self, scope: str, purpose: wire.DataPurpose, items: Sequence[wire.RewrapItem]
    ) -> list[wire.Rewrapped] | Refused:
        """The same keys under the active version."""
        asked = wire.Rewrap(scope, purpose, list(items))
        answer: list[wire.Rewrapped] | Refused = await self._frames.ask(asked, list[wire.Rewrapped])
        return answer

    async def index_cards(
        self, scope: str, pans: Sequence[bytes]
    ) -> list[list[wire.CardIndex]] | Refused:
        """Per number its digest under each living version, newest first."""
        asked = wire.IndexCards(scope, list(pans))
        answer: list[list[wire.CardIndex]] | Refused = await self._frames.ask(
            asked, list[list[wire.CardIndex]]
        )
        return answer

    async def sign_facts(self, payloads: Sequence[bytes]) -> list[wire.SignedFacts] | Refused:
        """A signature per payload."""
        answer: list[wire.SignedFacts] | Refused = await self._frames.ask(
            wire.SignFacts(list(payloads)), list[wire.SignedFacts]
        )
        return answer

    async def facts_keys(self) -> list[wire.FactsKey] | Refused:
        """Public keys of card facts, newest first."""
        answer: list[wire.FactsKey] | Refused = await self._frames.ask(
            wire.FactsKeys(), list[wire.FactsKey]
        )
        return answer

    async def anchor(self, name: str, revision: int, root: bytes) -> bool | Refused:
        """True once the root is durable; Refused `anchor_behind` or `anchor_conflict`."""
        answer: bool | Refused = await self._frames.ask(wire.Anchor(name, revision, root), bool)
        return answer

    async def anchored(self, name: str) -> wire.AnchorHeld | Refused | None:
        """The newest anchor of `name`."""
        answer: wire.AnchorHeld | Refused | None = await self._frames.ask(
            wire.Anchored(name), wire.AnchorHeld | None
        )
        return answer

    async def rotate(
        self, purpose: wire.KeyPurpose, grant: ApprovalGrant | None = None
    ) -> int | Refused:
        """The new active version."""
        answer: int | Refused = await self._frames.ask(wire.Rotate(purpose, grant), int)
        return answer

    async def destroy(
        self, purpose: wire.DataPurpose, period: str, grant: ApprovalGrant | None = None
    ) -> bool | Refused:
        """True once the period's key is gone."""
        answer: bool | Refused = await self._frames.ask(wire.Destroy(purpose, period, grant), bool)
        return answer

    async def destroy_version(
        self, purpose: wire.KeyPurpose, version: int, grant: ApprovalGrant | None = None
    ) -> bool | Refused:
        """True once a version that nothing uses is gone."""
        answer: bool | Refused = await self._frames.ask(
            wire.DestroyVersion(purpose, version, grant), bool
        )
        return answer

    async def mark_compromised(
        self, purpose: wire.KeyPurpose, version: int, grant: ApprovalGrant | None = None
    ) -> bool | Refused:
        """True once a version counts as known to others."""
        answer: bool | Refused = await self._frames.ask(
            wire.MarkCompromised(purpose, version, grant), bool
        )
        return answer

    async def states(self) -> list[wire.KeyState] | Refused:
        """Every key with its state."""
        answer: list[wire.KeyState] | Refused = await self._frames.ask(
            wire.States(), list[wire.KeyState]
        )
        return answer

    async def budgets(self) -> list[wire.BudgetState] | Refused:
        """Every window with what is spent."""
        answer: list[wire.BudgetState] | Refused = await self._frames.ask(
            wire.Budgets(), list[wire.BudgetState]
        )
        return answer

    async def ping(self) -> wire.Pong | Refused:
        """The agent answers."""
        answer: wire.Pong | Refused = await self._frames.ask(wire.Ping(), wire.Pong)
        return answer

    async def close(self) -> None:
        """End the connection."""
        await self._frames.close()
