"""The ledger of egress in memory: the twin that tests use."""

from __future__ import annotations

from collections import Counter


class MemoryLedger:
    """`Ledger` that forgets with its process."""

    def __init__(self) -> None:
        self._spent: set[bytes] = set()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._changes: list[tuple[bytes, bytes]] = []

    def spend(self, once_key: bytes, at_us: int) -> bool:
        """Note that an approval is used; False when it was before."""
        fresh = once_key not in self._spent
        self._spent.add(once_key)
        return fresh

    def count(self, account: str, window: str) -> int:
        """Add one to an account's window; the count with it."""
        self._counts[account, window] += 1
        return self._counts[account, window]

    def changes(self) -> list[tuple[bytes, bytes]]:
        """(destination, grant) as JSON, oldest first."""
        return list(self._changes)

    def accept(self, once_key: bytes, destination: bytes, grant: bytes, at_us: int) -> bool:
        """Spend the approval and keep its change."""
        if not self.spend(once_key, at_us):
            return False
        self._changes.append((destination, grant))
        return True
