"""Readings of the store that are compared with what was proved, before anything is made of them.

Guards: a row that was changed, exchanged for another, put back or taken out behind the vault is
`vault_rolled_back` at its next reading. A reading that met a commit under way is read again, so
that no row is accused for having moved by the vault's own hand.
Not done here: telling which row it was; ending the service (`service` does, as after an audit).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from paywarden.cde.vault.anchoring import rolled_back
from paywarden.cde.vault.model import (
    IndexRow,
    Record,
    Spent,
    index_place,
    record_place,
    spent_place,
)
from paywarden.cde.vault.ports import StableKey, VaultStore
from paywarden.cde.vault.row_marks import RowMarks
from paywarden.core.errors import Unavailable

T = TypeVar("T")
TRIES: Final = 8


class CheckedRows:
    """The look-ups of a store. Errors of each: Corrupt `vault_rolled_back`, Unavailable."""

    def __init__(self, store: VaultStore, marks: RowMarks) -> None:
        self._store, self._marks = store, marks

    async def by_tokens(self, tokens: Sequence[str]) -> dict[str, Record]:
        """Records of tokens, whoever they belong to."""
        places = [record_place(token) for token in tokens]
        return await self._sure(
            lambda: self._store.by_tokens(tokens),
            lambda found: self._marks.all_fit(list(found.values()), places),
        )

    async def stable(self, wanted: Sequence[StableKey]) -> dict[StableKey, Record]:
        """The newest record of each that exists."""
        return await self._sure(
            lambda: self._store.stable(wanted),
            lambda found: self._marks.all_fit(list(found.values())),
        )

    async def indexed(self, rows: Sequence[tuple[str, int, bytes]]) -> list[IndexRow]:
        """Index rows of (scope, version, digest), those that exist."""
        places = [index_place(*row) for row in rows]
        return await self._sure(
            lambda: self._store.indexed(rows), lambda found: self._marks.all_fit(found, places)
        )

    async def spent(self, token: str) -> Spent | None:
        """The mark of a spent token."""
        places = [spent_place(token)]
        return await self._sure(
            lambda: self._store.spent(token),
            lambda found: self._marks.all_fit([found] if found else [], places),
        )

    async def expired(self, now_us: int, limit: int) -> list[Record]:
        """Single-use records past their time."""
        return await self._sure(lambda: self._store.expired(now_us, limit), self._marks.all_fit)

    async def created_before(
        self, scope: str, merchant: str, before_us: int, limit: int
    ) -> list[Record]:
        """A merchant's records made before an instant, oldest first."""
        return await self._sure(
            lambda: self._store.created_before(scope, merchant, before_us, limit),
            self._marks.all_fit,
        )

    async def spent_before(self, before_us: int, limit: int) -> list[Spent]:
        """Marks of spent tokens older than an instant."""
        return await self._sure(
            lambda: self._store.spent_before(before_us, limit), self._marks.all_fit
        )

    async def _sure(self, read: Callable[[], Awaitable[T]], right: Callable[[T], bool]) -> T:
        for _ in range(TRIES):
            before = self._marks.changes
            found = await read()
            if right(found):
                return found
            if self._marks.changes == before:
                raise rolled_back("a row is not what it was")
        raise Unavailable("vault_busy", "rows move faster than they can be read; try again")
