"""The lists of one scope as conditions ask them: `value in lists.NAME` at one instant.

Guards: membership depends on the instant of the decision alone. One view serves one reader; `at`
moves it and costs nothing, so no list is copied per payment.
"""

from __future__ import annotations

from typing import Any

from paywarden.core.scope import Scope
from paywarden.risk.lists.named import NamedList
from paywarden.risk.lists.store import Lists


class _Members:
    """One list at the view's instant."""

    __slots__ = ("_named", "_view")

    def __init__(self, named: NamedList, view: ListsView) -> None:
        self._named = named
        self._view = view

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and self._named.contains(value, self._view.t_us)


class ListsView:
    """Mapping from list name to members at `t_us`; an unknown name gives the default."""

    def __init__(self, lists: Lists, scope: Scope) -> None:
        self.t_us = 0
        self._lists = lists
        self._scope = scope
        self._members: dict[str, tuple[NamedList, _Members]] = {}

    def at(self, t_us: int) -> ListsView:
        """This view, moved to an instant (microseconds)."""
        self.t_us = t_us
        return self

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
