"""The root outside the database: what makes a rolled-back or restored file show itself.

    before a commit   the agent keeps `vault/intent` = (revision, root) that is about to be
    after a commit    the agent keeps `vault/root`   = the same
    at start          every row is read and hashed; the result must be the head stored beside the
                      rows, and the head must be what `vault/root` says

Guards: a group is answered only after the second anchor. A crash between the two leaves an intent
ahead of the root; then, and only then, the file may stand at either, and nobody was told of that
group. Everything else (an older file, a row put back, taken out, changed or exchanged, a fresh file
under an old anchor) is `vault_rolled_back`: the vault does not start, and an audit ends its
service. A revision is used once, so a group that failed is not mistaken for the one after it.
What each row was is kept in memory (`row_marks`), so that one changed while the vault runs shows at
its next reading, and one that nobody reads at the next audit.
Not done here: finding which row it was (compare with a backup).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

from paywarden.cde.frame_format import Refused
from paywarden.cde.keys.wire import AnchorHeld
from paywarden.cde.vault.model import Group, Head, Rooted
from paywarden.cde.vault.ports import CardKeys, VaultStore
from paywarden.cde.vault.row_marks import RowMarks
from paywarden.cde.vault.set_hash import SetHash
from paywarden.core.errors import Corrupt, Unavailable

INTENT: Final = "vault/intent"
ROOT: Final = "vault/root"
_EMPTY: Final = Head(0, SetHash().root(0), SetHash().state)


class AnchoredRoot:
    """The root of the running vault."""

    def __init__(self, store: VaultStore, agent: CardKeys, marks: RowMarks) -> None:
        self._store, self._agent, self._marks = store, agent, marks
        self.head = _EMPTY
        self._used = 0

    async def open(self, *, every_row: bool = True) -> None:
        """Compare rows, head and anchor. Errors: Corrupt `vault_rolled_back`, Unavailable."""
        held: dict[int, int] = {}
        if every_row:
            stored = await measured(self._store, lambda rows: self._marks.learn(rows, held))
        else:
            stored = await self._store.head() or _EMPTY
        root, intent = await self._anchored(ROOT), await self._anchored(INTENT)
        if not _fits(stored, root) and not _fits(stored, _pending(root, intent)):
            raise rolled_back("the database is not the one that was anchored")
        if stored.revision and not _fits(stored, root):
            await self._anchor(ROOT, stored)
        self.head = stored
        self._used = max(stored.revision, intent.revision if intent else 0)
        if every_row:
            self._marks.replace(held)
        else:
            self._marks.settle(stored.revision)

    async def audit(self) -> Head:
        """Read every row once more; the head that they fit. Errors: Corrupt."""
        before = self.head.revision
        stored = await measured(self._store)
        if stored.revision < before or stored.revision > self._used:
            raise rolled_back("the head is not one of this vault's")
        if stored.revision == self.head.revision and stored.root != self.head.root:
            raise rolled_back("the head was exchanged")
        return stored

    def after(self, group: Group) -> Head:
        """The head that a group leads to; nothing is written."""
        hashed = SetHash(self.head.state)
        hashed.remove(group.elements_out())
        hashed.add(group.elements_in())
        revision = self._used + 1
        return Head(revision, hashed.root(revision), hashed.state)

    async def intend(self, head: Head, group: Group) -> None:
        """Tell the agent what is about to be committed."""
        self._used = head.revision
        self._marks.begin(group, head.revision)
        await self._anchor(INTENT, head)

    async def confirm(self, head: Head) -> None:
        """Tell the agent that it is."""
        await self._anchor(ROOT, head)
        self.head = head
        self._marks.settle(head.revision)

    async def _anchor(self, name: str, head: Head) -> None:
        answer = await self._agent.anchor(name, head.revision, head.root)
        if isinstance(answer, Refused):
            if answer.code in ("anchor_behind", "anchor_conflict"):
                raise rolled_back("the key agent knows a newer root")
            raise Unavailable("key_agent_refused", f"the key agent refused ({answer.code})")

    async def _anchored(self, name: str) -> AnchorHeld | None:
        answer = await self._agent.anchored(name)
        if isinstance(answer, Refused):
            raise Unavailable("key_agent_refused", f"the key agent refused ({answer.code})")
        return answer


async def measured(
    store: VaultStore, seen: Callable[[list[Rooted]], None] = lambda _rows: None
) -> Head:
    """The stored head, if every row of the same snapshot adds up to it. Errors: Corrupt."""
    hashed, head = SetHash(), _EMPTY
    portions: AsyncIterator[list[Rooted] | Head] = store.rooted()
    async for portion in portions:
        if isinstance(portion, Head):
            head = portion
        else:
            hashed.add([row.element for row in portion])
            seen(portion)
    if hashed.state != head.state or hashed.root(head.revision) != head.root:
        raise rolled_back("rows and stored root differ")
    return head


def rolled_back(what: str) -> Corrupt:
    """The fault of a vault that is not what it was."""
    return Corrupt(
        "vault_rolled_back",
        f"{what}: rows were changed or a file was put back outside the vault; restore the newest "
        "backup and its journal, or have two operators accept the loss",
    )


def _fits(head: Head, anchor: AnchorHeld | None) -> bool:
    if anchor is None:
        return head.revision == 0
    return head.revision == anchor.revision and head.root == anchor.root


def _pending(root: AnchorHeld | None, intent: AnchorHeld | None) -> AnchorHeld | None:
    """The intent where it is ahead of the root: a group nobody was told of; else the root."""
    if intent is None or (root is not None and intent.revision <= root.revision):
        return root
    return intent
