"""The lists of one scope as conditions ask them: `value in lists.NAME` at one instant.

Guards: membership depends on the instant of the decision alone. One view serves one reader; `at`
moves it and costs nothing, so no list is copied per payment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paywarden.core.scope import Scope
from paywarden.risk.lists.among import KeyIndex
from paywarden.risk.lists.model import ListKind
from paywarden.risk.lists.named import NamedList
from paywarden.risk.lists.store import Lists

REMEMBERED = 32_768
"""Values of one kind whose keys are kept."""


class _Members:
    """One list at the view's instant; `known` keeps the keys of values of the list's kind."""

    __slots__ = ("_known", "_named", "_view")

    def __init__(self, named: NamedList, view: ListsView, known: dict[str, tuple[str, ...]]):
        self._named = named
        self._view = view
        self._known = known

    def __contains__(self, value: object) -> bool:
        until = self._named.until
        if not until or not isinstance(value, str):
            return False
        keys = self._known.get(value)
        if keys is None:
            keys = self._keys(value)
        t_us = self._view.t_us
        for key in keys:  # noqa: SIM110  (no generator: thirty lists are asked for each payment)
            if until.get(key, t_us) > t_us:
                return True
        return False

    def among(self, codes: Mapping[str, int]) -> list[int]:
        """Codes of the texts that are members; for columns."""
        return self._view.index.among(self._named, self._view.t_us, codes)

    def _keys(self, value: str) -> tuple[str, ...]:
        keys = tuple(self._named.keys_of(value))
        if self._named.kind is not ListKind.IP:  # prefixes of networks depend on the list
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[value] = keys
        return keys


class ListsView:
    """Mapping from list name to members at `t_us`; an unknown name gives the default."""

    def __init__(self, lists: Lists, scope: Scope) -> None:
        self.t_us = 0
        self.index = KeyIndex()
        self._lists = lists
        self._scope = scope
        self._named = lists.of(scope)
        self._members: dict[str, tuple[NamedList, _Members]] = {}
        # Thirty lists ask about the same few values, and payers come back: a value's keys depend
        # on nothing but its kind.
        self._known: dict[ListKind, dict[str, tuple[str, ...]]] = {}

    def at(self, t_us: int) -> ListsView:
        """This view, moved to an instant (microseconds)."""
        self.t_us = t_us
        self._named = self._lists.of(self._scope)
        return self

    def get(self, name: str, default: Any = ()) -> Any:
        """Members of a list, or the default when there is no such list."""
        named = self._named.get(name)
        if named is None:
            return default
        held = self._members.get(name)
        if held is None or held[0] is not named:
            held = self._members[name] = (named, self._members_of(named))
        return held[1]

    def _members_of(self, named: NamedList) -> _Members:
        return _Members(named, self, self._known.setdefault(named.kind, {}))
