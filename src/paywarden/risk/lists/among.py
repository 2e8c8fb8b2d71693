"""Which of many texts a list holds: the keys of texts are made once for all lists of a kind.

Guards: the same canonical keys, networks and expiry as the question for one value. The shorter side
is walked: lists are short where texts are many. Used over columns; live asks value by value.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from paywarden.risk.lists.named import NamedList

_REMEMBERED = 64


class KeyIndex:
    """Codes of texts by key, for each form of keys and each dictionary of texts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[object, int], tuple[Mapping[str, int], dict[str, list[int]]]] = {}

    def among(self, named: NamedList, t_us: int, codes: Mapping[str, int]) -> list[int]:
        """Codes of the texts that are members at `t_us`; may name a code twice."""
        until = named.until
        if not until:
            return []
        keys = self._keys(named, codes)
        shorter = until if len(until) < len(keys) else keys
        held = (keys[key] for key in shorter if key in keys and until.get(key, t_us) > t_us)
        return [code for some in held for code in some]

    def _keys(self, named: NamedList, codes: Mapping[str, int]) -> dict[str, list[int]]:
        name = (named.kind, named.shape), id(codes)
        with self._lock:  # who comes second takes what the first has made
            found = self._known.get(name)
            if found is None:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                keys: dict[str, list[int]] = {}
                for text, code in codes.items():
                    for key in named.keys_of(text):
                        keys.setdefault(key, []).append(code)
                found = self._known[name] = (codes, keys)
            return found[1]
