"""What egress wants of the vault, of the key agent, and of a ledger of its own.

Guards: refusals are values; whoever implements a port raises Unavailable for one that is gone. The
ledger's writes are durable when they return.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from paywarden.cde.frame_format import Refused
from paywarden.cde.keys import wire as keys_wire
from paywarden.cde.vault import wire as vault_wire
from paywarden.core.secret import Secret

Reason = Literal["forward", "reveal", "export"]
"""What egress opens cards for."""


class TakesCards(Protocol):
    """Port to the vault; `paywarden.cde.vault.client.Vault` is one."""

    async def take_for_use(
        self, scope: str, merchant: str, token: str, *, want_cvv: bool, use: Reason
    ) -> vault_wire.Taken | Refused:
        """A sealed record; spends a single-use token and any code kept. Errors: Unavailable."""
        ...


class OpensDataKeys(Protocol):
    """Port to the key agent; `paywarden.cde.keys.client.KeyAgent` is one."""

    async def open_data_keys(
        self,
        scope: str,
        purpose: keys_wire.DataPurpose,
        period: str,
        items: Sequence[keys_wire.WrappedItem],
        reason: Reason,
        ticket: str = "",
    ) -> list[Secret[bytes]] | Refused:
        """Data keys, or Refused when the budget is spent. Errors: Unavailable."""
        ...


class Ledger(Protocol):
    """Port to what egress remembers across restarts."""

    def spend(self, once_key: bytes, at_us: int) -> bool:
        """Note that an approval is used; False when it was before. Durable on return."""
        ...

    def count(self, account: str, window: str) -> int:
        """Add one to an account's window; the count with it. Durable on return."""
        ...

    def changes(self) -> list[tuple[bytes, bytes]]:
        """(destination, grant) as JSON, in the order in which they were accepted."""
        ...

    def accept(self, once_key: bytes, destination: bytes, grant: bytes, at_us: int) -> bool:
        """Spend the approval and keep its change in one transaction; False: used before."""
        ...
