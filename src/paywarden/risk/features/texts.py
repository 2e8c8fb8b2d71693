"""Numbers for texts: what the compiled store keeps instead of a text, first seen first.

Guards: the same text has the same number for the life of a store, and numbers are dense, so a
table of texts says it all.

>>> texts = Texts(["EUR"])
>>> texts.number("USD"), texts.number("EUR"), texts.all
(1, 0, ('EUR', 'USD'))
"""

from __future__ import annotations

from collections.abc import Iterable


class Texts:
    """Texts by number and numbers by text."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._texts = list(texts)
        self._numbers = {text: number for number, text in enumerate(self._texts)}

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, number: int) -> str:
        return self._texts[number]

    @property
    def all(self) -> tuple[str, ...]:
        """Every text, by number."""
        return tuple(self._texts)

    def number(self, text: str) -> int:
        """The number of a text, a new one when it was not seen before."""
        found = self._numbers.get(text)
        if found is None:
            found = self._numbers[text] = len(self._texts)
            self._texts.append(text)
        return found

    def extend(self, texts: Iterable[str]) -> None:
        """Number texts in this order."""
        for text in texts:
            self.number(text)
