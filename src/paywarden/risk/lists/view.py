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
from paywarden.risk.lists.named import NamedList, Shape
from paywarden.risk.lists.store import Lists

SHAPES = 64
REMEMBERED = 32_768
"""Values of one kind (and shape, with networks) whose keys are kept."""


_Known = dict[str, tuple[str, ...]]


class _Members:
    """One list at the view's instant."""

    __slots__ = ("_known", "_named", "_shape", "_view")

    def __init__(self, named: NamedList, view: ListsView):
        self._named = named
        self._view = view
        self._shape = named.shape
        self._known = view.known_of(named)

    def __contains__(self, value: object) -> bool:
        named = self._named
        until = named.until
        if not until or not isinstance(value, str):
            return False
        if named.shape is not self._shape:
            self._shape, self._known = named.shape, self._view.known_of(named)
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
        known = self._known
        if len(known) >= REMEMBERED:
            known.clear()
        keys = known[value] = tuple(self._named.keys_of(value))
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
        # on nothing but its kind and, with networks, on the lengths of the list's prefixes.
        self._known: dict[tuple[ListKind, Shape], _Known] = {}

    def at(self, t_us: int) -> ListsView:
        """This view, moved to an instant (microseconds)."""
        self.t_us = t_us
        self._named = self._lists.of(self._scope)
        return self

    def known_of(self, named: NamedList) -> _Known:
        """Keys by value, shared by the lists for which they are the same."""
        if len(self._known) >= SHAPES:
            self._known.clear()
        return self._known.setdefault((named.kind, named.shape), {})

    def get(self, name: str, default: Any = ()) -> Any:
        """Members of a list, or the default when there is no such list."""
        named = self._named.get(name)
        if named is None:
            return default
        held = self._members.get(name)
        if held is None or held[0] is not named:
            held = self._members[name] = (named, _Members(named, self))
        return held[1]
