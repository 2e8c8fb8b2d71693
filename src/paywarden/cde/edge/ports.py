"""What the edge asks of the vault; `cde.vault.client.Vault` answers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from paywarden.cde.frame_format import Refused
from paywarden.cde.vault import wire


class Vault(Protocol):
    """The vault, of which the edge can ask three things; refusals are values."""

    async def tokenise(
        self, scope: str, merchant: str, caller: str, cards: Sequence[wire.CardGiven]
    ) -> list[wire.TokenAnswer] | Refused:
        """A token or a refusal per card, in their order. Errors: Unavailable, LimitExceeded."""
        ...

    async def describe(
        self, scope: str, merchant: str, tokens: Sequence[str]
    ) -> list[wire.TokenAnswer] | Refused:
        """Facts per token; unknown, foreign and deleted ones are refused alike."""
        ...

    async def delete(self, scope: str, merchant: str, token: str) -> wire.Deleted | Refused:
        """End a token, durably."""
        ...
