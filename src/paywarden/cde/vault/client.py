"""The vault as edge, egress and operators see it: one method per operation.

Guards: a refusal is a value (`Refused`), a vault that cannot be reached is Unavailable. No number
is kept here: what `tokenise` is given goes into one frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from paywarden.cde.frame_client import FrameClient
from paywarden.cde.frame_format import Refused
from paywarden.cde.vault import wire

T = TypeVar("T")


class Vault:
    """Operations of the vault behind `frames`; what a caller may ask, the vault decides."""

    def __init__(self, frames: FrameClient) -> None:
        self._frames = frames

    async def tokenise(
        self, scope: str, merchant: str, caller: str, cards: Sequence[wire.CardGiven]
    ) -> list[wire.TokenAnswer] | Refused:
        """A token or a refusal per card, in their order; durable when answered."""
        asked = wire.Tokenise(scope, merchant, caller, list(cards))
        answer: wire.TokensMade | Refused = await self._frames.ask(asked, wire.TokensMade)
        return answer if isinstance(answer, Refused) else answer.answers

    async def describe(
        self, scope: str, merchant: str, tokens: Sequence[str]
    ) -> list[wire.TokenAnswer] | Refused:
        """Freshly signed facts per token; `token_unknown` for unknown, foreign and deleted."""
        asked = wire.Describe(scope, merchant, list(tokens))
        answer: wire.TokensMade | Refused = await self._frames.ask(asked, wire.TokensMade)
        return answer if isinstance(answer, Refused) else answer.answers

    async def delete(self, scope: str, merchant: str, token: str) -> wire.Deleted | Refused:
        """End a token, durably."""
        return await self._asked(wire.Delete(scope, merchant, token), wire.Deleted)

    async def take_for_use(
        self, scope: str, merchant: str, token: str, *, want_cvv: bool, use: wire.Use
    ) -> wire.Taken | Refused:
        """The sealed record; a single-use token, and any code handed out, are spent with it."""
        return await self._asked(wire.TakeForUse(scope, merchant, token, want_cvv, use), wire.Taken)

    async def ping(self) -> wire.Pong | Refused:
        """Whether it serves."""
        return await self._asked(wire.Ping(), wire.Pong)

    async def status(self) -> wire.Standing | Refused:
        """Counts and root."""
        return await self._asked(wire.Status(), wire.Standing)

    async def audit(self) -> wire.Standing | Refused:
        """Every row against the root; Refused `vault_rolled_back` when they differ."""
        return await self._asked(wire.Audit(), wire.Standing)

    async def rotate_step(self, count: int = 1_000) -> wire.Rotation | Refused:
        """Rewrap up to `count` data keys."""
        return await self._asked(wire.RotateStep(count), wire.Rotation)

    async def rotate_status(self) -> wire.Rotation | Refused:
        """How far a rotation is."""
        return await self._asked(wire.RotateStatus(), wire.Rotation)

    async def purge(self) -> wire.PurgeProof | Refused:
        """Remove what is past its retention."""
        return await self._asked(wire.Purge(), wire.PurgeProof)

    async def close(self) -> None:
        """End the connection."""
        await self._frames.close()

    async def _asked(self, request: object, kind: type[T]) -> T | Refused:
        answer: T | Refused = await self._frames.ask(request, kind)
        return answer
