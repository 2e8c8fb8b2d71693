"""Outcome of a decision, ordered by strictness: allow < challenge < review < block.

>>> max(Outcome.REVIEW, Outcome.CHALLENGE)
<Outcome.REVIEW: 2>
>>> Outcome.parse("block").word
'block'
"""

from __future__ import annotations

import enum


class Outcome(enum.IntEnum):
    """The four answers; the strictest wins when opinions are combined."""

    ALLOW = 0
    CHALLENGE = 1
    REVIEW = 2
    BLOCK = 3

    @property
    def word(self) -> str:
        """The lower-case word used on the wire and in policies."""
        return _WORDS[self]

    @classmethod
    def parse(cls, word: str) -> Outcome:
        """Outcome of a wire word; ValueError names the four that exist."""
        found = _BY_WORD.get(word)
        if found is None:
            raise ValueError("outcome must be one of allow, challenge, review, block")
        return found


_WORDS = tuple(outcome.name.lower() for outcome in Outcome)
_BY_WORD = {outcome.name.lower(): outcome for outcome in Outcome}
