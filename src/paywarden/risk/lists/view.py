"""The lists of one scope as conditions ask them: `value in lists.NAME` at one instant.

Guards: membership depends on the instant of the decision alone. One view serves one reader; `at`
moves it and costs nothing, so no list is copied per payment.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from paywarden.core.scope import Scope
from paywarden.risk.lists.model import ListKind
from paywarden.risk.lists.named import NamedList
from paywarden.risk.lists.store import Lists

REMEMBERED = 32_768


class _Members:
    """One list at the view's instant."""

    __slots__ = ("_named", "_view")

    def __init__(self, named: NamedList, view: ListsView) -> None:
        self._named = named
        self._view = view

    def __contains__(self, value: object) -> bool:
        named, view = self._named, self._view
        if not isinstance(value, str) or not named.entries:
            return False
        return any(named.holds(key, view.t_us) for key in view.keys(named, value))


class ListsView:
    """Mapping from list name to members at `t_us`; an unknown name gives the default."""

    def __init__(self, lists: Lists, scope: Scope) -> None:
        self.t_us = 0
        self._lists = lists
        self._scope = scope
        self._members: dict[str, tuple[NamedList, _Members]] = {}
        # Thirty lists ask about the same few values, and payers come back: a value's keys depend
        # on nothing but its kind (networks apart, whose prefixes depend on the list).
        self._keys: dict[tuple[ListKind, str], tuple[str, ...]] = {}

    def at(self, t_us: int) -> ListsView:
        """This view, moved to an instant (microseconds)."""
        self.t_us = t_us
        return self

    def keys(self, named: NamedList, value: str) -> Iterable[str]:
        """Keys of a value for a list, remembered per kind."""
        if named.kind is ListKind.IP:
            return named.keys_of(value)
        known = self._keys.get((named.kind, value))
        if known is None:
            if len(self._keys) >= REMEMBERED:
                self._keys.clear()
            known = self._keys[named.kind, value] = tuple(named.keys_of(value))
        return known

    def get(self, name: str, default: Any = ()) -> Any:
        """Members of a list, or the default when there is no such list."""
        named = self._lists.get(self._scope, name)
        if named is None:
            return default
        held = self._members.get(name)
        if held is None or held[0] is not named:
            held = (named, _Members(named, self))
            self._members[name] = held
        return held[1]
