"""Which segment or merchant group a payment belongs to: the first whose condition holds.

Guards: conditions are compiled as rules are; an error does not hold. The answer is a text, "" where
none holds, and stands in the vector before rules run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paywarden.risk.rules.online import functions_of
from paywarden.risk.rules.online_fallback import Lists
from paywarden.risk.rules.online_image import OnlineImage

NONE = ""


class FirstMatch:
    """Names in order of the policy, and the program that says which hold."""

    def __init__(self, names: Sequence[str], image: OnlineImage, slots: Mapping[str, int]) -> None:
        self._names = tuple(names)
        self._lists = image.lists
        self._drivers, self._memos = functions_of(image, slots)

    def name_of(self, values: Sequence[Any], lists: Lists) -> str:
        """Name of the first that holds, or ""."""
        if not self._names:
            return NONE
        known: list[Any] = [None] * self._memos
        known[0] = [lists.get(name, ()) for name in self._lists]
        held: list[int] = []
        for drive in self._drivers:
            drive(values, known, held.append)
        return self._names[min(held)] if held else NONE
