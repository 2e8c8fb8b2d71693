"""Sets of words written as running text, the way they are read best."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of a text, apart by blanks."""
    return frozenset(text.split())
