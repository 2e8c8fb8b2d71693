"""The lists of a policy folder, as conditions ask them while a file is decided.

Guards: the same membership as live: canonical spellings, networks, expiry at the payment's own
time. Membership changes when an entry expires, so that `turns` names the instants at which a block
must end. Answers are kept per text; an empty list costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paywarden.core.scope import Environment, Scope
from paywarden.risk.lists.among import KeyIndex
from paywarden.risk.lists.model import EditAction, ListEdit, ListKind
from paywarden.risk.lists.named import NamedList
from paywarden.risk.lists.reading import read_list
from paywarden.risk.lists.store import Lists, unhashed

SCOPE = Scope("lab", Environment.TEST)
_REMEMBERED = 1_000_000


class _Members:
    def __init__(self, named: NamedList, t_us: int, index: KeyIndex) -> None:
        self._named = named
        self._t_us = t_us
        self._index = index
        self._known: dict[str, bool] = {}

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, str):
            return False
        found = self._known.get(value)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[value] = self._named.contains(value, self._t_us)
        return found

    def among(self, codes: Mapping[str, int]) -> list[int]:
        """Codes of the texts that are members."""
        return self._index.among(self._named, self._t_us, codes)


class FileLists(Mapping[str, Any]):
    """Members by list name at one instant; `at` moves it."""

    def __init__(self, kinds: Mapping[str, str], folder: Path) -> None:
        """`kinds`: kind by list name; `folder`: the policy's. Errors: InvalidRequest."""
        self._lists = Lists(unhashed)
        for seq, (name, word) in enumerate(sorted(kinds.items()), 1):
            kind = ListKind(word)
            path = folder / "lists" / f"{name}.csv"
            entries = read_list(path, kind).entries if path.is_file() else ()
            edit = ListEdit(SCOPE, name, kind, EditAction.ADD, entries, "", "policy", 0)
            self._lists.apply(self._lists.seal(edit), seq)
        self._epoch = -1
        self._index = KeyIndex()
        self._members: dict[str, Any] = {}
        self.turns: tuple[int, ...] = tuple(sorted(self._expiries()))

    def at(self, t_us: int) -> FileLists:
        """This view, moved to an instant (microseconds)."""
        epoch = sum(turn <= t_us for turn in self.turns)
        if epoch != self._epoch:
            self._epoch = epoch
            named = self._lists.of(SCOPE)
            self._members = {
                name: _Members(one, t_us, self._index) if len(one) else ()
                for name, one in named.items()
            }
        return self

    def __getitem__(self, name: str) -> Any:
        return self._members[name]

    def __iter__(self) -> Any:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def _expiries(self) -> set[int]:
        return {
            entry.expires_at_us
            for named in self._lists.of(SCOPE).values()
            for entry in named.entries.values()
            if entry.expires_at_us is not None
        }
